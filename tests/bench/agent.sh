#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What it costs to go through the agent: SMIME_BUILD=build tests/bench/agent.sh [PAIRS]
#
# Whole runs of `smime` beside `openssl cms` with the pkcs11 engine; the agent's throughput beside libp11 in a process of its own; ten
# thousand connections that say nothing. Without an audit log, whose cost audit.sh measures. All on SoftHSM, two minutes in all. Programs take turns, so that what else the machine does
# strikes both; a ratio is the median of the pairs'. Prints Markdown; the exit code is 1 when a figure that is to be reached was missed.
. "$(dirname "$0")/../lib/lib.sh"
exec 3>&2 # what is no figure

pairs=${1:-100} rounds=9 round_ms=600 idle=10000
bench=$SMIME_BUILD/tests/bench
missed=0
# They are no part of what is built by default.
ninja -C "$SMIME_BUILD" tests/bench/{turns,agent-load,agent-idle,c-sign,cms-sign} >"$T/ninja" 2>&1 || bail "$(tail -n 5 "$T/ninja")"

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
row() { # CELL...
	local IFS='|'
	printf '|%s|\n' "$*"
}
table() { # COLUMN...
	row "$@"
	row "${@//*/---}"
}
judged() { # VALUE CONDITION: the value, marked when what was to be reached was not
	awk "BEGIN { exit !($2) }" && printf '%s' "$1" && return
	printf '%s, **missed**' "$1"
	return 1
}
judge() { # sets $verdict
	verdict=$(judged "$@") || missed=$((missed + 1))
}

# ---- What there is to do it with ----

fixture people
configure "$(printf 'modules:\n  - path: %s\n    sessions: 4\nsocket: {max_clients: %d}\naudit: {durability: off}' "$DEMO_MODULE" $((idle + 300)))"
ulimit -n $((idle + 1000)) 2>/dev/null || skip_all "a process may not have $idle open files here"
engines=$(openssl version -e | sed 's/.*"\(.*\)"/\1/')
[ -e "$engines/pkcs11.so" ] || skip_all 'there is no pkcs11 engine (Debian: libengine-pkcs11-openssl)'
cat >"$T/engine.cnf" <<END
openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = $engines/pkcs11.so
MODULE_PATH = $DEMO_MODULE
PIN = $DEMO_PIN
init = 0
END
engine=(-keyform engine -engine pkcs11 -inkey 'pkcs11:token=demo;id=%01')
cms() { OPENSSL_CONF=$T/engine.cnf openssl cms "$@" 2>"$T/err" || bail "openssl cms: $(cat "$T/err")"; }

head -c 10240 /dev/urandom >"$T/content"
{
	printf 'From: alice@example.org\nTo: bob@example.org\nSubject: A test\nMIME-Version: 1.0\nContent-Type: text/plain\n\n'
	head -c 7500 /dev/urandom | base64
} >"$T/mail"
cms -encrypt -binary -aes-256-cbc -outform DER -in "$T/content" -out "$T/content.p7m" "$T/alice.pem"
cms -encrypt -aes-256-cbc -in "$T/mail" -out "$T/mail.p7m" "$T/alice.pem"

agent_start
smime sign --cms -k alice@example.org -i "$T/content" -o "$T/signed" || bail 'no signature'
cms -verify -binary -inform DER -in "$T/signed" -CAfile "$T/ca/root.pem" -out "$T/out"
cmp -s "$T/out" "$T/content" || bail 'what was signed is not what was given'
smime decrypt -q --cms -i "$T/content.p7m" -o "$T/out" && cmp -s "$T/out" "$T/content" || bail 'not decrypted'
cms -decrypt -inform DER -in "$T/content.p7m" -recip "$T/alice.pem" "${engine[@]}" -out "$T/out"
cmp -s "$T/out" "$T/content" || bail 'not decrypted by openssl'

# ---- Whole runs ----

whole() { # WHAT TARGET OURS... -- PEER...
	local what=$1 target=$2 ours peer ratio
	shift 2
	read -r ours peer ratio < <(OPENSSL_CONF=$T/engine.cnf "$bench/turns" "$pairs" "$@" 2>"$T/err") || bail "$what: $(tail -n 2 "$T/err")"
	judge "$ratio" "$ratio <= $target"
	row "$what" "$(awk "BEGIN { printf \"%.2f ms\", $ours / 1000 }")" "$(awk "BEGIN { printf \"%.2f ms\", $peer / 1000 }")" "$verdict" "$target"
}
printf '\nWhole runs, 10 KB, RSA-2048, from the start of the process to its end, %d pairs:\n\n' "$pairs"
table what '`smime`' '`openssl cms`, pkcs11 engine' ratio 'at most'
whole '`sign --cms`' 0.35 smime sign --cms -k alice@example.org "$T/content" -- \
	openssl cms -sign -binary -nodetach -outform DER -in "$T/content" -signer "$T/alice.pem" "${engine[@]}"
whole '`sign`, a mail' 0.5 smime sign "$T/mail" -- openssl cms -sign -in "$T/mail" -signer "$T/alice.pem" "${engine[@]}"
whole '`decrypt --cms`' 0.35 smime decrypt -q --cms "$T/content.p7m" -- \
	openssl cms -decrypt -inform DER -in "$T/content.p7m" -recip "$T/alice.pem" "${engine[@]}"
whole '`decrypt`, a mail' 0.5 smime decrypt -q "$T/mail.p7m" -- openssl cms -decrypt -in "$T/mail.p7m" -recip "$T/alice.pem" "${engine[@]}"

# ---- Throughput ----

smime keys --json >"$T/keys.json" || bail 'no keys'
key_of() { json "$T/keys.json" "next(k['fingerprint'] for k in d['keys'] if k['algorithm'] == '$1')"; } # ALGORITHM
token_pid() {
	local pid
	for pid in $(descendants "$agent_pid"); do
		grep -qs '^smime-token' "/proc/$pid/comm" && [ "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge 4 ] && printf '%s' "$pid"
	done
}
used_us() { cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum / 1000 }'; } # PID: processor time

throughput() { # WHAT KEY ID CERTIFICATE TARGET VERIFICATION
	local i rate client token core token_before core_before signed=0 ours peer
	token=$(token_pid)
	: >"$T/rates"
	core_before=$(used_us "$agent_pid") token_before=$(used_us "$token")
	for ((i = 0; i < rounds; i++)); do
		read -r rate _ _ client < <("$bench/agent-load" "$SMIME_AGENT_SOCK" "$2" 4 "$round_ms") || bail 'no signatures'
		printf '%s %s %s\n' "$rate" "$client" "$("$bench/cms-sign" "$DEMO_MODULE" demo "$3" "$4" 2 "$round_ms" <<<"$DEMO_PIN")" >>"$T/rates"
		signed=$((signed + rate * round_ms / 1000))
	done
	core=$((($(used_us "$agent_pid") - core_before) / signed))
	token=$((($(used_us "$token") - token_before) / signed))
	ours=$(cut -d' ' -f1 "$T/rates" | median) peer=$(cut -d' ' -f3 "$T/rates" | median)
	rate=$(awk '{ printf "%.2f\n", $1 / $3 }' "$T/rates" | median)
	judge "$rate" "$rate >= $5"
	row "$1" "$ours" "$peer" "$verdict" "$5" "$(cut -d' ' -f2 "$T/rates" | median) + $core + $token" "$6" "$(cut -d' ' -f4 "$T/rates" | median)"
}
# Microseconds that one verification takes here.
verification() { openssl speed -seconds 1 "$1" 2>/dev/null | tail -n 1 | awk '{ printf "%.0f", 1e6 / $NF }'; } # ALGORITHM
printf '\nSignatures a second of 4 connections with one request in flight on each, beside CMS_sign() with libp11 in 2 threads of a process that does nothing
else, medians of %d rounds; and the processor time of one, in microseconds, of which the token process verifies its signature:\n\n' "$rounds"
table key agent libp11 ratio 'at least' 'client + core + token process' 'verification in it' libp11
rsa=$(key_of RSA-2048)
throughput RSA-2048 "$rsa" 01 "$T/alice.pem" 0.95 "$(verification rsa2048)"
throughput P-256 "$(key_of EC-256)" 02 "$T/bob.pem" 0.6 "$(verification ecdsap256)"

# ---- Idle connections ----

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; } # PID: KiB
latency() { # prints the 99th percentile, microseconds
	local percentile
	read -r _ _ percentile _ < <("$bench/agent-load" "$SMIME_AGENT_SOCK" "$rsa" 1 1000) || bail 'no signatures'
	printf '%s' "$percentile"
}
each=0
: >"$T/latencies"
for ((i = 0; i < 3; i++)); do
	alone=$(latency)
	before=$(resident "$agent_pid")
	coproc IDLE { exec "$bench/agent-idle" "$SMIME_AGENT_SOCK" "$idle"; }
	idle_pid=$IDLE_PID
	read -r ready <&"${IDLE[0]}" && [ "$ready" = ready ] || bail 'the connections were not taken'
	[ $i -gt 0 ] || each=$(awk "BEGIN { printf \"%.1f\", ($(resident "$agent_pid") - $before) / $idle }")
	printf '%s %s\n' "$alone" "$(latency)" >>"$T/latencies"
	eval "exec ${IDLE[1]}>&-"
	wait "$idle_pid"
	await eval '[ "$(smime status --json | json /dev/stdin "d[\"clients\"]")" -lt 10 ]'
done
printf '\n%d idle connections:\n\n' "$idle"
table what figure 'at most'
judge "$each KiB" "$each <= 8"
row 'memory of the agent for each' "$verdict" '8 KiB'
ratio=$(awk '{ printf "%.2f\n", $2 / $1 }' "$T/latencies" | median)
judge "$ratio" "$ratio <= 2"
row "99th percentile of another client's signature, $(cut -d' ' -f2 "$T/latencies" | median) µs, beside that without them, $(cut -d' ' -f1 "$T/latencies" | median) µs" \
	"$verdict" 2
agent_stop
exit $((test_failed + missed > 0))
