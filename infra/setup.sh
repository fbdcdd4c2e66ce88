#!/bin/sh
# Makes the project's own environment in .venv from requirements.lock. Needs Python 3.11, 3.12 or 3.13, or uv. Root is not needed.
set -eu
cd "$(dirname "$0")/.."
venv=.venv

usable() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1
}

find_python() {
    for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        if usable "$name"; then
            command -v "$name"
            return
        fi
    done
}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

python=$(find_python)
if ! usable "$venv/bin/python"; then
    rm -rf "$venv"
    if [ -n "$python" ]; then
        echo "making $venv with $python"
        # Without pip where uv is there: nothing is then needed but the standard library.
        if command -v uv >/dev/null 2>&1; then without=--without-pip; else without=; fi
        "$python" -m venv $without "$venv" || fail \
            "$python cannot make an environment. Install its venv module (Debian and Ubuntu: python3-venv), or uv, and run it again."
    elif command -v uv >/dev/null 2>&1; then
        uv venv --quiet --python '>=3.11,<3.14' "$venv" || fail \
            "uv found no Python 3.11, 3.12 or 3.13 and could not fetch one. Install one, or name it: make PYTHON=/path/to/python3.13"
    else
        fail "no Python 3.11, 3.12 or 3.13 was found." \
            "Install one (Debian and Ubuntu: python3 python3-venv), or uv, or name it: make PYTHON=/path/to/python3.13"
    fi
fi

if command -v uv >/dev/null 2>&1; then
    uv=uv
else
    uv=$venv/bin/uv
    if [ ! -x "$uv" ]; then
        echo "installing uv into $venv"
        mkdir -p "$venv/tmp"
        # The lines of uv alone, with their hashes.
        awk '/^uv==/ {on = 1} on {print} on && !/\\$/ {exit}' requirements.lock >"$venv/tmp/uv.txt"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$venv/tmp/uv.txt" || fail \
            "uv could not be installed: see above. Check the network, or the index that pip is set to use (pip config list)."
    fi
fi

echo "installing requirements.lock into $venv"
# Where Python is told to write no byte code, every process would compile 3,000 modules anew. Else the first one writes it.
# From uv's cache if all is there: see check_lock.sh.
sync() {
    "$uv" pip sync --quiet ${PYTHONDONTWRITEBYTECODE:+--compile-bytecode} --python "$venv/bin/python" --require-hashes requirements.lock "$@"
}
sync --offline 2>/dev/null || sync || fail \
    "the packages of requirements.lock could not be installed: see above. Check the network and the room on the disk; what was done is kept, run it again."
"$uv" pip install --quiet --python "$venv/bin/python" --offline --no-deps --no-build-isolation --editable . || fail \
    "the project could not be installed into $venv: see above."
echo "$venv is ready"
