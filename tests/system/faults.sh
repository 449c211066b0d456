#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Modules that hang, crash and fail: others stay quick, everybody gets an answer, and all is well again when the module is.
. "$(dirname "$0")/../lib/lib.sh"

fixture people wide
mail alice@example.org bob@example.org >"$T/mail"
faulty=$SMIME_BUILD/tests/module/faulty-module.so
export FAULTY_CONTROL=$T/control PYTHONPATH=$SOURCE/tests/lib
sick() { printf '%s\n' "$@" >"$FAULTY_CONTROL.new" && mv "$FAULTY_CONTROL.new" "$FAULTY_CONTROL"; } # COMMAND...; see the module
well() { sick ''; }
loads() { wc -l <"$FAULTY_CONTROL.log"; }
sign() { smime sign -k alice@example.org -i "$T/mail" -o "$T/signed"; }

# What the agent holds, as it says itself.
held() { smime status --json >"$T/held.json" && json "$T/held.json" "$1"; }
queued() { [ "$(held 'sum(t["queued"] for t in d["tokens"])')" = "$1" ]; }
asked() { [ "$(prompts)" -ge "$1" ]; } # COUNT: so many prompts were shown

# Both modules see the same tokens; a key belongs to the module that is configured first.
modules() { # PATH:KEYS...
	local module
	printf 'environment: [FAULTY_CONTROL]\nmodules:\n'
	for module in "$@"; do printf '  - {path: "%s"%s}\n' "${module%%:*}" "${module#*:}"; done
}
within() { # DESCRIPTION MILLISECONDS CODE COMMAND...
	local description=$1 limit=$2 begin=${EPOCHREALTIME/./} took
	check "$description" "${@:3}"
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	if [ "$took" -le "$limit" ]; then pass "$description: in time"; else fail "$description: in time" "$took ms"; fi
}

# Of a command that may as well be given again the quickest of three counts: what the machine did just then it does not do three times.
quick() { # DESCRIPTION MILLISECONDS COMMAND...
	local begin took
	for _ in 1 2 3; do
		begin=${EPOCHREALTIME/./}
		check "$1" 0 "${@:3}"
		took=$(((${EPOCHREALTIME/./} - begin) / 1000))
		[ "$took" -gt "$2" ] || break
	done
	if [ "$took" -le "$2" ]; then pass "$1: in time"; else fail "$1: in time" "$took ms"; fi
}

# A module that hangs when its token is opened, beside one that is well.
sick 'C_OpenSession hang'
configure "$(modules "$DEMO_MODULE:" "$faulty:")"
agent_start
within 'a signature soon after the start' 10000 0 sign
quick 'a second one beside a module that hangs' 4000 sign
sleep 1
quick 'a third' 4000 sign
check 'status' 0 smime status
prints 'tells that something is still being started' 'starting'
agent_stop

# One that gives no session, which is what libp11 waits for without an end.
sick 'C_OpenSession fails b1'
configure "$(modules "$faulty:")"
answers "pin $DEMO_PIN"
agent_start
within 'without a session to be had' 15000 4 sign
check 'status' 0 smime status
prints 'names the call that fails' 'C_OpenSession'
well
within 'a token that works again is used soon' 15000 0 await sign
agent_stop

# Several sessions: as many operations at a time, each of which takes a second here, or so much longer that a busy machine does not matter.
for sessions in 1 4; do
	well
	configure "$(modules "$faulty:, sessions: $sessions")"
	answers "pin $DEMO_PIN"
	agent_start
	check "with sessions: $sessions, unlocked" 0 smime unlock demo
	sick "C_Sign slow $((1000 * sessions))"
	begin=${EPOCHREALTIME/./} signing=()
	for i in 1 2 3 4; do smime sign -k alice@example.org -i "$T/mail" -o "$T/signed-$i" & signing+=("$!"); done
	for pid in "${signing[@]}"; do wait "$pid" || fail "a signature with sessions: $sessions"; done
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	well
	agent_stop
	note "four signatures with sessions: $sessions took $took ms"
	if [ $sessions = 1 ]; then
		holds 'one after the other' [ "$took" -ge 4000 ]
	else
		holds 'all at a time' [ "$took" -lt 12000 ]
	fi
done

# An operation that hangs: the deadline ends it, and another process takes over.
configure "$(modules "$faulty:, deadline: 3s, sessions: 2")"
answers "pin $DEMO_PIN"
agent_start
check 'unlock' 0 await smime unlock demo
sick 'C_Sign hang'
within 'a signature that hangs' 15000 4 sign
says 'is said not to have come in time' 'did not answer in time'
sick 'C_OpenSession hang'
check 'lock' 0 smime lock
within 'a token that hangs while it is opened' 15000 4 sign
says 'is named so' 'did not answer in time'
well
within 'afterwards' 15000 0 await sign

# While somebody types no deadline runs, for whomever the prompt is.
smime lock
answers "late 4.2 pin $DEMO_PIN"
sign & first=$!
await asked 1
smime sign -k bob@example.org -i "$T/mail" -o "$T/signed-bob" 2>"$T/second.err" & second=$!
if wait $first; then pass 'a prompt may stay open longer than the deadline'; else fail 'a prompt may stay open longer than the deadline'; fi
if wait $second; then pass 'and does not end who waits for it'; else fail 'and does not end who waits for it' "$(cat "$T/second.err")"; fi
is 'one prompt served both' "$(prompts)" 1

# Whoever has gone is asked for nothing.
smime lock
answers 'until gone cancel'
sign 2>/dev/null & first=$!
await asked 1
cat >"$T/leave.py" <<'END'
import sys
from wire import *
connection = Connection(sys.argv[1]).greet()
connection.send(unlock_token(2, sys.argv[2]))
print(await_queued(Connection(sys.argv[1]).greet(), 2))
END
smime status --json >"$T/status.json"
is 'a second order waits for the prompt' \
	"$(python3 "$T/leave.py" "$SMIME_AGENT_SOCK" "$(json "$T/status.json" 'next(t["id"] for t in d["tokens"] if t["label"] == "demo")')" 2>&1)" 2
alone() { [ "$(held 'd["clients"]')" -le 2 ]; } # who signs, and who asks
holds 'its client goes' await alone
: >"$T/pinentry.d/gone"
wait $first
holds 'nothing is left to do' await queued 0
is 'no prompt appears for a client that has gone' "$(prompts)" 1
agent_stop

# Requests that wait for the tokens go on in the order they came.
sick 'C_Initialize slow 150'
configure "$(modules "$faulty:")"
agent_start
cat >"$T/order.py" <<'END'
import sys
from wire import *
connection = Connection(sys.argv[1]).greet()
connection.send_raw(b''.join(frame(listing(i)) for i in range(10, 15)))
print(*(connection.receive()[0] for _ in range(5)))
END
is 'what waits for the tokens is answered in order' "$(python3 "$T/order.py" "$SMIME_AGENT_SOCK" 2>&1)" '10 11 12 13 14'
agent_stop

# A process that dies at every order is not started for every one of them.
sick 'C_Sign crash'
configure "$(modules "$faulty:")"
answers "pin $DEMO_PIN"
agent_start
smime keys >/dev/null
before=$(loads)
begin=$SECONDS
while [ $((SECONDS - begin)) -lt 2 ]; do sign 2>>"$T/crash.err"; done
like 'every one is told' "$(sort -u "$T/crash.err")" 'ended unexpectedly'
took=$((SECONDS - begin)) count=$(($(loads) - before))
if [ $count -le $((3 + 2 * took)) ]; then pass 'a crash at every order is backed off from'; else fail 'a crash at every order is backed off from' "$count processes in $took s"; fi
well
within 'then it is used again' 15000 0 await sign

# A token that is pulled out comes back. However soon that is, the first who asks then is served.
sick 'C_Sign fails 32' 'hide demo'
check 'a token that is pulled out' 4 sign
check 'stays away' 4 sign
well
within 'and is used again once it is back' 15000 0 sign
sick 'C_Sign fails 32' 'hide demo'
check 'pulled out again' 4 sign
well
within 'it is used at once when it is back at once' 15000 0 sign
agent_stop

# A second token of a module that takes its time is waited for as long as that module takes.
sick 'C_Initialize slow 1000' 'hide wide'
agent_start
check 'a token of a module that takes a second' 0 sign
sick 'C_Initialize slow 1000'
sleep 2 # so long what was found is not looked for again
within 'another token of it is found by the first who asks' 25000 0 smime sign -k p521@example.org -i "$T/mail" -o "$T/signed"
agent_stop

# The PIN is forgotten in time though it is used without a pause; a token that comes later is found.
sick 'hide wide' 'C_Sign slow 150'
configure "$(modules "$faulty:")
$(printf 'pin:\n  program: "%s"\n  idle: 1h\n  max: 1s\n' "$T/pinentry")"
answers "pin $DEMO_PIN"
agent_start
unlike 'a token that is not there' "$(smime keys)" 'p521'
load=()
for who in alice bob alice; do
	mail "$who@example.org" bob@example.org >"$T/mail-$who"
	(while [ ! -e "$T/enough" ]; do smime sign -k $who@example.org -i "$T/mail-$who" -o "$T/signed-$BASHPID"; done) 2>>"$T/load.err" &
	load+=("$!")
done
await asked 1
sick 'C_Sign slow 150'
await asked 3
: >"$T/enough"
wait "${load[@]}"
if [ "$(prompts)" -ge 3 ]; then pass 'pin: max holds under load'; else fail 'pin: max holds under load' "$(prompts) prompts"; fi
is 'and no request is lost over it' "$(cat "$T/load.err")" ''
# Not by who asks less than two seconds after somebody else.
lists() { smime keys >"$T/out" && grep -q p521 "$T/out"; }
holds 'a token that came later is found' await lists
agent_stop

# A token that wants no login has no PIN to forget.
sick no-login
configure "$(modules "$faulty:")
$(printf 'pin:\n  program: "%s"\n  idle: 1s\n' "$T/pinentry")"
agent_start
check 'keys' 0 smime keys
smime status --json >"$T/status.json"
tokens=$(json "$T/status.json" 'len(d["tokens"])')
each_has_one() { serving=$(token_processes) && [ "$(wc -l <<<"$serving")" = "$tokens" ]; } # and nobody looks for tokens at that moment
holds 'tokens without a login have a process each' await each_has_one
before=$serving
sleep 1.6
await each_has_one
is 'which is left alone' "$serving" "$before"
agent_stop

# What waits is bounded in octets.
well
configure "$(modules "$faulty:")"
answers hang
agent_start
await smime keys >/dev/null
smime unlock demo 2>/dev/null & first=$!
await grep -q HANGS "$T/pinentry.d/log"
cat >"$T/pile.py" <<'END'
import selectors, sys
from wire import *
LIMIT = 8 << 20
watch = Connection(sys.argv[1]).greet()
held = [Connection(sys.argv[1]).greet() for _ in range(40)]
key = next(key for key, label in keys(watch) if label == 'alice') # of the token whose prompt hangs
order = lambda number: request(number, DECRYPT, sequence(octets(key), oid(ENVELOPED), sequence(oid(AES256_CBC), octets(b'p' * 30000)), octets(b'r' * 16000)))
size = len(order(10))
for connection in held:
    connection.send_raw(b''.join(frame(order(10 + i)) for i in range(15)))
ready = selectors.DefaultSelector()
for connection in held:
    ready.register(connection.socket, selectors.EVENT_READ, connection)
others, busy, waiting, limit = [], 0, 0, time.monotonic() + 60
while busy + waiting < 601 and not others and time.monotonic() < limit:
    for found, _ in ready.select(0.2):
        _, kind, body = found.data.receive()
        code = error_code(body) if kind == ERROR else 'answer %d' % kind
        busy += code == 803
        others += [code] if code != 803 else []
    waiting = queued(watch)
print('all' if busy + waiting == 601 and not others else (busy, waiting, others), LIMIT * 0.8 < waiting * size < LIMIT * 1.01)
END
# The unlock is one of them.
is 'a queue over its limit is busy, up to it nobody is' "$(python3 "$T/pile.py" "$SMIME_AGENT_SOCK" 2>&1)" 'all True'
kill $first
wait $first
agent_stop

# A status too long for a frame.
long=$(head -c 900 /dev/zero | tr '\0' x)
mapfile -t paths < <(printf "/nonexistent/$long-%s:\n" {1..64})
configure "$(modules "${paths[@]}")"
agent_start
check 'a status that is too long for one answer' 0 timeout 20 smime status
like 'tells of as many modules as fit' "$(grep -c '^module' "$T/out")" '^[1-5][0-9]$'
agent_stop
done_testing
