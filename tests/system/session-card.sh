#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the session does to a real card: when the screen is locked, before the system sleeps, and when another user has the seat it is
# closed to every program, and a card that does not answer holds up nobody's sleep.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"
. "$(dirname "$0")/../lib/bus.sh"
. "$(dirname "$0")/../lib/logind.sh"

fixture
card_stack
card_make alice
card_insert 0 alice
answers "pin $CARD_PIN"
mail alice-auth@example.org bob@example.org >"$T/mail"
sign() { smime sign -k alice-auth@example.org -i "$T/mail" -o "$T/signed"; }
raw() { card_raw_sign 0 9a rsa; }
closed() { [ "$(raw)" = 6982 ]; }
# Until the agent has heard that the seat is back it asks nobody.
unlocked() { # DESCRIPTION: the positive control of what follows
	check "$1: a signature" 0 await sign
	like "$1: the card is open to other programs" "$(raw)" '^(61..|9000)$'
}

bus_start system
logind_start 1500000 >/dev/null
export DBUS_SYSTEM_BUS_ADDRESS=$system_bus XDG_SESSION_ID=c1
card_agent_start
holds 'logind is found' await held

unlocked 'screen'
set_property c1 LockedHint true
holds 'screen: the card is closed within a moment' await closed
set_property c1 LockedHint false
check 'screen: unlocked' 0 await sign
lock_screen c1
holds 'screen: it is to be locked, and the card is closed' await closed
unlocked 'seat'
set_property c1 Active false
holds 'seat: the card is closed within a moment' await closed
set_property c1 Active true

# The system sleeps when nobody holds it up: then the card is closed already.
unlocked 'sleep'
prepare_for_sleep true
holds 'sleep: the system may sleep' await not_held
# The next token process lists the card meanwhile, between whose commands another answer may come than that a PIN is missing.
unlike 'sleep: and the card is closed to others' "$(raw)" '^(61..|9000)$'
holds 'sleep: for want of a PIN' await closed
prepare_for_sleep false
holds 'sleep: it is held up again' await held

# A card that is frozen can't be reset for seconds, of which logind allows fewer.
unlocked 'a frozen card'
card_fault 0 any 1 freeze
sign 2>/dev/null &
frozen=$!
holds 'a frozen card: it freezes' await eval '[ "$(card_count 0 faults)" = 1 ]'
prepare_for_sleep true
smime lock 2>/dev/null &
lock=$!
LIMIT=40 holds 'a frozen card: the system may sleep all the same' await not_held
fails 'a frozen card: while its reset is still tried' ended "$lock"
wait "$frozen"
wait "$lock"
card_ask 0 release
prepare_for_sleep false
holds 'a frozen card: released, it is reset before anybody uses it' await closed
check 'a frozen card: and serves again' 0 sign
done_testing
