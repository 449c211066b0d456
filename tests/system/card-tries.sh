#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Tries of a PIN while token processes are killed in the middle of logins and the card is slow: the card's own counters say that nothing was
# sent that nobody typed, and that no try was the last one unless somebody was told so. SMIME_TRIES_ROUNDS says how long it goes on.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

fixture
card_stack
card_make alice rsa 00112233445566aa
mail alice-auth@example.org bob@example.org >"$T/mail"
sign() { smime sign -k alice-auth@example.org -i "$T/mail" -o "$T/signed"; }
shown() { cat "$T/pinentry.d/log"; }
tries() { card_tries 0 | cut -d' ' -f1; }
asked() { [ "$(prompts)" -ge 1 ]; }
ready() { smime status --json >"$T/status.json" && [ "$(json "$T/status.json" '[t["state"] for t in d["tokens"]]')" = "['ready']" ]; }
WRONG=999999 RIGHT=$CARD_PIN

typed=0 sent=0 killed=0 blocked=0 untold='' unsent=''
# One request, with one answer to all its prompts, and the process perhaps killed on the way.
round() { # ANSWER [DELAY-BEFORE-THE-KILL]
	local before after client
	card_ask 0 clear
	before=$(tries)
	rm -f "$T/pinentry.d/go"
	answers "until go $1"
	sign 2>"$T/err" &
	client=$!
	await asked
	[ $# -lt 2 ] || card_delay 0 60
	touch "$T/pinentry.d/go"
	if [ $# -gt 1 ]; then
		sleep "$2"
		token_processes | xargs kill -9 2>/dev/null && killed=$((killed + 1))
	fi
	wait "$client"
	card_delay 0 0
	await ready
	after=$(tries)
	[ "$1" != "pin $WRONG" ] || typed=$((typed + $(prompts)))
	sent=$((sent + $(card_count 0 verify-wrong)))
	[ "$1" = "pin $WRONG" ] || [ "$(card_count 0 verify-wrong)" = 0 ] || unsent+="$1; "
	if [ "$before" = 1 ] && [ "$after" = 0 ]; then
		blocked=$((blocked + 1))
		grep -q 'This is the last try' <<<"$(shown)" || untold+="$1 at $before; "
	fi
	[ "$after" != 0 ] || { answers "pin $CARD_PUK" "twice $RIGHT" && smime pin unblock >/dev/null 2>&1 && await ready; }
}

card_insert 0 alice
answers "pin $RIGHT"
card_agent_start
for ((i = 0; i < ${SMIME_TRIES_ROUNDS:-3}; i++)); do
	# Three that are not killed block it, wherever the kills strike.
	for kill in 0.05 0.15 '' 0.25 '' ''; do
		round "pin $WRONG" $kill
		smime lock 2>/dev/null
		await ready
	done
	round cancel
	round "pin $RIGHT" 0.2
	round "pin $RIGHT"
	is "round $i: the right PIN puts all tries right" "$(tries)" 3
	smime lock
done
note "$typed wrong PINs were typed, $sent came to the card; $killed token processes were killed, the PIN was blocked $blocked times"
holds "I5: no more wrong PINs come to the card than were typed" [ "$sent" -le "$typed" ]
is 'I5: none where a right one was typed, or none' "$unsent" ''
is 'I5: no try is the last one without a word' "$untold" ''
holds 'tries were lost, and the PIN was blocked' [ "$blocked" -gt 0 ]
agent_stop
done_testing
