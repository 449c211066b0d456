#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SoftHSM, whose OAEP knows SHA-1 alone.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/tokens.sh"
. "$SOURCE/tests/lib/obeys.sh"
fixture

token_module=$DEMO_MODULE
demo_token softhsm && token_keys softhsm || bail 'the token could not be made'
token_works
token_row 'SoftHSM'

# What some tokens allow no more than: one session, and one thread. An operation that is broken off has that session until it is closed,
# and closing the last one logs out.
export RECORDED_SESSIONS=1 RECORDED_UNLOCKED=1 FAULTY_CONTROL=$T/control
RECORDED_MODULE=$SMIME_BUILD/tests/module/faulty-module.so
token_environment=FAULTY_CONTROL
token_settings='sessions: 4'
token_agent "$RECORDER"
check 'a token with one session signs' 0 token_sign_and_verify rsa
check 'with both keys' 0 token_sign_and_verify ec
check 'lock' 0 smime lock
printf 'logout@C_Sign\n' >"$FAULTY_CONTROL"
check 'an operation is broken off there, since the token was reset, and done again' 0 token_sign_and_verify rsa
check 'and the session is good for another one' 0 token_sign_and_verify ec
is 'with a PIN for each login that a person has ended' "$(prompts)" 2
agent_stop

# Rules hold for each of its keys.
unset RECORDED_SESSIONS RECORDED_UNLOCKED
token_module=$DEMO_MODULE token_environment='' token_settings=''
demo_token obeys && obeys_token obeys || bail 'the second token could not be made'
token_obeys obeys softhsm rsa
done_testing
