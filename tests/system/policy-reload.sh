#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A policy that is read again while something is under way: what has not begun is decided anew, wherever it waits.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
printf 'content\n' >"$T/content"
export FAULTY_CONTROL=$T/control PYTHONPATH=$SOURCE/tests/lib
audit=$HOME/.local/state/smime-agent/audit
sick() { printf '%s\n' ledger "$@" >"$FAULTY_CONTROL.new" && mv "$FAULTY_CONTROL.new" "$FAULTY_CONTROL"; } # COMMAND...
operations() { grep -c '^operation' "$FAULTY_CONTROL.log"; }
waits() { grep -q '^waits' "$FAULTY_CONTROL.log"; }
write() { # SESSIONS [RULE...]
	configure "$(printf 'environment: [FAULTY_CONTROL]\nmodules: [{path: "%s", sessions: %d}]\naudit: {journal: no}\n' "$SMIME_BUILD/tests/module/faulty-module.so" "$1"
		[ $# -lt 2 ] || { printf 'rules:\n' && printf '  - %s\n' "${@:2}"; })"
}
fresh() { # SESSIONS [RULE...]: another agent
	agent_stop >/dev/null
	rm -rf "$audit" "$T/pinentry.d"/{wait,go,no}
	write "$@"
	sick
	: >"$FAULTY_CONTROL.log"
	answers "pin $DEMO_PIN"
	agent_start
}
sign_as() { smime sign --cms --detached -k "$1@example.org" -i "$T/content" -o "$T/signature.$1"; } # NAME
background() { # NAME COMMAND...: its code comes into $T/NAME.code, its messages into $T/NAME.err
	rm -f "$T/$1.code"
	({ "${@:2}" >"$T/$1.out" 2>"$T/$1.err"; echo $? >"$T/$1.code.new" && mv "$T/$1.code.new" "$T/$1.code"; } 3>&- &)
}
code_of() { await test -e "$T/$1.code"; cat "$T/$1.code"; }                                                                 # NAME
asked() { [ "$(grep -c '^CONFIRM$' "$T/pinentry.d/log")" = "$1" ]; }                                                         # COUNT
asked_pin() { [ "$(prompts)" = "$1" ]; }                                                                                     # COUNT
queued() { smime status --json >"$T/status.json" && [ "$(json "$T/status.json" 'd["tokens"][0]["queued"]')" = "$1" ]; }      # COUNT
questions() { smime status --json >"$T/status.json" && [ "$(json "$T/status.json" 'd["prompts"]')" = "$1" ]; }                    # COUNT
kinds() { sed -nE 's/.*"kind":"(intent|result|denied)".*/\1/p' "$audit/audit.jsonl" | tr '\n' ' '; }
deny='{name: closed, operation: [sign], outcome: deny}'
ask='{name: asked, operation: [sign], outcome: ask}'

# ---- While somebody is asked ----

fresh 2 "$ask"
check 'with the PIN known' 0 smime unlock demo
touch "$T/pinentry.d/wait"
background client sign_as alice
holds 'a question waits' await asked 1
write 2 "$deny"
rules_read() { date -d "$(smime status --json | json /dev/stdin 'd["rules_read"]')" +%s; }
read_at=$(rules_read) now=$(date +%s)
holds 'when the rules were read is known' [ $((now - read_at)) -le 60 ]
await eval '[ "$(date +%s)" -gt "$now" ]'
check 'the policy is read again' 0 smime policy reload
holds 'they were read later now' [ "$(rules_read)" -gt "$read_at" ]
is 'I6: what waits for consent is denied' "$(code_of client)" 5
like 'I6: by the new rule' "$(cat "$T/client.err")" 'closed'
is 'I6: and the token was not asked' "$(operations)" 0
is 'the log has the unlocking, and this denial: nothing is begun before a yes' "$(kinds)" 'intent result denied '
like 'by the new rule' "$(grep '"kind":"denied"' "$audit/audit.jsonl")" '"rule":"closed, '
rm "$T/pinentry.d/wait"

fresh 2 "$ask"
check 'with the PIN known' 0 smime unlock demo
touch "$T/pinentry.d/wait"
background client sign_as alice
holds 'a question waits' await asked 1
check 'the same policy is read again' 0 smime policy reload
holds 'what still takes consent is asked for anew' await asked 2
is 'and nothing is done meanwhile' "$(operations)" 0
rm "$T/pinentry.d/wait"
is 'a yes then lets it pass' "$(code_of client)" 0
is 'once' "$(operations)" 1

# Four may wait; the question of each is taken back.
fresh 2 "$ask"
check 'with the PIN known' 0 smime unlock demo
touch "$T/pinentry.d/wait"
for i in 1 2 3 4; do background "client$i" smime sign --cms -k alice@example.org -i "$T/content" -o "$T/signature$i"; done
holds 'four questions wait' await questions 4
write 2
check 'the policy is read again' 0 smime policy reload
is 'I6: what no rule asks about any more is done' "$(for i in 1 2 3 4; do code_of "client$i"; done | tr '\n' ' ')" '0 0 0 0 '
is 'each once' "$(operations)" 4
rm "$T/pinentry.d/wait"

# ---- While a PIN is typed ----

fresh 2
answers "until go pin $DEMO_PIN"
background client sign_as alice
holds 'a prompt for the PIN opens' await asked_pin 1
background second sign_as bob
holds 'another one waits behind it' await queued 2
write 2 '{name: closed, operation: [sign], key: {address: alice@example.org}, outcome: deny}'
check 'the policy is read again' 0 smime policy reload
is 'I6: what waits for a PIN is denied' "$(code_of client)" 5
holds 'what is not is asked for anew' await asked_pin 2
touch "$T/pinentry.d/go"
is 'and done' "$(code_of second)" 0
is 'I6: once, and nothing else' "$(sed -n 's/^operation C_Sign \([0-9]*\) .*/\1/p' "$FAULTY_CONTROL.log")" 02

# A PIN that is changed is asked for like any other.
fresh 2
answers "until go pin $DEMO_PIN"
background client smime pin change
holds 'a prompt opens' await asked_pin 1
write 2 '{name: closed, operation: [unlock], outcome: deny}'
check 'the policy is read again' 0 smime policy reload
is 'I6: a change of the PIN is denied' "$(code_of client)" 5
is 'before the token had one' "$(grep -c '^login' "$FAULTY_CONTROL.log")" 0

# ---- While a process ends ----

# Without a log nothing lies between the end of an order and what comes of it.
agent_stop >/dev/null
configure "$(printf 'modules: [{path: "%s", sessions: 2}]\naudit: {durability: off}\n' "$DEMO_MODULE")"
answers hang
agent_start
ready() { smime status --json >"$T/status.json" && [ "$(json "$T/status.json" 'd["tokens"][0]["state"]')" = ready ]; }
check 'a token is there' 0 smime keys
first=$(token_process)
kill -KILL "$first"
replaced() { second=$(token_processes) && [ -n "$second" ] && [ "$second" != "$first" ] && ready; }
holds 'its process is replaced' await replaced
sleep 1.1 # a request does not start the next one before that
background client sign_as alice
holds 'somebody is asked for a PIN' await grep -q '^HANGS' "$T/pinentry.d/log"
second=$(token_process)
stop_process "$second"
background reload smime policy reload
holds 'the prompt is closed when the policy is read again' await ended "$(sed -n 's/^HANGS //p' "$T/pinentry.d/log")"
kill -KILL "$second"
is 'the process that ends with it fails what begins anew' "$(code_of client)" 4
is 'the policy is in force' "$(code_of reload)" 0
sleep 2.5 # longer than the back-off
await one_token_process
is 'and one process takes its place' "$(token_processes | wc -l)" 1

# ---- While a token works ----

fresh 1
check 'with the PIN known' 0 sign_as alice
: >"$FAULTY_CONTROL.log"
sick wait@C_SignInit
background client sign_as alice
holds 'the token works' await waits
background second sign_as bob
holds 'another one waits for it' await queued 2
write 1 "$deny"
background reading smime policy reload
is 'I6: what waits for the token is denied at once' "$(code_of second)" 5
sleep 0.3
fails 'I6: reading is not over while the token may still begin' [ -e "$T/reading.code" ]
check 'though the rules are in force' 5 sign_as bob
touch "$FAULTY_CONTROL.go"
is 'what the token was given is done' "$(code_of client)" 0
is 'and then reading is over' "$(code_of reading)" 0
is 'I6: nothing else was begun' "$(operations)" 1
rm "$FAULTY_CONTROL.go"

# What is decided anew stays in its order.
fresh 1
check 'with the PIN known' 0 sign_as alice
: >"$FAULTY_CONTROL.log"
sick wait@C_SignInit
cat >"$T/order.py" <<-'END'
	import os, sys
	from wire import *
	connection = Connection(sys.argv[1]).greet()
	by_label = {label: key for key, label in keys(connection)}
	for number, label in enumerate(('alice', 'bob', 'bob', 'alice', 'bob'), 10):
	    connection.send(sign(number, by_label[label], os.urandom(32)))
	print(*(connection.receive()[0] for _ in range(5)))
END
background client python3 "$T/order.py" "$SMIME_AGENT_SOCK"
holds 'four wait behind one' await queued 5
background reading smime policy reload
anew() { [ "$(grep -c '"kind":"result"' "$audit/audit.jsonl")" -ge 5 ]; }
holds 'and are decided anew' await anew
touch "$FAULTY_CONTROL.go"
is 'they are served' "$(code_of client) $(code_of reading)" '0 0'
is 'in the order in which they came' "$(sed -n 's/^operation C_Sign \([0-9]*\) .*/\1/p' "$FAULTY_CONTROL.log" | tr '\n' ' ')" '01 02 02 01 02 '
rm "$FAULTY_CONTROL.go"

# Whoever waits for the end of that may go.
fresh 1
check 'with the PIN known' 0 sign_as alice
: >"$FAULTY_CONTROL.log"
sick wait@C_SignInit
background client sign_as alice
holds 'the token works' await waits
smime policy reload 2>/dev/null 3>&- &
reading=$!
sleep 0.2
kill "$reading"
wait "$reading" 2>/dev/null
background again smime policy reload
sleep 0.2
token_processes | xargs kill -9
is 'a token that dies ends it too' "$(code_of again)" 0
is 'what it did has failed' "$(code_of client)" 4
touch "$FAULTY_CONTROL.go"
check 'and all goes on' 0 await sign_as alice
rm "$FAULTY_CONTROL.go"

# A file that is not good changes nothing for anybody.
fresh 2 "$ask"
check 'with the PIN known' 0 smime unlock demo
touch "$T/pinentry.d/wait"
background client sign_as alice
holds 'a question waits' await asked 1
printf 'rules: [{operation: [sign], outcome: perhaps}]\n' >>"$T/agent.yaml"
check 'a broken file is not read' 2 smime policy reload
rm "$T/pinentry.d/wait"
is 'I6: and the question stays' "$(code_of client)" 0
holds 'as it was' asked 1

# ---- What was counted ----

fresh 2 '{name: three, operation: [sign], when: {at-most: 3, within: 1h}, outcome: allow}' "$deny"
check 'of three the first' 0 sign_as alice
check 'and the second' 0 sign_as alice
write 2 '{name: another, operation: [unlock], outcome: allow}' '{name: three, operation: [sign], when: {at-most: 3, within: 1h}, outcome: allow}' "$deny"
check 'the policy is read again' 0 smime policy reload
check 'the third' 0 sign_as alice
check 'I6: reading again gives no fourth' 5 sign_as alice
once() { printf '{name: %s, operation: [sign], key: {address: %s@example.org}, when: {at-most: 1, within: 1h}, outcome: allow}' "$@"; } # NAME WHO
fresh 2 "$(once one alice)" "$(once one bob)" "$deny"
check 'of two rules of one name the first lets one pass' 0 sign_as alice
for _ in 1 2; do check 'the policy is read again' 0 smime policy reload; done
check 'I6: which gives no second' 5 sign_as alice

# ---- All the time ----

fresh 2
check 'with the PIN known' 0 smime unlock demo
rm -rf "$T/flips" && mkdir "$T/flips"
sick 'C_Sign slow 2'
: >"$FAULTY_CONTROL.log"
points_of python3 "$SOURCE/tests/lib/flips.py" "$SMIME_AGENT_SOCK" "$T" "$T/agent.yaml" "$audit" "$FAULTY_CONTROL.log" "${SMIME_FLIPS:-200}"
agent_stop
done_testing
