#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Questions on behalf of several users: they take turns, and nobody waits for a question of somebody else's but with one of his own.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/uids.sh"
[ "$(id -u)" = 0 ] || skip_all 'only root can be several users'
fixture people
busy=64102 quiet=64103
uids_programs
printf 'content\n' >"$T/content" && chmod 644 "$T/content"
log=$T/pinentry.d/log
configure "$(printf 'modules:\n  - {path: "%s", sessions: 1, deadline: 2s}\npin: {program: "%s", file: "%s"}\nrules:\n' "$DEMO_MODULE" "$T/pinentry" "$T/pin" && printf '  - %s\n' \
	"{name: busy, operation: [sign, list], client: {uid: $busy}, key: {address: alice@example.org}, outcome: ask}" \
	"{name: quiet asks, operation: [sign, list], client: {uid: $quiet}, key: {address: alice@example.org}, outcome: ask}" \
	"{name: quiet, operation: [sign, list], client: {uid: $quiet}, key: {address: bob@example.org}, outcome: allow}")"
printf '%s' "$DEMO_PIN" >"$T/pin" && chmod 400 "$T/pin" && chown $AGENT_UID "$T/pin"
answers "pin $DEMO_PIN"
uids_agent_start
cat >"$T/build/sign.py" <<'PY'
# Asks for signatures with a key by its hash, one after another; a count of those that were made.
import sys
from wire import *
c, made = Connection(sys.argv[1], 120).greet(), 0
for i in range(int(sys.argv[3])):
    _, kind, body = c.ask(sign(2, bytes.fromhex(sys.argv[2]), bytes([i]) * 32))
    made += kind == R_SIGN
print(made)
PY
cp "$SOURCE/tests/lib/wire.py" "$T/build/" && chmod 644 "$T/build"/*.py
hash_of() { openssl pkey -pubin -in "$T/$1.pub" -outform DER | sha256sum | cut -d' ' -f1; } # NAME
alice=$(hash_of alice) bob=$(hash_of bob)
sign_with() { as "$1" env PYTHONPATH="$T/build" python3 "$T/build/sign.py" "$SMIME_AGENT_SOCK" "$2" "${3:-1}"; } # UID KEY [COUNT]
prompts_are() { as $AGENT_UID smime status --json >"$T/status.json" && [ "$(json "$T/status.json" 'd["prompts"]')" = "$1" ]; } # COUNT
begin() { # NAME COMMAND...
	({ "${@:2}" >"$T/$1.new" 2>&1; mv "$T/$1.new" "$T/$1.out"; } 3>&- &)
}
outcome() { await test -e "$T/$1.out" && cat "$T/$1.out"; } # NAME

is 'a signature without a question' "$(sign_with $quiet "$bob")" 1
begin=${EPOCHREALTIME/./}
is 'twenty more' "$(sign_with $quiet "$bob" 20)" 20
before=$(((${EPOCHREALTIME/./} - begin) / 1000))
touch "$T/pinentry.d/wait" && chown $AGENT_UID "$T/pinentry.d/wait"
begin busy1 sign_with $busy "$alice"
holds 'a question of another user' await grep -q '^WAITS' "$log"
is 'while that waits, twenty more with the same token' "$(sign_with $quiet "$bob" 20)" 20
as_fast() { # Once is enough: what else the machine does holds up some of them, a question would do so each time.
	local begin=${EPOCHREALTIME/./}
	[ "$(sign_with $quiet "$bob" 20)" = 20 ] || return
	during=$(((${EPOCHREALTIME/./} - begin) / 1000))
	[ "$during" -lt $((2 * before + 200)) ]
}
if LIMIT=20 await as_fast; then pass 'in the same time'; else fail 'in the same time' "$during ms, $before ms before"; fi
note "twenty signatures take $before ms, and while somebody is asked on behalf of another user $during ms"

# With three questions before his, who asks once is the second.
begin busy2 sign_with $busy "$alice"
begin busy3 sign_with $busy "$alice"
holds 'two more of the same user' await prompts_are 3
begin quiet sign_with $quiet "$alice"
holds 'and one of somebody else' await prompts_are 4
as $AGENT_UID smime status >"$T/line"
is 'users take turns' "$(sed -n 's/.*(process \([0-9]*\)) asks to sign.*/\1/p' "$T/line" | while read -r pid; do stat -c %u "/proc/$pid"; done | tr '\n' ' ')" "$busy $quiet $busy $busy "
rm "$T/pinentry.d/wait"
is 'all get what somebody has agreed to' "$(outcome busy1) $(outcome busy2) $(outcome busy3) $(outcome quiet)" '1 1 1 1'
is 'in four questions' "$(grep -c '^CONFIRM$' "$log")" 4
done_testing
