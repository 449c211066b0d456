#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Fuzzes for some minutes: tests/fuzz/run.sh MINUTES [TARGET...], all targets at once unless FUZZ_JOBS says how many.
#
# Builds with clang, libFuzzer, ASan and UBSan in build-tests/fuzz. Corpora grow there in corpus/TARGET, beginning with what
# tests/fuzz/corpus has; findings stay as files in findings/TARGET. A target goes on after a finding until its time is over.
# Each is held to 2 GiB of memory, and an input to 20 seconds. Ends with a table and the exit code 1 when there are findings.

set -u -o pipefail
if ! [[ ${1:-} =~ ^[1-9][0-9]*$ ]]; then
	printf 'run.sh MINUTES [TARGET...]\n' >&2
	exit 2
fi

source=$(cd "$(dirname "$0")/../.." && pwd)
base=$source/build-tests/fuzz
seconds=$(($1 * 60))
shift
if [ $# -gt 0 ]; then targets=("$@"); else
	targets=()
	for folder in "$source"/tests/fuzz/corpus/*/; do targets+=("$(basename "$folder")"); done
fi
jobs=${FUZZ_JOBS:-${#targets[@]}}

# ---- Build ----

mkdir -p "$base" || exit 1
{
	[ -e "$base/build.ninja" ] ||
		CC=clang meson setup "$base" "$source" -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Dtests=auto
} >"$base/setup.log" 2>&1 || { cat "$base/setup.log" && exit 1; }
ninja -C "$base" "${targets[@]/#/tests/fuzz/fuzz-}" >"$base/ninja.log" 2>&1 || { tail -n 40 "$base/ninja.log" && exit 1; }

# ---- Run ----

# A small quarantine and short stacks: nothing here lives long, and memory is what a sanitizer's time goes into.
export ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=12:detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export LSAN_OPTIONS="suppressions='$source/tests/lsan.supp':print_suppressions=0"

findings_of() { find "$base/findings/$1" -type f 2>/dev/null; } # TARGET

fuzz() { # TARGET
	local target=$1 left found=-1 child=
	local program=$base/tests/fuzz/fuzz-$target log=$base/logs/$target.log words=()
	local end=$((SECONDS + seconds))
	trap 'kill "$child"; exit 1' TERM
	mkdir -p "$base/corpus/$target" "$base/findings/$target" "$base/logs"
	[ ! -e "$source/tests/fuzz/$target.dict" ] || words=(-dict="$source/tests/fuzz/$target.dict")
	: >"$log"
	# Whoever finds what is found already would do so for ever.
	while left=$((end - SECONDS)) && [ "$left" -gt 0 ] && [ "$(findings_of "$target" | wc -l)" -gt "$found" ]; do
		found=$(findings_of "$target" | wc -l)
		"$program" -max_total_time="$left" -rss_limit_mb=2048 -timeout=20 -report_slow_units=20 -max_len=16384 -print_final_stats=1 -use_value_profile=1 "${words[@]}" \
			-artifact_prefix="$base/findings/$target/" "$base/corpus/$target" "$source/tests/fuzz/corpus/$target" &
		child=$!
		wait "$child"
	done >>"$log" 2>&1
	times >>"$log" # the second line is that of the children
}

trap 'kill $(jobs -p) 2>/dev/null; wait; exit 1' INT TERM
before=$(find "$base/findings" -type f 2>/dev/null | wc -l)
for target in "${targets[@]}"; do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
	fuzz "$target" &
done
wait

# ---- Result ----

# Sums over the runs of a log; coverage is libFuzzer's, in edges, of the last one.
summary() { # TARGET
	awk -v target="$1" -v findings="$(findings_of "$1" | wc -l)" '
		/^stat::number_of_executed_units:/ { runs += $2 }
		/ cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") features = $(i + 1) } }
		/^stat::peak_rss_mb:/ { if ($2 > rss) rss = $2 }
		/^[0-9]+m[0-9.]+s [0-9]+m[0-9.]+s$/ { for (i = 1; i <= 2; i++) { split($i, time, /[ms]/); cpu += 60 * time[1] + time[2] } }
		END { printf "%-12s %12d %8d %8d %8d %6d %9d\n", target, runs, cpu, cov, features, rss, findings }' "$base/logs/$1.log"
}
printf '%-12s %12s %8s %8s %8s %6s %9s\n' target executions 'CPU s' edges features MiB findings
for target in "${targets[@]}"; do summary "$target"; done
for target in "${targets[@]}"; do
	findings_of "$target" | while IFS= read -r file; do
		printf '\n%s\n  replay: %s %q\n' "$file" "$base/tests/fuzz/fuzz-$target" "$file"
		grep -aE '^SUMMARY|runtime error|: not so: ' "$base/logs/$target.log" | sort | uniq -c | sort -rn | head -n 3
	done
done
[ "$(find "$base/findings" -type f | wc -l)" -eq "$before" ]
