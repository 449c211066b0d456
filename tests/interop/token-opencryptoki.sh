#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# openCryptoki's software token: RSA alone, and of the mechanisms that hash by themselves none with SHA-2. Its daemon wants to be root
# and has fixed paths, so all of this runs where these paths, its shared memory and its processes are nobody else's.
if [ "$(id -u)" = 0 ] && [ -z "${SMIME_TEST_INSIDE:-}" ] && unshare --mount --ipc --pid --fork true 2>/dev/null; then
	SMIME_TEST_INSIDE=1 exec unshare --mount --ipc --pid --fork --kill-child --mount-proc bash "$0"
fi
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/tokens.sh"
. "$SOURCE/tests/lib/obeys.sh"
token_module=/usr/lib/x86_64-linux-gnu/pkcs11/libopencryptoki.so
token_needs "$token_module" pkcsslotd
[ -n "${SMIME_TEST_INSIDE:-}" ] || skip_all 'pkcsslotd wants root, and this test a place of its own to mount in'
fixture people
# For the module that records what is behind it.
test_module_places=', /var/lib/opencryptoki, /run/lock/opencryptoki, /var/log'

mkdir -p "$T/run/lock" "$T/log"
install -d -m 770 -g pkcs11 "$T/lib" "$T/lib/swtok" "$T/lib/swtok/TOK_OBJ" "$T/run/lock/opencryptoki" "$T/run/lock/opencryptoki/swtok"
mount --bind "$T/lib" /var/lib/opencryptoki && mount --bind "$T/log" /var/log && mount --bind "$T/run" /run || bail 'the places could not be mounted'
# Without its daemon there is no token, and the agent says why. It needs no restart when that comes.
token_agent "$token_module"
check 'without pkcsslotd' 0 smime status
holds 'it tells why there is no token, once the module was tried' await eval 'smime status | grep -q "its service"'
daemon_start() {
	rm -f /run/pkcsslotd.pid
	pkcsslotd || bail 'pkcsslotd does not start'
	await [ -s /run/pkcsslotd.pid ] || bail 'pkcsslotd does not tell its number'
	daemon=$(cat /run/pkcsslotd.pid)
	started+=("$daemon")
}
daemon_start
demo_quiet pkcs11-tool --module "$token_module" --slot 3 --so-pin 87654321 --init-token --label ock &&
	demo_quiet pkcs11-tool --module "$token_module" --slot 3 --login --login-type so --so-pin 87654321 --init-pin --pin "$DEMO_PIN" &&
	token_keys ock rsa || bail 'the token could not be made'
holds 'the agent sees the token that is there now' await token_sign_and_verify rsa
agent_stop
token_works
token_row openCryptoki

# The daemon goes, and comes back: the agent goes on.
token_agent "$token_module"
check 'with pkcsslotd, sign' 0 token_sign_and_verify rsa
end_process "$daemon"
smime lock
check 'without it, and with nobody logged in' 4 token_sign_and_verify rsa
one_line 'one line says so'
daemon_start
holds 'with the next one it goes on' await token_sign_and_verify rsa
agent_stop

# Rules hold for each of its keys, beside a token of another module.
demo_quiet pkcs11-tool --module "$token_module" --slot 3 --so-pin 87654321 --init-token --label obeys &&
	demo_quiet pkcs11-tool --module "$token_module" --slot 3 --login --login-type so --so-pin 87654321 --init-pin --pin "$DEMO_PIN" &&
	obeys_token obeys rsa || bail 'the token could not be made anew'
obeys_other=$obeys_demo
token_obeys obeys demo alice
demo_quiet pkcs11-tool --module "$token_module" --slot 3 --so-pin 87654321 --init-token --label ock &&
	demo_quiet pkcs11-tool --module "$token_module" --slot 3 --login --login-type so --so-pin 87654321 --init-pin --pin "$DEMO_PIN" &&
	token_keys ock rsa || bail 'the token could not be made a third time'

# A certificate for a key that the token can't hold.
cp "$T/peer-ec.pem" "$T/ec.pem"
DEMO_MODULE=$token_module demo_store ock ec 02 || bail 'no certificate for P-256'
token_agent "$token_module"
check 'a certificate whose key is not on the token' 4 token_sign_and_verify peer-ec
says 'is called that' 'has no such private key'
one_line 'in one line'
check 'and the others work' 0 token_sign_and_verify rsa
agent_stop
done_testing
