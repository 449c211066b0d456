#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Installs what is missing, builds, and runs every test: tests/run.sh
#
#   gcc         unit, fuzz (the corpora), checks, system, interop, release (install, quickstart)
#   sanitize    the same programs under ASan and UBSan: unit, fuzz, system, interop
#   valgrind    the unit tests and corpora of the gcc build
#   clang       must build without a warning, with libcrypto inside the client's programs; unit, fuzz, and what signs, opens and
#               reads old messages with such programs
#
# At the end docs/conformance.md is compared with what the gcc build has shown; to write it anew after a run:
# python3 tests/conformance/page.py --write build-tests/results/gcc.json
#
# Every TAP test point counts. The last line is `N passed, N failed, N skipped`; the exit code is 1 when any failed. What failed
# is shown with its output, what was skipped with its reason. The builds stay (build-tests/ in the checkout, or in $TMPDIR where
# that can't be written), so that a second run is faster; logs are in their folders meson-logs/.

set -u -o pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
base=$source/build-tests
mkdir -p "$base" 2>/dev/null
[ -w "$base" ] || base=${TMPDIR:-/tmp}/smime-agent-tests-$(id -u)
mkdir -p "$base" || exit 1
jobs=$(nproc)
results=$base/results
rm -rf "$results" && mkdir "$results"

say() { printf '\n== %s (%ds)\n' "$*" "$SECONDS"; }

# A build or an installation is a test point of its own.
step() { # NAME COMMAND...
	local name=$1
	shift
	say "$name"
	if "$@" >"$results/step.log" 2>&1; then
		printf 'ok 1 - %s\n' "$name" >>"$results/steps.tap"
	else
		tail -n 60 "$results/step.log"
		printf 'not ok 1 - %s\n' "$name" >>"$results/steps.tap"
		return 1
	fi
}

build() { # NAME COMPILER MESON-OPTION...
	local dir=$base/$1 name=$1 compiler=$2
	shift 2
	configure() {
		[ -e "$dir/build.ninja" ] || { rm -rf "$dir" && CC=$compiler meson setup "$dir" "$source" --prefix "$dir/root" -Dtests=enabled "$@"; }
	}
	compile() { configure "$@" && meson compile -C "$dir" -j "$jobs"; }
	step "$name builds without a warning" compile "$@"
}

# Runs suites of a build; tests that fail are shown by report.py. The limits on their time end what hangs. They leave room for a machine that has much
# else to do: a test that takes two minutes may take ten.
suites() { # BUILD NAME [MESON-TEST-OPTION...] -- SUITE...
	local build=$1 name=$2 options=() suite
	shift 2
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	for suite in "$@"; do options+=(--suite "$suite"); done
	say "$name: $*"
	rm -f "$base/$build/meson-logs/$name"*
	meson test -C "$base/$build" --no-rebuild --num-processes "$jobs" --logbase "$name" "${options[@]}" | grep -E '^ *[0-9]+/[0-9]+|^Bail' || :
	# With a wrapper meson adds the wrapper's name to that of the log.
	cp "$base/$build/meson-logs/$name"*.json "$results/$name.json" 2>/dev/null ||
		printf 'not ok 1 - %s: meson ran no tests\n' "$name" >>"$results/steps.tap"
}

sanitizers() {
	export SMIME_SANITIZED=1
	# A code of its own: that of a finding must not pass for that of a refusal.
	# What libraries keep for each thread that are loaded later, as GMime's, LeakSanitizer looks for in wrong places, and crashes.
	export ASAN_OPTIONS=exitcode=99:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0:intercept_tls_get_addr=0
	export UBSAN_OPTIONS=exitcode=99:print_stacktrace=1:halt_on_error=1
	export LSAN_OPTIONS="suppressions='$source/tests/lsan.supp':print_suppressions=0:exitcode=99" # quoted, since the path may hold blanks
}

step 'packages are there' bash "$source/docs/install-packages.sh" build demo tests || exit 1
build gcc gcc && {
	suites gcc gcc --timeout-multiplier 5 -- unit fuzz checks system interop release
	SMIME_TEST_STRIDE=13 suites gcc valgrind --timeout-multiplier 20 \
		--wrapper 'valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --trace-children=no' -- unit fuzz
}
build sanitize gcc -Db_sanitize=address,undefined -Dbuildtype=debug -Doptimization=1 &&
	(sanitizers && suites sanitize sanitize --timeout-multiplier 10 -- unit fuzz system interop)
build clang clang -Dstatic_libcrypto=true && {
	suites clang clang --timeout-multiplier 5 -- unit fuzz
	suites clang static --timeout-multiplier 5 algorithms mail rfc4134 -- system interop
}

say 'docs/conformance.md'
python3 "$source/tests/conformance/page.py" "$results/gcc.json" >"$results/conformance.tap" || grep -A20 '^not ok' "$results/conformance.tap"

say 'result'
python3 "$source/tests/lib/report.py" "$results"
