#!/usr/bin/env bash
# The end of a run of a climb: starts the next run, or says how the climb ended.
# Prints outcome= and words= if it ended. Fails unless it arrived, so that the run is red.
# Usage: climb-next.sh
# Environment: the inputs STACK, SERVICES, TO, PROMOTE, RETRY, SOAK, GIVE_UP; FIRST; what the jobs say: LOOKED, TODO, OUTCOME,
# WORDS, THEN, HOLD, STOOD, ASKED; APPROVED; UPDATED, APPLIED, UPDATE_OUTCOME (how the update itself ended); WATCHED, VERDICT, SAID, SINCE; ABORTED; STEPPED,
# RECORDED, STEP_OUTCOME, STEP_WORDS (results of jobs are success, failure, cancelled or skipped); GH_TOKEN,
# GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT, GITHUB_OUTPUT.
set -euo pipefail

end() {
  printf '%s\n' "outcome=$1" "words=$2" >> "$GITHUB_OUTPUT"
  case $1 in
    arrived | promoted) echo "the climb of $SERVICES on $STACK: $1: $2" ;;
    *)
      echo "error: the climb of $SERVICES on $STACK ended: $1: $2" >&2
      exit 1
      ;;
  esac
  exit
}

# go [since]: the next run looks for itself where the stack is.
go() {
  local chain="$FIRST${1:+ since $1}${STOOD:+ stood $STOOD}"
  gh workflow run climb.yml --repo "$GITHUB_REPOSITORY" --ref main --raw-field stack="$STACK" \
    --raw-field services="$SERVICES" --raw-field to="$TO" --raw-field promote="$PROMOTE" --raw-field retry="$RETRY" \
    --raw-field soak="$SOAK" --raw-field give-up="$GIVE_UP" --raw-field chain="$chain" ||
    end refused "the next run could not be started; start the climb again, and it goes on from here"
  # Until it can be seen, another climb of these services would find none.
  for _ in {1..30}; do
    found=$(gh run list --repo "$GITHUB_REPOSITORY" --workflow climb.yml --limit 50 --json databaseId,displayTitle \
      --jq ".[] | select(.databaseId > $GITHUB_RUN_ID and (.displayTitle | endswith(\" after $chain\"))) | .databaseId") || found=""
    if [[ -n $found ]]; then
      echo "the next run is ${found%%$'\n'*}"
      exit
    fi
    sleep "${PAUSE_SECONDS:-2}"
  done
  echo "::warning::the next run was started, and cannot be seen yet"
  exit
}

[[ $LOOKED == success ]] || end refused "where the stack stands could not be read; the log says why"
[[ $TODO != end ]] || end "$OUTCOME" "$WORDS"
[[ $APPROVED != failure && $APPROVED != cancelled ]] || end refused "nobody approved it"

failed=""
if [[ $UPDATED == failure || $UPDATED == cancelled ]]; then
  if [[ $UPDATE_OUTCOME == success ]]; then
    echo "::warning::the update of $STACK ended well, and what came after it in its job did not; its log says why"
    UPDATED=success
  else
    failed="it stays where the update left it; look: eco2 status $SERVICES --stack $STACK"
  fi
fi
if [[ $UPDATED == success ]]; then
  # main moved on, so this run's commit was not applied; the next run looks at the newest.
  [[ $APPLIED == yes ]] || go
  [[ $THEN != promoted ]] || end promoted "stable runs the canary's image"
  STOOD=$ASKED
fi
# It was watched all the same: it may have given the canary its users before it failed.
[[ -z $failed || $VERDICT == sick ]] || end "update failed" "$failed${SAID:+; the watch after it: $SAID}"

case $WATCHED in
  success | failure | cancelled)
    case $VERDICT in
      well) ;;
      again) go "$SINCE" ;;
      "") # Nobody may have stopped it: then this job would not run. It was cut off by its time limit, or could not begin.
        [[ $WATCHED == cancelled ]] || end refused "the canaries could not be watched; the log says why"
        ((SINCE > 0)) || SINCE=$(date +%s)
        go "$SINCE"
        ;;
      sick)
        [[ $ABORTED == success ]] || end sick "$SAID; the abort did not end well: start the workflow abort again"
        end sick "$SAID; taken back"
        ;;
      *) end "$VERDICT" "$SAID" ;;
    esac
    [[ $THEN != arrived ]] || end arrived "$SAID"
    [[ -z $HOLD ]] || go "$SINCE"
    ;;
esac

# A step that is on main is made by the next run, whatever failed behind the commit.
[[ $STEPPED == success || $RECORDED == commit ]] || end refused "the step could not be made; the log says why"
case $RECORDED in
  commit) go ;;
  later)
    # The watch that the verdict was of is long over; a new one begins.
    ((${GITHUB_RUN_ATTEMPT:-1} == 1)) || go
    go "$SINCE"
    ;;
  *) end "$STEP_OUTCOME" "$STEP_WORDS" ;;
esac
