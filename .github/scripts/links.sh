#!/usr/bin/env bash
# Print links to what a run has kept, as a line of Markdown; nothing where there is none.
set -euo pipefail

usage='usage: links.sh
environment: addresses of what there is: PICTURE_URL, PAGE_URL, FILES_URL'
if [ "${1:-}" = --help ]; then
  echo "$usage"
  exit 0
fi
if [ $# -ne 0 ]; then
  echo "$usage" >&2
  exit 2
fi

line=
add() {
  # What is no plain address could be any Markdown.
  if [[ $2 =~ ^https://[A-Za-z0-9./_-]+$ ]]; then
    line="$line${line:+ · }[$1]($2)"
  fi
}
add 'the verdicts as a picture' "${PICTURE_URL:-}"
add 'the page with everything' "${PAGE_URL:-}"
add 'the readings' "${FILES_URL:-}"
if [ -n "$line" ]; then
  printf '%s\n' "$line"
fi
