#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a person at a terminal sees: progress of long work, and never the control characters of a stranger's mail.
. "$(dirname "$0")/../lib/lib.sh"

command -v script >/dev/null || skip_all 'script (bsdutils) is not installed'
fixture people
agent_start
smime unlock

# A command with its standard error on a terminal of its own; what the terminal shows goes to $T/shown.
on_terminal() { # COMMAND
	# script runs $SHELL, and only bash hands on the functions that are exported below.
	SHELL=$BASH script -qec "$1" "$T/typescript" </dev/null >"$T/shown" 2>&1
}
slow_input() { # SECONDS: more than a second of work, most of it waiting
	local i
	for ((i = 0; i < $1 * 2; i++)); do head -c 2000000 /dev/zero && sleep 0.5; done
}
export -f slow_input
sign="smime sign --cms -k alice@example.org -o $(printf %q "$T/signed")"

on_terminal "bash -c 'slow_input 3' | $sign"
like 'long work shows its progress' "$(tr '\r' '\n' <"$T/shown")" 'smime: [0-9]+ MiB read'
like 'and takes it away at the end' "$(tail -c 20 "$T/shown")" 'MiB read'$'\r\033''\[K$'
on_terminal "bash -c 'slow_input 3' | $sign 2>$(printf %q "$T/err")"
unlike 'but not where standard error is a file' "$(cat "$T/shown" "$T/err")" 'MiB'
on_terminal "bash -c 'slow_input 3' | $sign -q"
unlike 'nor with -q' "$(cat "$T/shown")" 'MiB'
mail alice@example.org bob@example.org >"$T/mail"
for _ in 1 2 3 4 5; do soon 1000 on_terminal "smime sign -i $(printf %q "$T/mail") -o $(printf %q "$T/signed")" && break; done # else it is not short
is 'short work shows nothing' "$(cat "$T/shown")" ''

# Escape sequences, C1 controls and directions of writing in names and subjects.
evil=$'\033[31mred\302\233m\342\200\256drawkcab'
demo_key demo mallory 0a EC:prime256v1
demo_certificate mallory "Mallory $evil" mallory@example.org digitalSignature,keyAgreement
demo_store demo mallory 0a
clean() { # DESCRIPTION: what the last command said
	fails "$1" grep -qP '\x1b|\xc2\x9b|\xe2\x80\xae' "$T/err" "$T/out"
}
agent_stop
agent_start
mail mallory@example.org bob@example.org >"$T/mail"
check 'somebody with a name full of control characters signs' 0 smime sign -i "$T/mail" -o "$T/signed"
check 'which verifies' 0 smime verify -v "$T/signed"
says 'with her name' 'Mallory'
clean 'but not her control characters'
check 'keys are listed' 0 smime keys -v
clean 'without them'
check 'a file with such a name' 7 smime verify "$T/$evil"
clean 'is named without them'
check 'a command of such a name' 2 smime "$evil"
clean 'is named without them'
check 'an address of such a name' 4 smime encrypt -r "$evil@example.org" -i "$T/mail"
clean 'is named without them'
done_testing
