#!/usr/bin/env bash
# Writes a plan as the one comment of its stack in a pull request: the first time anew, then over the old one.
# Usage: comment.sh PULL_REQUEST FILE. The file's first line is the hidden marker <!-- eco2-plan STACK -->.
# Environment: GH_TOKEN, GITHUB_REPOSITORY.
set -euo pipefail
pull_request=$1 file=$2
limit=65000 # GitHub takes 65,536 characters

marker=$(head -n 1 "$file")
if [[ ! $marker =~ ^'<!-- eco2-plan '[a-z0-9-]+' -->'$ ]]; then
  echo "error: $file does not begin with <!-- eco2-plan STACK -->, so its comment could not be found again" >&2
  exit 1
fi
body=$(mktemp)
trap 'rm -f "$body"' EXIT
if (($(wc -m < "$file") > limit)); then
  { head -c "$limit" "$file" | iconv -c -f utf-8 -t utf-8; printf '\n\n(cut here; the whole plan is in the summary of the run)\n'; } > "$body"
else
  cp "$file" "$body"
fi

# Only what a workflow wrote: a person may quote the marker.
mine=".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$marker\"))) | .id"
comments="repos/$GITHUB_REPOSITORY/issues/$pull_request/comments"
found=$(gh api --paginate "$comments" --jq "$mine")
read -r id _ <<< "$found" || true
if [[ -n $id ]]; then
  gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" --field body=@"$body" --jq .html_url
else
  gh api --method POST "$comments" --field body=@"$body" --jq .html_url
fi
