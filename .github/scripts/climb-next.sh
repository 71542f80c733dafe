#!/usr/bin/env bash
# The end of a run of a climb: starts the next run, or says how the climb ended.
# Prints outcome= and words= if it ended. Fails unless it arrived, so that the run is red.
# Usage: climb-next.sh
# Environment: the inputs STACK, SERVICES, TO, PROMOTE, RETRY, SOAK, GIVE_UP, CHAIN; FIRST; what the jobs say: LOOKED, ATTEMPT
# (that of the look), TODO, OUTCOME, WORDS, THEN, PROMOTING, HOLD, STOOD, ASKED; APPROVED; UPDATED, UPDATE_OUTCOME (how the update
# itself ended); WATCHED, WATCH_RAN, VERDICT, SAID, SINCE; ABORTED; STEPPED, STEP_RAN, RECORDED, STEP_OUTCOME, STEP_WORDS
# (results of jobs are success, failure, cancelled or skipped; what a job says is empty where its runner was lost);
# GH_TOKEN, GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT, GITHUB_OUTPUT.
set -euo pipefail

# Where this run could not look, the one before could.
if [[ -z $STOOD && $CHAIN =~ \ stood\ ([a-z0-9:,-]+)$ ]]; then STOOD=${BASH_REMATCH[1]}; fi

# unwatched: that nobody looks from now on at canaries which there are, or which git asks for; nothing without any.
unwatched() {
  local at=${STOOD//:/ at phase } asked=${ASKED//:/ at phase }
  [[ $STOOD,$ASKED =~ :[1-9] ]] || return 0
  printf %s ". Nobody watches any more: the last look found ${at//,/, }"
  [[ -z $ASKED || $ASKED == "$STOOD" ]] || printf %s ", and git asks for ${asked//,/, }"
  printf %s ". To look: \`eco2 status ${SERVICES//,/ } --stack $STACK\`; to go on, start the workflow climb again;"
  printf %s " to take back, start the workflow abort"
}

end() {
  local told=$2
  case $1 in
    arrived | promoted | sick) ;;
    *) told+=$(unwatched) ;;
  esac
  printf '%s\n' "outcome=$1" "words=$told" >> "$GITHUB_OUTPUT"
  case $1 in
    arrived | promoted) echo "the climb of $SERVICES on $STACK: $1: $told" ;;
    *)
      echo "error: the climb of $SERVICES on $STACK ended: $1: $told" >&2
      exit 1
      ;;
  esac
  exit
}

# go [since]: the next run looks for itself where the stack is.
go() {
  local left="$FIRST${1:+ since $1}${STOOD:+ stood $STOOD}"
  gh workflow run climb.yml --repo "$GITHUB_REPOSITORY" --ref main --raw-field stack="$STACK" \
    --raw-field services="$SERVICES" --raw-field to="$TO" --raw-field promote="$PROMOTE" --raw-field retry="$RETRY" \
    --raw-field soak="$SOAK" --raw-field give-up="$GIVE_UP" --raw-field chain="$left" ||
    end refused "the next run could not be started; start the climb again, and it goes on from here"
  # Until it can be seen, another climb of these services would find none.
  for _ in {1..30}; do
    found=$(gh run list --repo "$GITHUB_REPOSITORY" --workflow climb.yml --limit 50 --json databaseId,displayTitle \
      --jq ".[] | select(.databaseId > $GITHUB_RUN_ID and (.displayTitle | endswith(\" after $left\"))) | .databaseId") || found=""
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
[[ $APPROVED != failure && $APPROVED != cancelled ]] || end refused "nobody approved it"
[[ $TODO != end ]] || end "$OUTCOME" "$WORDS"
[[ $APPROVED != success ]] || go # what the run saw before may be days old by now
# Whoever runs failed jobs again brings a look of hours ago along, by which nothing was done. A verdict "sick" stays one,
# and so does an end: somebody may have moved the services, and to go on then is for a person to say.
[[ $ATTEMPT == "$GITHUB_RUN_ATTEMPT" || $VERDICT == sick ]] || go

failed=""
case $UPDATED:$UPDATE_OUTCOME in
  skipped:*) ;;
  *:success)
    [[ $UPDATED == success ]] ||
      echo "::warning::the update of $STACK ended well, and what came after it in its job did not; its log says why"
    [[ $THEN != promoted ]] || end promoted "stable runs the canary's image"
    STOOD=$ASKED
    [[ $THEN != look ]] || go # no canary is left to be watched, and others are still to climb
    ;;
  success:*) go ;; # main moved on, so this run's commit was not applied; the next run looks at the newest
  *:skipped) end "update failed" "it never began; the log of its job says why" ;;
  *:)
    failed="its runner was lost, so nobody knows what it did; if nothing updates $STACK and it is locked: \`pulumi cancel --stack $STACK\`"
    ;;
  *) failed="it stays where the update left it" ;;
esac
if [[ -n $failed && -n $PROMOTING ]]; then
  failed+="; the promotion is half done, so users may meet either image: look at both"
fi
# It was watched all the same: it may have given the canary its users before it failed.
[[ -z $failed || $VERDICT == sick ]] || end "update failed" "$failed${SAID:+; the watch after it: $SAID}"

case $WATCHED in
  success | failure | cancelled)
    case $VERDICT in
      well) ;;
      again) go "$SINCE" ;;
      "") # Nobody may have stopped it: then this job would not run. It was cut off by its time limit, its runner was
        # lost, or it could not begin.
        [[ $WATCHED == cancelled || -z $WATCH_RAN ]] ||
          end refused "the canaries could not be watched; the log says why"
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

# Nobody knows what a runner that was lost has written; the next run sees it. The give-up counts on.
[[ $STEPPED != failure || -n $STEP_RAN || -n $RECORDED ]] || go "$SINCE"
# A step that is on main is made by the next run, whatever failed behind the commit.
[[ $STEPPED == success || $RECORDED == commit ]] || end refused "the step could not be made; the log says why"
case $RECORDED in
  commit) go ;;
  later) go "$SINCE" ;;
  *) end "$STEP_OUTCOME" "$STEP_WORDS" ;;
esac
