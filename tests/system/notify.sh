#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The desktop notification for a token that is waited for: there in time, one at a time, gone with the answer, and harmless without a bus.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/bus.sh"

fixture people wide
mail alice@example.org bob@example.org >"$T/mail"
export FAULTY_CONTROL=$T/control
sick() { printf '%s\n' "$@" >"$FAULTY_CONTROL.new" && mv "$FAULTY_CONTROL.new" "$FAULTY_CONTROL"; } # COMMAND...; see the module
sick ''
configure "$(printf 'environment: [FAULTY_CONTROL]\nmodules: [{path: "%s", sessions: 2}]' "$SMIME_BUILD/tests/module/faulty-module.so")"
sign() { smime sign -k "${1:-alice}@example.org" -i "$T/mail" -o "$T/signed-${1:-alice}"; }
log=$T/notification_daemon.log
notifications() { grep -c ' Notify ' "$log"; }
closings() { grep -c ' CloseNotification ' "$log"; }
mark() { before=$(notifications) closed_before=$(closings); }
shown() { [ "$(notifications)" -ge $((before + $1)) ]; }       # COUNT since the mark
closed() { [ "$(closings)" -ge $((closed_before + $1)) ]; }    # COUNT since the mark
last() { grep ' Notify ' "$log" | tail -n 1; }
newest() { grep -c ' Notify "smime-agent" 0 ' "$log"; } # number of the last notification that was none in the place of another

# On the bus of the session.
bus_start user
mock_start user notification_daemon org.freedesktop.Notifications
export DBUS_SESSION_BUS_ADDRESS=$user_bus
answers "late 0.8 pin $DEMO_PIN"
agent_start
quick() { # DESCRIPTION MILLISECONDS COMMAND...
	local before
	before=$(notifications)
	if soon "$2" check "$1" 0 "${@:3}"; then
		is 'is no reason to tell anybody' "$(notifications)" "$before"
	else
		skip 'is no reason to tell anybody' "the machine was too slow: $took ms went by"
	fi
}
quick 'somebody who takes a while for the PIN' 1300 smime unlock demo
answers "pin $DEMO_PIN"
quick 'a token that is unlocked' 500 smime unlock wide
quick 'a signature that takes no time' 500 sign
# Longer by far than it takes to be slow (WORKER_SLOW_MS), so that the agent finds time to say so on a busy machine, too.
mark
sick 'C_Sign slow 2500'
check 'a token that lets itself be waited for' 0 sign
await shown 1
is 'is' "$(notifications)" $((before + 1))
like 'with what to do' "$(last)" 'Notify "smime-agent" 0 "" "Waiting for token demo" "Touch it if it blinks\." \['
holds 'as long as it is waited for' await closed 1
like 'and no longer' "$(grep ' CloseNotification ' "$log" | tail -n 1)" " CloseNotification $(newest)$"
# The second and the third are slow before the first is done.
mark
sick 'C_Sign slow 6000'
sign p384 & first=$!
await shown 1
sign alice & second=$!
sign bob & third=$!
wait $first && wait $second && wait $third || fail 'three at a time'
holds 'several that are waited for' await closed 1
is 'are one notification, that changes' "$(grep ' Notify ' "$log" | sed "1,${before}d" | cut -d' ' -f4 | tr '\n' ' ')" "0 $(newest) "

# A token that is locked meanwhile, and an agent that ends.
sick 'C_Sign slow 2500'
mark
sign 2>/dev/null & first=$!
await shown 1
check 'lock' 0 smime lock
wait $first
holds 'a lock takes the notification away' await closed 1
check 'unlock' 0 smime unlock demo
mark
sign 2>/dev/null & first=$!
await shown 1
agent_stop
wait $first
holds "so does the agent's end" await closed 1

# In the place where a bus is without a name; one without anybody who notifies; one that goes away, one that hangs; none.
sick 'C_Sign slow 2500'
unset DBUS_SESSION_BUS_ADDRESS
ln -s "$T/user.bus" "$XDG_RUNTIME_DIR/bus"
agent_start
before=$(notifications)
check 'without an address' 0 sign
await shown 1
is 'the bus in XDG_RUNTIME_DIR is taken' "$(notifications)" $((before + 1))
sick 'C_Sign slow 800'
kill "$mock_pid"
await ended "$mock_pid"
check 'with nobody who notifies' 0 sign
kill "$user_bus_pid"
await ended "$user_bus_pid"
check 'with a bus that has gone' 0 sign
rm -f "$T/user.bus"
python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8); time.sleep(600)' "$T/user.bus" 3>&- &
hanging=$!
started+=("$hanging")
await [ -S "$T/user.bus" ]
check 'with a bus that hangs' 0 sign
check 'once more' 0 sign
# Somebody who waits for the bus waits each time.
for _ in 1 2 3 4 5; do soon 1000 check 'status' 0 smime status && break; done
if [ $took -lt 1000 ]; then pass 'is told at once'; else fail 'is told at once' "$took ms"; fi
kill "$hanging"
wait "$hanging" 2>/dev/null
rm "$T/user.bus"
check 'with none' 0 sign
bus_start user
mock_start user notification_daemon org.freedesktop.Notifications
sick 'C_Sign slow 2500'
check 'with one that is back' 0 sign
before=0
await shown 1
is 'it is told again' "$(notifications)" 1
is 'and of all that nothing was said' "$(cat "$T/agent.log")" ''
done_testing
