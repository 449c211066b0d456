#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A module that has no end of slots, or none, or lacks functions.
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
no slots                       | start | fails fails | not there any more|no token that is present|has no key alice | C_GetSlotList length 0
no room for slots, ever        | start | fails fails | . | C_GetSlotList fails 150
no function C_Sign             | start | fails fails | has no C_Sign; | null=C_Sign
no function C_Initialize       | start | fails fails | has no C_Initialize; | null=C_Initialize
no function C_GetTokenInfo     | start | fails fails | has no C_GetTokenInfo; | null=C_GetTokenInfo
END
hostile_stop
done_testing
