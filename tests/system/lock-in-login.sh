#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A token that is locked, or an agent that ends, while a module logs in or sets a PIN: what the module is writing it writes to its end, and nobody waits for one that has none.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
printf 'content\n' >"$T/content"
export FAULTY_CONTROL=$T/control PYTHONPATH=$SOURCE/tests/lib
cp -R "$T/tokens" "$T/kept"
sick() { printf '%s\n' ledger trace "$@" >"$FAULTY_CONTROL.new" && mv "$FAULTY_CONTROL.new" "$FAULTY_CONTROL"; } # COMMAND...
ms() { date +%s%3N; }
fresh() { # COMMAND...: another agent, with the tokens as they were
	agent_stop >/dev/null
	rm -rf "$T/tokens" "$FAULTY_CONTROL.go" && cp -R "$T/kept" "$T/tokens"
	sick "$@"
	: >"$FAULTY_CONTROL.log"
	answers "pin $DEMO_PIN"
	agent_start
}
configure "$(printf 'environment: [FAULTY_CONTROL]\nmodules: [{path: "%s"}]\n' "$SMIME_BUILD/tests/module/faulty-module.so")"
sign() { smime sign --cms --detached -k alice@example.org -i "$T/content" -o "$T/signature"; }

# ---- A module that is in a function until $FAULTY_CONTROL.go is there ----

# A token process gives its module 400 ms for that, so the file has to be there in time; and a lock that comes before or behind the
# function proves nothing. Whatever is late on a machine that is busy is done once more.
in_login() { fresh wait@C_Login && begin C_Login sign; }
in_change() {
	fresh && smime unlock && sick wait@C_SetPIN && answers "pin $DEMO_PIN" 'pin 654321' 'pin 654321' && begin C_SetPIN smime pin change
}
in_hang() { fresh 'C_Login hang' && begin C_Login sign; }
begin() { # FUNCTION COMMAND...: in the background, until the module is in the function; $waiting is who waits
	"${@:2}" >"$T/out" 2>"$T/err" 3>&- &
	waiting=$!
	await grep -q "^$1" "$FAULTY_CONTROL.log" || fail "$1 is under way"
}

cat >"$T/lock.py" <<'END'
import sys
from wire import *
connection = Connection(sys.argv[1]).greet()
locks = range(10, 10 + int(sys.argv[3]))
answers, begin = {}, time.monotonic()
def take():
    number, kind, _ = connection.receive()
    answers[number] = kind
connection.send_raw(b''.join(map(frame, [*map(lock, locks), status(2)])))
while 2 not in answers: # the locks are under way then
    take()
time.sleep(0.15) # so that the token process has heard of them
if sys.argv[4:]:
    connection.send(unlock(3)) # and the status shows that the agent has dealt with it
    locks = [*locks, 3]
    connection.send(status(4))
    while 4 not in answers:
        take()
open(sys.argv[2], 'w').close()
late = time.monotonic() - begin
while not answers.keys() >= set(locks):
    take()
print('%d %d %s' % (late * 1000, (time.monotonic() - begin) * 1000, all(answers[number] == R_DONE for number in locks if number >= 10)))
END
locked() { # DESCRIPTION HOW LOCKS [unlock]: $result is the exit code of who waited; `unlock`: that is asked for meanwhile
	local late took answered
	for _ in 1 2 3 4 5; do
		"$2"
		read -r late took answered < <(python3 "$T/lock.py" "$SMIME_AGENT_SOCK" "$FAULTY_CONTROL.go" "${@:3}")
		wait "$waiting"
		result=$?
		[ "${late:-0}" -ge 350 ] || [ "${took:-0}" -ge 1000 ] || break
		note "$1: once more: the module could go on after $late ms, the lock was there after $took ms"
	done
	is "$1: is locked" "$answered" True
	holds "$1: at once" [ "${took:-9999}" -lt 1000 ]
}
comes_to_its_end() {
	fails 'who waited gets no signature' [ "$result" = 0 ]
	holds 'the login came to its end' grep -q '^login 1 0$' "$FAULTY_CONTROL.log"
}

locked 'a token that logs in' in_login 1
comes_to_its_end
sick
check 'the token is whole' 0 smime unlock
check 'and signs' 0 sign

locked 'a token that changes its PIN' in_change 1
sick
answers 'pin 654321'
check 'the new PIN is the one that holds' 0 smime unlock

# As the screen that is locked and the machine that goes to sleep do it.
locked 'a token that is locked twice while it logs in' in_login 2
comes_to_its_end

# Of a token that works at several orders at once the process could have one more.
configure "$(printf 'environment: [FAULTY_CONTROL]\nmodules: [{path: "%s", sessions: 4}]\n' "$SMIME_BUILD/tests/module/faulty-module.so")"
locked 'a token that is asked for something else while it is locked' in_login 1 unlock
comes_to_its_end

# The agent listens no more before it ends its token processes.
go_on() {
	local now listened
	while now=$(ms) && agent_listens; do listened=$now && sleep 0.01; done
	sleep 0.15
	: >"$FAULTY_CONTROL.go"
	printf '%d\n' $(($(ms) - listened)) >"$T/late"
}
for _ in 1 2 3 4 5; do
	in_login
	go_on & going=$!
	agent_stop
	wait "$waiting"
	result=$?
	wait "$going"
	[ "$(cat "$T/late")" -ge 350 ] || break
	note "once more: the module could go on after $(cat "$T/late") ms"
done
comes_to_its_end

# ---- A module that stays in it ----

for _ in 1 2 3; do
	in_hang
	asked=$(ms)
	run smime lock
	took=$(($(ms) - asked))
	wait "$waiting"
	result=$?
	[ "$took" -ge 2000 ] || break
done
is 'a token that hangs: is locked' "$code" 0
holds 'a token that hangs: at once' [ "$took" -lt 2000 ]
fails 'who waited for it is told' [ "$result" = 0 ]
done_testing
