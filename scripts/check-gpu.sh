#!/usr/bin/env bash
# Whether Whisper writes the same with and without CUDA graphs on the GPU that is here, and how long a token takes.
#
#   scripts/check-gpu.sh              builds the tests (minutes, the first time) and runs that one
#   scripts/check-gpu.sh build FILE   only builds them, into FILE
#   scripts/check-gpu.sh FILE         only runs what was built so; nothing else of the checkout is needed
#
# It needs a GPU with 8 GiB, the driver and CUDA's libraries (scripts/cuda.sh libraries, LD_LIBRARY_PATH), and no
# weights: those of the test are from a formula.
set -euo pipefail
cd "$(dirname "$0")/.."

build() {
    scripts/cuda.sh test -p sotto --lib --no-run --message-format json |
        python3 -c 'import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("profile", {}).get("test") and message.get("executable"): print(message["executable"])'
}

case ${1:-} in
    build) cp "$(build)" "${2:?scripts/check-gpu.sh build FILE}" ;;
    *)
        tests=${1:-$(build)}
        "$tests" --ignored --nocapture pipeline::stt::whisper::on_gpu
        ;;
esac
