#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# openCryptoki's software token: RSA alone, and of the mechanisms that hash by themselves none with SHA-2. Its daemon wants to be root
# and has fixed paths, so all of this runs where these paths, its shared memory and its processes are nobody else's.
if [ "$(id -u)" = 0 ] && [ -z "${SMIME_TEST_INSIDE:-}" ] && unshare --mount --ipc --pid --fork true 2>/dev/null; then
	SMIME_TEST_INSIDE=1 exec unshare --mount --ipc --pid --fork --kill-child --mount-proc bash "$0"
fi
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/tokens.sh"
token_module=/usr/lib/x86_64-linux-gnu/pkcs11/libopencryptoki.so
token_needs "$token_module" pkcsslotd pkcsconf
[ -n "${SMIME_TEST_INSIDE:-}" ] || skip_all 'pkcsslotd wants root, and this test a place of its own to mount in'
fixture

mkdir -p "$T/lib" "$T/run/lock" "$T/log"
cp -a /var/lib/opencryptoki/. "$T/lib"
cp -a /run/lock/opencryptoki "$T/run/lock" 2>/dev/null
mount --bind "$T/lib" /var/lib/opencryptoki && mount --bind "$T/log" /var/log && mount --bind "$T/run" /run || bail 'the places could not be mounted'
pkcsslotd || bail 'pkcsslotd does not start'
started+=("$(cat /run/pkcsslotd.pid)")
DEMO_PIN=123456
demo_quiet pkcs11-tool --module "$token_module" --slot 3 --so-pin 87654321 --init-token --label ock &&
	demo_quiet pkcs11-tool --module "$token_module" --slot 3 --login --login-type so --so-pin 87654321 --init-pin --pin "$DEMO_PIN" &&
	token_keys ock rsa || bail 'the token could not be made'
token_works
token_row openCryptoki
done_testing
