#!/usr/bin/env bash
# Prints the pull requests of aborts that wait to be merged, a URL a line.
# Usage: aborts.sh STACK. Environment: GH_TOKEN, GITHUB_REPOSITORY.
set -euo pipefail
stack=$1

# All of them, page by page; those from forks and to other branches stop nobody.
gh api --paginate "repos/$GITHUB_REPOSITORY/pulls?state=open&base=main&per_page=100" \
  --jq ".[] | select(.head.repo.full_name == \"$GITHUB_REPOSITORY\" and (.head.ref | startswith(\"abort/$stack/\"))) | .html_url"
