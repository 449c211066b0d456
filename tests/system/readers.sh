#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Cards that come and go, also quickly and twice, and freeze: the agent follows without a restart.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

fixture
card_stack
card_make alice rsa 00112233445566aa
card_make double rsa 00112233445566bb alice
card_make bob ec
mail alice@example.org bob@example.org >"$T/mail"
sign() { smime sign -k "$1" -i "$T/mail" -o "$T/signed"; }
present() { smime status --json | json_value 'sorted(t["serial"] for t in d["tokens"] if t["state"] == "ready")'; }
json_value() { cat >"$T/json" && json "$T/json" "$1"; }
has() { [[ $(present) == *$1* ]]; }
lacks() { ! has "$1"; }
ms() { printf '%d\n' $((${EPOCHREALTIME/./} / 1000)); }
tokens() { pgrep -P "$(pgrep -P "$agent_pid")" -x smime-token; }

# A card that is inserted is seen without anybody asking, and so is its removal.
card_agent_start
smime watch --json >"$T/events" 2>/dev/null &
watcher=$!
started+=("$watcher")
holds 'somebody watches' await grep -q watching "$T/events"
check 'both readers are in the status' 0 smime status
prints 'the first' 'Test Reader 00 00: no card'
prints 'the second' 'Test Reader 00 01: no card'
check 'without a card there is no key' 4 sign alice-auth@example.org
told_more() { [ "$(grep -c "\"$1\"" "$T/events")" -gt "$2" ]; } # EVENT COUNT
told_after() { # EVENT COMMAND...: how long after the command it is told, in milliseconds; nothing if it is not
	local count before
	count=$(grep -c "\"$1\"" "$T/events") before=$(ms)
	"${@:2}"
	if await told_more "$1" "$count"; then echo $(($(ms) - before)); fi
}
# What a busy machine adds it does not add each time.
for _ in 1 2 3; do
	came=$(told_after token-in card_put 0 alice)
	went=$(told_after token-out card_take 0)
	note "token-in after $came ms, of which pcscd takes up to 400 and the reading of the card the rest; token-out after $went ms"
	[ "${came:-9999}" -ge 2000 ] || [ "${went:-9999}" -ge 2000 ] || break
done
holds 'a card is told of' [ -n "$came" ]
holds 'within two seconds on a busy machine' [ "${came:-9999}" -lt 2000 ]
holds 'its removal is told of' [ -n "$went" ]
holds 'as quickly' [ "${went:-9999}" -lt 2000 ]
holds 'and its process has ended' await eval '[ -z "$(tokens)" ]'
is 'no PIN has gone to it' "$(card_count 0 verify-right)" 0

# Whoever asks right behind the insertion waits for it, as long as pcscd may take: once more where that took longer, on a busy machine.
right_behind() { # DESCRIPTION READER CARD: a signature with the card that was just inserted
	local before watching
	for _ in 1 2 3 4 5; do
		before=$(ms)
		card_put "$2" "$3"
		{ await card_ask "$2" seen; ms >"$T/seen"; } &
		watching=$!
		run sign "$3-auth@example.org"
		wait "$watching"
		[ "$code" != 0 ] && [ $(($(cat "$T/seen") - before)) -gt 500 ] || break
		card_remove "$2"
	done
	if [ "$code" = 0 ]; then pass "$1"; else fail "$1" "exit code $code; pcscd saw the card after $(($(cat "$T/seen") - before)) ms" "$(cat "$T/err")"; fi
}
right_behind 'a key that pcscd has not seen yet' 0 alice
check 'openssl verifies' 0 openssl cms -verify -in "$T/signed" -CAfile "$T/ca/root.pem" -certfile "$T/ca/issuing.pem" -out /dev/null
first=$(tokens)
card_remove 0
right_behind 'the same, back' 0 alice
is 'asks for the PIN anew' "$(prompts)" 2
unlike 'in another process' "$(tokens)" "^$first\$"

# Pulled while a request waits: one definite error at once.
card_delay 0 0 15000
card_ask 0 clear
before=$(ms)
sign alice-auth@example.org 2>"$T/pulled.err" &
request=$!
started+=("$request")
holds 'the card works on a signature' await eval '[ "$(card_count 0 authenticate)" = 2 ]'
card_take 0
code=0
wait "$request" || code=$?
took=$(($(ms) - before))
is 'the request of a card that is pulled fails' "$code" 4
like 'and says that the card is gone' "$(cat "$T/pulled.err")" 'remov|gone|not there'
holds 'before the card would have answered' [ "$took" -lt 2900 ]
fails 'nothing was written beside the output' compgen -G "$T/.*signed*"
card_delay 0 0 0
right_behind 'after the insertion the next request works' 0 alice

# Another card with the same label in the same reader, as quickly as a hand can.
prompted=$(prompts)
card_insert 0 double
check 'the key of the first card is gone' 4 sign "$(openssl pkey -pubin -in "$T/alice-9a.pub" -outform DER | sha256sum | cut -c1-64)"
is 'and nobody was asked' "$(prompts)" "$prompted"
is 'nor a PIN sent' "$(card_count 0 verify-wrong)" 0
verified=$(card_count 0 verify-right)
check 'the key of the second' 0 sign double-auth@example.org
is 'takes a PIN of its own' "$(prompts) $(card_count 0 verify-right)" "$((prompted + 1)) $((verified + 1))"

# Two readers: what happens in one is nothing to the other.
card_insert 1 bob
holds 'two cards' await has bb
check 'bob signs' 0 sign bob-auth@example.org
prompted=$(prompts)
card_remove 0
check 'bob signs while the other reader becomes empty' 0 sign bob-auth@example.org
is 'without a prompt' "$(prompts)" "$prompted"

# Of two cards that are put back the second is waited for as the first is.
card_insert 0 alice
holds 'both cards are there' await has aa
for round in 1 2 3; do
	card_remove 0
	card_remove 1
	card_insert 0 alice
	right_behind "round $round: bob signs" 1 bob
	check "round $round: and alice" 0 sign alice-auth@example.org
done
card_remove 0

# A card that freezes holds up nobody but whoever asks for it.
card_insert 0 alice
holds 'alice is back' await has aa
median() { # COMMAND...: of nine runs, in microseconds
	local i begin
	for i in 1 2 3 4 5 6 7 8 9; do begin=${EPOCHREALTIME/./}; "$@" >/dev/null 2>&1; echo $((${EPOCHREALTIME/./} - begin)); done | sort -n | sed -n 5p
}
alone="$(median smime status) $(median smime keys) $(median sign bob-auth@example.org)"
card_fault 0 any 1 freeze
sign alice-auth@example.org 2>/dev/null &
frozen=$!
started+=("$frozen")
holds 'the card freezes' await eval '[ "$(card_count 0 faults)" -gt 0 ]'
read -r a b c <<<"$alone"
# Who is held up is so each time; who has a busy machine is not.
for _ in 1 2 3; do
	beside="$(median smime status) $(median smime keys) $(median sign bob-auth@example.org)"
	note "microseconds of status, keys and sign: $alone; beside a frozen card: $beside"
	read -r x y z <<<"$beside"
	[ "$x" -ge $((a * 3 + 50000)) ] || [ "$y" -ge $((b * 3 + 50000)) ] || [ "$z" -ge $((c * 3 + 50000)) ] || break
done
holds 'status is as quick as ever' [ "$x" -lt $((a * 3 + 50000)) ]
holds 'keys as well' [ "$y" -lt $((b * 3 + 50000)) ]
holds 'and a signature with the other card' [ "$z" -lt $((c * 3 + 50000)) ]
card_take 0
code=0
wait "$frozen" || code=$?
is 'the frozen card is pulled: its request fails' "$code" 4
agent_stop

# Nor does a card that freezes while it is looked at.
card_insert 0 alice
card_fault 0 any 1 freeze
agent_start
check 'a card beside a frozen one is found' 0 sign bob-auth@example.org
prints_alice() { smime keys | grep -q alice; }
fails 'which is not' prints_alice
card_ask 0 release
holds 'until it answers again' await prints_alice
check 'and works' 0 sign alice-auth@example.org
card_remove 0

is 'no wrong PIN has gone to any card' "$(card_count 0 verify-wrong) $(card_count 1 verify-wrong)" '0 0'
done_testing
