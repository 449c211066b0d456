#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Locked means locked: whatever ends a login, the card does nothing for another program then, over a connection shared with the agent
# and without any time in between. A card keeps its login when the process that logged in ends, so each case begins with the proof
# that the other program could use it.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

fixture
card_stack
# A PIN whose octets nothing else has.
CARD_PIN=73915284
card_make alice
card_insert 0 alice
opensc() { pkcs11-tool --module "$OPENSC_MODULE" --slot-index 0 "$@"; }
opensc --login --pin 123456 --change-pin --new-pin $CARD_PIN >/dev/null 2>&1 || bail 'the PIN of the card can not be changed'
answers "pin $CARD_PIN"
mail alice-auth@example.org bob@example.org >"$T/mail"
sign() { smime sign -k alice-auth@example.org -i "$T/mail" -o "$T/signed"; }
spawner() { pgrep -P "$agent_pid" -x smime-spawner; }
token() { pgrep -P "$(spawner)" -x smime-token; }
raw() { card_raw_sign 0 9a rsa; }
locked() { [ "$(raw)" = 6982 ]; }
open_to_others() { like "$1: the card is open to other programs" "$(raw)" '^(61..|9000)$'; } # DESCRIPTION
pin=$(printf '%s' "$CARD_PIN" | od -An -tx1 -v | tr -d ' \n')
having_pin() { { echo "$agent_pid" && descendants "$agent_pid"; } | python3 "$SOURCE/tests/lib/secrets.py" memory "$pin"; }

unlocked() { # DESCRIPTION: the positive control of what follows
	check "$1: a signature, for which the PIN is asked" 0 sign
	open_to_others "$1"
	if [ "$(id -u)" = 0 ]; then is "$1: the PIN is in the token process" "$(having_pin)" "$(token)"; fi
}
closed() { # DESCRIPTION
	local answer
	answer=$(raw)
	[ "$answer" != 6A80 ] || answer=$(raw) # a reset behind another module's process came between the two APDUs
	is "$1: at once the card is closed to them" "$answer" 6982
	if [ "$(id -u)" = 0 ]; then is "I4: $1: no process has the PIN" "$(having_pin)" ''; fi
}

card_agent_start
unlocked 'lock'
check 'lock' 0 smime lock
closed 'lock'
check 'a second lock is no error' 0 smime lock

unlocked 'token process killed'
prompted=$(prompts)
kill -9 "$(token)"
holds 'token process killed: the card is closed within a moment' await locked
check 'token process killed: the next signature' 0 sign
is 'token process killed: takes the PIN again' "$(prompts)" $((prompted + 1))
smime lock

# The end of smime-reader is no card's: who is logged in stays so, and its successor knows which cards are to be reset.
reader() { pgrep -P "$(spawner)" -x smime-reader; }
another_reader() { local now; now=$(reader) && [ "$now" != "$watcher" ]; }
unlocked 'smime-reader killed'
prompted=$(prompts)
watcher=$(reader)
kill -9 "$watcher"
check 'smime-reader killed: the next signature' 0 sign
holds 'smime-reader killed: it is started again' await another_reader
holds 'smime-reader killed: and tells of the readers' await eval '! smime status | grep -q "ended unexpectedly"'
check 'smime-reader killed: one more' 0 sign
is 'smime-reader killed: without a prompt' "$(prompts)" "$prompted"
watcher=$(reader)
kill -9 "$watcher"
# For a second it does; on a machine on which nobody has looked by then, the next one is killed.
says_so() { smime status | grep -q 'ended unexpectedly' || { watcher=$(reader) && kill -9 "$watcher" && false; }; }
holds 'smime-reader killed: the status says so' await says_so
check 'smime-reader killed: lock meanwhile' 0 smime lock
closed 'smime-reader killed'
holds 'smime-reader killed: it is there once more' await another_reader

# A process that only lists is not followed by a reset: that would log others out.
ready() { smime status | grep -q 'ready, locked'; }
holds 'the next process is ready' await ready
resets=$(card_count 0 resets)
check 'keys' 0 smime keys
check 'a lock of a token that nobody used' 0 smime lock
is 'resets nothing' "$(card_count 0 resets)" "$resets"

unlocked 'the agent ends'
agent_stop
closed_now=$(raw)
is 'the agent ends: at once the card is closed' "$closed_now" 6982

# The same when there is no smime-reader that it could tell: in the second before another one is started, or when its end was not noticed yet.
agent_start
unlocked 'the agent ends behind smime-reader'
watcher=$(reader)
kill -9 "$watcher"
holds 'the agent ends behind smime-reader: there is none' await says_so
agent_stop
closed_now=$(raw)
is 'the agent ends behind smime-reader: at once the card is closed' "$closed_now" 6982

agent_start
unlocked 'the agent ends with smime-reader'
watcher=$(reader)
kill -STOP "$agent_pid"
kill -9 "$watcher"
kill -TERM "$agent_pid"
kill -CONT "$agent_pid"
agent_stop
closed_now=$(raw)
is 'the agent ends with smime-reader: at once the card is closed' "$closed_now" 6982

agent_start
unlocked 'the agent is killed'
processes=$(descendants "$agent_pid")
kill -9 "$agent_pid"
wait "$agent_pid" 2>/dev/null
agent_pid=
rm "$SMIME_AGENT_SOCK" # or it would pass for the next one's
holds 'the agent is killed: the card is closed within a moment' await locked
all_ended() { local pid; for pid in $processes; do ended "$pid" || return 1; done; }
holds 'the agent is killed: no process of it stays' await all_ended
rm -f "$SMIME_AGENT_SOCK"

agent_start
unlocked 'the agent is killed behind smime-reader'
watcher=$(reader)
kill -9 "$watcher"
holds 'the agent is killed behind smime-reader: there is another one' await another_reader
holds 'the agent is killed behind smime-reader: that watches' await eval '! smime status | grep -q "ended unexpectedly"'
kill -9 "$agent_pid"
wait "$agent_pid" 2>/dev/null
agent_pid=
holds 'the agent is killed behind smime-reader: the card is closed within a moment' await locked
rm -f "$SMIME_AGENT_SOCK"

# The times of the PIN.
card_configure "pin: {program: \"$T/pinentry\", idle: 5s}"
agent_start
check 'idle time: a signature' 0 sign
open_to_others 'idle time'
holds 'idle time: some seconds later it is closed' await locked
agent_stop

# A login of another program is not ended by ours that did nothing.
card_configure
agent_start
check 'another program uses the card: keys' 0 smime keys
holds 'another program uses the card: it logs in' "$CARD/raw" 0 "0020008008$pin"
open_to_others 'another program uses the card'
agent_stop
open_to_others 'another program uses the card, and still when the agent has ended'
card_raw_reset 0

# A card that does not answer can't be reset, and lock says so.
agent_start
check 'a frozen card: a signature' 0 sign
card_fault 0 any 1 freeze
(sign 2>/dev/null) &
frozen=$!
started+=("$frozen")
holds 'a frozen card: it freezes' await eval '[ "$(card_count 0 faults)" = 1 ]'
check 'a frozen card: lock' 4 smime lock
says 'a frozen card: says that it could not be reset' 'reset'
wait "$frozen"
holds 'a frozen card: the reset is tried again' await eval '[ "$(reader | wc -l)" = 2 ]'
check 'a frozen card: the status meanwhile' 0 smime status
prints 'a frozen card: says that it is still open' 'failed: the card in Test Reader 00 00 .* could not be reset'
card_ask 0 release
holds 'a frozen card: released, it is reset before anybody uses it' await locked
check 'a frozen card: and serves again' 0 sign
agent_stop

# One card through two modules is one token: it can be named, and both processes that have its PIN are locked.
cp "$OPENSC_MODULE" "$T/other.so"
configure "modules: [{path: \"$OPENSC_MODULE\"}, {path: \"$T/other.so\"}]"
agent_start
holds 'two modules: both have it' await eval '[ "$(smime status | grep -c "ready, locked")" = 2 ]'
check 'two modules: unlock without a name' 0 smime unlock
check 'two modules: a signature' 0 sign
open_to_others 'two modules'
check 'two modules: lock by its label' 0 smime lock alice
closed 'two modules'
check 'two modules: unlock by its label' 0 smime unlock alice
open_to_others 'two modules'
agent_stop
is 'two modules: at its end the agent closes it' "$(raw)" 6982

# exclusive: nobody else uses the card while somebody is logged in.
configure "modules: [{path: \"$OPENSC_MODULE\", exclusive: yes}]"
agent_start
check 'exclusive: keys' 0 smime keys
is 'exclusive: before the login others have the card' "$(raw)" 6982
check 'exclusive: a signature' 0 sign
prompted=$(prompts)
check 'exclusive: another program waits for the card' 124 timeout 1 "$CARD/raw" 0 sign 9a rsa
check 'exclusive: the agent does not' 0 sign
is 'exclusive: nor asks again' "$(prompts)" "$prompted"
check 'exclusive: lock' 0 smime lock
is 'exclusive: gives the card back, closed' "$(raw)" 6982
check 'exclusive: and it works again' 0 sign
kill -9 "$(token)"
holds 'exclusive: a killed process gives it back too' await locked
agent_stop
done_testing
