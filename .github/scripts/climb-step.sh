#!/usr/bin/env bash
# The step up of a climb, as a commit on main. It looks once more, at the newest main: what the run looked at before its
# watch may be hours old.
# Prints recorded=commit (a next run updates the stack to it), pull-request, later (a next run looks again) or nothing
# (the climb ends); then outcome= and words=.
# Usage: climb-step.sh
# Environment: that of climb.py; TODO (what the run found before), WHY (what the judge said), JUDGED (when, in seconds
# since the epoch), GH_TOKEN, GITHUB_REPOSITORY, GITHUB_OUTPUT; the checkout is main with its history, and holds the
# right to push.
set -euo pipefail
oldest=600 # seconds of a verdict

tell() { printf '%s\n' "recorded=$1" "outcome=${2:-}" "words=${3:-}" | tee -a "$GITHUB_OUTPUT"; }

found=$(.venv/bin/python .github/scripts/climb.py)
value() { sed -n "s/^$1=//p" <<< "$found"; }
if [[ $(value todo) == end ]]; then
  tell nothing "$(value outcome)" "$(value words)"
  exit
fi
waiting=$(.github/scripts/aborts.sh "$STACK")
if [[ -n $waiting ]]; then
  tell nothing "moved by somebody" "an abort of $STACK waits to be merged: ${waiting//$'\n'/, }"
  exit
fi
# Where no runner was free for long, a verdict of hours ago says nothing of now.
age=$(($(date +%s) - ${JUDGED:-0}))
if ((age > oldest)); then
  echo "the verdict is ${age} s old: the next run watches again"
  tell later
  exit
fi
# What had to be updated before the watch is no longer to be.
expected=watch
[[ $TODO != step ]] || expected=step
if [[ $(value todo) != "$expected" || -n $(value hold) || $(value 'then') == arrived ]]; then
  tell later
  exit
fi

read -ra names <<< "$(value names)"
command=advance what="climb $(value moves)"
if [[ $(value 'then') == promote ]]; then command=promote what="climb promotes ${names[*]}"; fi
if ! said=$(.venv/bin/eco2 "$command" --stack "$STACK" --no-up --yes -- "${names[@]}" 2>&1); then
  echo "$said"
  tell nothing refused "$(sed -n '/^error: /,$p' <<< "$said" | tr -s '\n ' ' ')"
  exit
fi
echo "$said"
before=$(git rev-parse HEAD)
title="$what: $WHY; canary image $(value images)"
.github/scripts/record.sh commit "climb/$STACK/$FIRST" "${title:0:250}" "Climb: $FIRST"
recorded=$(sed -n 's/^recorded=//p' "$GITHUB_OUTPUT" | tail -n 1)
case $recorded in
  pull-request)
    tell pull-request "waits for a person" "main took no commit, so the step is a pull request: merge or close that of the branch climb/$STACK/$FIRST, then start the climb again"
    exit
    ;;
  nothing)
    tell later
    exit
    ;;
esac
# A deployment of the commit before steps aside for this one, which starts none by itself; and so does that of a commit
# that somebody pushed meanwhile.
# The step is on main: whatever GitHub does not answer now, the next run must follow. In doubt one is started.
unfinished=$(gh run list --repo "$GITHUB_REPOSITORY" --workflow deploy.yml --limit 50 --json headSha,status \
  --jq "[.[] | select(.status != \"completed\" and .headSha == \"$before\")] | length") || unfinished=1
if ((unfinished > 0)) || [[ $(git rev-parse HEAD~1) != "$before" ]]; then
  gh workflow run deploy.yml --repo "$GITHUB_REPOSITORY" --ref main ||
    echo "::warning::the workflow deploy could not be started for the step; start it by hand"
fi
tell commit
