#!/usr/bin/env bash
# Says which climb this run belongs to: first=, the run that it began with; base=, the commit that this one was about;
# approved=yes or approved=no. Where the run may not go on, words= says why.
# Usage: climb-run.sh
# Environment: STACK, SERVICES, CHAIN (what the run before left, empty in the first), TITLE (that of the first run),
# REVIEWED (true: somebody approves each climb of this stack, once), GH_TOKEN, GITHUB_REPOSITORY, GITHUB_RUN_ID,
# GITHUB_SHA, GITHUB_OUTPUT.
set -euo pipefail

end() {
  echo "words=$1" >> "$GITHUB_OUTPUT"
  echo "$1"
  exit
}

[[ $SERVICES =~ ^[a-z0-9][a-z0-9\ ,-]*$ ]] || end "name services by blanks between them (auth-api scan-api)"
first=$GITHUB_RUN_ID base=$GITHUB_SHA approved=yes
[[ $REVIEWED != true ]] || approved=no

if [[ -n $CHAIN ]]; then
  [[ $CHAIN =~ ^([0-9]+)(\ |$) ]] || end "chain is what a run leaves to the next one; leave it empty"
  first=${BASH_REMATCH[1]}
  # Whoever may start workflows may write a number here. So the run itself must tell that it began this very climb:
  # its title holds every input, and a workflow of `main` wrote it.
  run="repos/$GITHUB_REPOSITORY/actions/runs/$first"
  told=$(gh api "$run" --jq '[.path, .head_branch, .head_sha, .display_title] | join("\n")') ||
    end "there is no run $first for this one to go on from"
  { read -r path && read -r branch && read -r base && read -r began_as; } <<< "$told" || true
  if [[ ${path%%@*} != .github/workflows/climb.yml || $branch != main || $began_as != "$TITLE" ]]; then
    end "run $first did not begin this climb: it is ${began_as:-without a title}"
  fi
  if [[ $approved == no ]]; then
    reviews=$(gh api "$run/approvals" \
      --jq '[.[] | select(.state == "approved" and any(.environments[]; .name == "prod"))] | length')
    ((reviews > 0)) || end "nobody approved run $first, with which this climb began; start the climb again, with chain left empty"
    approved=yes
  fi
fi

# Climbs of other services go on beside each other; of two that share a service, the one that began first does.
# They are compared by what GitHub runs and not by a concurrency group, where the next run of a climb would wait behind
# the other climb, or take its place.
read -ra mine <<< "${SERVICES//,/ }"
others=$(gh run list --repo "$GITHUB_REPOSITORY" --workflow climb.yml --limit 200 \
  --json databaseId,displayTitle,status --jq '.[] | select(.status != "completed") | "\(.databaseId) \(.displayTitle)"')
while read -r id name; do
  [[ $name =~ ^climb\ ([a-z0-9\ ,-]+)\ on\ ([a-z0-9-]+):.*give\ up\ [0-9]+[smh](\ after\ ([0-9]+)( .*)?)?$ ]] || continue
  [[ ${BASH_REMATCH[2]} == "$STACK" && $id != "$GITHUB_RUN_ID" ]] || continue
  theirs=" ${BASH_REMATCH[1]//,/ } " began=${BASH_REMATCH[4]:-$id}
  # Of one climb the newest run goes on; an older one was started again by hand.
  ((began < first || (began == first && id > GITHUB_RUN_ID))) || continue
  for name in "${mine[@]}"; do
    [[ $theirs != *" $name "* ]] ||
      end "another climb of $name on $STACK is under way: ${GITHUB_SERVER_URL:-https://github.com}/$GITHUB_REPOSITORY/actions/runs/$id"
  done
done <<< "$others"

waiting=$("$(dirname "$0")/aborts.sh" "$STACK")
[[ -z $waiting ]] || end "an abort of $STACK waits to be merged: ${waiting//$'\n'/, }"
printf '%s\n' "first=$first" "base=$base" "approved=$approved" >> "$GITHUB_OUTPUT"
