#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Tokens that come and go where there is no pcscd: a module that tells of it, and one that has to be looked into.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
mail alice@example.org bob@example.org >"$T/mail"
export FAULTY_CONTROL=$T/control
# What the module does from now on, which it may read at any moment.
does() { printf '%s\n' "$@" >"$FAULTY_CONTROL.new" && mv "$FAULTY_CONTROL.new" "$FAULTY_CONTROL"; } # LINE...
told() { [ "$(grep -c "\"$1\"" "$T/events")" = "$2" ]; } # EVENT COUNT
following() { pgrep -P "$(pgrep -P "$agent_pid" -x smime-spawner)" -x smime-follow; }
watch() {
	smime watch --json >"$T/events" 2>/dev/null &
	started+=("$!")
	disown "$!"
	holds 'somebody watches' await grep -q '"watching"' "$T/events"
}

does waits 'hide demo'
configure "$(printf 'environment: ["FAULTY_*"]\nmodules: [{path: "%s"}]' "$SMIME_BUILD/tests/module/faulty-module.so")"
export PCSCLITE_CSOCK_NAME=$T/no-pcscd
agent_start
watch
check 'the status' 0 smime status
unlike 'has nothing on pcscd, which nobody misses' "$(cat "$T/out")" pcscd
check 'the token is not there' 4 smime sign -i "$T/mail" -o "$T/signed"
# At any moment from here on, whether or not it waits already.
holds 'a process waits in C_WaitForSlotEvent' await following
does waits
: >"$FAULTY_CONTROL.event"
holds 'a token that comes is told of without anybody asking' await told token-in 1
check 'and works' 0 smime sign -i "$T/mail" -o "$T/signed"
does waits 'hide demo'
: >"$FAULTY_CONTROL.event"
holds 'a token that goes as well' await told token-out 1
check 'keys' 0 smime keys
says 'does not list it' 'no key'
does waits
: >"$FAULTY_CONTROL.event"
holds 'when it is back it is told of again' await told token-in 2
check 'and works again' 0 smime sign -i "$T/mail" -o "$T/signed"
is 'with its PIN asked anew' "$(prompts)" 2

# What happens while the module is looked into is not missed.
does waits 'hide demo'
: >"$FAULTY_CONTROL.event"
holds 'it goes once more' await told token-out 2
does waits 'hide demo' 'wait@C_GetSlotInfo'
: >"$FAULTY_CONTROL.event"
holds 'something else happens: the module is looked into' await grep -q waits "$FAULTY_CONTROL.log"
does waits
: >"$FAULTY_CONTROL.event"
holds 'the token comes meanwhile' await eval '[ ! -e "$FAULTY_CONTROL.event" ]'
: >"$FAULTY_CONTROL.go"
holds 'and is told of' await told token-in 3
agent_stop

# A module without C_WaitForSlotEvent is looked into when somebody asks, and every 15 seconds.
does 'hide demo'
agent_start
watch
follows_no_more() { ! following; }
holds 'who asks whether he can wait ends' await follows_no_more
fails 'nobody waits' following
does ''
LIMIT=250 holds 'a token is found without anybody asking' await told token-in 1
does 'hide demo'
LIMIT=250 holds 'and is missed without anybody asking' await told token-out 1
does ''
check 'who asks has it at once' 0 smime sign -i "$T/mail" -o "$T/signed"
agent_stop

# What was wrong with a module is said until a look into it has another result, and not only between two looks.
does 'C_GetSlotList fails 30'
configure "$(printf 'environment: ["FAULTY_*"]\nmodules: [{path: "%s"}, {path: "%s"}]' "$SMIME_BUILD/tests/module/faulty-module.so" "$DEMO_MODULE")"
agent_start
module_fault() { smime status --json >"$T/status" && json "$T/status" 'd["modules"][0]["fault"]'; }
is_at_fault() { [ -n "$(module_fault)" ]; }
is_well() { [ -z "$(module_fault)" ]; }
looks() { smime status >"$T/out" && grep -q waits "$FAULTY_CONTROL.log"; }
rm -f "$FAULTY_CONTROL.go" "$FAULTY_CONTROL.log"
holds 'a module that fails: the status says how' await is_at_fault
does 'wait@C_GetSlotList'
holds 'it is looked into again' await looks
check 'the status meanwhile' 0 smime status
prints 'still says how it failed' "can't list its slots"
does ''
: >"$FAULTY_CONTROL.go"
holds 'it is well, and the status says nothing any more' await is_well
agent_stop

# What is initialised twice says so in its log at every look.
does 'C_Initialize count'
rm "$FAULTY_CONTROL.log"
configure "$(printf 'environment: ["FAULTY_*"]\nmodules: [{path: "%s"}]' "$SMIME_BUILD/tests/module/faulty-module.so")"
agent_start
check 'a module is looked into and used' 0 smime sign -i "$T/mail" -o "$T/signed"
agent_stop
holds 'by more than one process' [ "$(grep -c '^[0-9]' "$FAULTY_CONTROL.log")" -ge 2 ]
is 'each of which has initialised it once' "$(grep -c '^C_Initialize$' "$FAULTY_CONTROL.log")" "$(grep -c '^[0-9]' "$FAULTY_CONTROL.log")"

# A token that goes while another one comes, whose process is longer in starting than it takes until the first is looked for again.
fixture wide
is_told() { grep "\"$1\"" "$T/events" | grep -q "\"$2\""; } # EVENT LABEL
does waits 'hide wide'
rm -f "$FAULTY_CONTROL.go" "$FAULTY_CONTROL.log"
agent_start
watch
holds 'a process waits' await following
check 'the one is there' 0 smime sign -i "$T/mail" -o "$T/signed"
sleep 1 # so that it has said that it waits: the module is looked into for that, too
does waits 'hide demo' 'wait@C_OpenSession'
: >"$FAULTY_CONTROL.event"
holds 'the other one is being started' await grep -q waits "$FAULTY_CONTROL.log"
sleep 1.5
: >"$FAULTY_CONTROL.go"
holds 'the other one is told of' await is_told token-in wide
holds 'and that the one has gone' await is_told token-out demo
agent_stop
done_testing
