#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Builds a copy of this checkout as a release, where and with what the machine will have it: build.sh FOLDER SCRATCH. In its file system but under the
# kernel of who calls, since without KVM a compiler in the machine takes ten times as long; what it wrote there is forgotten but for FOLDER/built.tar, the build
# with the tests' keys and tokens. run.sh calls it in a mount and PID namespace of its own.

set -eu

folder=$1 scratch=$2
source=$(cd "$(dirname "$0")/../.." && pwd)

mount --make-rprivate /
cd "$scratch"
mkdir disk tree
mount -o loop,ro,noload "$folder/disk.img" disk
mount -t tmpfs -o size=4G tmpfs tree # the copy is another file system
mkdir tree/upper tree/work tree/root
(cd tree && mount -t overlay -o lowerdir=../disk,upperdir=upper,workdir=work overlay root) || exit 1
root=$scratch/tree/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root/root/the checkout"
tar -C "$root/root/the checkout" -xf "$scratch/checkout"
chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 CC=gcc bash -e -c '
	cd "/root/the checkout"
	meson setup build --prefix /usr -Dbuildtype=release -Dtests=enabled
	ninja -C build
	SMIME_BUILD=$PWD/build bash -c ". tests/lib/lib.sh && fixture people && rm -f build/test-fixture.lock"
'
tar -C "$root/root/the checkout" -cf "$folder/built.new" build
mv "$folder/built.new" "$folder/built.tar" # as a disk it has to be a multiple of 512 octets, which tar sees to
