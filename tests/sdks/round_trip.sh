#!/usr/bin/env bash
# Builds the client of a language and runs its round trip against a server:
#
#   DRIFTING_API_KEY=… tests/sdks/round_trip.sh python|typescript|rust URL
#
# TypeScript and Rust are copied beside their clients, into target/sdks, and built there.
set -euo pipefail
cd "$(dirname "$0")/../.."

language="$1"
url="$2"
target="$(realpath -m "${CARGO_TARGET_DIR:-target}")"
tools="$target/openapi-tools"
sdks="$target/sdks"
programs="tests/sdks"

openapi/generate.sh "$language"
case "$language" in
python)
    PYTHONPATH="$sdks/python" PYTHONPYCACHEPREFIX="$sdks/compiled" "$tools/bin/python" "$programs/round_trip.py" "$url"
    ;;
typescript)
    cp "$programs/round_trip.ts" "$programs/tsconfig.json" "$sdks/"
    echo '{"type": "module"}' >"$sdks/package.json"
    ln -sfn "$tools/npm/node_modules" "$sdks/node_modules"
    "$tools/node/bin/node" "$tools/npm/node_modules/.bin/tsc" --project "$sdks"
    "$tools/node/bin/node" "$sdks/javascript/round_trip.js" "$url"
    ;;
rust)
    rm -rf "$sdks/rust-round-trip"
    cp -r "$programs/rust" "$sdks/rust-round-trip"
    # From its own folder, as it is not of the workspace, and into a folder of its own, as another build may be at work.
    cd "$sdks/rust-round-trip"
    CARGO_TARGET_DIR="$sdks/rust-target" cargo run --quiet --locked -- "$url"
    ;;
*)
    echo "tests/sdks/round_trip.sh: expected python, typescript or rust, \`$language\` came" >&2
    exit 2
    ;;
esac
