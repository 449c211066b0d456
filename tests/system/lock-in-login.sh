#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A token that is locked, or an agent that ends, while a module logs in or sets a PIN: what the module is writing it writes to its end, and nobody waits for one that has none.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
printf 'content\n' >"$T/content"
export FAULTY_CONTROL=$T/control
sick() { printf '%s\n' ledger trace "$@" >"$FAULTY_CONTROL.new" && mv "$FAULTY_CONTROL.new" "$FAULTY_CONTROL"; } # COMMAND...
calls() { grep -q "^$1" "$FAULTY_CONTROL.log"; }                                                                  # FUNCTION
ms() { date +%s%3N; }
fresh() { # COMMAND...: another agent
	agent_stop >/dev/null
	sick "$@"
	: >"$FAULTY_CONTROL.log"
	answers "pin $DEMO_PIN"
	agent_start
}
configure "$(printf 'environment: [FAULTY_CONTROL]\nmodules: [{path: "%s"}]\n' "$SMIME_BUILD/tests/module/faulty-module.so")"
sign() { smime sign --cms --detached -k alice@example.org -i "$T/content" -o "$T/signature"; }
locks_within() { # DESCRIPTION MILLISECONDS
	local begin
	begin=$(ms)
	check "$1: is locked" 0 smime lock
	holds "$1: at once" [ $(($(ms) - begin)) -lt "$2" ]
}

fresh 'C_Login slow 200'
sign >"$T/sign.out" 2>"$T/sign.err" 3>&- &
signing=$!
holds 'a login is under way' await calls C_Login
locks_within 'a token that logs in' 1000
fails 'who waited gets no signature' wait "$signing"
holds 'the login came to its end' grep -q '^login 1 0$' "$FAULTY_CONTROL.log"
sick
check 'the token is whole' 0 smime unlock
check 'and signs' 0 sign

fresh
check 'a token whose PIN is to be changed' 0 smime unlock
sick 'C_SetPIN slow 200'
answers "pin $DEMO_PIN" 'pin 654321' 'pin 654321'
: >"$FAULTY_CONTROL.log"
smime pin change >"$T/change.out" 2>"$T/change.err" 3>&- &
changing=$!
holds 'a change is under way' await calls C_SetPIN
locks_within 'a token that changes its PIN' 1000
wait "$changing"
sick
answers 'pin 654321'
check 'the new PIN is the one that holds' 0 smime unlock

fresh 'C_Login slow 200'
answers 'pin 654321'
sign >"$T/sign.out" 2>"$T/sign.err" 3>&- &
signing=$!
holds 'a login is under way when the agent ends' await calls C_Login
agent_stop
fails 'who waited gets no signature' wait "$signing"
holds 'the login came to its end' grep -q '^login 1 0$' "$FAULTY_CONTROL.log"

fresh 'C_Login hang'
answers 'pin 654321'
sign >"$T/sign.out" 2>"$T/sign.err" 3>&- &
signing=$!
holds 'a login hangs' await calls C_Login
locks_within 'a token that hangs' 2000
fails 'who waited for it is told' wait "$signing"
done_testing
