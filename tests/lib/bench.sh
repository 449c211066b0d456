# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For benchmarks, to be sourced after lib.sh: programs run in turns, so that what else the machine does strikes all of them, and what
# counts is the median of the ratios within each round.
#
#   turn ours smime decrypt ..      # one run; $T/runs/ours gets a line: seconds, seconds of processor time, peak in KiB
#   turn peer openssl cms ..
#   table 'what' ..                 # begins a table of the report
#   against 'decrypt' ours peer 'openssl cms' 10 1073741824

mkdir -p "$T/runs"
report=$T/report
missed=0
: >"$report"

turn() { # NAME COMMAND...
	local name=$1 TIMEFORMAT='%R %U %S' took
	shift
	took=$({ time env time -f %M -o "$T/peak" "$@" >"$T/out" 2>"$T/err" 3>&-; } 2>&1) || bail "this failed: $*: $(tail -n 3 "$T/err")"
	awk -v peak="$(tail -n 1 "$T/peak")" '{ printf "%.3f %.3f %d\n", $1, $2 + $3, peak }' <<<"$took" >>"$T/runs/$name"
}
# Calls a function that takes a few turns: three times at least, then until the time is over, and nine times at most.
rounds() { # SECONDS FUNCTION
	local i until=$((SECONDS + $1))
	for ((i = 0; i < 3 || (i < 9 && SECONDS < until); i++)); do "$2"; done
}

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
seconds_of() { cut -d' ' -f1 "$T/runs/$1" | median; }
processor_of() { cut -d' ' -f2 "$T/runs/$1" | median; }
peak_of() { cut -d' ' -f3 "$T/runs/$1" | sort -n | tail -n 1; } # the highest, in KiB
ratio_of() { paste -d' ' "$T/runs/$1" "$T/runs/$2" | awk -v a="$3" '$a > 0 { print $(a + 3) / $a }' | median; } # OURS PEER 1|2
calculate() { awk "BEGIN { printf \"$1\", $2 }"; }
reaches() { awk "BEGIN { exit !($1) }"; }

table() { # HEADING COLUMN...
	local IFS='|' rule
	printf '\n### %s\n\n' "$1" >>"$report"
	shift
	rule=$(printf '|---%.0s' "$@")
	printf '|%s|\n%s|\n' "$*" "$rule" >>"$report"
}
row() { # CELL...
	local IFS='|'
	printf '|%s|\n' "$*" >>"$report"
	printf '%s\n' "$*" | sed 's/|/   /g' >&3
}
judged() { # VALUE CONDITION: the value, marked when what was to be reached was not
	if reaches "$2"; then
		printf '%s' "$1"
	else
		printf '%s, **missed**' "$1"
	fi
}

speed_table() { table "$1" 'what' '`smime`' 'beside' 'it takes' 'ratio' 'of processor time' 'to reach'; } # HEADING
against() { # WHAT OURS PEER PEER-NAME TARGET|- BYTES
	local ratio ours target=$5
	ratio=$(ratio_of "$2" "$3" 1) ours=$(seconds_of "$2")
	if [ "$target" != - ]; then
		reaches "$ratio >= $target" || missed=$((missed + 1))
		ratio=$(judged "$(calculate %.2f "$ratio")" "$ratio >= $target")
	else
		ratio=$(calculate %.2f "$ratio")
	fi
	row "$1" "$(calculate '%.2f s, %d MB/s' "$ours, $6 / 1e6 / $ours")" "$4" "$(calculate '%.2f s' "$(seconds_of "$3")")" "$ratio" \
		"$(calculate %.2f "$(ratio_of "$2" "$3" 2)")" "$target"
}
