#!/usr/bin/env bash
# Say in one issue which newer versions of a framework are worse, or fail. While it is open, what is new is a comment.
set -euo pipefail

usage="usage: issue.sh FOLDER
FOLDER holds a folder for each gate, with outcome.txt and report.md; it may be missing
environment: GITHUB_RUN_ID, whose failed jobs are named \"framework, channel\"; GH_TOKEN, which may read it and write
issues; GH_REPO (owner/name); RUN_URL, its address for people"
if [ "${1:-}" = --help ]; then
  echo "$usage"
  exit 0
fi
if [ $# -ne 1 ] || [ -z "${GITHUB_RUN_ID:-}" ]; then
  echo "$usage" >&2
  exit 2
fi

label=benchmark-regression
title='Newer versions of a framework are worse, or fail'
here=$(dirname "$0")
body=$(mktemp)
trap 'rm -f "$body"' EXIT

regressed=()
for outcome in "$1"/*/outcome.txt; do
  if [ -f "$outcome" ] && [ "$(cat "$outcome")" = regression ]; then
    regressed+=("$(basename "$(dirname "$outcome")")")
  fi
done

# A job that could not install or train has left no verdict. One whose time was up counts as cancelled.
ended='.jobs[] | select(.conclusion | IN("failure", "timed_out", "cancelled")) | .name'
failed=()
while IFS= read -r name; do
  name=${name/, /-}
  if [ -n "$name" ] && [[ " ${regressed[*]} " != *" $name "* ]]; then
    failed+=("$name")
  fi
done <<<"$(gh run view "$GITHUB_RUN_ID" --json jobs --jq "$ended")"

if [ ${#regressed[@]} -eq 0 ] && [ ${#failed[@]} -eq 0 ]; then
  echo 'no regression and no failure, so no issue'
  exit 0
fi
{
  for name in "${regressed[@]}"; do echo "- $name: regression"; done
  for name in "${failed[@]}"; do echo "- $name: failed, so nobody knows; its log says why"; done
  if [ -n "${RUN_URL:-}" ]; then printf '\nMeasured by %s\n' "$RUN_URL"; fi
  for name in "${regressed[@]}"; do
    if [ -s "$1/$name/report.md" ]; then
      printf '\n# %s\n\n' "$name"
      # Each has an equal share, so that a long one does not cut off the others.
      "$here/shorten.sh" "$1/$name/report.md" $((55000 / ${#regressed[@]}))
    fi
  done
} >"$body"

gh label create "$label" --force --color B60205 --description "$title"
number=$(gh issue list --label "$label" --state open --limit 1 --json number --jq '.[].number')
if [ -n "$number" ]; then
  # A comment, not the issue's text: it tells those who watch, and last week's is kept.
  gh issue comment "$number" --body-file "$body"
else
  gh issue create --title "$title" --label "$label" --body-file "$body"
fi
