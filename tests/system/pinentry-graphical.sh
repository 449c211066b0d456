#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# GnuPG's graphical pinentries on a virtual screen: what is asked is shown whole, nothing that is pressed at once allows, the button does; and PINs.
. "$(dirname "$0")/../lib/lib.sh"
for program in Xvfb xdotool dbus-daemon; do command -v $program >/dev/null || skip_all "$program is not installed"; done
fixture people
# Whose characters no serial number has: they are not to be among the words that have that.
demo_pkcs11 demo --change-pin --new-pin goneforawalk || bail 'the PIN can not be changed'
DEMO_PIN=goneforawalk
WIDTH=1024 HEIGHT=768
screen_file=$T/Xvfb_screen0 log=$T/dialogue
# Without -noreset it drops whoever comes while the last one before goes.
Xvfb -displayfd 5 -noreset -screen 0 ${WIDTH}x${HEIGHT}x24 -nolisten tcp -fbdir "$T" 5>"$T/display" >"$T/xvfb.log" 2>&1 3>&- & started+=("$!")
await test -s "$T/display" || skip_all "no virtual screen: $(tail -n 1 "$T/xvfb.log")"
DISPLAY=:$(cat "$T/display")
export DISPLAY
# A session's bus, which starts the prompter of GNOME's; it is not the agent's, and ends with the screen.
dbus-daemon --session --nofork --print-address=6 6>"$T/bus" >"$T/bus.log" 2>&1 3>&- & started+=("$!")
await test -s "$T/bus" || skip_all "no session bus: $(tail -n 1 "$T/bus.log")"
DBUS_SESSION_BUS_ADDRESS=$(cat "$T/bus")
export DBUS_SESSION_BUS_ADDRESS
printf 'content\n' >"$T/content"
screen() { python3 "$SOURCE/tests/lib/screen.py" "$@"; }

# The program under test between two logs, so that it shows what it was told; and the PIN does not get there.
begin() { # PINENTRY RULE...
	[ -z "$agent_pid" ] || agent_stop >/dev/null
	printf '#!/bin/sh\ntee -a "%s" | "%s" "$@"\n' "$log" "$(command -v "$1")" >"$T/graphical" && chmod 700 "$T/graphical"
	configure "$(printf 'audit: {durability: off}\npin: {program: "%s"}\nrules:\n' "$T/graphical" && printf '  - %s\n' "${@:2}")"
	rm -rf "$HOME/.local/state/smime-agent"
	: >"$log"
	agent_start
}
background() { # COMMAND...: its code comes into $T/code, its messages into $T/message
	rm -f "$T/code"
	({ "$@" >"$T/out" 2>"$T/message"; echo $? >"$T/code.new" && mv "$T/code.new" "$T/code"; } 3>&- &)
}
code() { LIMIT=300 await test -e "$T/code" && cat "$T/code"; }
sign() { smime sign --cms --detached -k alice@example.org -i "$T/content" -o "$T/signature"; }
find_window() { # PATTERN OF ITS NAME
	window=$(xdotool search --onlyvisible --name "$1" 2>/dev/null | tail -n 1)
	[ -n "$window" ]
}
window_is_gone() { ! xdotool search --onlyvisible --name "$1" >/dev/null 2>&1; }
has_keyboard() { # PATTERN: a window that can be seen, as a window manager would have it
	find_window "$1" && xdotool windowfocus "$window" 2>/dev/null && [ "$(xdotool getwindowfocus 2>/dev/null)" = "$window" ]
}
shows() { LIMIT=300 await has_keyboard "$1"; } # PATTERN
press() { xdotool key --clearmodifiers "$@"; }
type_pin() { # PIN: all of it is in the window before it is sent off
	xdotool type --delay 30 "$1"
	settle
	press Return
}
geometry() { eval "$(xdotool getwindowgeometry --shell "$window" | grep -E '^(X|Y|WIDTH|HEIGHT)=' | sed 's/^/w_/')"; }
whole() { # inside of the screen
	geometry
	[ "$w_X" -ge 0 ] && [ "$w_Y" -ge 0 ] && [ $((w_X + w_WIDTH)) -le $WIDTH ] && [ $((w_Y + w_HEIGHT)) -le $HEIGHT ]
}
settle() { # until two pictures are the same, and there is something on them
	local i
	for i in $(seq 40); do
		cp "$screen_file" "$T/picture.1" && sleep 0.3 && cp "$screen_file" "$T/picture.2"
		cmp -s "$T/picture.1" "$T/picture.2" && [ "$(screen blank "$T/picture.2")" = 0 ] && return
	done
}
click() { # FROM-THE-RIGHT FROM-BELOW
	geometry
	xdotool mousemove --sync $((w_X + w_WIDTH - $1)) $((w_Y + w_HEIGHT - $2)) && xdotool click 1
}

# The last thing that was said is the question, until it is answered. (PROMPT_DEAD_MS is the time in which a yes is none.)
question_ms() { date -r "$log" +%s%3N; }
since_question() { echo $((${EPOCHREALTIME/./} / 1000 - ${1:-$(question_ms)})); } # [WHEN-IT-WAS-ASKED]: milliseconds
is_late() { [ "$(since_question "$1")" -gt 650 ]; }
counts() { [ "$(since_question)" -gt 1000 ]; } # a yes does, from then on

question='may this be done' ask='{operation: [sign], outcome: ask}'
# The longest that a question can be, with what is different at its end.
long() { printf 'From: alice@example.org\nTo: "%s" <bob@example.org>\nSubject: %s%s\n\ntext\n' "$(printf 'y%.0s' $(seq 100))" "$(printf 'W%.0s' $(seq 100))" "$1"; }
long A >"$T/long.A" && long B >"$T/long.B"

try() { # PINENTRY THE-BUTTON-THAT-ALLOWS: from the right, from below
	local name=$1 key asked late got
	command -v "$name" >/dev/null || { skip "$name" 'it is not installed'; return; }

	# A question of the utmost length.
	begin "$name" "$ask"
	background smime sign -i "$T/long.A" -o "$T/signed"
	holds "$name: a long question is shown" shows "$question"
	settle
	holds "$name: and is on the screen as a whole" whole
	cp "$T/picture.2" "$T/picture.A"
	press Escape
	is "$name: Escape refuses" "$(code)" 5
	begin "$name" "$ask"
	background smime sign -i "$T/long.B" -o "$T/signed"
	shows "$question"
	settle
	is "$name: the end of what is claimed can be read, as the beginning can: process and end differ" "$(screen bands "$T/picture.A" "$T/picture.2")" 2
	press Escape
	code >/dev/null

	# What is pressed at once.
	for key in Return space Escape; do
		for _ in 1 2 3 4 5 6 7 8; do
			begin "$name" "$ask"
			background sign
			shows "$question"
			asked=$(question_ms)
			press $key
			late=
			is_late "$asked" && late=yes
			sleep 0.2
			if find_window "$question"; then
				xdotool windowfocus "$window" 2>/dev/null && press $key
				is_late "$asked" && late=yes
			fi
			got=$(code)
			[ -n "$late" ] && [ "$got" != 5 ] || break # on a busy machine it was not at once
		done
		is "$name: $key, pressed at once and again, does not allow" "$got" 5
		like "$name: $key: told" "$(cat "$T/message")" 'said no|sooner than it can be read'
		holds "$name: $key: nothing is left on the screen" await window_is_gone "$question"
	done

	# A window that is closed.
	begin "$name" "$ask"
	background sign
	shows "$question"
	settle
	screen close "$window"
	is "$name: a window that is closed refuses" "$(code)" 5

	# The button, and behind it the PIN, in another window of the same program.
	begin "$name" "$ask"
	background sign
	shows "$question"
	settle
	await counts
	click "$2" "$3"
	holds "$name: the button allows, and the PIN is asked for" shows 'smime-agent: PIN'
	settle
	holds "$name: the prompt is on the screen as a whole" whole
	type_pin "$DEMO_PIN"
	is "$name: a typed PIN signs" "$(code)" 0
	fails "$name: and is in none of its words" grep -q "$DEMO_PIN" "$log"
	holds "$name: nothing is left on the screen" await window_is_gone 'smime-agent'

	# PINs alone.
	begin "$name" '{operation: [list], outcome: allow}'
	background sign
	shows 'smime-agent: PIN'
	settle
	press Escape
	is "$name: a PIN prompt that is cancelled" "$(code)" 4
	await window_is_gone 'smime-agent: PIN'
	for _ in 1 2; do
		background sign
		shows 'smime-agent: PIN'
		settle
		cp "$T/picture.2" "$T/picture.first"
		type_pin 000000
		is "$name: a wrong PIN" "$(code)" 4
		await window_is_gone 'smime-agent: PIN'
	done
	background sign
	shows 'smime-agent: PIN'
	settle
	like "$name: the last try is announced" "$(grep -a '^SETDESC' "$log" | tail -n 1)" 'This is the last try, or may be: a wrong PIN blocks it'
	fails "$name: and shown, too" cmp -s "$T/picture.first" "$T/picture.2"
	type_pin "$DEMO_PIN"
	is "$name: the right PIN then" "$(code)" 0
}
try pinentry-gtk-2 50 25
try pinentry-qt 135 24
try pinentry-gnome3 47 20
agent_stop
done_testing
