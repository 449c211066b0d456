# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Private message buses with python3-dbusmock's services on them, for scripts that have read lib.sh:
#
#   bus_start system                                  # $system_bus is its address
#   mock_start system logind                          # a template of dbusmock
#   mock_call system org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.DBus.Mock AddSession ssusb c1 seat0 1000 alice true

command -v dbus-daemon busctl >/dev/null && /usr/bin/python3 -c 'import dbusmock' 2>/dev/null ||
	skip_all 'dbus-daemon, busctl or python3-dbusmock is not installed'

bus_start() { # NAME
	local socket=$T/$1.bus
	cat >"$T/$1.conf" <<-END
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
		  <listen>unix:path=${socket// /%20}</listen>
		  <auth>EXTERNAL</auth>
		  <policy context="default">
		    <allow send_destination="*" eavesdrop="true"/>
		    <allow eavesdrop="true"/>
		    <allow own="*"/>
		    <allow user="*"/>
		  </policy>
		</busconfig>
	END
	dbus-daemon --nofork --config-file "$T/$1.conf" >"$T/$1.bus.log" 2>&1 3>&- </dev/null &
	printf -v "$1_bus_pid" %s "$!"
	started+=("$!")
	disown "$!"
	printf -v "$1_bus" 'unix:path=%s' "${socket// /%20}"
	await [ -S "$socket" ] || bail "dbus-daemon did not start: $(cat "$T/$1.bus.log")"
}

# The process that serves a template is $mock_pid, what it was asked is in $T/TEMPLATE.log.
mock_start() { # BUS TEMPLATE NAME: the template takes this name on the bus
	local address=$1_bus
	DBUS_SYSTEM_BUS_ADDRESS=${!address} DBUS_SESSION_BUS_ADDRESS=${!address} /usr/bin/python3 -m dbusmock --template "$2" \
		--logfile "$T/$2.log" >"$T/$2.err" 2>&1 3>&- </dev/null &
	mock_pid=$!
	started+=("$mock_pid")
	disown "$mock_pid"
	await mock_call "$1" "$3" / org.freedesktop.DBus.Peer Ping >/dev/null || bail "$2 did not start: $(cat "$T/$2.err")"
}

mock_call() { # BUS DESTINATION PATH INTERFACE METHOD [TYPES ARGUMENT...]
	local address=$1_bus
	busctl --address="${!address}" call "${@:2}"
}
