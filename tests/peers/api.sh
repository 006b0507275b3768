#!/usr/bin/env bash
# The API is asked for everything that its own description allows, and for much that it does not: nothing may be a failure of
# the server's.
#
#   tests/peers/api.sh
#
# What the environment may say stands in server.sh; SOTTO_API_SECONDS is the time that each of the three runs is given.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/peers/server.sh

what='the API against its description'
environment=.deps/venv-api
seconds=${SOTTO_API_SECONDS:-15}
SEED=20260

install_packages "$environment" tests/peers/requirements-api.txt "$what"
# More is asked here in a second than people ask in a minute.
start_server SOTTO__LIMITS__{REQUESTS_PER_MINUTE__{PERSON,ADDRESS,GLOBAL},SIGN_INS_PER_MINUTE}=1000000

# Somebody with an account, a token, a conversation, and a vault so that there can be private ones.
jar=$folder/cookies
ask() { # ask METHOD PATH [JSON]
  curl --silent --show-error --fail --noproxy '*' --request "$1" "$url/api/v1/$2" --header "Cookie: $(cat "$jar" 2>/dev/null || true)" \
    --header "X-CSRF-Token: ${proof:-}" --header 'Content-Type: application/json' --dump-header "$folder/headers" ${3:+--data "$3"}
  # The cookie is for HTTPS, which loopback needs only in the eyes of curl.
  sed -n 's/^set-cookie: \(__Host-[^;]*\).*/\1/p' "$folder/headers" | tail -n 1 >"$folder/cookie"
  [ ! -s "$folder/cookie" ] || cp "$folder/cookie" "$jar"
}
field() { "$environment/bin/python" -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }

ask GET csrf >"$folder/answer" && proof=$(field token <"$folder/answer")
ask POST sign-up '{"name":"tester","password":"a long password"}' >"$folder/answer" && proof=$(field csrf <"$folder/answer")
token=$(ask POST tokens '{"label":"tests","scopes":["chats"]}' | field token)
conversation=$(ask POST conversations '{"tier":"standard"}' | field id)
some=$(printf '%032d' 0 | base64)
ask PUT vault "{\"identity\":{\"public\":\"$some\",\"wrapped\":\"$some\"},\"slots\":[{\"id\":\"slot_1\",\"kind\":\"passphrase\"},{\"id\":\"slot_2\",\"kind\":\"recovery\"}]}"

run() { # run NAME MUST_SUCCEED OPTION…: what is asked for is the same each time
  local name=$1 must=$2
  shift 2
  echo "-- $name"
  (cd "$folder" && NO_PROXY='*' PYTHONPATH="$hooks" PYTHONDONTWRITEBYTECODE=1 SCHEMATHESIS_HOOKS=api_hooks SOTTO_API_MUST_SUCCEED=$must \
    "$program_api" --config-file "$folder/$name.toml" run "$url/api/v1/openapi.json" \
    --checks not_a_server_error --seed "$SEED" --max-time "$seconds" --request-timeout 30 --workers 2 --warnings off \
    --continue-on-failure --generation-database none --generation-with-security-parameters false --no-color "$@") \
    2>&1 | tee "$folder/told" | sed -n '/= FAILURES =/,$p;/= ERRORS =/,$p;/= SUMMARY =/,$p' || failed=1
  ! grep -q 'NEVER ANSWERED' "$folder/told" || failed=1
}
program_api=$PWD/$environment/bin/schemathesis
hooks=$PWD/tests/peers
failed=0
: >"$folder/cookie.toml"
: >"$folder/people.toml"
# The ids that it makes up lead nowhere; here all of them lead to a conversation that is there.
printf '[parameters]\n"path.id" = "%s"\n' "$conversation" >"$folder/token.toml"

# First the ones that delete no conversation. What ends the session itself is left to other tests.
people='^/api/v1/(me|logins|login|sign-up|guest|tokens)'
by_cookie=(--header "Cookie: $(cat "$jar")" --header "X-CSRF-Token: $proof")
run token 'POST /api/v1/conversations/{id}/messages,PATCH /api/v1/conversations/{id},POST /api/v1/import,GET /api/v1/search' \
  --header "Authorization: Bearer $token" --phases examples,coverage,fuzzing --exclude-method DELETE
run people 'PATCH /api/v1/me,POST /api/v1/tokens,GET /api/v1/logins' "${by_cookie[@]}" \
  --include-path-regex "$people" --exclude-method DELETE
run cookie 'POST /api/v1/conversations,DELETE /api/v1/conversations/{id}' "${by_cookie[@]}" \
  --exclude-path-regex "$people|^/api/v1/logout"

grep -E 'ERROR|panicked' "$folder/log" | head -n 20 && failed=1
kill -0 "$server" || failed=1
exit "$failed"
