#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Consent and the person's session: whose screen is locked, or whom another user has taken the seat from, can agree to nothing.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/bus.sh"
. "$(dirname "$0")/../lib/logind.sh"

fixture people
printf 'content\n' >"$T/content"
sign() { smime sign --cms -k alice@example.org -i "$T/content" -o "$T/signature"; }
asked() { grep -c '^CONFIRM$' "$T/pinentry.d/log"; }
denied() { # PATTERN
	local code=0
	sign 2>"$T/denied" || code=$?
	[ $code -eq 5 ] && grep -q -- "$1" "$T/denied"
}
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=${T// /%20}/system.bus XDG_SESSION_ID=c1
bus_start system >/dev/null
logind_start >/dev/null
configure "$(printf 'pin: {program: "%s", file: "%s"}\nrules:\n  - {operation: [sign], outcome: ask, ask: once}\n' "$T/pinentry" "$T/pin")"
printf '%s' "$DEMO_PIN" >"$T/pin"
agent_start
holds 'the session is followed' await held

check 'who has the screen agrees' 0 sign
is 'when he is asked' "$(asked)" 1
check 'once' 0 sign
is 'for several' "$(asked)" 1

set_property c1 Active false
holds 'who has not the screen can not, and his yes is over' await denied 'consent, which can.t be asked for: the session does not have the screen'
is 'nor is he asked' "$(asked)" 1
unlike 'what is told is of no PIN' "$(cat "$T/denied")" PIN
set_property c1 Active true
check 'when he has it again' 0 await sign
is 'he is asked again' "$(asked)" 2

set_property c1 LockedHint true
holds 'whose screen is locked can not' await denied 'consent, which can.t be asked for: the session is locked; unlock the screen first'
is 'nor is he asked' "$(asked)" 2
set_property c1 LockedHint false
check 'when it is not any more' 0 await sign
is 'he is asked again' "$(asked)" 3

# A question that is open when the screen is locked.
agent_stop
sed -i 's/, ask: once//' "$T/agent.yaml"
touch "$T/pinentry.d/wait"
agent_start
holds 'the session is followed again' await held
(sign 2>"$T/open.err"; echo $? >"$T/open.code") 3>&- &
holds 'a question that is open' await grep -q '^WAITS' "$T/pinentry.d/log"
set_property c1 LockedHint true
holds 'ends with the screen' await test -s "$T/open.code"
fails 'and nothing was signed' grep -qx 0 "$T/open.code"
rm "$T/pinentry.d/wait"

agent_stop
done_testing
