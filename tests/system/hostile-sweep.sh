#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A sample of what tests/faults/module.sh runs in full.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/hostile.sh"

hostile_start
hostile_sweep 79
hostile_stop
done_testing
