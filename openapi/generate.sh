#!/usr/bin/env bash
# Builds clients of the HTTP interface from openapi.json, with generators of others at pinned versions:
#
#   openapi/generate.sh [--out DIR] [python|typescript|rust|go|java ...]
#
# Without a language all five are built. DIR/<language> is made anew; by default DIR is target/sdks. generators/ has the settings of
# each language; tools/ sets up what they need, once. docs/clients.md says what to do with a client.
set -euo pipefail
called_from="$PWD"
cd "$(dirname "$0")/.."

fail() {
    echo "openapi/generate.sh: $1" >&2
    exit 1
}

target="$(realpath -m "${CARGO_TARGET_DIR:-target}")"
tools="$target/openapi-tools"
generators="$PWD/openapi/generators"
document="$PWD/openapi/openapi.json"
out="$target/sdks"
languages=()
while [ $# -gt 0 ]; do
    case "$1" in
    --out)
        [ $# -gt 1 ] || fail "--out needs a folder"
        out="$(cd "$called_from" && realpath -m "$2")"
        shift
        ;;
    python | typescript | rust | go | java) languages+=("$1") ;;
    *) fail "expected python, typescript, rust, go, java or --out DIR, \`$1\` came" ;;
    esac
    shift
done
[ ${#languages[@]} -gt 0 ] || languages=(python typescript rust go java)

# Builds the client of a language into a folder.
generate() {
    case "$1" in
    python)
        # It formats what it has made with ruff.
        PATH="$tools/bin:$PATH" "$tools/bin/openapi-python-client" generate \
            --path "$document" --config "$generators/python.yaml" --output-path "$2"
        ;;
    typescript)
        DRIFTING_OPENAPI="$document" DRIFTING_SDK="$2" "$tools/node/bin/node" "$tools/npm/node_modules/.bin/openapi-ts" \
            --no-log-file --file "$generators/typescript.mjs"
        ;;
    *)
        "$tools/bin/openapi-generator-cli" generate --input-spec "$document" --config "$generators/$1.yaml" --output "$2"
        ;;
    esac
}

openapi/tools/set_up.sh
mkdir -p "$out"
for language in "${languages[@]}"; do
    rm -rf "${out:?}/$language"
    # What generators say is shown where they fail.
    if ! generate "$language" "$out/$language" >"$out/$language.log" 2>&1; then
        cat "$out/$language.log" >&2
        fail "the $language client could not be built"
    fi
    echo "$out/$language"
done
