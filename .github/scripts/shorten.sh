#!/usr/bin/env bash
# Print a text by whole lines as far as GitHub takes it, and say so where that is not all of it.
set -euo pipefail

usage='usage: shorten.sh FILE [BYTES]'
if [ "${1:-}" = --help ]; then
  echo "$usage"
  exit 0
fi
if [ $# -lt 1 ] || [ $# -gt 2 ] || [ ! -f "$1" ]; then
  echo "$usage" >&2
  exit 2
fi

# A comment or an issue has at most 65,536 characters. Bytes are counted, which are never fewer.
LC_ALL=C awk -v limit="${2:-60000}" '
  { size += length($0) + 1 }
  size > limit {
    # What is folded must not swallow what comes after it.
    while (open-- > 0) print "\n</details>"
    print "\n*Shortened; all of it is in the artefact.*\n"
    exit
  }
  { print; open += gsub(/<details>/, "&") - gsub(/<\/details>/, "&") }
' "$1"
