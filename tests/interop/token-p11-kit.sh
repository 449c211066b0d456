#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A token behind `p11-kit server`: the module that is loaded speaks with a process that has the real one.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/tokens.sh"
. "$SOURCE/tests/lib/obeys.sh"
token_needs p11-kit /usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so
fixture

token_module=$DEMO_MODULE
demo_token far && token_keys far || bail 'the token could not be made'
server_start() {
	p11-kit server --foreground --name "$T/server" --provider "$DEMO_MODULE" pkcs11: >"$T/server.out" 2>"$T/server.err" 3>&- &
	server=$!
	belongs "$server"
	await listens "$T/server" || bail "p11-kit server does not start: $(cat "$T/server.err")"
}
# It stands still while its children are looked for, and ends before them: else it has another one for whoever finds them gone.
server_stop() {
	local pid children
	stop_process "$server"
	children=$(descendants "$server")
	kill "$server"
	kill -CONT "$server"
	for pid in $server $children; do end_process "$pid"; done
	rm -f "$T/server"
}
server_start
export P11_KIT_SERVER_ADDRESS="unix:path=$T/server"
token_module=/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so
token_works
token_row 'p11-kit server'

# Rules hold for each key of a token behind it, beside another one there.
server_stop
(token_module=$DEMO_MODULE && demo_token obeys && obeys_token obeys) || bail 'the second token could not be made'
obeys_keys=(key1 key2 key3 key4)
obeys_deaf=' key3 '
server_start
token_obeys obeys far rsa

# The server goes, and comes back: the agent goes on.
token_agent "$token_module"
check 'with the server, sign' 0 token_sign_and_verify rsa
server_stop
check 'without it' 4 token_sign_and_verify rsa
one_line 'one line says so'
check 'nor again' 4 token_sign_and_verify rsa
server_start
holds 'the next server serves' await token_sign_and_verify rsa
agent_stop
done_testing
