#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the agent adds to a signature by a slow card: SMIME_BUILD=build tests/bench/card.sh [PAIRS [APDU-MS [KEY-MS]]]
#
# `smime sign` of a small mail on a warm card (RSA-2048, key 9A), from the start of the process to its end, against one C_Sign in a
# process that is logged in and has nothing else to do. Each has a card of its own that takes as long; they take turns, so that what
# else the machine does strikes both. Prints medians and the median ratio of the pairs, then the same with a pause before each pair,
# in which what is known could grow old. Target: at most 1.05 times.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

pairs=${1:-15} apdu_ms=${2:-20} key_ms=${3:-700}

fixture
card_stack
card_make alice rsa a11ce00000000001
card_make other rsa 07be500000000002
card_insert 0 alice
card_insert 1 other
mail alice-auth@example.org bob@example.org >"$T/mail"
sign() { smime sign -k alice-auth@example.org -i "$T/mail" -o "$T/signed"; }

card_agent_start
sign || bail 'no signature'
coproc REFERENCE { exec "$SMIME_BUILD/tests/bench/c-sign" "$OPENSC_MODULE" 07be500000000002 01; }
started+=("$REFERENCE_PID")
disown "$REFERENCE_PID"
reference() { # sets $took
	echo >&"${REFERENCE[1]}"
	read -r took <&"${REFERENCE[0]}"
}
printf '%s\n' "$CARD_PIN" >&"${REFERENCE[1]}"
reference
sign || bail 'no signature'
card_delay 0 "$apdu_ms" "$key_ms"
card_delay 1 "$apdu_ms" "$key_ms"

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
measure() { # NAME PAUSE
	local i begin apdus
	: >"$T/pairs"
	apdus=$(card_count 0 apdus)
	for ((i = 0; i < pairs; i++)); do
		sleep "$2"
		begin=${EPOCHREALTIME/./}
		sign || bail 'no signature'
		printf '%s ' $((${EPOCHREALTIME/./} - begin)) >>"$T/pairs"
		reference
		printf '%s\n' "$took" >>"$T/pairs"
	done
	apdus=$(($(card_count 0 apdus) - apdus))
	printf '%-24s smime sign %4d ms   C_Sign %4d ms   ratio %.3f   %.1f APDUs a signature\n' "$1" \
		$(($(cut -d' ' -f1 "$T/pairs" | median | cut -d. -f1) / 1000)) $(($(cut -d' ' -f2 "$T/pairs" | median | cut -d. -f1) / 1000)) \
		"$(awk '{ print $1 / $2 }' "$T/pairs" | median)" "$(awk -v n="$apdus" -v p="$pairs" 'BEGIN { print n / p }')"
}
printf '%d ms an APDU, %d ms a private-key operation, %d pairs\n' "$apdu_ms" "$key_ms" "$pairs"
measure 'without a pause' 0
measure 'after 3 s' 3
agent_stop
exit $((test_failed > 0))
