#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What enforcement costs: SMIME_BUILD=build tests/bench/policy.sh [ROUNDS]
#
# Agents on SoftHSM get the same work in turns, 64 connections with a request in flight on each: one without rules and without a log, one with
# 200 rules of which the last applies, that one with rules which ask what the client's process is, and the last with a log that is buffered and with one that is on the disk
# before each operation. Then 64 clients make 10,000 signatures each with all of it. A ratio is the median of the rounds'. Five minutes. Prints Markdown.
. "$(dirname "$0")/../lib/lib.sh"
exec 3>&2 # what is no figure

rounds=${1:-7} round_ms=700 connections=64 each=10000 rules=200 bench=$SMIME_BUILD/tests/bench
ninja -C "$SMIME_BUILD" tests/bench/agent-load >"$T/ninja" 2>&1 || bail "$(tail -n 5 "$T/ninja")"

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
row() { # CELL...
	local IFS='|'
	printf '|%s|\n' "$*"
}
# The rules before the last one are about other keys, by what takes longest to compare.
policy() { # MEMBERS-OF-THE-LAST-RULE
	local i
	printf 'rules:\n'
	for ((i = 1; i < rules; i++)); do printf '  - {operation: [sign], key: {address: "person%d*@example.com"}, outcome: deny}\n' $i; done
	printf '  - {operation: [sign], %s outcome: allow}\n' "$1"
}

fixture people
modes=(none rules process buffered sync)
declare -A audit=([none]=off [rules]=off [process]=off [buffered]=buffered [sync]=sync) pids
declare -A says=([none]='no rules, no log' [rules]="$rules rules" [process]="$rules rules, one about the program" [buffered]='and a log, buffered' [sync]='and a log, on the disk first')
for mode in "${modes[@]}"; do
	export SMIME_AGENT_SOCK=$T/$mode.sock XDG_STATE_HOME=$T/state.$mode
	mkdir "$XDG_STATE_HOME"
	configure "$(
		printf 'modules:\n  - path: %s\n    sessions: 4\naudit: {durability: %s, journal: no}\n' "$DEMO_MODULE" "${audit[$mode]}"
		case $mode in none) ;; rules) policy '' ;; *) policy 'client: {executable: "/*/agent-load"}, trust-executable: yes,' | sed 's,/\*/agent-load,'"$(realpath "$bench/agent-load")"',' ;; esac
	)"
	agent_start
	smime unlock || bail 'not unlocked'
	pids[$mode]=$agent_pid
done
smime keys --json >"$T/keys.json" || bail 'no keys'
key_of() { json "$T/keys.json" "next(k['fingerprint'] for k in d['keys'] if k['algorithm'] == '$1')"; } # ALGORITHM

printf '\n%d connections, medians of %d rounds; times in microseconds:\n\n' "$connections" "$rounds"
row key with 'signatures a second' 'ratio to none' median '99th percentile'
row --- --- --- --- --- ---
for algorithm in RSA-2048 EC-256; do
	key=$(key_of "$algorithm")
	for ((i = 0; i < rounds; i++)); do
		for mode in "${modes[@]}"; do
			"$bench/agent-load" "$T/$mode.sock" "$key" "$connections" "$round_ms" >>"$T/load.$mode.$algorithm" || bail 'no signatures'
		done
	done
	for mode in "${modes[@]}"; do
		load=$T/load.$mode.$algorithm
		row "$algorithm" "${says[$mode]}" "$(awk '{ print $1 }' "$load" | median)" \
			"$(paste -d' ' "$load" "$T/load.none.$algorithm" | awk '{ printf "%.2f\n", $1 / $5 }' | median)" \
			"$(awk '{ print $2 }' "$load" | median)" "$(awk '{ print $3 }' "$load" | median)"
	done
done

key=$(key_of EC-256)
rate=$(awk '{ print $1 }' "$T/load.sync.EC-256" | median)
ms=$(awk -v n=$((connections * each)) -v rate="$rate" 'BEGIN { printf "%.0f", n / rate * 1000 }')
begin=$(cat "$T/state.sync"/smime-agent/audit/*.jsonl | wc -l)
SECONDS=0
read -r rate half most _ < <("$bench/agent-load" "$T/sync.sock" "$key" "$connections" "$ms") || bail 'no signatures'
records=$(($(cat "$T/state.sync"/smime-agent/audit/*.jsonl | wc -l) - begin))
printf '\n%d clients, about %d signatures each, EC-256, with %d rules and a log on the disk first: %d s, %s a second, median %s, 99th percentile %s, %d records.\n' \
	"$connections" "$each" "$rules" "$SECONDS" "$rate" "$half" "$most" "$records"
for mode in "${modes[@]}"; do
	agent_pid=${pids[$mode]}
	agent_stop
done
XDG_STATE_HOME=$T/state.sync check 'the log of them verifies' 0 smime audit verify
exit $((test_failed > 0))
