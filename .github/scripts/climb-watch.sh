#!/usr/bin/env bash
# Watches the canaries of a climb until the judge knows, as long as one job may take. It moves nothing. Before there is a
# canary, it asks whether Prometheus answers: else the first step would bring up what nobody can judge.
# Prints since=, when the watch at this phase began; verdict=well, sick, again (not known yet: a next run goes on), gave
# up, moved by somebody or refused; at=, when that was known; and words=, for where climb-page.sh finds none.
# Writes climb.jsonl and climb.html.
# Usage: climb-watch.sh
# Environment: STACK, WATCHING (services; none before the first step), SOAK, GIVE_UP (90s, 10m, 2h), SINCE (seconds since
# the epoch; 0: from now on), HOLD (why nothing may move; empty if it may), LIMIT_SECONDS (of one job), GITHUB_OUTPUT.
set -euo pipefail

seconds() {
  local units=([104]=3600 [109]=60 [115]=1) unit
  printf -v unit %d "'${1: -1}"
  echo $((10#${1%?} * units[unit]))
}
least() { echo $(($1 < $2 ? $1 : $2)); }
most() { echo $(($1 > $2 ? $1 : $2)); }

now=$(date +%s)
began=$SINCE
((began > 0)) || began=$now
least_seconds=$(seconds "$SOAK") until=$((began + $(seconds "$GIVE_UP")))
left=$((began + least_seconds - now))
# While nothing may move, nobody is in a hurry: without this, run would follow run every minute.
[[ -z $HOLD ]] || left=$(most "$left" "$(least "$least_seconds" 600)")
longest=$(least "$((until - now))" "$LIMIT_SECONDS")
# The judge takes no soak that is as long as its time; what is left of it then is the next run's.
left=$(most "$(least "$left" "$((longest - 1))")" 0)
read -ra names <<< "$WATCHING"
((${#names[@]} > 0)) || least_seconds=0

# Before the watch: where a disk fills up meanwhile, the lines of the verdict find room behind this one.
echo "since=$began" >> "$GITHUB_OUTPUT"
code=6
: > climb.jsonl
# What is refused at once may be an outage of a minute: refused five times it is none.
for _ in {1..5}; do
  ((longest > 0)) || break
  code=0
  if ((${#names[@]} == 0)); then
    said=$(.venv/bin/python .github/scripts/prometheus.py 2>&1) || code=1
  else
    # It ends by itself; that it hangs must not take the job's last minutes, in which its words are told.
    timeout --signal=INT --kill-after=30 "$((longest + 120))" .venv/bin/eco2 judge --stack "$STACK" --soak "${left}s" \
      --give-up "${longest}s" --json --report climb.html -- "${names[@]}" > climb.jsonl || code=$?
  fi
  ((code == 1)) || break
  sleep "${PAUSE_SECONDS:-60}"
done
verdict=refused
case $code in
  0) verdict=well ;;
  5) verdict=sick ;;
  6 | 124 | 130 | 137) verdict=again ;;
  7) verdict="moved by somebody" ;;
esac
# A phase may soak longer than one job.
if [[ $verdict == well ]] && (($(date +%s) < began + least_seconds)); then verdict=again; fi
if [[ $verdict == again || ($verdict == well && -n $HOLD) ]] && (($(date +%s) >= until)); then
  verdict="gave up"
fi
# At once, and by nothing that can fail for another reason: the way back of a sick canary waits for this line.
printf '%s\n' "verdict=$verdict" "at=$(date +%s)" >> "$GITHUB_OUTPUT"

words="not known after $GIVE_UP at this phase"
((longest <= 0)) || words="eco2 judge ended with exit code $code"
if ((${#names[@]} == 0 && longest > 0)); then words=${said##*$'\n'}; fi
if ((code == 2)); then words="eco2 judge does not take what it was called with; the log of the job watch says why"; fi
if [[ -n $HOLD ]]; then words="$words; $HOLD"; fi
echo "words=$words" >> "$GITHUB_OUTPUT"
echo "$verdict: $words"
