#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A module that has no end of slots, or none, lacks functions, and whose texts are for no terminal.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/hostile.sh"

hostile_start
hostile_table <<END
C_Initialize that fails        | start | fails fails | C_Initialize: CKR_DEVICE_ERROR | C_Initialize fails 30
C_Initialize done by somebody  | start | fails fails | can.t use the PKCS#11 module | C_Initialize fails 191
more slots every time          | start | any any     | . | C_GetSlotList endless
a million slots                | start | fails fails | lists [0-9]+ slots | C_GetSlotList endless 1000000
more slots than there is memory | start | fails fails | lists [0-9]+ slots | C_GetSlotList endless 2000000000000000
slots that come and go         | start | any any     | . | C_GetSlotList blink
no slots                       | start | fails fails | not there any more|no token that is present | C_GetSlotList length 0
no room for slots, ever        | start | fails fails | . | C_GetSlotList fails 150
no function C_Sign             | start | fails fails | has no C_Sign; | null=C_Sign
no function C_Initialize       | start | fails fails | has no C_Initialize; | null=C_Initialize
no function C_GetTokenInfo     | start | fails fails | has no C_GetTokenInfo; | null=C_GetTokenInfo
END
hostile_stop

# Texts of a token that nothing ends and that are for no terminal.
printf '%s\n' 'C_GetTokenInfo garbage' 'C_GetSlotInfo garbage' >"$FAULTY_CONTROL"
agent_start
check 'the status of a token that calls itself what it likes' 0 smime status
fails 'has no control characters' grep -aqP '[^\x20-\x7e\n]' "$T/out"
check 'and as a document' 0 smime status --json
is 'can be read' "$(json "$T/out" 'sum(t["keys"] > 0 for t in d["tokens"])')" 2
check 'its keys' 0 smime keys
prints 'are there' alice@example.org
fails 'without control characters too' grep -aqP '[^\x20-\x7e\n]' "$T/out"
check 'one signs' 0 smime sign -k alice@example.org -i "$T/mail" -o "$T/signed"
agent_stop
done_testing
