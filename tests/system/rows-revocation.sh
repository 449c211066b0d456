#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Revocation by what is given and what comes with a message: CRLs of every kind, OCSP responses.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
agent_start

points_of python3 "$SOURCE/tests/conformance/rows_revocation.py" "$T"
done_testing
