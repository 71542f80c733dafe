#!/usr/bin/env bash
# Takes back the services that a person named in one field: "auth-api scan-api", or "all".
# Usage: abort.sh STACK SERVICES [OPTION...]; the options are those of `eco2 abort`.
set -euo pipefail
stack=$1 services=$2
shift 2

if [[ ! $services =~ ^[a-z0-9\ ,-]+$ ]]; then
  echo "error: name services by blanks between them (auth-api scan-api), or all" >&2
  exit 2
fi
read -ra names <<< "${services//,/ }"
if [[ ${names[*]} == all ]]; then
  exec .venv/bin/eco2 abort --stack "$stack" "$@" --all
fi
exec .venv/bin/eco2 abort --stack "$stack" "$@" -- "${names[@]}"
