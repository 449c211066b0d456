#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who may neither use nor see a key is told the same, and as late, whether or not it is there; so of tokens.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/uids.sh"
[ "$(id -u)" = 0 ] || skip_all 'only root can be several users'
fixture people
fixture wide
one=64102 two=64103
uids_programs
configure "$(printf 'pin: {program: "%s", file: "%s"}\nrules:\n' "$T/pinentry" "$T/pin" && printf '  - %s\n' \
	"{name: one, operation: [sign, list], client: {uid: $one}, key: {address: alice@example.org}, outcome: allow}" \
	"{name: not bob, operation: [sign], client: {uid: $one}, key: {address: bob@example.org}, text: not with the key of bob, outcome: deny}" \
	"{name: seen, operation: [list], client: {uid: $two}, outcome: allow}" \
	"{name: not even seen, operation: [sign], client: {uid: $two}, text: look and do not touch, outcome: deny}" \
	"{name: token, operation: [unlock], client: {uid: $one}, key: {token: demo}, outcome: allow}")"
printf '%s' "$DEMO_PIN" >"$T/pin" && chmod 400 "$T/pin" && chown $AGENT_UID "$T/pin"
uids_agent_start
cat >"$T/build/raw.py" <<'PY'
# raw.py SOCKET PAUSE WHAT HEX...: asks for each, after a pause of so many seconds, and prints the code, the milliseconds and the text of what comes back.
import sys, time
from wire import *
kinds = {R_SIGN: 'signed', R_DONE: 'done'}
make = {'sign': lambda name: sign(2, bytes.fromhex(name), bytes(32)), 'unlock': lambda name: unlock_token(2, name) if name != '-' else unlock(2),
        'lock': lambda name: lock_token(2, name) if name != '-' else lock(2)}[sys.argv[3]]
c = Connection(sys.argv[1]).greet()
for name in sys.argv[4:]:
    time.sleep(float(sys.argv[2]))
    begin = time.monotonic()
    _, kind, body = c.ask(make(name))
    took = round((time.monotonic() - begin) * 1000)
    print(error_code(body) if kind == ERROR else kinds[kind], took, error_text(body) if kind == ERROR else '')
PY
cp "$SOURCE/tests/lib/wire.py" "$T/build/" && chmod 644 "$T/build"/*.py
raw() { as "$1" env PYTHONPATH="$T/build" python3 "$T/build/raw.py" "$SMIME_AGENT_SOCK" "${@:2}"; } # UID PAUSE WHAT HEX...
answer() { raw "$1" 0 "${@:2}" | cut -d' ' -f1,3-; } # UID WHAT HEX
hash_of() { openssl pkey -pubin -in "$T/$1.pub" -outform DER | sha256sum | cut -d' ' -f1; } # NAME
code() { sed -nE "s/.*SMIME_E_$1 = ([0-9]+).*/\\1/p" "$SOURCE/include/smime/error.h"; } # NAME
alice=$(hash_of alice) bob=$(hash_of bob) nobody=$(printf nobody | sha256sum | cut -d' ' -f1)
denied=$(code DENIED)

# ---- Keys ----

is 'who is named uses his key' "$(answer $one sign "$alice" | cut -d' ' -f1)" signed
present=$(answer $one sign "$bob")
like 'a key that is not for him' "$present" "^$denied the policy does not allow it, or no token that is present has the key"
is 'is one that is not there' "$present" "$(answer $one sign "$nobody")"
present=$(answer $two sign "$bob")
is 'who sees all keys and may use none is told his rule' "${present%% (*}" "$denied the policy does not allow it: look and do not touch"
is 'and which are not there' "$(answer $two sign "$nobody" | cut -d' ' -f1)" "$(code NO_KEY)"
is 'as the own user is' "$(raw $AGENT_UID 0 sign "$nobody" | cut -d' ' -f1)" "$(code NO_KEY)"
audit=$T/state/audit/audit.jsonl
rules() { python3 -c 'import json, sys; print([r["rule"].split(",")[0] for r in map(json.loads, open(sys.argv[1])) if r["kind"] == "denied" and r.get("key") == sys.argv[2]])' "$audit" "$1"; } # KEY
is 'the log knows by which rule' "$(rules "$bob")" "['not bob', 'not even seen']"

# When tokens were looked for a while ago they are looked for again, for the one as for the other.
# What a busy machine adds is another time each time, and less in the middle of more of them.
middle() { awk -v from="$1" 'NR % 2 == from { print $2 }' "$T/times" | sort -n | awk '{ times[NR] = $1 } END { print times[int((NR + 1) / 2)] }'; } # 1 or 0: of every other line
: >"$T/times"
for _ in 1 2 3 4 5; do
	raw $one 2.3 sign "$bob" "$nobody" "$bob" "$nobody" "$bob" "$nobody" >>"$T/times"
	there=$(middle 1) away=$(middle 0)
	[ $((there - away)) -ge 30 ] || [ $((away - there)) -ge 30 ] || break
done
note "that of a key that is there takes $there ms, that of one that is not $away ms"
if [ $((there - away)) -lt 30 ] && [ $((away - there)) -lt 30 ]; then pass 'and it takes the same time'; else fail 'and it takes the same time' "$(cat "$T/times")"; fi
is 'all are denied' "$(cut -d' ' -f1 "$T/times" | sort -u)" "$denied"

# ---- Tokens ----

as $AGENT_UID smime status --json >"$T/status.json"
token() { json "$T/status.json" "[t['id'] for t in d['tokens'] if t['label'] == '$1'][0]"; } # LABEL
is 'a token that is his to unlock' "$(answer $one unlock "$(token demo)" | cut -d' ' -f1)" 'done'
present=$(answer $one unlock "$(token wide)")
like 'one that is not' "$present" "^$denied the policy does not allow it, or no such token is present"
is 'is one that is not there, too' "$present" "$(answer $one unlock "$nobody")"
is 'nor does it lock' "$(answer $one lock "$(token wide)")" "$(answer $one lock "$nobody")"
is 'without a name there is one for him' "$(answer $one unlock - | cut -d' ' -f1)" 'done'
is 'and for the own user there are two' "$(raw $AGENT_UID 0 unlock - | cut -d' ' -f1)" "$(code KEY_AMBIGUOUS)"
done_testing
