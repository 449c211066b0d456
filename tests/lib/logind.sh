# SPDX-License-Identifier: LGPL-2.1-or-later
#
# systemd-logind, as dbusmock has it, on a private system bus, for scripts that have read bus.sh:
#
#   bus_start system
#   logind_start                       # with the sessions c1 and c2 of who runs the test
#   export DBUS_SYSTEM_BUS_ADDRESS=$system_bus XDG_SESSION_ID=c1
#   agent_start
#   lock_screen c1                     # its screen is to be locked
#   set_property c1 LockedHint true    # it is
#   prepare_for_sleep true
#   holds 'it may sleep' await not_held

logind() { mock_call system org.freedesktop.login1 "$@"; }
manager() { logind /org/freedesktop/login1 org.freedesktop.login1.Manager "$@"; }
mock() { logind /org/freedesktop/login1 org.freedesktop.DBus.Mock "$@"; }
session_path() { printf '/org/freedesktop/login1/session/%s' "$1"; }
of_session() { logind "$(session_path "$1")" "${@:2}"; } # ID INTERFACE METHOD...
lock_screen() { of_session "$1" org.freedesktop.login1.Session Lock >/dev/null; }
set_property() { # ID NAME BOOLEAN
	of_session "$1" org.freedesktop.DBus.Mock UpdateProperties 'sa{sv}' org.freedesktop.login1.Session 1 "$2" b "$3" >/dev/null
}
emit() { mock EmitSignal sssav org.freedesktop.login1.Manager "$@" >/dev/null; } # NAME TYPES COUNT ARGUMENT...
prepare_for_sleep() { emit PrepareForSleep b 1 b "$1"; }
held() { manager ListInhibitors | grep -q '"sleep" "smime-agent" ".*" "delay"'; }
not_held() { manager ListInhibitors >"$T/inhibitors" && ! grep -q smime-agent "$T/inhibitors"; }

logind_start() { # INHIBIT-DELAY-MAX-MICROSECONDS
	mock_start system logind org.freedesktop.login1
	mock AddProperty ssv org.freedesktop.login1.Manager InhibitDelayMaxUSec t "${1:-60000000}"
	mock AddMethod sssss org.freedesktop.login1.Manager GetUser u o 'ret = "/org/freedesktop/login1/user/%d" % args[0]'
	mock AddSession ssusb c1 seat0 "$(id -u)" alice true
	mock AddSession ssusb c2 seat0 "$(id -u)" alice true
	emit SessionNew so 2 s c1 o "$(session_path c1)"
}
