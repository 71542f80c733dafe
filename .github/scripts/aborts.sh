#!/usr/bin/env bash
# Prints the pull requests of aborts that wait to be merged, a URL a line; and where one was never opened, where to.
# Usage: aborts.sh STACK. Environment: GH_TOKEN, GITHUB_REPOSITORY.
set -euo pipefail
stack=$1

# All of them, page by page; those from forks and to other branches stop nobody.
gh api --paginate "repos/$GITHUB_REPOSITORY/pulls?state=open&base=main&per_page=100" \
  --jq ".[] | select(.head.repo.full_name == \"$GITHUB_REPOSITORY\" and (.head.ref | startswith(\"abort/$stack/\"))) | .html_url"
# `record.sh` pushes first: where GitHub then took no pull request, only the branch tells of the abort. One that was
# merged or closed is settled, though its branch is still there.
branches=$(gh api --paginate "repos/$GITHUB_REPOSITORY/git/matching-refs/heads/abort/$stack/" --jq '.[].ref | ltrimstr("refs/heads/")')
for branch in $branches; do
  opened=$(gh api "repos/$GITHUB_REPOSITORY/pulls?state=all&head=${GITHUB_REPOSITORY%%/*}:$branch&per_page=1" --jq length)
  ((opened > 0)) || echo "${GITHUB_SERVER_URL:-https://github.com}/$GITHUB_REPOSITORY/compare/main...$branch?expand=1"
done
