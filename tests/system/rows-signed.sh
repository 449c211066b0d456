#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Signed messages, row by row of tests/conformance/rows.txt: each with messages that keep to it, and with some that do not.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
agent_start

points_of python3 "$SOURCE/tests/conformance/rows_structure.py" "$T"
points_of python3 "$SOURCE/tests/conformance/rows_attributes.py" "$T"
done_testing
