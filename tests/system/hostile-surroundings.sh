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
closing descriptors at once   | start   | fails fails | $ends | C_Initialize close
closing descriptors in C_Sign | running | fails any   | $ends | C_Sign close
other files for descriptors   | running | fails any   | $ends | C_Sign replace
signals blocked and ignored   | start   | works works | . | C_Initialize signals
another directory and umask   | start   | works works | . | C_Initialize chdir
limits raised                 | start   | works works | . | C_Initialize limits
END
is 'the module had children' "$([ "$(hostile_children | wc -l)" -ge 3 ] && echo yes)" yes
hostile_stop
done_testing
