#!/usr/bin/env bash
# Build an environment as the pinned one in .venv, with some packages in other versions. Says whether it differs at all.
set -euo pipefail
set -f # names of packages are no patterns of files

usage='usage: environment.sh FOLDER REQUIREMENT ...
  FOLDER        of the new virtual environment; what is there is replaced
  REQUIREMENT   for example torch==2.15.0, or torch for its newest release
environment:
  REPLACES      packages to remove first, for example "tensorflow keras" when tf-nightly takes their place
  PRERELEASES   1: nightlies and release candidates count as versions too
  NIGHTLY_INDEX address of a package index to look at as well'
if [ "${1:-}" = --help ]; then
  echo "$usage"
  exit 0
fi
if [ $# -lt 2 ]; then
  echo "$usage" >&2
  exit 2
fi
folder=$1
shift

suite=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
uv=$suite/.venv/bin/uv
python=$folder/bin/python
options=(--python "$python" --compile-bytecode)
# Only what is named: what else would be newer is another question.
for requirement in "$@"; do
  options+=(--upgrade-package "${requirement%%[^A-Za-z0-9._-]*}")
done
if [ "${PRERELEASES:-}" = 1 ]; then
  options+=(--prerelease allow)
fi
if [ -n "${NIGHTLY_INDEX:-}" ]; then
  options+=(--index "$NIGHTLY_INDEX" --index-strategy unsafe-best-match)
fi

"$uv" venv --quiet --clear --no-project --python "$suite/.venv/bin/python" "$folder"
"$uv" pip sync --quiet --compile-bytecode --python "$python" --require-hashes "$suite/requirements/requirements.txt"
for package in ${REPLACES:-}; do
  "$uv" pip uninstall --quiet --python "$python" "$package"
done
"$uv" pip install --quiet "${options[@]}" "$@"
"$python" -P "$suite/.github/scripts/owners.py"

# Compared with itself, an environment would only cost time.
frozen=$(mktemp -d)
trap 'rm -rf "$frozen"' EXIT
# .venv has the pip that installed uv, and what uv makes has none.
"$uv" pip freeze --quiet --exclude pip --python "$suite/.venv/bin/python" >"$frozen/pinned"
"$uv" pip freeze --quiet --exclude pip --python "$python" >"$frozen/new"
for list in pinned new; do
  if [ ! -s "$frozen/$list" ]; then
    echo "uv lists no $list packages, so nobody knows whether anything is newer" >&2
    exit 1
  fi
done
newer=true
if diff "$frozen/pinned" "$frozen/new"; then
  newer=false
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    echo "Nothing to measure: what is pinned of $* is the newest." >>"$GITHUB_STEP_SUMMARY"
  fi
fi
echo "differs from the pinned packages: $newer"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  echo "differs=$newer" >>"$GITHUB_OUTPUT"
fi
