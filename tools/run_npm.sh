#!/bin/sh
# Run npm's scripts of a folder one after the other: tools/run_npm.sh FOLDER SCRIPT... Several may run side by side, so
# the output of each script comes in one piece, at its end.
folder=$1
shift
output=$(mktemp)
trap 'rm -f "$output"' EXIT
for script; do
  npm run --silent --prefix "$folder" "$script" >"$output" 2>&1
  status=$?
  printf '%s %s: exit status %s\n' "$folder" "$script" "$status"
  [ "$status" = 0 ] && tail -n 12 "$output" && continue
  cat "$output"
  exit 1
done
