#!/usr/bin/env bash
# Says whether this commit may be applied to a stack: go=yes or go=no for a workflow's outputs.
# no: main has moved on, and the newest commit has a run of its own. An error: an abort waits to be merged; until
# then main still holds the phase that was taken back.
# Usage: may-update.sh STACK. Environment: GH_TOKEN, GITHUB_REPOSITORY, GITHUB_SHA, GITHUB_OUTPUT.
set -euo pipefail
stack=$1

waiting=$("$(dirname "$0")/aborts.sh" "$stack")
if [[ -n $waiting ]]; then
  echo "error: an abort of $stack waits to be merged: ${waiting//$'\n'/, }" >&2
  echo "Until it is, an update could bring the canary back. Merge it; the merge starts an update by itself. Where no pull request was opened, open it there, or delete the branch if main says phase 0 by now." >&2
  exit 1
fi
newest=$(gh api "repos/$GITHUB_REPOSITORY/commits/main" --jq .sha)
if [[ $newest != "$GITHUB_SHA" ]]; then
  echo "::notice::$GITHUB_SHA is not applied to $stack: main is at $newest, which has a run of its own"
  echo "go=no" >> "$GITHUB_OUTPUT"
else
  echo "go=yes" >> "$GITHUB_OUTPUT"
fi
