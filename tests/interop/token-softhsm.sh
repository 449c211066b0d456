#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SoftHSM, whose OAEP knows SHA-1 alone.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/tokens.sh"
fixture

token_module=$DEMO_MODULE
demo_token softhsm && token_keys softhsm || bail 'the token could not be made'
token_works
token_row 'SoftHSM'
done_testing
