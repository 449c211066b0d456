#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Kills the agent at random points of its work, and verifies the audit log behind each: SMIME_BUILD=build tests/faults/kill.sh [KILLS [MINUTES]]
#
# KILLS (default 1000), none after MINUTES (default 60). Every hundred kills another log is begun, by turns on the disk before each
# operation, with small files, and buffered. Prints TAP and a line of figures; the exit code is 1 when something did not hold.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/kill.sh"
fixture people

kills=${1:-1000} minutes=${2:-60} done=0 all_operations=0 all_unknown=0 bad=0 torn=0
ways=('' ', rotate: 4K' ', durability: buffered')
while [ "$done" -lt "$kills" ] && [ "$SECONDS" -lt $((minutes * 60)) ]; do
	kill_start "${ways[done / 100 % 3]}"
	for ((i = 0; i < 100 && done < kills && SECONDS < minutes * 60; i++)); do
		kill_once || { bad=$((bad + 1)) && fail "I3: kill $done: the log verifies" "$(cat "$T/verified")"; }
		done=$((done + 1))
	done
	torn=$((torn + $(cat "$kill_audit"/*.jsonl | grep -c '"torn"')))
	kill_finish
	all_operations=$((all_operations + operations)) all_unknown=$((all_unknown + unknown))
	note "$done kills, $all_operations operations, $all_unknown unknown, $torn torn lines, $bad logs that did not verify; $SECONDS s"
done
is 'all kills were made' "$done" "$kills"
is 'I3: behind each the log verified' "$bad" 0
done_testing
