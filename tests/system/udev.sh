#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The rules for udev, on devices that umockdev makes up: who gets access, and what starts the agent.
. "$(dirname "$0")/../lib/lib.sh"

rules=$SOURCE/udev/70-smime-agent.rules
command -v umockdev-run >/dev/null || skip_all 'there is no umockdev-run'
unshare --mount --map-root-user true 2>/dev/null || skip_all 'no mount namespace can be made'

# A USB device with one interface: DIRECTORY VENDOR PRODUCT CLASS (each in hexadecimal digits).
usb_device() {
	local vendor=$2 product=$3 number=${1#*-}
	printf 'P: /devices/pci0000:00/0000:00:14.0/usb1/%s\nN: bus/usb/001/00%s\n' "$1" "$number"
	printf 'E: %s\n' "DEVNAME=bus/usb/001/00$number" DEVTYPE=usb_device SUBSYSTEM=usb BUSNUM=001 "DEVNUM=00$number" MAJOR=189 "MINOR=$number"
	printf 'A: %s\\n\n' "idVendor=$vendor" "idProduct=$product" bDeviceClass=00 bcdDevice=0200
	printf 'H: descriptors=1201000200000040%s%s0002010203010902190001010080320904000002%s00000407058102400000 070502024000 00\n\n' \
		"${vendor:2}${vendor:0:2}" "${product:2}${product:0:2}" "$4" | tr -d ' ' | sed 's/^H:/H: /'
}
{
	usb_device 1-1 1050 0030 ff # YubiHSM 2
	usb_device 1-2 08e6 3437 0b # a card reader
	usb_device 1-3 1050 0010 03 # a keyboard of the first one's maker
	usb_device 1-4 1d6b 0030 ff # the number of the first one, of another maker
} >"$T/devices"

# udev with these rules among its own, and what it knows of a device then.
mkdir "$T/rules" "$T/dev"
in_udev() { # COMMAND...
	unshare --mount --map-root-user sh "$T/in-udev" "$T/rules" "$T/devices" "$T/dev" "$@"
}
cat >"$T/in-udev" <<'END'
set -e
rules=$1 devices=$2 dev=$3
shift 3
mount -t tmpfs tmpfs /run
mkdir -p /run/udev/data
cp -r "$rules" /run/udev/rules.d
# udevadm test makes links in /dev all the same.
mount --rbind /dev "$dev"
mount -t tmpfs tmpfs /dev
for device in null zero full random urandom; do
	touch "/dev/$device"
	mount --bind "$dev/$device" "/dev/$device"
done
exec umockdev-run --device="$devices" -- "$@"
END
plug() { run in_udev udevadm test --action="${2:-add}" "/sys/devices/pci0000:00/0000:00:14.0/usb1/$1"; } # DIRECTORY [ACTION]
property() { sed -n "s/^$1=//p" "$T/out"; }
complaints() { grep -aF 70-smime-agent.rules "$T/err" | grep -avE 'Reading rules file'; }

plug 1-1
is 'without the rules nobody gets a YubiHSM' "$(property TAGS)" :seat:
cp "$rules" "$T/rules/"
plug 1-1
is 'the rules are well-formed' "$(complaints)" ''
holds 'and were read' grep -aq 'Reading rules file: /run/udev/rules.d/70-smime-agent.rules' "$T/err"
is 'a YubiHSM' "$(property ID_USB_INTERFACES)" :ff0000:
like 'is for the user at the seat' "$(property TAGS)" ':uaccess:'
holds 'who gets access' grep -qx "run: 'uaccess'" "$T/out"
like 'is seen by the user manager' "$(property TAGS)" ':systemd:'
is 'and starts what waits for readers' "$(property SYSTEMD_USER_WANTS)" smartcard.target
plug 1-1 remove
unlike 'not when it is pulled' "$(cat "$T/out")" 'smartcard\.target|uaccess'
plug 1-2
is 'a card reader' "$(property ID_USB_INTERFACES)" :0b0000:
is 'starts it by the rules of udev itself' "$(property SYSTEMD_USER_WANTS)" smartcard.target
for device in 1-3 1-4; do
	plug "$device"
	is 'another device' "$(property ACTION)" add
	unlike 'gets nothing' "$(cat "$T/out")" 'smartcard\.target|uaccess'
done

# A control: udev says what it can't read.
sed 's/TAG+="uaccess"/TAGG+="uaccess"/' "$rules" >"$T/rules/70-smime-agent.rules"
plug 1-1
like 'an error of syntax is seen' "$(complaints)" TAGG
is 'the target is the one that the service waits for' "$(sed -n 's/^WantedBy=//p' "$SOURCE/agent/systemd/smime-agent.service.in")" smartcard.target
done_testing
