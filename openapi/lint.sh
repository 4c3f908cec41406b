#!/usr/bin/env bash
# Holds OpenAPI documents against the rules of Spectral and those of .spectral.yaml; the least hint fails:
#
#   openapi/lint.sh [RULESET DOCUMENT]
#
# Without arguments it is openapi.json.
set -euo pipefail
called_from="$PWD"
cd "$(dirname "$0")/.."
openapi/tools/set_up.sh
tools="$(realpath -m "${CARGO_TARGET_DIR:-target}")/openapi-tools"
ruleset="$PWD/openapi/.spectral.yaml"
document="$PWD/openapi/openapi.json"
if [ $# -gt 0 ]; then
    ruleset="$(cd "$called_from" && realpath "$1")"
    document="$(cd "$called_from" && realpath "$2")"
fi
exec "$tools/node/bin/node" "$tools/npm/node_modules/.bin/spectral" lint "$document" --ruleset "$ruleset" \
    --fail-severity hint --format "${LINT_FORMAT:-stylish}"
