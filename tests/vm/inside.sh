#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the machine of run.sh does: installs what was built, then runs the scripts that vm-arguments names, behind the word kvm or tcg. Prints TAP.

set -u
source=$(cd "$(dirname "$0")/../.." && pwd)
build=$source/build
elsewhere=(sandbox policy session consent audit audit-journal system-instance system-unit remote readers units udev secrets card-lock session-card)

mapfile -t tests < <(tail -n +2 "$source/vm-arguments" | grep -v -e '^--' -e '^$')
accelerator=$(head -n 1 "$source/vm-arguments")
asked() { grep -qxe "$1" "$source/vm-arguments"; } # OPTION

if asked --shell; then
	systemctl stop serial-getty@ttyS0
	cd "$source" && exec setsid -c bash --login </dev/ttyS0 >/dev/ttyS0 2>&1
fi

step() { # NAME COMMAND...
	local name=$1
	shift
	if "$@" >"$source/step.log" 2>&1; then
		printf 'ok - %s\n' "$name"
	else
		printf 'not ok - %s\n' "$name"
		tail -n 60 "$source/step.log" | sed 's/^/# /'
		return 1
	fi
}
unpack() { tar -C "$source" -xf /dev/vdc; }
install() { meson install -C "$build" --no-rebuild --quiet && systemctl daemon-reload && systemd-sysusers && udevadm control --reload; }

# One script; that it ended, and ended as its points say, is a point of its own.
script() { # FILE
	local code=0 points=$source/script.tap
	printf '== %s\n' "${1#"$source/"}"
	: >"$points"
	setsid --wait timeout -k 10 900 env SMIME_BUILD="$build" PATH=/usr/sbin:/usr/bin:/sbin:/bin bash "$1" </dev/null 2>/dev/ttyS0 | tee "$points" || code=${PIPESTATUS[0]}
	code=${PIPESTATUS[0]}
	if ! grep -q '^not ok' "$points" && { [ "$code" != 0 ] || ! grep -qE '^1\.\.[0-9]+' "$points"; }; then
		printf 'not ok - %s comes to its end, with exit code 0 (%d)\n' "${1##*/}" "$code"
	fi
}
find_script() { # NAME
	local room
	for room in vm system interop release; do
		[ -e "$source/tests/$room/$1.sh" ] && printf '%s\n' "$source/tests/$room/$1.sh" && return
	done
}

printf '== tests/vm: %s, %s, LSMs %s\n' "$(uname -r)" "$(systemctl --version | head -n 1)" "$(cat /sys/kernel/security/lsm)"
step 'it was built as a release' unpack && step 'and is installed' install || { printf '== the end\n' && exit; }
if [ ${#tests[@]} -eq 0 ]; then
	for file in "$source"/tests/vm/*.sh; do
		case ${file##*/} in run.sh | image.sh | build.sh | inside.sh) ;; *) tests+=("$(basename "$file" .sh)") ;; esac
	done
	# Their times are for machines, not for what emulates one.
	[ "$accelerator" = tcg ] || tests+=("${elsewhere[@]}")
fi
for name in "${tests[@]}"; do
	file=$(find_script "$name")
	if [ -n "$file" ]; then script "$file"; else printf 'not ok - there is a test %s\n' "$name"; fi
done
if asked --all; then
	printf '== tests/run.sh\n'
	bash "$source/tests/run.sh" >"$source/run.log" 2>&1
	tail -n 400 "$source/run.log" >/dev/ttyS0
	cat "$source"/build-tests/results/steps.tap
	# Each point of it, from what report.py counts.
	tail -n 1 "$source/run.log" | awk '/passed/ { for (i = 0; i < $1; i++) print "ok - of tests/run.sh"; for (i = 0; i < $3; i++) print "not ok - of tests/run.sh, see build-tests/vm/console" }'
fi
printf '== the end\n'
