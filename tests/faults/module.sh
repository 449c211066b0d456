#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every PKCS#11 function that a token process calls x {SIGSEGV, hang, each of 28 return values, the n-th call}: about ten minutes.
# Prints a table; its figures are in docs/reliability.md.
#
#   SMIME_BUILD=build tests/faults/module.sh [STRIDE]     # with STRIDE: of all of them every STRIDE-th
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/hostile.sh"

hostile_start
hostile_sweep "${1:-1}"
hostile_stop
done_testing
