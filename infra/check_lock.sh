#!/bin/sh
# Fails where requirements.lock is not what pyproject.toml asks for, or names a host. A newer release upstream changes nothing.
set -eu
cd "$(dirname "$0")/.."
uv=.venv/bin/uv
lines() { grep -v '^#' "$1"; }

if grep -nE '://|^ *--(index-url|extra-index-url|find-links)' requirements.lock; then
    echo "requirements.lock names a host (lines above). Make it anew: make lock" >&2
    exit 1
fi
draft=$(mktemp)
trap 'rm -f "$draft" "$draft.lines"' EXIT
# uv prefers what the output file already holds.
cp requirements.lock "$draft"
"$uv" pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --output-file "$draft"
lines "$draft" >"$draft.lines"
if ! lines requirements.lock | diff - "$draft.lines"; then
    echo "requirements.lock is not what pyproject.toml asks for (> is missing, < is too much). Make it anew: make lock" >&2
    exit 1
fi
