#!/usr/bin/env bash
# Runs a command with a PostgreSQL of its own: scripts/postgres.sh COMMAND…
# Or makes one and leaves it running:         scripts/postgres.sh PORT   (prints its folder and how to control it)
#
# A server lives in a temporary folder, on loopback, and ends with the command. Its address is in SOTTO_TEST_POSTGRES;
# tests that take a server away make one of their own with SOTTO_TEST_POSTGRES_MAKE. Without PostgreSQL the command
# runs all the same, and its tests count as skipped.
set -euo pipefail

bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1 || true)
if [ ! -x "$bin/initdb" ]; then
    if ! command -v initdb >/dev/null; then exec "$@"; fi
    bin=$(dirname "$(command -v initdb)")
fi

# PostgreSQL refuses to run as root; its package makes a user for it.
owner=()
[ "$(id -u)" != 0 ] || owner=(setpriv --reuid=postgres --regid=postgres --clear-groups)

make_server() { # make_server FOLDER PORT
    [ ${#owner[@]} = 0 ] || chown postgres "$1"
    cd "$1"
    "${owner[@]}" "$bin/initdb" -D "$1/data" -U sotto -A trust -E UTF8 --no-sync >/dev/null
    # Durable as in earnest: some tests end whoever writes to it.
    cat >>"$1/data/postgresql.conf" <<EOF
listen_addresses = '127.0.0.1'
port = $2
unix_socket_directories = '$1'
max_connections = 200
EOF
    "${owner[@]}" "$bin/pg_ctl" -D "$1/data" -s -w -l "$1/log" start >/dev/null
}

folder=$(mktemp -d)
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    make_server "$folder" "$1"
    printf '%s\n%s\n' "$folder" "${owner[*]:+${owner[*]} }$bin/pg_ctl -D $folder/data -s -w -l $folder/log"
    exit
fi

stop() {
    (cd "$folder" && "${owner[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate -s stop) || true
    rm -rf "$folder"
}
trap stop EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(make_server "$folder" "$port")
SOTTO_TEST_POSTGRES_MAKE=$(realpath "$0")
export SOTTO_TEST_POSTGRES_MAKE SOTTO_TEST_POSTGRES="postgres://sotto@127.0.0.1:$port/postgres"
"$@"
