#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every allocation and every OpenSSL call fails once, over sign, encrypt, verify, decrypt and keys of smime, and in the agent's
# core and token process: SMIME_BUILD=build tests/faults/alloc.sh [STRIDE [SCENARIO...]]; see nth-call.py. Hours without a stride. A build
# with sanitizers finds leaks too (SMIME_SANITIZED=1, and its options as tests/run.sh sets them).
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/nth-call.sh"

stride=${1:-1}
shift 2>/dev/null
nth_start
nth_try "$stride" "${@:-all}"
done_testing
