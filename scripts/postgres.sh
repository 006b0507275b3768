#!/usr/bin/env bash
# Runs a command with a PostgreSQL of its own: scripts/postgres.sh COMMAND…
#
# The server lives in a temporary folder, on a socket and a free port of loopback, and ends with the command. Its
# address is in SOTTO_TEST_POSTGRES. Without PostgreSQL the command runs all the same, and its tests count as skipped.
set -euo pipefail

bin=$(find /usr/lib/postgresql /usr/local/pgsql /opt/homebrew/opt -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1 || true)
if ! command -v initdb >/dev/null && [ ! -x "$bin/initdb" ]; then
    exec "$@"
fi
[ -x "$bin/initdb" ] || bin=$(dirname "$(command -v initdb)")

folder=$(mktemp -d)
# PostgreSQL refuses to run as root; its package makes a user for it.
as_owner() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder"
    as_owner() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
fi
stop() {
    (cd "$folder" && as_owner "$bin/pg_ctl" -D "$folder/data" -m immediate -s stop) || true
    rm -rf "$folder"
}
trap stop EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(
    cd "$folder"
    as_owner "$bin/initdb" -D "$folder/data" -U sotto -A trust -E UTF8 --no-sync >/dev/null
    # Durable as in earnest: some tests end the server while it writes.
    as_owner "$bin/pg_ctl" -D "$folder/data" -s -w -l "$folder/log" \
        -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$folder -c max_connections=200" start
)
export SOTTO_TEST_POSTGRES="postgres://sotto@127.0.0.1:$port/postgres"
export SOTTO_TEST_POSTGRES_CTL="$bin/pg_ctl -D $folder/data"
"$@"
