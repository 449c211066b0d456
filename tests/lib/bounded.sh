# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What one process may cost, whatever it is given; to be sourced after lib.sh. Processor time, since the machine may be busy with
# other tests, and peak memory, which means nothing under sanitizers.

SECONDS_MAX=3 PEAK_MAX_KIB=$((16 * 1024))
[ -z "${SMIME_SANITIZED:-}" ] || SECONDS_MAX=60

bounded() { # DESCRIPTION CODES COMMAND...: CODES is a pattern
	local description=$1 codes=$2 user system peak spent
	shift 2
	run timeout 150 /usr/bin/time -f '%U %S %M' -o "$T/cost" "$@"
	read -r user system peak < <(tail -n 1 "$T/cost")
	like "$description: a definite answer" "$code" "^($codes)\$"
	[[ $code =~ ^($codes)$ ]] || note "$(head -c 600 "$T/err")"
	spent=$((10#${user/./} + 10#${system/./})) # hundredths
	note "$description: code $code, $spent/100 s, $peak KiB: $(head -c 150 "$T/err" | head -n 1)"
	holds "$description: within $SECONDS_MAX seconds" [ $spent -lt $((SECONDS_MAX * 100)) ]
	[ -n "${SMIME_SANITIZED:-}" ] || holds "$description: within $PEAK_MAX_KIB KiB" [ "$peak" -lt $PEAK_MAX_KIB ]
}
verifies() { bounded "$1" "$2" smime verify "${@:3}"; } # DESCRIPTION CODES FILE
decrypts() { rm -f plain && bounded "$1" "$2" smime decrypt -o plain "${@:3}"; } # DESCRIPTION CODES FILE
