#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# smime doctor on what is around the agent: readers, pcscd, modules, other programs that hold the card, pinentry. Each is broken in
# turn, with the real components; doctor-units.sh does the same to the units of systemd.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"
. "$(dirname "$0")/../lib/findings.sh"

fixture people
card_stack
card_make alice rsa 00112233445566aa
card_insert 0 alice
restart() { agent_stop && agent_start; }
card_agent_start
ready() { smime status --json | python3 -c 'import json, sys; sys.exit(not [t for t in json.load(sys.stdin)["tokens"] if t["state"] == "ready"])'; }
holds 'the card is there' await ready

# All well.
examine
finds 'the reader with the card' good reader 'Test Reader 00 00 has a card'
finds 'the one without' note reader 'Test Reader 00 01 is empty'
finds 'pcscd' good pcscd "$PCSCLITE_CSOCK_NAME"
finds 'polkit' good polkit '(open to every user|lets this user)'
finds 'the module with its token' good module 'opensc-pkcs11\.so has 1 token$'
finds 'nobody else' good holders 'no other program'
finds 'pinentry' good pinentry "$T/pinentry answers"
lacks 'nothing here is wrong' '^(warning|fault) (reader|pcscd|polkit|module|holders|pinentry) '
is 'nobody was asked for a PIN' "$(prompts)" 0
# The agent may still have had a look of its own to take.
is_quiet() { before=$(wc -l <"$T/card.log") && sleep 1 && [ "$(wc -l <"$T/card.log")" = "$before" ]; }
holds 'the card is left alone' await is_quiet
tries=$(card_tries 0)
examine
is 'the card gets nothing to do' "$(wc -l <"$T/card.log") $(card_tries 0)" "$before $tries"

# A card that the agent keeps for itself, as it was told to: looking at it from outside waits, and does it no harm.
agent_stop
card_configure '' 'exclusive: yes'
answers "pin $CARD_PIN"
agent_start
mail alice-auth@example.org bob@example.org >"$T/mail"
check 'the agent keeps the card and signs' 0 smime sign -k alice-auth@example.org -i "$T/mail" -o "$T/signed"
examine
finds 'that nobody else gets at it is told' warning holders 'Test Reader 00 00 lets nobody else in'
mends 'with the configuration that does so' holders 'exclusive: yes'
check 'the agent signs as before' 0 smime sign -k alice-auth@example.org -i "$T/mail" -o "$T/signed"
is 'after one PIN' "$(prompts)" 1
check 'lock' 0 smime lock
examine
lacks 'lets others in' '^warning holders '
agent_stop
card_configure
agent_start
holds 'the card is there as before' await ready

# ---- Cards ----

card_remove 0
is_gone() { smime status --json >"$T/status" && ! grep -q '"card"' "$T/status" && [ "$(json "$T/status" 'len(d["tokens"])')" = 0 ]; }
holds 'the agent sees that the card is gone' await is_gone
examine
finds 'an empty reader' note reader '00 00 is empty'
finds 'and a module without a token' note module 'has no token now'
card_insert 0 alice
holds 'the card is back' await ready

card_remove 0
card_ask 0 mute
card_put 0 alice
mute() { smime status --json | grep -q '"mute"'; }
holds 'a card that does not answer to its reset' await mute
examine
finds 'is told as one' fault reader 'the card in Test Reader 00 00 does not answer'
mends 'with what may help' reader 'put it in again'
card_ask 0 unmute
card_remove 0
card_insert 0 alice
holds 'the card answers again' await ready

# ---- Other programs ----

# One that keeps the card before the agent has it: scdaemon, as gpg starts it.
agent_stop
hold() { # shared|exclusive|transaction
	is_held() { grep -q connected "$T/hold.out"; }
	# pcscd may see a moment later that those have gone who had the card before.
	for _ in {1..50}; do
		"$CARD/raw" 0 hold "$1" >"$T/hold.out" 2>&1 3>&- &
		hold=$!
		started+=("$hold")
		disown "$hold"
		await eval 'is_held || ended "$hold"'
		! is_held || break
		sleep 0.1
	done
	holds "another program is connected ($1)" is_held
}
let_go() { # and waits until pcscd has seen it
	end_process "$hold"
	holds 'the card is free again' await "$CARD/raw" 0
}
scdaemon=$(find /usr/lib/gnupg /usr/libexec -name scdaemon -print -quit 2>/dev/null)
scdaemon_start() {
	"$scdaemon" --homedir "$T/gnupg" --server <"$T/scdaemon.in" >"$T/scdaemon.out" 2>"$T/scdaemon.err" 3>&- &
	scdaemon_pid=$!
	started+=("$scdaemon_pid")
	disown "$scdaemon_pid"
	exec 4>"$T/scdaemon.in"
	holds 'scdaemon runs' await grep -qx scdaemon "/proc/$scdaemon_pid/comm"
}
scdaemon_stop() {
	echo BYE >&4
	exec 4>&-
	holds 'scdaemon ends' await ended "$scdaemon_pid"
}
if [ -n "$scdaemon" ]; then
	mkfifo "$T/scdaemon.in"
	mkdir -m 700 "$T/gnupg"
	printf 'disable-ccid\npcsc-driver %s\n' "$(PATH=$PATH:/sbin ldconfig -p | sed -n 's/.*libpcsclite\.so\.1 .*=> //p' | head -n 1)" >"$T/gnupg/scdaemon.conf"
	scdaemon_start
	echo 'SERIALNO undefined' >&4
	holds 'scdaemon has the card' await grep -qE '^S SERIALNO' "$T/scdaemon.out"
	agent_start
	examine
	finds 'scdaemon is named' fault holders "scdaemon \(process $scdaemon_pid\) keeps the card in Test Reader 00 00 for itself"
	mends 'with what ends it' holders 'gpgconf --kill scdaemon.*pcsc-shared.*disable-ccid'
	is 'the exit code is that of a token' "$code" 4
	examine setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace
	finds 'also to a user from whom it hides what it has open' fault holders "scdaemon \(process [0-9]+\) keeps the card"
	scdaemon_stop
	holds 'the agent has the card then' await ready
	agent_stop
else
	skip 'scdaemon' 'it is not installed'
fi
hold exclusive
agent_start
examine
finds 'it is named' fault holders "^raw \(process $hold\) keeps the card in Test Reader 00 00 for itself"
mends 'the module is told to wait for that' module 'see holders'
lacks 'and nobody suspects the card' 'no module knows'
end_process "$hold"
holds 'the agent gets the card when it has gone' await ready
hold shared
examine
finds 'one that shares the card is named' note holders "raw \(process $hold\) uses pcscd too"
lacks 'and is no fault' '^fault holders '
let_go
hold transaction
examine
finds 'one that works with it is told' warning holders "Test Reader 00 00 lets nobody else in.*raw \(process $hold\)"
let_go
examine
finds 'when all have gone all is well' good holders 'no other program'

# ---- pcscd ----

stop_process "$pcscd_pid"
begin=$SECONDS
examine
took=$((SECONDS - begin))
kill -CONT "$pcscd_pid"
finds 'a pcscd that hangs' fault pcscd 'pcscd hangs'
mends 'is to be started again' pcscd 'systemctl restart pcscd'
holds "and does not hang the doctor ($took s)" [ "$took" -le 20 ]
holds 'it goes on' await ready
examine env PCSCLITE_CSOCK_NAME="$T/other.comm"
finds 'another pcscd than that of the agent' warning pcscd 'other\.comm: it is not there'
pcscd_kill
holds 'the agent sees that pcscd is gone' await eval 'smime status | grep -q "pcscd is not running"'
examine
finds 'no socket' fault pcscd 'its socket .*pcscd\.comm: it is not there'
configure "modules: [{path: $DEMO_MODULE}, {path: \"$OPENSC_MODULE\"}]"
restart
examine
finds 'where there are other tokens it is less' warning pcscd 'its socket .*pcscd\.comm: it is not there'
configure "modules: [{path: $DEMO_MODULE}]"
restart
examine
finds 'and least where nobody uses cards' note pcscd 'its socket .*pcscd\.comm: it is not there'
rm "$T/agent.yaml"
card_configure
restart
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/pcscd.comm"
examine
finds 'a socket that pcscd left' fault pcscd 'Connection refused'
finds 'of polkit there is nothing to see' note polkit 'nothing to see'
rm "$T/pcscd.comm"
card_put 0 alice
pcscd_start
holds 'pcscd and the card are back' await ready
skip 'polkit refuses' 'the pcscd of Debian 12 asks no polkit; tests/unit/test-polkit.c judges its answers'

# ---- Readers without pcscd ----

usb_reader() { # KEEP-DRIVER
	printf 'P: /devices/pci0000:00/0000:00:14.0/usb1/1-2\nN: bus/usb/001/002\nE: DEVTYPE=usb_device\nE: SUBSYSTEM=usb\n'
	printf 'A: %s\\n\n' busnum=1 devnum=2 idVendor=08e6 idProduct=3437 product='GemPC Twin'
	printf '\nP: /devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0\nE: DEVTYPE=usb_interface\nE: SUBSYSTEM=usb\nA: bInterfaceClass=0b\\n\n\n'
}
pcscd_stop
: >"$T/readers/vpcd"
pcscd_start_empty() {
	PCSCLITE_HP_DROPDIR=$T/no-drivers "$CARD/activate" "$PCSCLITE_CSOCK_NAME" "$(PATH=$PATH:/usr/sbin command -v pcscd)" --foreground -c "$T/readers" \
		>>"$T/pcscd.log" 2>&1 </dev/null 3>&- &
	pcscd_pid=$!
	started+=("$pcscd_pid")
	disown "$pcscd_pid"
	await [ -S "$PCSCLITE_CSOCK_NAME" ]
}
pcscd_start_empty
restart
examine
finds 'no reader at all' warning reader 'pcscd has no reader'
if command -v umockdev-run >/dev/null && [ -z "${SMIME_SANITIZED:-}" ]; then
	usb_reader >"$T/devices"
	examine umockdev-run --device="$T/devices" --
	finds 'a reader on USB that pcscd does not see' fault reader 'GemPC Twin \(USB 08e6:3437\) is plugged in, and pcscd does not see it'
	if [ -n "$scdaemon" ]; then
		scdaemon_start
		examine umockdev-run --device="$T/devices" --
		finds 'beside an scdaemon' fault reader "GemPC Twin .* scdaemon \(process [0-9]+\) may have it for itself"
		mends 'is to be left to pcscd' reader 'disable-ccid'
		scdaemon_stop
	fi
else
	skip 'a reader on USB that pcscd does not see' 'there is no umockdev-run, or sanitizers are in its way'
fi

# ---- Modules ----

configure "modules: [{path: \"$T/gone.so\"}, {path: $DEMO_MODULE}]"
restart
examine
finds 'a module that is not there' fault module "$T/gone\.so: No such file"
finds 'the other one' good module 'libsofthsm2\.so has [1-9][0-9]* tokens?$'
printf 'no module\n' >"$T/broken.so"
configure "modules: [{path: \"$T/broken.so\"}, {path: $DEMO_MODULE}]"
restart
examine
finds 'a module that can not be loaded' fault module "$T/broken\.so: "
ln -s "$DEMO_MODULE" "$T/again.so"
configure "modules: [{path: \"$T/again.so\"}, {path: $DEMO_MODULE}]"
restart
examine
finds 'one module under two names' warning module 'again\.so.*are one module'

# ---- pinentry ----

with_pinentry() { # PATH
	configure "$(printf 'pin: {program: "%s"}' "$1")"
	restart
	examine "${@:2}"
}
with_pinentry "$T/gone"
finds 'a pinentry that is not there' fault pinentry "$T/gone: No such file"
mends 'is to be installed' pinentry 'apt install'
printf '#!/bin/sh\n' >"$T/pinentry.off"
with_pinentry "$T/pinentry.off"
finds 'one that is not executable' fault pinentry 'is no program that this user can run'
printf '#!/bin/sh\nexit 3\n' >"$T/pinentry.bad"
chmod 755 "$T/pinentry.bad"
with_pinentry "$T/pinentry.bad"
finds 'one that ends at once' fault pinentry 'ended with code 3'
printf '#!/bin/sh\nsleep 600\n' >"$T/pinentry.hang"
chmod 755 "$T/pinentry.hang"
with_pinentry "$T/pinentry.hang"
finds 'one that hangs' fault pinentry 'does not answer'
fails 'of which nothing is left' pgrep -f "$T/pinentry.hang"
curses=$(command -v pinentry-curses)
with_pinentry "$curses"
finds 'one for terminals without a terminal' fault pinentry 'asks on a terminal, and there is none here'
mends 'needs GPG_TTY' pinentry 'GPG_TTY'
is 'the exit code is that of a PIN' "$code" 4
examine script -qec "TERM=xterm smime doctor --json >'$T/json' 2>/dev/null" /dev/null
finds 'with one it can ask' good pinentry 'can ask on this terminal'
# That of GNOME wants a session bus as well, and makes do with the terminal without one.
graphical=$(command -v pinentry-gtk-2 || command -v pinentry-qt || command -v pinentry-fltk)
if [ -n "$graphical" ] && command -v Xvfb >/dev/null; then
	with_pinentry "$graphical"
	finds 'one for displays without a display' fault pinentry '(asks on a display, and neither DISPLAY|asks on a terminal, and there is none)'
	Xvfb -displayfd 5 -nolisten tcp 5>"$T/display" >"$T/xvfb.log" 2>&1 &
	xvfb=$!
	started+=("$xvfb")
	has_display() { [ -s "$T/display" ]; }
	LIMIT=300 await has_display || fail 'the display is there' "$(cat "$T/xvfb.log")"
	examine env DISPLAY=":$(cat "$T/display")"
	finds 'with one it can ask' good pinentry 'can ask on this display'
	kill "$xvfb" # in order, so that it leaves no lock of the display
	wait "$xvfb"
else
	skip 'a graphical pinentry' 'none is installed, or no Xvfb'
fi
printf '123456\n' >"$T/pin.txt"
chmod 644 "$T/pin.txt"
configure "$(printf 'pin: {file: "%s"}' "$T/pin.txt")"
restart
examine
finds 'a PIN file that others can read' fault pinentry 'is not for this user alone'
chmod 600 "$T/pin.txt"
examine
finds 'one that they can not' good pinentry 'nobody is asked'
agent_stop
examine env SMIME_AGENT_SOCK=/nonexistent/agent.sock
finds 'without an agent' note pinentry 'not known'
done_testing
