#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Whether it can be told from the time that a decryption takes what was wrong with it: SMIME_BUILD=build tests/bench/timing.sh [ROUNDS [RUNS]]
#
# RSA-2048 on SoftHSM: ROUNDS answers of the agent for each kind of wrong padding (default 5000), and RUNS processes of `smime decrypt`
# for each (default 300). Prints a table of each; ends with 1 when something differs. About ten minutes.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
agent_start
smime unlock -q || bail 'no login'
code=0
python3 "$SOURCE/tests/bench/timing.py" "$T" "$SMIME_AGENT_SOCK" "$SOURCE" "${1:-5000}" "${2:-300}" || code=1
agent_stop 3>/dev/null
exit $code
