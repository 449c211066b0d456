#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes the machine that tests/vm/run.sh starts: image.sh FOLDER SIZE
#
#   FOLDER/disk.img    Debian 12 with systemd, logind, AppArmor and all that docs/install-packages.sh knows of
#   FOLDER/vmlinuz     its kernel
#   FOLDER/initrd
#   FOLDER/stamp       of what it was made; there only when all of it is
#
# run.sh calls it in a mount and PID namespace of its own, so that what is mounted and started here goes with it. $SMIME_VM_MIRROR names another
# mirror than deb.debian.org.

set -eu

folder=$1 size=$2
source=$(cd "$(dirname "$0")/../.." && pwd)
mirror=${SMIME_VM_MIRROR:-http://deb.debian.org/debian}
root=$folder/root

rm -rf "$root" "$folder/stamp"
mount --make-rprivate /

# A folder with blanks is no place for debootstrap, which doesn't quote.
mkdir -p "$root" /mnt
mount --bind "$root" /mnt
mount -o remount,dev,suid,exec,bind /mnt

debootstrap --variant=minbase --include=ca-certificates bookworm /mnt "$mirror"
cat >/mnt/etc/apt/sources.list <<END
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb ${mirror%/debian}/debian-security bookworm-security main
END
printf 'APT::Install-Recommends "no";\nDir::Cache::archives "";\n' >/mnt/etc/apt/apt.conf.d/90smime
printf '#!/bin/sh\nexit 101\n' >/mnt/usr/sbin/policy-rc.d # nothing starts in here
chmod 755 /mnt/usr/sbin/policy-rc.d
mount -t proc proc /mnt/proc
mount -t tmpfs tmpfs /mnt/tmp

inside() { chroot /mnt env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
mkdir -p /mnt/etc/initramfs-tools/conf.d
printf 'MODULES=list\nCOMPRESS=zstd\n' >/mnt/etc/initramfs-tools/conf.d/smime
inside apt-get update -q
inside apt-get install -y -q systemd systemd-sysv systemd-container dbus dbus-user-session libpam-systemd udev apparmor polkitd pkexec openssh-server openssh-client sudo kbd \
	iproute2 zstd initramfs-tools
printf 'virtio_pci\nvirtio_blk\next4\n' >>/mnt/etc/initramfs-tools/modules
inside apt-get install -y -q linux-image-amd64
cp "$source/docs/install-packages.sh" /mnt/tmp/
inside bash /tmp/install-packages.sh build demo tests
rm -f /mnt/usr/sbin/policy-rc.d

printf 'smime\n' >/mnt/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 smime\n::1 localhost\n' >/mnt/etc/hosts
printf '/dev/vda / ext4 noatime 0 1\n' >/mnt/etc/fstab
cat >/mnt/etc/systemd/system/smime-vm.service <<'END'
[Unit]
Description=The tests that the host has given
After=multi-user.target systemd-user-sessions.service
[Service]
Type=exec
Environment=HOME=/root
ExecStart=/bin/bash -c 'mkdir -p "$0" && cd "$0" && tar -xf /dev/vdb && exec bash tests/vm/inside.sh' '/root/the checkout'
StandardOutput=file:/dev/virtio-ports/smime.points
StandardError=inherit
ExecStopPost=/bin/systemctl poweroff --no-block
KillMode=mixed
[Install]
WantedBy=default.target
END
inside systemctl enable smime-vm.service
inside systemctl set-default multi-user.target
inside systemctl mask systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer man-db.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer
inside passwd -d root

cp /mnt/boot/vmlinuz-* "$folder/vmlinuz"
cp /mnt/boot/initrd.img-* "$folder/initrd"
umount /mnt/proc /mnt/tmp
rm -rf /mnt/var/lib/apt/lists/* /mnt/var/cache/apt/*
rm -f "$folder/disk.img"
mke2fs -q -F -t ext4 -O ^has_journal -E root_owner=0:0 -d /mnt "$folder/disk.img" "$size"
umount /mnt
rm -rf "$root"
