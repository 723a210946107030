#!/usr/bin/env bash
# Put a report into the one comment that a pull request has for it: written the first time, edited afterwards.
set -euo pipefail

usage="usage: comment.sh REPORT.md PULL_REQUEST_NUMBER
environment: GITHUB_REPOSITORY (owner/name) and GH_TOKEN, which may write pull requests' comments"
if [ "${1:-}" = --help ]; then
  echo "$usage"
  exit 0
fi
if [ $# -ne 2 ] || [ ! -f "$1" ] || [ -z "${GITHUB_REPOSITORY:-}" ]; then
  echo "$usage" >&2
  exit 2
fi

marker='<!-- cnn-dyno gate -->'
body=$(mktemp)
trap 'rm -f "$body"' EXIT
{ echo "$marker"; "$(dirname "$0")/shorten.sh" "$1"; } >"$body"

comments="repos/$GITHUB_REPOSITORY/issues/$2/comments"
# Only the bot's own: whoever quotes the marker must not have a comment overwritten.
mine=".[] | select(.user.login == \"github-actions[bot]\" and (.body | startswith(\"$marker\"))) | .id"
identifier=$(gh api --paginate --jq "$mine" "$comments" | sed -n 1p)
if [ -n "$identifier" ]; then
  gh api --silent --method PATCH --field "body=@$body" "repos/$GITHUB_REPOSITORY/issues/comments/$identifier"
else
  gh api --silent --method POST --field "body=@$body" "$comments"
fi
