#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the audit log costs: SMIME_BUILD=build tests/bench/audit.sh [ROUNDS]
#
# Three agents on SoftHSM, without a log, with one that is buffered, and with one that is on the disk before each operation, are given the same work
# in turns, so that what else the machine does strikes all; a ratio is the median of the rounds'. Two minutes. The log's disk is that of
# $TMPDIR. Prints Markdown.
. "$(dirname "$0")/../lib/lib.sh"
exec 3>&2 # what is no figure

rounds=${1:-9} round_ms=700 bench=$SMIME_BUILD/tests/bench
ninja -C "$SMIME_BUILD" tests/bench/agent-load >"$T/ninja" 2>&1 || bail "$(tail -n 5 "$T/ninja")"
modes=(off buffered sync)
declare -A pids

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
row() { # CELL...
	local IFS='|'
	printf '|%s|\n' "$*"
}
used_us() { cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum / 1000 }'; } # PID: processor time
pick() { awk -v f="$1" '{ print $f }' "$T/load.$2.$3.$4"; }                                           # FIELD MODE KEY CONNECTIONS
ratio() { paste -d' ' "$T/load.$1.$2.$3" "$T/load.off.$2.$3" | awk '{ printf "%.2f\n", $1 / $6 }' | median; }

fixture people
for mode in "${modes[@]}"; do
	export SMIME_AGENT_SOCK=$T/$mode.sock XDG_STATE_HOME=$T/state.$mode
	mkdir "$XDG_STATE_HOME"
	configure "$(printf 'modules:\n  - path: %s\n    sessions: 4\naudit: {durability: %s, journal: no}' "$DEMO_MODULE" "$mode")"
	agent_start
	smime unlock || bail 'not unlocked'
	pids[$mode]=$agent_pid
done
smime keys --json >"$T/keys.json" || bail 'no keys'
key_of() { json "$T/keys.json" "next(k['fingerprint'] for k in d['keys'] if k['algorithm'] == '$1')"; } # ALGORITHM

measure() { # ALGORITHM CONNECTIONS
	local i mode before rate key
	key=$(key_of "$1")
	for ((i = 0; i < rounds; i++)); do
		for mode in "${modes[@]}"; do
			before=$(used_us "${pids[$mode]}")
			read -r rate half most _ < <("$bench/agent-load" "$T/$mode.sock" "$key" "$2" "$round_ms") || bail 'no signatures'
			printf '%s %s %s %s -\n' "$rate" "$half" "$most" $((($(used_us "${pids[$mode]}") - before) * 1000 / (rate * round_ms))) >>"$T/load.$mode.$1.$2"
		done
	done
	for mode in "${modes[@]}"; do
		row "$1" "$2" "$mode" "$(pick 1 "$mode" "$1" "$2" | median)" "$(ratio "$mode" "$1" "$2")" "$(pick 2 "$mode" "$1" "$2" | median)" \
			"$(pick 3 "$mode" "$1" "$2" | median)" "$(pick 4 "$mode" "$1" "$2" | median)"
	done
}
printf '\nmedians of %d rounds; times in microseconds:\n\n' "$rounds"
row key connections log 'signatures a second' 'ratio to none' median '99th percentile' 'processor time of the core for one'
row --- --- --- --- --- --- --- ---
for connections in 1 4 64; do measure RSA-2048 $connections; done
for connections in 4 64; do measure EC-256 $connections; done

# Records for each time that the disk was waited for, as the agents themselves say at their end.
printf '\n'
for mode in buffered sync; do
	agent_pid=${pids[$mode]}
	agent_stop
	cat "$T/state.$mode"/smime-agent/audit/*.jsonl | sed -nE "s/.*\"kind\":\"end\",\"records\":([0-9]+),\"syncs\":([0-9]+).*/$mode: \1 records, \2 times on the disk/p"
done
agent_pid=${pids[off]}
agent_stop
exit $((test_failed > 0))
