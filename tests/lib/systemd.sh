# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A user manager of the test's own, in a mount namespace with a cgroup of its own, without any capability: what an ordinary
# user's manager can't do for a unit it can't do either. Its units are below $T/units and in the test's HOME, and nothing else of the
# machine is started. Sourced behind lib.sh.

MANAGER=/lib/systemd/systemd
[ -x "$MANAGER" ] || MANAGER=/usr/lib/systemd/systemd
manager_pid=
manager_cgroup=

# The units of this build. Only the path of the program differs from what is installed, and messages go to the test's log.
units_make() {
	local unit
	mkdir -p "$T/units/smime-agent.service.d"
	for unit in /usr/lib/systemd/user/{basic,default,exit,paths,shutdown,smartcard,sockets,timers}.target /usr/lib/systemd/user/{app.slice,systemd-exit.service}; do
		cp "$unit" "$T/units/"
	done
	cp "$SOURCE/agent/systemd/smime-agent.socket" "$T/units/"
	sed "s|^ExecStart=\"[^\"]*\"|ExecStart=\"$SMIME_BUILD/agent/core/smime-agent\"|" "$SMIME_BUILD/agent/systemd/smime-agent.service" >"$T/units/smime-agent.service"
	printf '[Service]\nStandardError=append:%s\n' "$T/agent.log" >"$T/units/smime-agent.service.d/log.conf"
}

# systemctl looks whether systemd runs, so it has to be where its manager is.
inside() { nsenter --mount="/proc/$manager_pid/ns/mnt" --wd=/ "$@"; }
user() { inside systemctl --user --no-pager "$@"; }
of_service() { user show -P "$1" smime-agent.service; } # PROPERTY
service_processes() { inside cat "/sys/fs/cgroup$manager_cgroup/app.slice/smime-agent.service/cgroup.procs"; }
# The number 0 would mean this test, and everybody, to kill and pgrep.
service_pid() {
	local pid
	pid=$(of_service MainPID)
	[ "${pid:-0}" -gt 1 ] && printf '%s\n' "$pid"
}

# Starts it and waits for it; 1 when this machine does not let us. DIRECTORY is what udev knows (/run/udev).
manager_start() { # [DIRECTORY]
	local devices=${1:-$T/devices}
	mkdir -p "$devices"
	manager_cgroup=$(sed -n 's/^0:://p' /proc/self/cgroup)
	manager_cgroup=${manager_cgroup%/}/smimet$$.slice # a name below which systemd looks for units
	cat >"$T/manager" <<'END'
cgroup=/sys/fs/cgroup$1 devices=$2
shift 2
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && cp -r "$devices" /run/udev && mount -t cgroup2 cgroup2 /sys/fs/cgroup && mkdir "$cgroup" || exit 1
trap 'echo 1 >"$cgroup/cgroup.kill"' TERM
sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec setpriv --bounding-set=-all --inh-caps=-all "$@"' - "$cgroup" "$@" &
while ! wait $!; do kill -0 $! 2>/dev/null || break; done
echo 1 >"$cgroup/cgroup.kill"
for _ in $(seq 100); do
	find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && break
	sleep 0.05
done
END
	unshare --mount --propagation private bash "$T/manager" "$manager_cgroup" "$devices" \
		env -i HOME="$HOME" PATH=/usr/bin:/bin LC_ALL="$LC_ALL" TMPDIR="$TMPDIR" XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" SOFTHSM2_CONF="$SOFTHSM2_CONF" \
		ASAN_OPTIONS="${ASAN_OPTIONS:-}" UBSAN_OPTIONS="${UBSAN_OPTIONS:-}" LSAN_OPTIONS="${LSAN_OPTIONS:-}" \
		SYSTEMD_UNIT_PATH="$HOME/.config/systemd/user:$T/units" \
		"$MANAGER" --user --unit=basic.target --log-target=console >"$T/manager.log" 2>&1 </dev/null 3>&- &
	manager_pid=$!
	started+=("$manager_pid")
	await eval 'ended "$manager_pid" || user is-active --quiet basic.target'
	user is-active --quiet basic.target 2>/dev/null
}

# Ends it with all its services.
manager_stop() {
	user exit
	holds 'the user manager ends' await ended "$manager_pid"
	manager_pid=
}

# Nothing in the cgroup survives a test that is left early.
manager_cleanup() {
	[ -z "$manager_pid" ] || ! kill -TERM "$manager_pid" 2>/dev/null || await ended "$manager_pid"
	cleanup
}
trap manager_cleanup EXIT
