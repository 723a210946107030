#!/bin/sh
# Builds .venv from the pins, for all frameworks or for those that are named; nothing to do where it is up to date.
# usage: .github/scripts/setup.sh [FRAMEWORK...]; the variable PYTHON says with which Python
set -eu
cd "$(dirname "$0")/../.."
venv=.venv
# One mark for everything, one for each framework where only some are there. They are written last and removed first, so
# a set-up that was interrupted is never taken for a finished one.
complete=$venv/.complete

current() {
  [ -e "$1" ] && [ -z "$(find requirements/bootstrap.txt requirements/requirements.txt -newer "$1")" ]
}

ready() {
  if current "$complete"; then return 0; fi
  [ $# -gt 0 ] || return 1
  for framework; do current "$complete-$framework" || return 1; done
}

# TensorFlow is measured on each of these but the last, so that one comes last.
works() {
  "$1" -c 'import ensurepip, sys, venv
sys.exit(sys.implementation.name != "cpython" or not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

find_python() {
  if [ -n "${PYTHON-}" ]; then
    if works "$PYTHON"; then echo "$PYTHON"; return; fi
    echo "PYTHON=$PYTHON is not CPython 3.11 to 3.14 with venv and pip (Debian and Ubuntu: apt install python3-venv)" >&2
    return 1
  fi
  # A name may be there and refuse to run (pyenv), so each is tried.
  for candidate in python3.13 python3.12 python3.11 python3.14 python3 python; do
    if works "$candidate"; then echo "$candidate"; return; fi
  done
  {
    echo 'cnn-dyno needs Python 3.11 to 3.14 with venv and pip, and none was found (Debian, Ubuntu: apt install python3-venv).'
    echo 'Another place: make setup PYTHON=/path/to/python. Or let uv (pip install uv) fetch one:'
    # shellcheck disable=SC2016 # to be typed so
    echo '  uv python install 3.13 && make setup PYTHON="$(uv python find 3.13)"'
  } >&2
  return 1
}

if ready "$@"; then exit 0; fi
# Two set-ups at once would each clear what the other installs, so the second waits and looks again, where it can.
if [ -z "${CNN_DYNO_SETUP_LOCKED-}" ] && command -v flock >/dev/null; then
  CNN_DYNO_SETUP_LOCKED=1 exec flock Makefile .github/scripts/setup.sh "$@"
fi
if [ -L "$venv" ]; then
  echo "$venv is a link: setting it up would empty what it leads to; remove it" >&2
  exit 1
fi

there=
for mark in "$complete"-*; do
  if current "$mark"; then there="$there ${mark#"$complete"-}"; fi
done
if [ -n "$there" ] && [ -x "$venv/bin/uv" ] && [ -z "${PYTHON-}" ]; then
  python=$venv/bin/python
else
  there=
  python=$(find_python)
fi

pins=requirements/requirements.txt
if [ $# -gt 0 ]; then
  # Chosen first: a name that is misspelt costs nothing that is there.
  pins=$(mktemp)
  trap 'rm -f "$pins"' EXIT
  PYTHONDONTWRITEBYTECODE=1 "$python" -m fixtures.arms.pins "$@" >"$pins"
fi

if [ -n "$there" ]; then
  rm -f "$complete" "$complete"-*
else
  # Whatever was there is cleared: a half-installed package would look installed to uv. Its cache makes that cheap.
  "$python" -m venv --clear "$venv"
  echo "$venv: $("$venv/bin/python" --version), by $python"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
fi
# uv installs torch, not pip: pip prefers a "+cpu" build where one is offered, which does not fit torchvision.
if [ $# -eq 0 ]; then
  "$venv/bin/uv" pip sync --python "$venv/bin/python" --require-hashes "$pins"
  touch "$complete"
else
  "$venv/bin/uv" pip install --python "$venv/bin/python" --require-hashes -r "$pins"
  # shellcheck disable=SC2086 # one word for each framework
  for framework in "$@" $there; do touch "$complete-$framework"; done
fi
