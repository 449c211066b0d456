#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A module that ends or stops its process, beside a token that is well.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/hostile.sh"

hostile_start
ends='ended unexpectedly in .*faulty-module'
hostile_table <<END
_exit in C_Sign              | running | fails any   | $ends | C_Sign crash
SIGSEGV in C_Sign            | running | fails any   | $ends | C_Sign segv
SIGSEGV in the second C_Sign | running | any any     | $ends | C_Sign segv =2
abort in C_Login             | start   | fails fails | $ends | C_Login abort
exit in C_Decrypt            | running | any one-fails | $ends | C_Decrypt exit
a spoilt stack in C_SignInit | running | fails any   | $ends | C_SignInit smash
SIGSEGV in C_Initialize      | start   | fails fails | $ends | C_Initialize segv
SIGSEGV in C_GetFunctionList | start   | fails fails | $ends | C_GetFunctionList segv
a C_Sign that hangs          | running | fails any   | did not answer in time | C_Sign hang
a C_Sign that is busy        | running | fails any   | did not answer in time | C_Sign spin
a C_Sign that stops          | running | fails any   | did not answer in time | C_Sign stop
a C_Initialize that hangs    | start   | fails fails | did not answer in time | C_Initialize hang
a C_GetSlotList that hangs   | start   | fails fails | did not answer in time | C_GetSlotList hang
a C_OpenSession that hangs   | start   | fails fails | did not answer in time | C_OpenSession hang
END
fails 'nothing is torn down under the threads of a process that its module ends' grep -q '^torn down$' "$FAULTY_CONTROL.log"
hostile_stop
done_testing
