#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Decryptions that fail look all the same: the message, the exit code, what is written, and the octets on the agent's socket.
# tests/bench/timing.sh compares how long they take.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
agent_start

points_of python3 "$SOURCE/tests/conformance/rows_failures.py" "$T" "$SMIME_AGENT_SOCK" "$SOURCE/tests/lib"
done_testing
