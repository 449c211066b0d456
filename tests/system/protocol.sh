#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The socket against wrong, hostile and too many frames; see tests/lib/protocol.py.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
agent_start
check 'the token is unlocked for what follows' 0 smime unlock
pid=$agent_pid
points_of python3 "$SOURCE/tests/lib/protocol.py" "$SMIME_AGENT_SOCK" "$agent_pid" "$T/pinentry.d"
holds 'it is still the same agent' kill -0 "$pid"
check 'which still serves the command line' 0 smime keys
points_of python3 "$SOURCE/tests/lib/operations.py" "$SOURCE"
done_testing
