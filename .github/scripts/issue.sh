#!/usr/bin/env bash
# Open one issue about the regressions among several gates' results, or bring the open one up to date. Closes nothing.
set -euo pipefail

usage="usage: issue.sh FOLDER
FOLDER holds a folder for each gate, with outcome.txt and report.md
environment: GH_TOKEN, which may write issues, and GH_REPO (owner/name)"
if [ "${1:-}" = --help ]; then
  echo "$usage"
  exit 0
fi
if [ $# -ne 1 ] || [ ! -d "$1" ]; then
  echo "$usage" >&2
  exit 2
fi

label=benchmark-regression
reports=$(mktemp)
body=$(mktemp)
trap 'rm -f "$reports" "$body"' EXIT
for outcome in "$1"/*/outcome.txt; do
  if [ -f "$outcome" ] && [ "$(cat "$outcome")" = regression ]; then
    folder=$(dirname "$outcome")
    printf '# %s\n\n%s\n\n' "$(basename "$folder")" "$(cat "$folder/report.md")" >>"$reports"
  fi
done
if [ ! -s "$reports" ]; then
  echo 'no regression, so no issue'
  exit 0
fi
"$(dirname "$0")/shorten.sh" "$reports" >"$body"
if [ -n "${RUN_URL:-}" ]; then
  printf 'Measured by %s\n' "$RUN_URL" >>"$body"
fi

gh label create "$label" --force --color B60205 --description 'Newer versions of a framework are worse'
number=$(gh issue list --label "$label" --state open --limit 1 --json number --jq '.[].number')
if [ -n "$number" ]; then
  gh issue edit "$number" --body-file "$body"
else
  gh issue create --title 'Newer versions of a framework are worse' --label "$label" --body-file "$body"
fi
