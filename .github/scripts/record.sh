#!/usr/bin/env bash
# Brings changed stack files into git: as a commit on main or, where main takes none or on request, as a pull request.
# Usage: record.sh commit|pull-request BRANCH TITLE [TRAILER [COMMAND...]]
# The command makes the same change on another main. With it, whatever somebody else pushed meanwhile is no conflict: the
# change is made again on top of that.
# Prints recorded=nothing, recorded=commit or recorded=pull-request to GITHUB_OUTPUT.
# Environment: GH_TOKEN, GITHUB_REPOSITORY, GITHUB_OUTPUT; the checkout holds the right to push.
set -euo pipefail
how=$1 branch=$2 title=$3 trailer=${4:-} again=("${@:5}")

if git diff --quiet -- 'Pulumi.*.yaml'; then
  echo "main says so already"
  echo "recorded=nothing" >> "$GITHUB_OUTPUT"
  exit
fi
git config user.name "github-actions[bot]"
git config user.email "41898282+github-actions[bot]@users.noreply.github.com"
commit() { git commit --quiet --message "$title" ${trailer:+--message "$trailer"} -- 'Pulumi.*.yaml'; }
commit
mine=$(git rev-parse HEAD)

if [[ $how == commit ]]; then
  # Somebody else may push at the same time; what cannot be rebased, and what a protected main refuses, becomes a
  # pull request.
  for _ in {1..5}; do
    if git push --quiet origin HEAD:main; then
      echo "committed to main: $(git rev-parse HEAD)"
      echo "recorded=commit" >> "$GITHUB_OUTPUT"
      exit
    fi
    if ((${#again[@]} == 0)); then
      git pull --quiet --rebase origin main || { git rebase --abort || true; break; }
      continue
    fi
    if ! { git fetch --quiet origin main && git reset --quiet --hard FETCH_HEAD && "${again[@]}"; }; then
      git reset --quiet --hard "$mine"
      break
    fi
    if git diff --quiet -- 'Pulumi.*.yaml'; then
      echo "main says so by now"
      echo "recorded=nothing" >> "$GITHUB_OUTPUT"
      exit
    fi
    commit
  done
fi
git push --quiet --force origin "HEAD:refs/heads/$branch"
body="Made by a workflow: ${GITHUB_SERVER_URL:-https://github.com}/$GITHUB_REPOSITORY/actions/runs/${GITHUB_RUN_ID:-}"
# The branch of an earlier run may have its pull request still, which shows the new commit by now. It is edited by
# the API: `gh pr edit` reads projects, too, which a workflow's token may not (cli/cli#6274).
open=$(gh pr list --repo "$GITHUB_REPOSITORY" --base main --head "$branch" --state open \
  --json number,isCrossRepository --jq '[.[] | select(.isCrossRepository | not) | .number][0] // empty')
if [[ -n $open ]]; then
  gh api --method PATCH "repos/$GITHUB_REPOSITORY/pulls/$open" --raw-field title="$title" --raw-field body="$body" \
    --jq .html_url
else
  gh pr create --repo "$GITHUB_REPOSITORY" --base main --head "$branch" --title "$title" --body "$body" || {
    url="${GITHUB_SERVER_URL:-https://github.com}/$GITHUB_REPOSITORY/compare/main...$branch?expand=1"
    echo "error: the branch $branch is pushed, and GitHub takes no pull request for it: open it by hand: $url" >&2
    echo "Where that is not for once: Settings → Actions → General, allow workflows to create pull requests." >&2
    exit 1
  }
fi
echo "recorded=pull-request" >> "$GITHUB_OUTPUT"
