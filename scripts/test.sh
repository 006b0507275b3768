#!/usr/bin/env bash
# Runs every check there is, in the order in which mistakes are cheap to find, and counts what was skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
began=$SECONDS

step() { # step NAME COMMAND…
    local name=$1 start=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    "$@" 2>&1 | tee -a "$log"
    printf '== %s: %s s\n' "$name" $((SECONDS - start))
}
web() { (cd web && "$@"); }

export SOTTO_BIN=${SOTTO_BIN:-${CARGO_TARGET_DIR:-$PWD/target}/debug/sotto}

step 'page: types' web npm run --silent check
step 'page: unit tests' web npm test --silent
step 'page: build' web npm run --silent build
step 'format' cargo fmt --all --check
step 'lints, benches included' cargo clippy --workspace --all-targets --locked -- -D warnings
step 'the change for CUDA fits' scripts/cuda.sh patch
# One build for all that follows: the tests need the program too, and this is the program that the browsers call.
step 'build' cargo test --workspace --locked --no-run
step 'models' "$SOTTO_BIN" models pull onnxruntime silero-vad smart-turn-v3
step 'instructions of the pure stages' "$(dirname "$SOTTO_BIN")/examples/instructions"
step 'unit and integration tests' scripts/postgres.sh cargo test --workspace --locked --quiet
if command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
    step 'the routes on PostgreSQL' env SOTTO_TEST_STORE=postgres scripts/postgres.sh \
        cargo test --locked --quiet --test integration -- http:: calls::kept::
fi
step 'page in a browser' web node test/browser.mjs
step 'vault in a browser' web node test/vault.mjs
step 'browsers call the server' web node test/e2e.mjs
step 'other stacks call the server' tests/peers/run.sh
step 'the API against its description' tests/peers/api.sh

skipped=$(grep -c '^SKIPPED' "$log" || true)
printf '\n%s s in all; skipped: %s\n' $((SECONDS - began)) "$skipped"
grep '^SKIPPED' "$log" | sort | uniq -c || true
