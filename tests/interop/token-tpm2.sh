#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A TPM 2.0 in software, through tpm2-pkcs11. The agent looks for tokens in one process while another one serves them, and a TPM speaks
# with one at a time: a resource manager stands before it, as the kernel's does before a real one.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/tokens.sh"
. "$SOURCE/tests/lib/obeys.sh"
libraries=/usr/lib/x86_64-linux-gnu
token_module=$libraries/pkcs11/libtpm2_pkcs11.so
token_needs "$token_module" swtpm tpm2-abrmd dbus-daemon $libraries/libtss2-tcti-swtpm.so.0 $libraries/libtss2-tcti-tabrmd.so.0
fixture

# The TPM has a port and the one above it, below those that the kernel gives to connections. Another program may have taken one of them.
answers_at() { (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # PORT
tpm_answers() { ended "$tpm" || answers_at $((port + 1)); }
tpm_start() {
	port=$((10000 + RANDOM / 4 * 2))
	swtpm socket --tpm2 --tpmstate dir="$T/tpm" --server type=tcp,port=$port --ctrl type=tcp,port=$((port + 1)) \
		--flags not-need-init,startup-clear 3>&- >"$T/tpm.log" 2>&1 &
	tpm=$!
	belongs "$tpm"
	await tpm_answers && ! ended "$tpm"
}
mkdir "$T/tpm" "$T/store"
tpm_start || tpm_start || tpm_start || tpm_start || tpm_start || bail "swtpm does not start: $(cat "$T/tpm.log")"

# The resource manager takes its commands over a system bus: over one that is nobody else's.
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=${T// /%20}/bus
printf '<busconfig><type>system</type><listen>%s</listen><policy context="default">%s</policy></busconfig>\n' "$DBUS_SYSTEM_BUS_ADDRESS" \
	'<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>' >"$T/bus.conf"
dbus-daemon --config-file="$T/bus.conf" --nofork --nopidfile 3>&- >"$T/bus.log" 2>&1 &
belongs "$!"
await listens "$T/bus" || bail "dbus-daemon does not start: $(cat "$T/bus.log")"
manager_start() {
	tpm2-abrmd --allow-root --tcti="swtpm:host=127.0.0.1,port=$port" 3>&- >"$T/manager.log" 2>&1 &
	manager=$!
	belongs "$manager"
}
manager_start
export TPM2_PKCS11_TCTI=tabrmd:bus_type=system TPM2_PKCS11_STORE=$T/store TPM2_PKCS11_LOG_LEVEL=0
tpm_listed() { timeout 5 pkcs11-tool --module "$token_module" --list-slots; }
await tpm_listed >/dev/null || bail "tpm2-pkcs11 does not find the TPM: $(cat "$T/manager.log")"
demo_quiet pkcs11-tool --module "$token_module" --slot-index 0 --init-token --label tpm --so-pin "$DEMO_SO_PIN" &&
	demo_quiet pkcs11-tool --module "$token_module" --token-label tpm --login --login-type so --so-pin "$DEMO_SO_PIN" --init-pin --pin "$DEMO_PIN" &&
	token_keys tpm || bail 'the token could not be made'
[ -z "${DBG:-}" ] || pkcs11-tool --module "$token_module" --login --pin 123456 -M -O --token-label tpm
token_environment=DBUS_SYSTEM_BUS_ADDRESS
token_works
token_row 'TPM 2.0'

# Rules hold for each key of a token, beside another one of the same TPM.
demo_quiet pkcs11-tool --module "$token_module" --slot-index 1 --init-token --label obeys --so-pin "$DEMO_SO_PIN" &&
	demo_quiet pkcs11-tool --module "$token_module" --token-label obeys --login --login-type so --so-pin "$DEMO_SO_PIN" --init-pin --pin "$DEMO_PIN" &&
	obeys_token obeys || bail 'the second token could not be made'
obeys_deaf=' key3 '
token_obeys obeys tpm rsa

# The resource manager goes, and comes back: the agent goes on.
token_agent "$token_module"
check 'with the resource manager, sign' 0 token_sign_and_verify rsa
end_process "$manager"
check 'without it' 4 token_sign_and_verify rsa
one_line 'one line says so'
check 'nor again' 4 token_sign_and_verify rsa
manager_start
holds 'with the next one it goes on' await token_sign_and_verify rsa
agent_stop
done_testing
