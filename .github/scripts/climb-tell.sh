#!/usr/bin/env bash
# Tells the end of a climb to people, where they look: in the pull request that brought the commit, or at the commit.
# Usage: climb-tell.sh COMMIT. Environment: STACK, SERVICES, OUTCOME, WORDS, PAGE (the verdict in Markdown), GH_TOKEN,
# GITHUB_REPOSITORY, GITHUB_RUN_ID.
set -euo pipefail
commit=$1
limit=60000 # bytes; GitHub takes 65,536 characters

if [[ ! $commit =~ ^[0-9a-f]{40}$ ]]; then
  echo "error: ${commit@Q} is no commit" >&2
  exit 1
fi
body=$(mktemp)
trap 'rm -f "$body"' EXIT
run="${GITHUB_SERVER_URL:-https://github.com}/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"
{
  # The words may hold those of a pod.
  .venv/bin/python -c 'import sys; from rollout.text.markdown import prose; print(*map(prose, sys.argv[1:]), sep="")' \
    "The climb of $SERVICES on $STACK ended: $OUTCOME: $WORDS"
  printf '\n%s\n\n' "${PAGE:-}"
  printf '[The run](%s) has the report as an artifact, if anything was watched.\n' "$run"
} > "$body"
if (($(wc -c < "$body") > limit)); then
  head -c "$limit" "$body" | iconv -c -f utf-8 -t utf-8 > "$body.cut"
  mv "$body.cut" "$body"
fi
pull_request=$(gh api "repos/$GITHUB_REPOSITORY/commits/$commit/pulls" --jq '[.[] | select(.base.ref == "main") | .number][0] // empty')
if [[ -n $pull_request ]]; then
  gh api --method POST "repos/$GITHUB_REPOSITORY/issues/$pull_request/comments" --field body=@"$body" --jq .html_url
else
  gh api --method POST "repos/$GITHUB_REPOSITORY/commits/$commit/comments" --field body=@"$body" --jq .html_url
fi
