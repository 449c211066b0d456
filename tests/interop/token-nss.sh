#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The key database of NSS (Firefox, Thunderbird) through its softokn, which wants to be told in C_Initialize where that is.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/tokens.sh"
. "$SOURCE/tests/lib/obeys.sh"
token_module=/usr/lib/x86_64-linux-gnu/libsoftokn3.so
token_needs "$token_module" certutil pk12util
fixture people

mkdir "$T/nss"
printf '%s' "$DEMO_PIN" >"$T/pin"
demo_quiet certutil -N -d "sql:$T/nss" -f "$T/pin" || bail 'the database could not be made'
for peer in peer-rsa peer-ec; do
	demo_quiet pk12util -d "sql:$T/nss" -k "$T/pin" -W '' -i "$T/$peer.p12" || bail 'the keys could not be put into it'
	cp "$T/$peer.pem" "$T/${peer#peer-}.pem"
done
parameters="configdir='sql:$T/nss' certPrefix='' keyPrefix='' secmod='secmod.db' flags="
token_settings="init-reserved: \"$parameters\""
token_address='peer-KEY@example.org'
token_works
token_row NSS

# A database without a password is open. Its other token, for keys that nobody keeps, does not stand in the way of an unlock.
token_agent "$token_module"
check 'the one token with a PIN is meant by unlock' 0 smime unlock
is 'and asks for it' "$(prompts)" 1
agent_stop
mkdir "$T/open"
demo_quiet certutil -N -d "sql:$T/open" --empty-password && demo_quiet pk12util -d "sql:$T/open" -K '' -W '' -i "$T/peer-rsa.p12" ||
	bail 'the database without a password could not be made'
token_settings="init-reserved: \"${parameters/$T\/nss/$T/open}\""
token_agent "$token_module"
check 'a database without a password signs' 0 token_sign_and_verify rsa
is 'and nobody is asked' "$(prompts)" 0
agent_stop

# Rules hold for each key of a database, beside a token of another module.
mkdir "$T/obeys"
export NSS_MAX_MP_PBE_ITERATION_COUNT=1 # a key is deciphered each time that it is used
demo_quiet certutil -N -d "sql:$T/obeys" -f "$T/pin" || bail 'the third database could not be made'
for number in 1 2 3 4; do
	name=key$number
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$T/$name.key" 2>/dev/null && openssl pkey -in "$T/$name.key" -pubout -out "$T/$name.pub" &&
		obeys_certify $name $number && openssl pkcs12 -export -inkey "$T/$name.key" -in "$T/$name.pem" -name $name -passout pass: -keypbe PBE-SHA1-3DES \
		-certpbe PBE-SHA1-3DES -macalg sha1 -out "$T/$name.p12" && demo_quiet pk12util -d "sql:$T/obeys" -k "$T/pin" -W '' -i "$T/$name.p12" || bail "no $name"
	obeys_keys+=("$name")
done
token_settings="init-reserved: \"${parameters/$T\/nss/$T/obeys}\""
unset NSS_MAX_MP_PBE_ITERATION_COUNT
obeys_other=$obeys_demo
token_obeys 'NSS Certificate DB' demo alice

# What is said of the module is checked, and needed.
bad() { # DESCRIPTION VALUE
	printf 'modules:\n  - path: "%s"\n    init-reserved: %s\n' "$token_module" "$2" >"$T/bad.yaml"
	told "$1" 2 'bad\.yaml.*' smime-agent --check-config --config "$T/bad.yaml"
}
bad 'parameters of two lines' '"one\ntwo"'
says 'are called so' 'init-reserved: it must be one line'
bad 'empty parameters' '""'
bad 'a list of parameters' '[one]'
bad 'too many parameters' "$(printf '%1024s' '' | tr ' ' x)"
token_settings=
token_agent "$token_module"
told 'without them there is no key' 4 'no token is there' smime sign --cms -k peer-rsa@example.org -i "$CONTENT"
check 'status tells' 0 smime status
prints 'what is missing' 'init-reserved'
agent_stop

# p11-kit's files have them too. Only this module is for us.
modules=$HOME/.config/pkcs11/modules
mkdir -p "$modules"
for file in /usr/share/p11-kit/modules/*.module /etc/pkcs11/modules/*.module; do
	[ ! -e "$file" ] || printf 'disable-in: smime-agent\n' >"$modules/$(basename "$file")"
done
printf 'module: %s\nx-init-reserved: %s\n' "$token_module" "$parameters" >"$modules/nss.module"
configure
sed -i '/^modules:/,/^[^ ]/{/^modules:/d;/^ /d}' "$T/agent.yaml"
fails 'an agent that is told of no module' grep -q modules "$T/agent.yaml"
agent_start
check 'serves NSS as p11-kit has it' 0 token_sign_and_verify rsa
agent_stop
done_testing
