#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The manual pages name what there is, all of it and nothing else, and are shown without a warning. The checks are in man.py.
. "$(dirname "$0")/../lib/lib.sh"

command -v scdoc >/dev/null || skip_all 'scdoc is not there, so no page was built'
command -v man >/dev/null || skip_all 'man-db is not there'
points_of python3 "$SOURCE/tests/checks/man.py" "$SOURCE" "$SMIME_BUILD"
done_testing
