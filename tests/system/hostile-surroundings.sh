#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A module that meddles with what its process has: children, streams, descriptors, signals, directory, limits.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/hostile.sh"

hostile_start
ends='ended unexpectedly in .*faulty-module'
everywhere() { # VERB
	local call
	for call in Initialize OpenSession FindObjects Login SignInit Sign Decrypt DeriveKey; do printf 'C_%s %s; ' $call "$1"; done
}
hostile_table <<END
a child in C_Initialize       | start   | works works | . | C_Initialize fork 60
a child in C_Sign             | running | works works | . | C_Sign fork 60
a child, then SIGSEGV         | running | fails any   | $ends | C_Sign fork 60; C_Sign segv
printing in every call        | start   | works works | . | $(everywhere print)
writing to the core           | running | fails any   | $ends | C_Sign scribble
closing descriptors at once   | start   | fails fails | $ends | C_Initialize close
closing descriptors in C_Sign | running | fails any   | $ends | C_Sign close
other files for descriptors   | running | fails any   | $ends | C_Sign replace
signals blocked and ignored   | start   | works works | . | C_Initialize signals
another directory and umask   | start   | works works | . | C_Initialize chdir
limits raised                 | start   | works works | . | C_Initialize limits
END

# The sandbox lets a module have no child, which changes nothing else.
if [ -z "${SMIME_SANITIZED:-}" ]; then
	holds 'a module could leave no child' grep -q '^no child: Operation not permitted' "$FAULTY_CONTROL.log"
	is 'and has left none' "$(hostile_children)" ''
	hostile_stop
	done_testing
fi

# A child has nothing to say to the core, and ends with its token process: by a lock, and by whatever ends the core.
leave_child() {
	local before
	before=$(hostile_children | wc -l)
	printf 'C_Sign fork 60\n' >"$FAULTY_CONTROL"
	check 'a signature that leaves a child' 0 smime sign -k alice@example.org -i "$T/mail" -o "$T/signed"
	: >"$FAULTY_CONTROL"
	is 'there is one more' "$(hostile_children | wc -l)" $((before + 1))
	child=$(hostile_children | tail -n 1)
	fails 'which lives' ended "$child"
}
leave_child
if [ -r "/proc/$child/fd/1" ]; then
	fails 'it has not the socket of its parent' [ -e "/proc/$child/fd/3" ]
else
	skip 'it has not the socket of its parent' 'it may be looked at by root alone'
fi
check 'lock' 0 smime lock demo
holds 'ends it too' await ended "$child"
leave_child
hostile_stop
agent_start
leave_child
kill -9 "$agent_pid"
wait "$agent_pid" 2>/dev/null
agent_pid=
holds 'the end of the core ends it too' await ended "$child"
holds 'and every token process' await no_process smime-token
done_testing
