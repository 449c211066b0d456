#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Tests on a whole Debian 12: tests/vm/run.sh [--all] [--shell] [TEST...]
#
# Its own kernel, systemd as process 1, logind, AppArmor, users who log in: what the machine that tests run on need not have. Makes the
# machine once (debootstrap, in build-tests/vm), starts it under qemu with a copy of this checkout, which is built as a release and installed
# there, and runs scripts in it:
#
#   TEST      a script of tests/vm, or else of tests/system, tests/interop or tests/release; default: all of tests/vm, and, with KVM, the list in inside.sh
#   --all     all of tests/run.sh too
#   --shell   no test, but root's shell in it
#
# The machine has two processors, 3 GiB, no network, and an hour ($SMIME_VM_SECONDS; four times that with --all); what it writes to its disk is forgotten. Without
# KVM, or with one that does not start this kernel, it is emulated, ten times as slow; SMIME_VM_ACCEL=tcg or kvm says which. Every TAP test point counts; all of
# them are in build-tests/vm/points, what the machine said in build-tests/vm/console. The last line is `N passed, N failed, N skipped`; the exit code is 1 when
# any failed or not all was run, 2 when the machine can't be had.
#
# No part of tests/run.sh: it takes root, a mirror of Debian and 6 GiB. SMIME_VM_QEMU: more arguments for qemu.

set -u -o pipefail

source=$(cd "$(dirname "$0")/../.." && pwd)
folder=$source/build-tests/vm
limit=${SMIME_VM_SECONDS:-3600}
disk=24G

die() { printf 'tests/vm/run.sh: %s\n' "$*" >&2 && exit 2; }

arguments=()
for argument in "$@"; do
	case $argument in
	--all) limit=${SMIME_VM_SECONDS:-14400} ;;
	--shell | [a-z]*) ;;
	*) die "unknown option $argument; see its head" ;;
	esac
	arguments+=("$argument")
done

# ---- What it takes ----

need() { # COMMAND PACKAGE
	command -v "$1" >/dev/null || missing+=("$2")
}
missing=()
need qemu-system-x86_64 qemu-system-x86
need debootstrap debootstrap
need mke2fs e2fsprogs
need setpriv util-linux
[ ${#missing[@]} -eq 0 ] || die "these packages are missing: ${missing[*]} (apt-get install --no-install-recommends)"
mkdir -p "$folder" || exit 2

[ "$(id -u)" = 0 ] || die 'only root can make the machine and build in it'

# ---- The machine ----

exec 9>"$folder/lock"
flock -n 9 || die "another one runs with $folder"
stamp=$(cat "$source/tests/vm/image.sh" "$source/docs/install-packages.sh" | cksum)
if [ "$(cat "$folder/stamp" 2>/dev/null)" != "$stamp" ]; then
	[ "$(df --output=avail -k "$folder" | tail -n 1)" -gt $((12 * 1024 * 1024)) ] || die "making the machine takes 12 GiB in $folder"
	printf '== making the machine (some minutes, once; build-tests/vm/image.log)\n'
	nice timeout 5400 unshare --mount --pid --fork --kill-child bash "$source/tests/vm/image.sh" "$folder" "$disk" >"$folder/image.log" 2>&1 9>&- || {
		tail -n 20 "$folder/image.log" >&2
		die 'the machine could not be made'
	}
	printf '%s\n' "$stamp" >"$folder/stamp"
fi

# The checkout as it is, in an archive that the machine reads as a disk.
scratch=$(mktemp -d "$folder/run.XXXXXX") || exit 2
qemu=
cleanup() {
	[ -z "$qemu" ] || kill "$qemu" 2>/dev/null
	rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 2' INT TERM HUP
tar -C "$source" --exclude='./build*' --exclude=./.git -cf "$scratch/checkout" . || die 'the checkout can not be read'

# Scripts are no part of the build.
made_of=$(cd "$source" && find agent client include udev docs tests meson* tests/vm/build.sh -type f ! \( -path 'tests/*' -name '*.sh' \) ! -name '*.py' -print0 | sort -z | xargs -0 cksum "$folder/stamp" "$0" | cksum)
if [ "$(cat "$folder/built" 2>/dev/null)" != "$made_of" ]; then
	printf '== building, as a release and with the machine'\''s own compiler (build-tests/vm/build.log)\n'
	rm -f "$folder/built"
	nice timeout 3600 unshare --mount --pid --fork --kill-child bash "$source/tests/vm/build.sh" "$folder" "$scratch" >"$folder/build.log" 2>&1 9>&- || {
		tail -n 20 "$folder/build.log" >&2
		printf '0 passed, 1 failed, 0 skipped\n'
		exit 1
	}
	printf '%s\n' "$made_of" >"$folder/built"
fi

shell=0
case " ${arguments[*]} " in *' --shell '*) shell=1 ;; esac
start() { # ACCELERATOR: becomes the machine
	local points="file,id=points,path=${folder//,/,,}/points" console="file,id=console,path=${folder//,/,,}/console"
	local cpu=max
	[ "$1" = tcg ] || cpu=max,-arch-capabilities # which some hosts offer, and don't let be set
	[ $shell = 0 ] || console='stdio,id=console,signal=off'
	printf '%s\n' "$1" "${arguments[@]}" >"$scratch/vm-arguments"
	tar -C "$scratch" -rf "$scratch/checkout" ./vm-arguments
	: >"$folder/points" && : >"$folder/console"
	# shellcheck disable=SC2086 # several words
	TMPDIR=$scratch exec nice timeout --foreground -k 10 "$limit" setpriv --pdeathsig KILL qemu-system-x86_64 \
		-machine q35 -accel "$1" -cpu "$cpu" -smp 2 -m 3072 \
		-nodefaults -no-user-config -no-reboot -display none -device VGA -nic none -device virtio-rng-pci -device qemu-xhci -device usb-ccid \
		-kernel "$folder/vmlinuz" -initrd "$folder/initrd" -append 'root=/dev/vda rw console=tty0 console=ttyS0 panic=-1 loglevel=4 systemd.show_status=0' \
		-drive "file=${folder//,/,,}/disk.img,format=raw,if=virtio,snapshot=on,cache=unsafe" \
		-drive "file=${scratch//,/,,}/checkout,format=raw,if=virtio,readonly=on" \
		-drive "file=${folder//,/,,}/built.tar,format=raw,if=virtio,readonly=on" \
		-chardev "$console" -serial chardev:console -device virtio-serial-pci -chardev "$points" -device virtserialport,chardev=points,name=smime.points \
		${SMIME_VM_QEMU:-} 9>&-
}

if [ $shell = 1 ]; then
	printf '== root'\''s shell in the checkout, once it has started; its end is that of the machine\n'
	(start "${SMIME_VM_ACCEL:-tcg}")
	exit
fi

# Of what runs here every point is shown; of scripts that run elsewhere as well, what failed or was skipped.
show() {
	local line all=1 more=0
	while IFS= read -r line; do
		case $line in
		'== '*) [[ $line == *tests/vm* ]] && all=1 || all=0 ;;
		'not ok'*) more=1 ;;
		ok*) more=0 ;;
		esac
		[[ $line == '== '* || $line == *'# SKIP'* || $all$more != 00 ]] && printf '%s\n' "$line"
	done
}
says_something() { [ -s "$folder/console" ] || ! kill -0 "$qemu" 2>/dev/null; }
accelerators=(kvm tcg)
[ -z "${SMIME_VM_ACCEL:-}" ] || accelerators=("$SMIME_VM_ACCEL")
[ -r /dev/kvm ] && [ -w /dev/kvm ] || accelerators=(tcg)
for accelerator in "${accelerators[@]}"; do
	printf '== the machine starts (%s)\n' "$accelerator"
	(start "$accelerator") </dev/null >"$folder/qemu" 2>&1 &
	qemu=$!
	for _ in $(seq 60); do says_something || sleep 1; done
	# A /dev/kvm may be of a kind that starts only kernels made for it.
	[ -s "$folder/console" ] && break
	kill "$qemu" 2>/dev/null
	wait "$qemu" 2>/dev/null
	printf 'tests/vm/run.sh: nothing starts with %s\n' "$accelerator" >&2
	tail -n 3 "$folder/qemu" >&2
done
tail -n +1 -f --pid="$qemu" "$folder/points" 2>/dev/null | show
wait "$qemu"
code=$?
qemu=
[ "$code" = 0 ] || tail -n 5 "$folder/qemu" >&2
[ "$code" != 124 ] || printf 'tests/vm/run.sh: the machine was ended after %d seconds\n' "$limit" >&2

failed=$(grep -c '^not ok' "$folder/points")
skipped=$(grep -cE '^ok .*# SKIP|^1\.\.0 # SKIP' "$folder/points")
passed=$(($(grep -c '^ok' "$folder/points") - $(grep -c '^ok .*# SKIP' "$folder/points")))
whole=0
grep -qx '== the end' "$folder/points" || { whole=1 && printf 'tests/vm/run.sh: it did not come to its end; build-tests/vm/console ends with:\n' && tail -n 15 "$folder/console"; } >&2
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ] && [ "$whole" = 0 ]
