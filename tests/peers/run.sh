#!/usr/bin/env bash
# WebRTC stacks of other people call the server.
#
#   tests/peers/run.sh
#
# SOTTO_BIN, SOTTO_SHARED and SOTTO_MODELS_DIR say where the program, the recordings and the models are; relative paths are
# meant from the repository's root. With SOTTO_TEST_STRICT=1 what would be skipped is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."

program=$(realpath -m "${SOTTO_BIN:-target/debug/sotto}")
shared=$(realpath -m "${SOTTO_SHARED:-../shared}")
models=$(realpath -m "${SOTTO_MODELS_DIR:-models}")
environment=.deps/venv
requirements=tests/peers/requirements.txt

skip() {
  echo "SKIPPED: a call from aiortc: $1"
  [ "${SOTTO_TEST_STRICT:-0}" != 1 ] || exit 1
  exit 0
}

# Not even strictly: whoever has no recordings cannot be asked for them.
[ -d "$shared" ] || SOTTO_TEST_STRICT=0 skip "there are no recordings at $shared (SOTTO_SHARED)"
if ! cmp -s "$requirements" "$environment/installed.txt"; then
  python3 -m venv "$environment" || skip "python3 cannot make a virtual environment (Debian: python3-venv)"
  "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" \
    || skip "its packages could not be installed"
  cp "$requirements" "$environment/installed.txt"
fi

folder=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" || true
  fi
  rm -rf "$folder"
}
trap finish EXIT
# A signal ends the script through the same door.
trap 'exit 130' INT TERM

# Nothing of the caller's own configuration applies.
for name in $(compgen -e SOTTO__ || true); do unset "$name"; done
unset SECRET_KEYS SECRET_KEY_FILE
SECRET_KEY=$("$program" keys new 2>/dev/null)
export SECRET_KEY
export SOTTO__SERVER__BIND=127.0.0.1:0 SOTTO__WEBRTC__UDP_PORT=0 SOTTO__MODELS__OFFLINE=true
export SOTTO__STT__ENGINE=whisper SOTTO__STT__MODEL="$shared/models/whisper-tiny.en-fixture"
export SOTTO__LLM__PROVIDER=echo SOTTO__TTS__ENGINE=command SOTTO__TTS__COMMAND__PROGRAM=espeak-ng
"$program" serve --data-dir "$folder/data" --models-dir "$models" >"$folder/log" 2>&1 &
server=$!

# Engines are loaded and measured first.
url=
for _ in $(seq 600); do
  url=$(sed -n 's/^ *page  *\(http[^ ]*\).*/\1/p' "$folder/log")
  [ -z "$url" ] && kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
if [ -z "$url" ]; then
  echo "the server did not start:"
  cat "$folder/log"
  exit 1
fi

if ! "$environment/bin/python" tests/peers/aiortc_call.py "$url" --shared "$shared"; then
  tail -n 40 "$folder/log"
  exit 1
fi
