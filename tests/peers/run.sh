#!/usr/bin/env bash
# WebRTC stacks of other people call the server.
#
#   tests/peers/run.sh
#
# What the environment may say stands in server.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/peers/server.sh

what='a call from aiortc'
environment=.deps/venv

# Not even strictly: whoever has no recordings cannot be asked for them.
[ -d "$shared" ] || SOTTO_TEST_STRICT=0 skip "$what" "there are no recordings at $shared (SOTTO_SHARED)"
install_packages "$environment" tests/peers/requirements.txt "$what"
start_server SOTTO__STT__ENGINE=whisper SOTTO__STT__MODEL="$shared/models/whisper-tiny.en-fixture" \
  SOTTO__TTS__ENGINE=command SOTTO__TTS__COMMAND__PROGRAM=espeak-ng

if ! "$environment/bin/python" tests/peers/aiortc_call.py "$url" --shared "$shared"; then
  tail -n 40 "$folder/log"
  exit 1
fi
