#!/usr/bin/env bash
# Tells people what the judge of a climb saw: words= in one line, empty if it said nothing, page= in Markdown, and
# message= for the history of the stack, where a canary was sick.
# Nothing that moves a canary waits for it, and it may fail.
# Usage: climb-page.sh FILE (of `eco2 judge --json`). Environment: HOLD (why nothing may move; empty if it may), GITHUB_OUTPUT.
set -euo pipefail

page=$(.venv/bin/python .github/scripts/climb-verdict.py "$1")
words=${page%%$'\n'*}
if [[ -n $words && -n $HOLD ]]; then words="$words; $HOLD"; fi
# Nobody can foresee the word that ends the page.
end=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
{
  echo "words=$words"
  printf 'page<<%s\n' "$end"
  tail -n +2 <<< "$page"
  printf '%s\n' "$end"
  printf 'message<<%s\n' "$end"
  .venv/bin/python .github/scripts/climb-verdict.py "$1" --message
  printf '%s\n' "$end"
} >> "$GITHUB_OUTPUT"
