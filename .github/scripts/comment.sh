#!/usr/bin/env bash
# Put a report into the one comment that a pull request has for it: written the first time, edited afterwards.
set -euo pipefail

usage="usage: comment.sh REPORT.md PULL_REQUEST_NUMBER [NAME]
NAME is the gate's, where a pull request has several: letters, digits, '.', '_' and '-'
environment: GITHUB_REPOSITORY (owner/name) and GH_TOKEN, which may write pull requests' comments; what links.sh takes"
if [ "${1:-}" = --help ]; then
  echo "$usage"
  exit 0
fi
name=${3:-cnn-dyno-gate}
# It becomes part of a comment in HTML and of a question to GitHub.
if [ $# -lt 2 ] || [ $# -gt 3 ] || [ ! -f "$1" ] || [ -z "${GITHUB_REPOSITORY:-}" ] ||
  [[ $name =~ [^A-Za-z0-9._-] ]]; then
  echo "$usage" >&2
  exit 2
fi

marker="<!-- gate: $name -->"
body=$(mktemp)
trap 'rm -f "$body"' EXIT
here=$(dirname "$0")
links=$("$here/links.sh")
{
  echo "$marker"
  # Below the first line, which says what it came to, and so never cut off.
  "$here/shorten.sh" "$1" | awk -v links="$links" '{ print } NR == 1 && links { print "\n" links }'
} >"$body"

comments="repos/$GITHUB_REPOSITORY/issues/$2/comments"
# Only the bot's own: whoever quotes the marker must not have a comment overwritten.
mine=".[] | select(.user.login == \"github-actions[bot]\" and (.body | startswith(\"$marker\"))) | .id"
identifier=$(gh api --paginate --jq "$mine" "$comments" | sed -n 1p)
if [ -n "$identifier" ]; then
  gh api --silent --method PATCH --field "body=@$body" "repos/$GITHUB_REPOSITORY/issues/comments/$identifier"
else
  gh api --silent --method POST --field "body=@$body" "$comments"
fi
