# SPDX-License-Identifier: LGPL-2.1-or-later
#
# An agent with two modules that have a token each: SoftHSM itself with "wide", and the module that has every fault on command with
# "demo". To be sourced behind lib.sh:
#
#   hostile_start                 # the agent, and everything that hostile.py wants
#   hostile_table <<'END'         # faults; see hostile.py. Or: hostile_sweep STRIDE
#   hostile_stop                  # ends the agent; nothing of it may be left

FAULTY_MODULE=$SMIME_BUILD/tests/module/faulty-module.so

# Faults of the module are meant, and what it does at exit() is not ours.
hostile_sanitizers() {
	[ -n "${SMIME_SANITIZED:-}" ] || return 0
	export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0:handle_segv=0:handle_abort=0:handle_sigbus=0"
}

hostile_start() { # [MODULE-OPTIONS]
	fixture wide
	mkdir "$T/faulty"
	cp -R "$FIXTURE/people/tokens" "$T/faulty/tokens"
	cp "$FIXTURE"/people/*.pem "$T/"
	printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$T/faulty/tokens" >"$T/faulty/softhsm2.conf"
	export FAULTY_SOFTHSM2_CONF=$T/faulty/softhsm2.conf FAULTY_CONTROL=$T/control WORK=$T PYTHONPATH=$SOURCE/tests/lib
	: >"$FAULTY_CONTROL"
	mail alice@example.org bob@example.org >"$T/mail"
	hostile_sanitizers
	# The deadline is one that a module which is well keeps on a busy machine, too.
	configure "$(printf 'environment: ["FAULTY_*"]\nmodules:\n  - {path: "%s", deadline: 3s, sessions: 2}\n  - {path: "%s"}\n' "$FAULTY_MODULE" "$DEMO_MODULE")"
	agent_start
	export AGENT_PID=$agent_pid
	await smime keys >/dev/null || bail 'the agent lists no keys'
}

hostile_sweep() { points_of python3 "$SOURCE/tests/lib/hostile.py" sweep "$1"; } # STRIDE
hostile_table() { points_of python3 "$SOURCE/tests/lib/hostile.py" table; }

# Children that the module left behind, by the log.
hostile_children() { sed -n 's/^child //p' "$FAULTY_CONTROL.log"; }
hostile_no_children() {
	local pid
	for pid in $(hostile_children); do ended "$pid" || return 1; done
}

hostile_no_zombie() { # CORE
	[ -z "$(ps -o stat= --ppid "$1,$(pgrep -P "$1" -d,)" | grep '^Z')" ]
}

hostile_stop() {
	local core=$agent_pid
	fails 'the core is the one that was started' ended "$core"
	holds 'no process is a zombie' await hostile_no_zombie "$core"
	agent_stop
	holds 'no token process is left' await no_process smime-token
	holds 'no child of the module is left' await hostile_no_children
}
