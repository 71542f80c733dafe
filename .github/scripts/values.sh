#!/usr/bin/env bash
# Takes the files of values of a commit into this checkout of another one: services.yaml and those of the stacks, as
# data. Nothing else of the commit comes here.
# Usage: values.sh COMMIT PULL_REQUEST OTHERS. Into the file OTHERS go the names of what the pull request changes beside
# them, a line each. Environment: GH_TOKEN, GITHUB_REPOSITORY.
set -euo pipefail
commit=$1 pull_request=$2 others=$3
limit=1000000 # bytes of one file

if [[ ! $commit =~ ^[0-9a-f]{40}$ ]]; then
  echo "error: ${commit@Q} is no commit" >&2
  exit 1
fi
for file in services.yaml Pulumi.*.yaml; do
  taken=$(mktemp)
  # The API's answer has a type: a link is none, and so is a folder.
  kind=$(gh api "repos/$GITHUB_REPOSITORY/contents/$file?ref=$commit" --jq '.type // "dir"') || kind=none
  if [[ $kind != file ]]; then
    echo "error: $file is no plain file in $commit" >&2
    exit 1
  fi
  gh api "repos/$GITHUB_REPOSITORY/contents/$file?ref=$commit" --header 'Accept: application/vnd.github.raw+json' > "$taken"
  if (($(wc -c < "$taken") > limit)); then
    echo "error: $file has more than $limit bytes in $commit" >&2
    exit 1
  fi
  cp "$taken" "$file"
  rm -f "$taken"
done
gh api --paginate "repos/$GITHUB_REPOSITORY/pulls/$pull_request/files?per_page=100" --jq '.[].filename' |
  { grep -vE '^(services|Pulumi\.[a-z0-9-]+)\.yaml$' || true; } > "$others"
