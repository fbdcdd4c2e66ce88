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

# Whether uv makes of pyproject.toml what the lock has; it prefers what the output file already holds.
agrees() {
    cp requirements.lock "$draft"
    "$uv" pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --output-file "$draft" "$@" || return 2
    lines "$draft" >"$draft.lines"
    lines requirements.lock | diff - "$draft.lines"
}

# From uv's cache first: online it asks whether pyspark's source has changed, and where the index does not say how long a
# file is fresh, it fetches 0.4 GB and builds them again.
agrees --offline >/dev/null 2>&1 && exit 0
if agrees; then exit 0; elif [ $? -eq 1 ]; then
    echo "requirements.lock is not what pyproject.toml asks for (> is missing, < is too much). Make it anew: make lock" >&2
fi
exit 1
