#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A question that nobody answers holds up nobody but who asks: the token goes on with everything else, and whatever ends the question ends it.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
fixture wide
printf 'content\n' >"$T/content"
mail alice@example.org bob@example.org >"$T/mail"
log=$T/pinentry.d/log audit=$HOME/.local/state/smime-agent/audit/audit.jsonl

rules() { # RULE...: with one session and a short deadline
	agent_stop >/dev/null
	rm -rf "$HOME/.local/state/smime-agent/audit" "$T/pinentry.d"/{no,wait}
	configure "$(printf 'modules:\n  - {path: "%s", sessions: 1, deadline: 2s}\n%s\nrules:\n' "$DEMO_MODULE" "${more:-}" && printf '  - %s\n' "$@")"
	answers "pin $DEMO_PIN"
	agent_start
}
again() { # RULE...: has other rules read
	sed -i '/^rules:/,/^[a-qs-z]/{/^  - /d}' "$T/agent.yaml"
	printf '  - %s\n' "$@" >"$T/rules"
	sed -i "/^rules:/r $T/rules" "$T/agent.yaml"
	smime policy reload
}
sign_as() { smime sign --cms --detached -k "$1@example.org" -i "$T/content" -o "$T/signature.$BASHPID"; } # NAME
asked() { grep -c '^CONFIRM$' "$log"; }
asked_are() { [ "$(asked)" = "$1" ]; }
prompts_are() { smime status --json >"$T/status.json" && [ "$(json "$T/status.json" 'd["prompts"]')" = "$1" ]; } # COUNT
waits() { [ "$(grep -c '^WAITS' "$log")" = "$1" ]; } # COUNT: so many questions have stood there
begin() { # NAME COMMAND...: in the background; its code comes into $T/NAME.code, its messages into $T/NAME.err
	rm -f "$T/$1.code"
	({ "${@:2}" >"$T/$1.out" 2>"$T/$1.err"; echo $? >"$T/$1.code.new" && mv "$T/$1.code.new" "$T/$1.code"; } 3>&- &)
}
code_of() { await test -e "$T/$1.code" && cat "$T/$1.code"; } # NAME
begins() { # NAME COMMAND...: and its question stands there
	local before
	before=$(grep -c '^WAITS' "$log")
	begin "$@"
	holds "$1: a question stands there" await waits $((before + 1))
}
ends() { # DESCRIPTION NAME CODE PATTERN: the one that asks ends so, without an answer
	is "$1" "$(code_of "$2")" "$3"
	like "$1: told" "$(cat "$T/$2.err")" "$4"
	holds "$1: and the question goes" await prompts_are 0
}
asker() { # its process, which is a child of the agent's
	local pid
	for pid in $(descendants "$agent_pid"); do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != smime-ask ] || echo "$pid"; done
}
no_asker() { [ -z "$(asker)" ]; }
records() { python3 -c 'import json, sys; d = [json.loads(l) for l in open(sys.argv[1])]; print(eval(sys.argv[2]))' "$audit" "$1"; }
kinds() { records "[r['kind'] for r in d if r['kind'] in ('intent', 'result', 'denied')]"; }
milliseconds() { # COMMAND...: the middle one of nine runs
	local i begin
	for i in 1 2 3 4 5 6 7 8 9; do
		begin=${EPOCHREALTIME/./}
		"$@" >/dev/null 2>&1 || echo 100000
		echo $(((${EPOCHREALTIME/./} - begin) / 1000))
	done | sort -n | sed -n 5p
}
cancelled=$(sed -nE 's/.*SMIME_E_PIN_CANCELLED = ([0-9]+).*/\1/p' "$SOURCE/include/smime/error.h")
ask_alice='{name: alice asks, operation: [sign, decrypt], key: {address: alice@example.org}, outcome: ask}'

# ---- Others go on ----

rules "$ask_alice"
check 'the PIN is known' 0 smime unlock demo
before=$(milliseconds sign_as bob)
touch "$T/pinentry.d/wait"
begins alice sign_as alice
as_fast() { # Once is enough: what else the machine does holds up some of them, a question would do so each time.
	during=$(milliseconds sign_as bob)
	[ "$during" -lt $((2 * before + 100)) ]
}
if LIMIT=5 await as_fast; then pass 'who asks nobody goes on at once'; else fail 'who asks nobody goes on at once' "$during ms, $before ms before"; fi
note "a signature with another key of the same token takes $before ms, and while somebody is asked $during ms"
check 'status says of the token' 0 smime status --json
is 'that nothing is queued there' "$(json "$T/out" '[t["queued"] for t in d["tokens"] if t["label"] == "demo"][0]')" 0
is 'nor has the log an intent of what is only asked for' "$(records "len([r for r in d if r['kind'] == 'intent' and r.get('from') == 'alice@example.org'])")" 0
sleep 2.5
holds 'a question has no deadline of the token' prompts_are 1
check 'another key still signs' 0 sign_as bob
rm "$T/pinentry.d/wait"
is 'the yes comes late, and all the same' "$(code_of alice)" 0
is 'one question was asked' "$(asked)" 1
is 'its intent has its result' "$(records "[(r['kind'], r.get('operation')) for r in d if r['kind'] in ('intent', 'result')][-2:]")" "[('intent', 'sign'), ('result', None)]"

# ---- What ends a question ----

touch "$T/pinentry.d/wait"
begins alice sign_as alice
check 'lock' 0 smime lock demo
ends 'ends it' alice 4 'the token was locked while this was waiting'
is 'which the log has as denied' "$(records "(d[-1]['kind'], d[-1]['operation'], d[-1]['outcome']['code'], d[-1]['token']['label'], d[-1]['rule'][:10])")" "('denied', 'sign', $cancelled, 'demo', 'alice asks')"
answers "pin $DEMO_PIN"
begins alice sign_as alice
check 'lock of another token' 0 smime lock wide
holds 'does not' prompts_are 1
rm "$T/pinentry.d/wait"
is 'and the yes counts' "$(code_of alice)" 0

touch "$T/pinentry.d/wait"
begins alice smime sign --cms --detached -k alice@example.org -i "$T/content" -o "$T/gone"
pid=$(pgrep -f "$T/gone" | head -n 1)
kill "$pid"
holds 'a client that goes takes its question along' await prompts_are 0
gone() { [ "$(records "(d[-1]['kind'], d[-1]['outcome']['text'][:19])")" = "('denied', 'the client has gone')" ]; }
holds 'which is in the log' await gone
holds 'and no process is left of it' await no_asker
check 'others are asked then' 0 bash -c 'rm "$1" && smime sign --cms --detached -k alice@example.org -i "$2" -o "$3"' - "$T/pinentry.d/wait" "$T/content" "$T/signature"

# The process that asks is killed, and so is pinentry: nobody has agreed.
touch "$T/pinentry.d/wait"
begins alice sign_as alice
pid=$(asker)
like 'the process that asks is one of its own' "$pid" '^[0-9]+$'
unlike 'without a module' "$(cat "/proc/$pid/maps")" 'libsofthsm|pkcs11\.so'
kill -9 "$pid"
ends 'a process that asks and is killed has no yes' alice 5 'the process that asks has ended'
begins alice sign_as alice
kill -9 "$(sed -n 's/^WAITS //p' "$log" | tail -n 1)"
ends 'nor has a pinentry' alice 5 'the question was closed'

# A token that goes takes the question about it along.
check 'rules that ask about the other token' 0 again "$ask_alice" '{operation: [sign], key: {token: wide}, outcome: ask}'
begins wide sign_as p384
for directory in "$T"/tokens/*/; do
	! grep -qa wide "$directory/token.object" || mv "$directory" "$T/taken"
done
wide_is_gone() { smime keys >/dev/null 2>&1; sleep 2.1; [ -e "$T/wide.code" ]; }
holds 'a token that is not found any more' await wide_is_gone
ends 'ends the question about it' wide 4 'token|gone|removed'
mv "$T/taken" "$T/tokens/"
check 'rules that ask about alice alone' 0 again "$ask_alice"

# ---- Rules that are read again ----

begins alice sign_as alice
check 'rules that allow it' 0 again '{name: all, operation: [sign], outcome: allow}'
is 'are asked, and nobody else' "$(code_of alice)" 0
holds 'the question goes' await prompts_are 0
check 'rules that ask' 0 again "$ask_alice"
begins alice sign_as alice
check 'rules that deny it' 0 again '{name: none, operation: [sign], outcome: deny, text: not today}'
ends 'end it' alice 5 'not today \(rule "none"'
check 'rules that ask again' 0 again "$ask_alice"
begins alice sign_as alice
count=$(asked)
check 'other rules that ask' 0 again '{operation: [list], outcome: allow}' '{name: another, operation: [sign], outcome: ask}'
holds 'ask anew' await asked_are $((count + 1))
rm "$T/pinentry.d/wait"
is 'and take that answer' "$(code_of alice)" 0
like 'of the rule that holds now' "$(records "d[-2]['rule']")" '^another, '

# ---- Counting ----

rules "{name: few, operation: [sign], key: {address: alice@example.org}, when: {at-most: 2, within: 1h}, outcome: ask}" '{operation: [sign], outcome: deny}'
check 'the PIN is known' 0 smime unlock demo
touch "$T/pinentry.d/no"
check 'a no' 5 sign_as alice
rm "$T/pinentry.d/no"
check 'is not counted' 0 smime policy explain sign -k alice@example.org
prints 'as an operation' 'ask: rule "few"'
rules "{name: few, operation: [sign], when: {at-most: 2, within: 1h}, outcome: ask}" '{operation: [sign], outcome: deny}'
check 'the PIN is known' 0 smime unlock demo
touch "$T/pinentry.d/wait"
for i in 1 2 3; do begin "few$i" sign_as alice; done
holds 'three that wait' await prompts_are 3
rm "$T/pinentry.d/wait"
is 'and more than two are not let pass' "$(for i in 1 2 3; do code_of "few$i"; done | sort | tr '\n' ' ')" '0 0 5 '

# ---- The line ----

# Who wants a PIN holds a session, and goes before questions that wait.
rules "$ask_alice" '{operation: [sign], key: {token: wide}, outcome: ask}'
touch "$T/pinentry.d/wait"
begins first sign_as alice
begin second sign_as p384
holds 'two questions' await prompts_are 2
begin third sign_as bob
holds 'and somebody who needs the PIN' await prompts_are 3
is 'goes before the question that waits' "$(smime status | sed -n '/^prompt /{n;s/^ *\(consent\|smime\).*/\1/p}' | tr '\n' ' ')" 'consent smime consent '
rm "$T/pinentry.d/wait"
is 'all three are done' "$(code_of first) $(code_of second) $(code_of third)" '0 0 0'
is 'the PIN was asked for between them' "$(grep -xE 'CONFIRM|GETPIN' "$log" | tr '\n' ' ' | cut -d' ' -f1-3)" 'CONFIRM GETPIN CONFIRM'

done_testing
