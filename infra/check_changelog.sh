#!/bin/sh
# Fails if a `feat` or `fix` commit is newer than the last commit that changed CHANGELOG.md. A change of it that is not committed yet
# counts. A shallow clone is checked as far as it reaches; without a history there is nothing to check.
set -eu
cd "$(dirname "$0")/.."
if ! git rev-parse --quiet --verify HEAD >/dev/null 2>&1; then
    echo "no history here: the changelog was not checked" >&2
    exit 0
fi
git diff --quiet HEAD -- CHANGELOG.md || exit 0
last=$(git log -1 --format=%H -- CHANGELOG.md)
untold=$(git log --format='%h %s' ${last:+"$last.."}HEAD | grep -E '^[0-9a-f]+ (feat|fix)(\([^)]*\))?!?: ' || true)
if [ -n "$untold" ]; then
    echo "$untold" >&2
    echo "These commits are newer than the last entry of CHANGELOG.md. Say there, under Unreleased (Added, Changed, Fixed, Removed)," >&2
    echo "what each means for who uses it, and commit that." >&2
    exit 1
fi
