#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The person's session: a locked screen, sleep, another user at the seat and the session's end lock every token; with logind or without.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/bus.sh"
. "$(dirname "$0")/../lib/logind.sh"

fixture people
# A PIN whose octets nothing else has.
demo_pkcs11 demo --change-pin --new-pin SeekAndFindMe-4711 || bail 'the PIN can not be changed'
DEMO_PIN=SeekAndFindMe-4711
pin=$(printf %s "$DEMO_PIN" | od -An -tx1 -v | tr -d ' \n')
having_pin() { await pinentry_ended; { echo "$agent_pid" && descendants "$agent_pid"; } | python3 "$SOURCE/tests/lib/secrets.py" memory "$pin"; }
mail alice@example.org bob@example.org >"$T/mail"
sign() { smime sign -i "$T/mail" -o "$T/signed"; }
refuse='the session is locked; unlock the screen first'
asked() { grep -q "$1" "$T/logind.log"; } # CALL
tokens() { smime status --json >"$T/status.json" && [ "$(json "$T/status.json" "$1")" = True ]; }
unlocked() { tokens 'all(t["unlocked"] for t in d["tokens"]) and len(d["tokens"]) == 1'; }
ready() { tokens 'all(t["state"] == "ready" and not t["unlocked"] for t in d["tokens"]) and len(d["tokens"]) == 1'; }
# Until the agent has heard that the screen is unlocked, or the seat back, it asks nobody.
unlock() {
	check "$1: unlocked before" 0 await smime unlock
	process=$(token_process)
	[ "$(id -u)" != 0 ] || is "$1: the PIN is in the token process" "$(having_pin)" "$process"
}
locked_by() { # DESCRIPTION: the token that was unlocked is locked, in a new process
	holds "$1: the token process has ended" await ended "$process"
	if [ "$(id -u)" = 0 ]; then is "I4: $1: no process has the PIN" "$(having_pin)" ''; else skip "I4: $1" 'only root may look'; fi
	holds "$1: the next one is not logged in" await ready
	if [ "$(token_process)" != "$process" ]; then pass "$1: it is another one"; else fail "$1: it is another one"; fi
}

# Without a bus, then with one that comes later, without logind, then with it.
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=${T// /%20}/system.bus XDG_SESSION_ID=c1
agent_start
check 'without a bus the agent serves' 0 sign
is 'and says nothing of it' "$(cat "$T/agent.log")" ''
bus_start system >/dev/null
logind_start >/dev/null
holds 'a bus and logind that come later are found' await held

# The screen.
unlock 'screen lock'
lock_screen c1
locked_by 'screen lock'
check 'as long as the screen is not said to be locked a prompt may come' 0 sign
process=$(token_process)
lock_screen c2
set_property c2 LockedHint true
set_property c1 IdleHint true
check "another session's screen" 0 smime unlock
is 'is none of ours' "$(token_process)" "$process"
set_property c2 LockedHint false
set_property c1 LockedHint true
locked_by 'the screen is locked'
: >"$T/pinentry.d/log"
told 'while the screen is locked nobody is asked' 4 "$refuse" sign
told 'nor for unlock' 4 "$refuse" smime unlock
is 'no prompt was opened' "$(grep -c START "$T/pinentry.d/log")" 0
check 'what needs no PIN goes on' 0 smime keys
set_property c1 LockedHint false
check 'with the screen unlocked it goes on' 0 await sign

# A prompt that is open when the screen is locked.
smime lock
answers hang
smime unlock 2>"$T/open.err" &
client=$!
await grep -q HANGS "$T/pinentry.d/log"
pinentry=$(awk '/^HANGS/ {print $2}' "$T/pinentry.d/log")
set_property c1 LockedHint true
holds 'a prompt that is open when the screen is locked closes' await ended "$pinentry"
wait "$client"
is 'and its client is told' $? 4
set_property c1 LockedHint false
answers "pin $DEMO_PIN"

# Another user at the seat.
unlock 'seat switch'
set_property c1 Active false
locked_by 'seat switch'
set_property c1 Active true
unlock 'back at the seat'
unlocked || fail 'coming back locks nothing'

# Sleep.
holds 'the system is held up before it sleeps' held
unlock 'sleep'
prepare_for_sleep true
holds 'it may sleep' await not_held
holds 'once the token process has ended' ended "$process"
locked_by 'sleep'
told 'until it is awake nobody is asked' 4 'goes to sleep' smime unlock
prepare_for_sleep false
holds 'after it has woken up it is held again' await held
unlock 'awake'
prepare_for_sleep true
holds 'and let go of the next time' await not_held
prepare_for_sleep false
await held

# Signals of somebody who is not logind.
unlock 'a stranger'
busctl --address="$system_bus" emit "$(session_path c1)" org.freedesktop.login1.Session Lock
unique=$(busctl --address="$system_bus" --json=short list | python3 -c 'import json, sys
print(next(e["name"] for e in json.load(sys.stdin) if e["pid"] == int(sys.argv[1]) and e["name"][0] == ":"))' "$agent_pid")
busctl --address="$system_bus" emit --destination="$unique" "$(session_path c1)" org.freedesktop.login1.Session Lock
lock_screen c2
check 'a signal of a stranger' 0 smime unlock
is 'locks nothing' "$(token_process)" "$process"

# The end of the session, and a successor that is the user's display.
mock RemoveObject s "$(session_path c1)"
busctl --address="$system_bus" set-property org.freedesktop.login1 "/org/freedesktop/login1/user/$(id -u)" org.freedesktop.login1.User Display '(so)' c2 "$(session_path c2)" 2>/dev/null
emit SessionRemoved so 2 s c1 o "$(session_path c1)"
locked_by "the session's end"
unlock "the user's display"
set_property c2 Active false
locked_by "the user's display"
set_property c2 Active true

# logind restarts; the bus goes away and comes back.
check 'unlock' 0 await smime unlock
kill "$mock_pid"
await ended "$mock_pid"
check 'without logind the agent serves' 0 sign
logind_start >/dev/null
holds 'a logind that is back is used' await held
unlock 'after a restart of logind'
lock_screen c1
locked_by 'after a restart of logind'
unlock 'while the screen was locked'
kill "$mock_pid"
await ended "$mock_pid"
kill "$system_bus_pid"
await ended "$system_bus_pid"
ticks() { awk '{print $14 + $15}' "/proc/$agent_pid/stat"; }
before=$(ticks)
sleep 1
if [ $(($(ticks) - before)) -le 10 ]; then pass 'without a bus it does not burn time'; else fail 'without a bus it does not burn time' "$(($(ticks) - before)) ticks of 100"; fi
check 'and serves' 0 sign
rm -f "$T/system.bus"
process=$(token_process)
bus_start system
mock_start system logind org.freedesktop.login1
mock AddSession ssusb c1 seat0 "$(id -u)" alice true >/dev/null
set_property c1 LockedHint true
emit SessionNew so 2 s c1 o "$(session_path c1)"
LIMIT=200 locked_by 'while nobody looked the screen was locked'
told 'and is known to be' 4 "$refuse" smime unlock
is 'of all that nothing was said' "$(cat "$T/agent.log")" ''
agent_stop

# Which session: without a name that of the process, where that is one of a person.
unset XDG_SESSION_ID
mock AddMethod sssss org.freedesktop.login1.Manager GetSessionByPID u o 'ret = "/org/freedesktop/login1/session/c9"'
mock AddSession ssusb c9 seat0 "$(id -u)" alice true >/dev/null
agent_start
await held
unlock "the process's session"
lock_screen c9
locked_by "the process's session"
agent_stop
of_session c9 org.freedesktop.DBus.Mock UpdateProperties 'sa{sv}' org.freedesktop.login1.Session 1 Class s manager
: >"$T/logind.log"
agent_start
await asked GetUser
unlock 'a session of nobody'
lock_screen c9
set_property c9 Active false
check 'a session of the user manager' 0 smime unlock
is 'is not listened to' "$(token_process)" "$process"
agent_stop

# A logind that is slow to tell of a session, and tells of a new one before it does; the user's display stays the same.
kill "$mock_pid"
await ended "$mock_pid"
cat >"$T/slow-logind.py" <<'END'
import dbus, dbus.mainloop.glib, dbus.service, os, sys
from gi.repository import GLib
NAME, ROOT, PROPERTIES = 'org.freedesktop.login1', '/org/freedesktop/login1', 'org.freedesktop.DBus.Properties'
SESSION, USER, flags = ROOT + '/session/c1', ROOT + '/user/1', sys.argv[2]
class Manager(dbus.service.Object):
    @dbus.service.method(NAME + '.Manager', 'u', 'o')
    def GetUser(self, uid):
        return USER
    @dbus.service.signal(NAME + '.Manager', 'so')
    def SessionNew(self, name, path):
        pass
class User(dbus.service.Object):
    @dbus.service.method(PROPERTIES, 'ss', 'v')
    def Get(self, interface, name):
        return dbus.Struct(('c1', dbus.ObjectPath(SESSION)), signature='so')
class Session(dbus.service.Object):
    asked = 0
    @dbus.service.method(PROPERTIES, 's', 'a{sv}', async_callbacks=('answer', 'fail'))
    def GetAll(self, interface, answer, fail):
        self.asked += 1
        print('asked', flush=True)
        if os.path.exists(flags + '/overtake') and self.asked == 1:
            manager.SessionNew('c2', ROOT + '/session/c2')
        self.wait(answer)
    def wait(self, answer):
        if os.path.exists(flags + '/hold'):
            GLib.timeout_add(20, self.wait, answer)
        else:
            answer({'LockedHint': os.path.exists(flags + '/locked'), 'Active': True, 'Class': 'user'})
        return False
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.bus.BusConnection(sys.argv[1])
manager, user, session = Manager(bus, ROOT), User(bus, USER), Session(bus, SESSION)
name = dbus.service.BusName(NAME, bus)
print('ready', flush=True)
GLib.MainLoop().run()
END
slow_logind() { # FLAG...: and another agent
	rm -rf "$T/flags" && mkdir "$T/flags"
	for flag; do : >"$T/flags/$flag"; done
	/usr/bin/python3 "$T/slow-logind.py" "$system_bus" "$T/flags" >"$T/slow.log" 2>"$T/slow.err" 3>&- </dev/null &
	mock_pid=$!
	started+=("$mock_pid")
	disown "$mock_pid"
	await grep -q ready "$T/slow.log" || bail "the slow logind did not start: $(cat "$T/slow.err")"
	agent_start
	await grep -q asked "$T/slow.log" || bail 'nobody asked for the state of the session'
}
slow_logind_stop() {
	agent_stop
	kill "$mock_pid"
	await ended "$mock_pid"
}
refused() { smime unlock 2>"$T/refused"; [ $? -eq 4 ] && grep -q "$refuse" "$T/refused"; }
slow_logind overtake locked
holds 'a locked screen that is told of behind the news of another session is known' await refused
slow_logind_stop
configure 'rules: [{operation: [sign], when: {session: unlocked}, outcome: allow}, {operation: [sign], outcome: deny}]'
slow_logind hold
check 'a screen of which nothing was told yet passes for no unlocked one' 5 sign
rm "$T/flags/hold"
check 'once it is known to be unlocked it does' 0 await sign
slow_logind_stop
configure
# It may even take longer than it is waited for.
export SYSTEMD_BUS_TIMEOUT=500ms
slow_logind hold locked
sleep 1
rm "$T/flags/hold"
holds 'a screen of which is told too late is asked for again' await refused
slow_logind_stop
unset SYSTEMD_BUS_TIMEOUT

# Buses that are none: one that ends every connection at once, one that never says a word.
cat >"$T/no-bus.py" <<'END'
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[2])
listener.listen(8)
held = []
while True:
    held.append(listener.accept()[0])
    print('connected', flush=True)
    if sys.argv[1] == 'closes':
        held.pop().close()
END
for how in closes hangs; do
	if [ $how = closes ]; then seconds=4.5; else seconds=1; fi
	begin=${EPOCHREALTIME/./}
	python3 "$T/no-bus.py" $how "$T/$how.bus" >"$T/$how.log" 3>&- &
	started+=("$!")
	disown "$!"
	await [ -S "$T/$how.bus" ]
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=${T// /%20}/$how.bus
	agent_start
	check "with a bus that $how" 0 sign
	before=$(ticks)
	sleep $seconds
	if [ $(($(ticks) - before)) -le 20 ]; then pass "a bus that $how burns no time"; else fail "a bus that $how burns no time" "$(($(ticks) - before)) ticks"; fi
	# At the beginning, one second later, two behind that, then four.
	times=$(wc -l <"$T/$how.log") limit=1 next=1000000 step=1000000 took=$((${EPOCHREALTIME/./} - begin))
	while [ $took -ge $next ]; do limit=$((limit + 1)) step=$((step * 2)) next=$((next + step)); done
	if [ "$times" -le $limit ]; then pass "a bus that $how is tried ever less often"; else fail "a bus that $how is tried ever less often" "$times times in $took microseconds"; fi
	agent_stop
done
done_testing
