# Read by the scripts beside it: a server of their own, and an environment of Python packages.
#
# SOTTO_BIN, SOTTO_SHARED and SOTTO_MODELS_DIR say where the program, the recordings and the models are; relative paths are
# meant from the repository's root. With SOTTO_TEST_STRICT=1 what would be skipped is a failure.

program=$(realpath -m "${SOTTO_BIN:-target/debug/sotto}")
shared=$(realpath -m "${SOTTO_SHARED:-../shared}")
models=$(realpath -m "${SOTTO_MODELS_DIR:-models}")

skip() { # skip WHAT WHY
  echo "SKIPPED: $1: $2"
  [ "${SOTTO_TEST_STRICT:-0}" != 1 ] || exit 1
  exit 0
}

install_packages() { # install_packages FOLDER REQUIREMENTS WHAT
  cmp -s "$2" "$1/installed.txt" && return
  python3 -m venv "$1" || skip "$3" "python3 cannot make a virtual environment (Debian: python3-venv)"
  "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2" || skip "$3" "its packages could not be installed"
  cp "$2" "$1/installed.txt"
}

folder=$(mktemp -d)
server=
url=
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

# Starts one, with what is set on the command line beside what every one has: start_server NAME=VALUE…
start_server() {
  # Nothing of the caller's own configuration applies.
  local name
  for name in $(compgen -e SOTTO__ || true); do unset "$name"; done
  unset SECRET_KEYS SECRET_KEY_FILE
  SECRET_KEY=$("$program" keys new 2>/dev/null)
  export SECRET_KEY
  # Before anybody looks into it.
  : >"$folder/log"
  env SOTTO__SERVER__BIND=127.0.0.1:0 SOTTO__WEBRTC__UDP_PORT=0 SOTTO__MODELS__OFFLINE=true SOTTO__LLM__PROVIDER=echo "$@" \
    "$program" serve --data-dir "$folder/data" --models-dir "$models" >>"$folder/log" 2>&1 &
  server=$!

  # Engines are loaded and measured first.
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
}
