#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Cells of the matrix of faults: cells.sh RESULTS FAULT[,FAULT...] OPERATION[@N][,OPERATION[@N]...] [FIRST]
#
# A cell is one fault at the n-th APDU of one operation. Does the n-th, or every one from FIRST (1) until the operation has no such APDU.
# One agent lives through all of them, on a real stack. Appends a line for each cell to RESULTS,
#     FAULT OPERATION N EXIT-CODE ANSWER-MS RECOVERY-MS VERDICT...
# and `FAULT OPERATION end` behind the last. What holds and what does not is for verdict.py to say, which sees what the card counted
# and what passed between client and agent, and nothing that the agent says of itself.
#
#   faults      pull, late-pull (the card has executed the command), reset (of its state), status (6F00), truncated, long (one octet),
#               huge (64 KiB), freeze, swap (for a card with the same label and another PIN)
#   operations  list (from the insertion on), login, wrong-login (each VERIFY of it), sign, decrypt, ecdh, lock
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

results=$1 from=${4:-1}
IFS=, read -ra faults <<<"$2"
IFS=, read -ra operations <<<"$3"
export PYTHONPATH=$SOURCE/tests/lib
agent_socket=$T/agent.sock observed=$T/observed.sock

fixture
card_stack
card_make alice rsa
card_make bob ec
card_make double rsa '' alice
printf '3 3 654321 12345678\n' >"$T/cards/double/state"
card_configure '' 'deadline: 2s'

python3 "$SOURCE/tests/faults/observer.py" "$observed" "$agent_socket" "$T/observations" </dev/null 2>"$T/observer.err" 3>&- &
started+=("$!")
disown "$!"
await [ -S "$observed" ] || bail "the observer did not start: $(cat "$T/observer.err")"
agent_start
observe() { SMIME_AGENT_SOCK=$observed timeout 30 "$@"; }

# ---- Operations ----

mail alice-auth@example.org alice@example.org >"$T/mail"
for name in alice bob; do
	openssl cms -encrypt -aes256 -in "$T/mail" -out "$T/for-$name" "$T/$name-9d.pem" || bail 'nothing to decrypt'
done
sign() { observe smime sign -k alice-auth@example.org -i "$T/mail" -o "$T/signed"; }
decrypt() { observe smime decrypt -i "$T/for-$name" -o "$T/decrypted"; }
all_keys() { [ "$(smime keys --json | grep -c '"subject"')" = 4 ] || { echo 'smime keys lists fewer certificates than there are' >&2 && return 1; }; }
works() {
	case $operation in
	ecdh) decrypt ;;
	list) sign && all_keys ;;
	*) sign ;;
	esac
}

perform() {
	case $operation in
	list) observe smime keys ;;
	login | wrong-login) observe smime unlock "$name" ;;
	sign) sign ;;
	decrypt | ecdh) decrypt ;;
	lock) observe smime lock ;;
	esac
}

# Its next process has looked into it: a fault is not to strike there.
is_ready() { smime status | grep -q 'ready, locked'; }

# The card is there, known and unlocked; but for what the operation is itself to do.
prepare() {
	card_ask 0 seen 2>/dev/null || card_insert 0 $name
	answers "pin $CARD_PIN"
	await works >/dev/null 2>"$T/prepare.err" || return
	case $operation in
	login | wrong-login) smime lock && await is_ready ;;
	list) card_remove 0 ;;
	esac
	[ "$operation" != wrong-login ] || answers 'pin 999999'
}

# ---- Faults ----

arm() { # N
	local kind=any
	[ "$operation" != wrong-login ] || kind=verify
	case $fault in
	pull | freeze | reset) card_fault 0 $kind "$1" "$fault" ;;
	late-pull) card_fault 0 $kind "$1" pull after ;;
	status) card_fault 0 $kind "$1" status 6F00 ;;
	truncated) card_fault 0 $kind "$1" halve ;;
	long) card_fault 0 $kind "$1" long 1 ;;
	huge) card_fault 0 $kind "$1" long 65535 ;;
	swap) card_fault 0 $kind "$1" swap double ;;
	esac
	[ "$operation" != list ] || card_put 0 $name
}

repair() {
	card_fault 0 clear
	case $fault in
	freeze) card_ask 0 release ;;
	pull | late-pull | swap) card_put 0 $name && await card_ask 0 seen ;;
	esac
}

# ---- One cell ----

ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
since() { echo $(($(card_count 0 "$1") - before[$1])); } # WHAT
has_struck() { [ "$(since faults)" -gt 0 ]; } # of an insertion perhaps only when the command has been answered already
declare -A before

# How long until a request works; -1: it does not in six seconds.
recover() {
	local begin
	begin=$(ms)
	until works >>"$T/recovery.out" 2>>"$T/recovery.err"; do
		[ $(($(ms) - begin)) -lt 6000 ] || { echo -1 && return; }
		sleep 0.05
	done
	echo $(($(ms) - begin))
}

# What reached the other card is told from its state: it has lost a try.
elsewhere() { [ ! -e "$T/cards/double/state" ] || echo $((3 - $(cut -d' ' -f1 "$T/cards/double/state"))); }

cell() { # N; fails when the operation has no such APDU
	local what begin recovery_ms ms code=0 typed_wrong=0 seen_before foreign='' reason=''
	prepare || { printf '%s %s %s - - - cannot be prepared: %s\n' "$fault" "$operation" "$1" "$(tail -n 1 "$T/prepare.err")" >>"$results" && return 1; }
	seen_before=$(wc -l <"$T/observations")
	for what in verify-wrong verify-blocked faults; do before[$what]=$(card_count 0 $what); done
	arm "$1"
	begin=$(ms)
	perform >"$T/out" 2>"$T/err" </dev/null || code=$?
	ms=$(($(ms) - begin))
	[ "$operation" != wrong-login ] || typed_wrong=$(prompts)
	answers "pin $CARD_PIN"
	if [ "$operation" != lock ] && ! LIMIT=$strikes_within await has_struck; then
		repair
		return 1
	fi
	repair
	[ "$operation" != lock ] || foreign=$(timeout 5 "$CARD/raw" 0 sign 9a rsa 2>/dev/null | tail -n 1)
	recovery_ms=$(recover)
	if [ "$recovery_ms" -lt 0 ]; then
		reason=$(tail -n 1 "$T/recovery.err")
		card_remove 0
		card_insert 0 $name
		recovery_ms=$(recover)
	fi
	{
		printf '%s\n' "fault=$fault" "operation=$operation" "code=$code" "ms=$ms" "typed_wrong=$typed_wrong" "foreign=$foreign"
		printf '%s\n' "wrong=$(since verify-wrong)" "blocked=$(since verify-blocked)" "elsewhere=$(elsewhere)" "recovery_ms=$recovery_ms" "reason=$reason"
		printf '%s\n' "alive=$(($(ended "$agent_pid"; echo $?)))" "tries=$(card_tries 0 2>/dev/null | cut -d' ' -f1)"
	} >"$T/record"
	tail -n +$((seen_before + 1)) "$T/observations" >"$T/seen"
	printf '%s %s %s %s %s %s %s\n' "$fault" "$operation" "$1" "$code" "$ms" "$recovery_ms" \
		"$(python3 "$SOURCE/tests/faults/verdict.py" "$T/record" "$T/seen")" >>"$results"
	[ "$recovery_ms" -ge 0 ] || start_over
	[ "$operation" != lock ]
}

# After a cell that ended badly the next one begins with another agent and a card that is well.
start_over() {
	kill -9 "$agent_pid"
	await ended "$agent_pid"
	card_ask 0 release
	card_remove 0
	rm -f "$agent_socket"
	agent_start
}

inserted=
for fault in "${faults[@]}"; do
	for operation in "${operations[@]}"; do
		# An APDU that was named is there, however late; whether there is one more has to be found out in a reasonable time.
		first=$from last=1000 name=alice strikes_within=30
		[[ $operation != *@* ]] || first=${operation#*@} last=${operation#*@} strikes_within=600
		operation=${operation%@*}
		[ "$operation" != ecdh ] || name=bob
		[ "$name" = "$inserted" ] || card_remove 0
		inserted=$name
		for ((n = first; n <= last; n++)); do
			printf '3 3 654321 12345678\n' >"$T/cards/double/state"
			cell "$n" || break
		done
		[[ $n -gt $last || $last != 1000 ]] || printf '%s %s end\n' "$fault" "$operation" >>"$results"
	done
done
agent_stop >/dev/null
