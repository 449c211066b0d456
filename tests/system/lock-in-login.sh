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
begin() { # FUNCTION COMMAND...: in the background, until the module is in the function; $waiting is who waits
	"${@:2}" >"$T/out" 2>"$T/err" 3>&- &
	waiting=$!
	holds "$1 is under way" await calls "$1"
}
locks_within() { # DESCRIPTION MILLISECONDS
	local begin
	begin=$(ms)
	check "$1: is locked" 0 smime lock
	holds "$1: at once" [ $(($(ms) - begin)) -lt "$2" ]
}

fresh 'C_Login slow 200'
begin C_Login sign
locks_within 'a token that logs in' 1000
fails 'who waited gets no signature' wait "$waiting"
holds 'the login came to its end' grep -q '^login 1 0$' "$FAULTY_CONTROL.log"
sick
check 'the token is whole' 0 smime unlock
check 'and signs' 0 sign

fresh
check 'a token whose PIN is to be changed' 0 smime unlock
sick 'C_SetPIN slow 200'
answers "pin $DEMO_PIN" 'pin 654321' 'pin 654321'
: >"$FAULTY_CONTROL.log"
begin C_SetPIN smime pin change
locks_within 'a token that changes its PIN' 1000
wait "$waiting"
sick
answers 'pin 654321'
check 'the new PIN is the one that holds' 0 smime unlock

fresh 'C_Login slow 200'
answers 'pin 654321'
begin C_Login sign
agent_stop
fails 'who waited gets no signature' wait "$waiting"
holds 'the login came to its end' grep -q '^login 1 0$' "$FAULTY_CONTROL.log"

# As the screen that is locked and the machine that goes to sleep do it.
fresh 'C_Login slow 200'
answers 'pin 654321'
begin C_Login sign
smime lock & first=$!
sleep 0.05
locks_within 'a token that is locked twice while it logs in' 1000
wait "$first"
fails 'who waited gets no signature' wait "$waiting"
holds 'the login came to its end' grep -q '^login 1 0$' "$FAULTY_CONTROL.log"

fresh 'C_Login hang'
answers 'pin 654321'
begin C_Login sign
locks_within 'a token that hangs' 2000
fails 'who waited for it is told' wait "$waiting"
done_testing
