#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Do the policy's unit tests notice when something in it is changed? SMIME_BUILD=build tests/faults/mutants.sh [FILE...]; see mutants.py.
# Half an hour; FILE: of agent/policy, as rule-match.c. The build must have its unit tests, and no sanitizers.
. "$(dirname "$0")/../lib/lib.sh"

points_of python3 "$SOURCE/tests/faults/mutants.py" "$SMIME_BUILD" "$SOURCE" "$@"
done_testing
