#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every fault of a card at every APDU of every operation: SMIME_BUILD=build tests/faults/run.sh [RESULTS [JOBS [MINUTES]]]
#
# RESULTS (default: faults.txt in the build): a line for each cell, see cells.sh. A second run goes on where the first ended, and does
# nothing again; remove the file to begin anew. JOBS (default 2) stacks side by side; none is begun after MINUTES (default 90).
# Prints the table, then what did not hold. Exit code 1 when something did not or a cell is missing.

set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
export SMIME_BUILD=${SMIME_BUILD:-$here/../../build}
results=${1:-$SMIME_BUILD/faults.txt} jobs=${2:-2} minutes=${3:-90}
faults=(pull late-pull reset status truncated long huge freeze swap)
operations=(list login wrong-login sign decrypt ecdh lock)
parts=$results.parts
mkdir -p "$parts"

# One fault of one operation, from the cell behind the last that is known.
unit() { # FAULT OPERATION
	local file=$parts/$1-$2 first
	grep -q ' end$' "$file" 2>/dev/null && return
	first=$(awk '{ n = $3 } END { print n + 1 }' "$file" 2>/dev/null)
	bash "$here/cells.sh" "$file" "$1" "$2" "${first:-1}" >"$file.out" 2>&1
}

running=()
for operation in "${operations[@]}"; do
	for fault in "${faults[@]}"; do
		[ "$SECONDS" -lt $((minutes * 60)) ] || break 2
		if [ ${#running[@]} -ge "$jobs" ]; then
			wait -n -p ended "${running[@]}"
			for i in "${!running[@]}"; do [ "${running[i]}" != "$ended" ] || unset "running[i]"; done
			running=("${running[@]}")
		fi
		unit "$fault" "$operation" &
		running+=("$!")
	done
done
wait
for operation in "${operations[@]}"; do
	for fault in "${faults[@]}"; do cat "$parts/$fault-$operation" 2>/dev/null; done
done >"$results"
python3 "$here/table.py" "$results" "${faults[*]}" "${operations[*]}"
