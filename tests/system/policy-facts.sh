#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What rules are asked about where it is not plain: a key with two certificates, one key on two tokens, a message in triple DES, and
# addresses that are written in other ways.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
mail alice@example.org bob@example.org >"$T/mail"
printf 'content\n' >"$T/content"

rules() { # RULE...: read again by the agent that runs
	configure "$(printf 'certificates: [{path: "%s"}]\nrules:\n' "$T/newer.pem" && printf '  - %s\n' "$@")"
	if [ -n "$agent_pid" ]; then smime policy reload || fail 'the rules are read'; else agent_start; fi
}
of_key() { openssl pkey -pubin -in "$T/$1.pub" -outform DER | sha256sum | cut -d' ' -f1; } # NAME
of_certificate() { openssl x509 -in "$T/$1.pem" -outform DER | sha256sum | cut -d' ' -f1; } # NAME

# A request of its own: the key, and the certificate that it names, if any.
asks_to_sign() { # NAME [CERTIFICATE]
	PYTHONPATH=$SOURCE/tests/lib python3 - "$SMIME_AGENT_SOCK" "$(of_key "$1")" "${2:+$(of_certificate "$2")}" <<-'END'
		import sys
		from wire import *
		agent = Connection(sys.argv[1]).greet()
		_, kind, body = agent.ask(sign(2, bytes.fromhex(sys.argv[2]), bytes(32), certificate=bytes.fromhex(sys.argv[3])))
		sys.exit(0 if kind == R_SIGN else error_code(body) // 100)
	END
}

# ---- A key with two certificates: nothing is signed with the newer one ----

cp "$T/alice.pub" "$T/newer.pub"
demo_certificate newer Alice alice@example.net keyEncipherment || bail 'no second certificate'
old='address: alice@example.org' new='address: alice@example.net'
openssl cms -encrypt -binary -outform DER -aes256 -in "$T/content" -out "$T/for-older" -recip "$T/alice.pem"
openssl cms -encrypt -binary -outform DER -aes256 -in "$T/content" -out "$T/for-newer" -recip "$T/newer.pem"
decrypts() { smime decrypt --cms -i "$T/$1" -o "$T/out-$1"; } # MESSAGE
listed() { smime keys --json | python3 -c 'import json, sys; print(sum(k["label"] == "alice" for k in json.load(sys.stdin)["keys"]))'; }

rules "{operation: [sign, decrypt], key: {$old}, outcome: deny}"
check 'a rule about one of two certificates: what is signed with it' 5 asks_to_sign alice alice
check 'what is signed with the one that the token process takes' 5 asks_to_sign alice
check 'what is decrypted, by the one' 5 decrypts for-older
check 'and by the other' 5 decrypts for-newer
rules "{operation: [sign, decrypt], key: {$new}, outcome: deny}"
check 'the same of the other one: what is signed with the first' 0 asks_to_sign alice alice
check 'what is signed with any' 5 asks_to_sign alice
check 'what is decrypted' 5 decrypts for-older
for one in "$old" "$new"; do
	rules "{operation: [list], key: {$one}, outcome: deny}"
	is "what is listed with $one denied" "$(listed)" 0
done
rules "{operation: [sign, decrypt, list], key: {$new}, outcome: allow}" '{operation: [sign, decrypt], outcome: deny}' '{outcome: allow}'
check 'one that allows: what is signed with the other' 5 asks_to_sign alice alice
check 'what is signed with any' 5 asks_to_sign alice
check 'what is decrypted' 5 decrypts for-newer
is 'what else is listed' "$(listed)" 1
rules "{operation: [sign, decrypt], key: {address: 'alice@example.*'}, outcome: allow}" '{operation: [sign, decrypt], outcome: deny}'
check 'one that fits both: what is signed' 0 asks_to_sign alice
check 'what is decrypted' 0 decrypts for-older
check 'by either' 0 decrypts for-newer
rules "{operation: [sign], key: {$old}, outcome: deny}"
check 'a certificate that is none of the key is not known' 5 asks_to_sign alice bob
rules '{operation: [raw-sign], outcome: deny}'
touch "$T/pinentry.d/no"
check 'and without a rule nobody uses it unseen' 5 asks_to_sign alice bob
rm "$T/pinentry.d/no"

# ---- Strength of a message ----

openssl cms -encrypt -binary -outform DER -des3 -in "$T/content" -out "$T/des" -recip "$T/newer.pem"
check 'a message in triple DES' 0 decrypts des
for cipher in aes128 aes192 aes256 authenticated; do
	rules "{operation: [decrypt], when: {cipher: $cipher}, outcome: allow}" '{operation: [decrypt], outcome: deny}'
	check "is not as strong as $cipher" 5 decrypts des
done

# ---- Addresses ----

rules '{operation: [sign], when: {from: certificate}, outcome: allow}' '{operation: [sign], outcome: deny}'
mail Alice@EXAMPLE.org bob@example.org >"$T/capitals"
check 'a From in capitals is the one of the certificate' 0 smime sign -i "$T/capitals" -o "$T/signed"
printf '%s\n' '[e]' basicConstraints=CA:false keyUsage=digitalSignature subjectAltName=@names '[names]' \
	'otherName.0=1.3.6.1.5.5.7.8.9;FORMAT:UTF8,UTF8:grüße@example.org' >"$T/utf8.cnf"
cp "$T/bob.pub" "$T/newer.pub"
demo_quiet openssl x509 -new -force_pubkey "$T/bob.pub" -subj /CN=Bob -days 3000 -CA "$T/ca/issuing.pem" -CAkey "$T/ca/issuing.key" \
	-extfile "$T/utf8.cnf" -extensions e -out "$T/newer.pem" || bail 'no certificate with an address in UTF-8'
agent_stop
rules '{operation: [sign], key: {address: "grüße@example.org"}, outcome: deny}'
check 'an address in UTF-8 is denied' 5 asks_to_sign bob newer
check 'and no other one' 0 asks_to_sign bob bob

# ---- One key on two tokens is judged by the one that is used ----

demo_token copy && openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$T/twice.key" 2>/dev/null || bail 'no token for the copy'
for token in demo copy; do
	demo_import $token twice 07 "$T/twice.key" && demo_certificate twice Twice twice@example.org && demo_store $token twice 07 || bail "no copy on $token"
done
agent_stop
rules '{outcome: allow}'
of_twice() { smime keys --json | python3 -c 'import json, sys; print(*(k["token_label"] for k in json.load(sys.stdin)["keys"] if "twice@example.org" in k["certificates"][0]["addresses"]))'; }
used=$(of_twice)
case $used in demo) other=copy ;; copy) other=demo ;; *) bail "the key is on the token '$used'" ;; esac
for how in 'token: TOKEN' 'uri: "pkcs11:token=TOKEN"' 'uri: "pkcs11:token=TOKEN;object=twice"'; do
	rules "{operation: [sign, list], key: {${how/TOKEN/$used}}, outcome: deny}"
	check "with $how denied of the token that is used" 5 asks_to_sign twice
	is 'it is not listed' "$(of_twice)" ''
	rules "{operation: [sign, list], key: {${how/TOKEN/$other}}, outcome: deny}"
	check 'with the other one denied' 0 asks_to_sign twice
	is 'it is listed' "$(of_twice)" "$used"
	rules "{operation: [sign], key: {${how/TOKEN/$other}}, outcome: allow}" '{operation: [sign], outcome: deny}'
	check 'the other one lends it no permission' 5 asks_to_sign twice
done
# ---- What a token tells after the login ----

# What the agent knows of a token goes when the next process has looked at it. There is no public key for this private key, so that it has no
# label then.
unseen() { smime keys --json | python3 -c 'import json, sys; keys = json.load(sys.stdin)["keys"]; sys.exit(len(keys) < 3 or any(k["seen"] for k in keys))'; }
locked_under() { # RULE...
	rules '{outcome: allow}'
	smime lock
	await unseen || fail 'the tokens are locked'
	answers "pin $DEMO_PIN"
	rules "$@"
}
label='key: {uri: "pkcs11:object=twice"}'
locked_under "{operation: [sign, decrypt], $label, outcome: deny}"
check 'a label that is not told before the login is denied' 5 asks_to_sign twice
is 'after the login' "$(prompts)" 1
locked_under "{operation: [sign, decrypt], $label, outcome: deny}"
check 'of another key' 0 asks_to_sign alice alice
is 'it is found out that it is another one' "$(prompts)" 1
locked_under "{operation: [sign], $label, outcome: allow}" '{operation: [sign], outcome: deny}'
check 'the one that is allowed' 0 asks_to_sign twice
locked_under "{operation: [sign], $label, outcome: allow}" '{operation: [sign], outcome: deny}'
check 'allows no other one' 5 asks_to_sign alice alice
locked_under "{operation: [list], $label, outcome: deny}"
is 'before the login none is listed' "$(smime keys 2>/dev/null | grep -c example.org)" 0
for token in demo copy; do smime unlock $token; done
is 'after it the others are' "$(smime keys --json | python3 -c 'import json, sys; print(*sorted(k["label"] for k in json.load(sys.stdin)["keys"]))')" 'alice bob'
locked_under '{operation: [unlock], outcome: deny}' "{operation: [sign], $label, outcome: deny}"
check 'where nobody may unlock' 5 asks_to_sign alice alice
is 'nobody is asked to' "$(prompts)" 0

locked_under "{operation: [sign], $label, outcome: deny}"
check 'explained before the login' 0 smime policy explain sign -k "$(of_key alice)"
prints 'it is what is known by then' '^deny: .*text +as far as it is known: the token tells'
smime unlock demo && smime unlock copy
check 'and after it' 0 smime policy explain sign -k "$(of_key alice)"
prints 'what holds' '^allow: '

# Such a login is one: the rules about unlocking count it, and the log names theirs.
locked_under '{name: opens, operation: [unlock], when: {at-most: 1, within: 1h}, outcome: allow}' '{operation: [unlock], outcome: deny}' "{operation: [sign], $label, outcome: deny}"
check 'a login that a rule about a label takes' 0 asks_to_sign alice alice
like 'is by the rule about logins' "$(grep '"operation":"unlock"' "$HOME/.local/state/smime-agent/audit/audit.jsonl" | tail -n 1)" '"rule":"opens, '
check 'which has counted it' 5 smime unlock demo

# Who asks is looked at again after the login, which takes as long as somebody types.
sleep=$(realpath "$(command -v sleep)") python=$(python3 -c 'import os; print(os.path.realpath("/proc/self/exe"))')
locked_under "{operation: [sign], $label, client: {executable: \"$python\"}, trust-executable: yes, outcome: allow}" '{name: nobody else, operation: [sign], outcome: deny}'
answers "until go pin $DEMO_PIN"
PYTHONPATH=$SOURCE/tests/lib python3 - "$SMIME_AGENT_SOCK" "$(of_key twice)" "$sleep" "$T/asked" 3>&- <<-'END' &
	import os, sys
	from wire import *
	agent = Connection(sys.argv[1]).greet()
	agent.send(sign(2, bytes.fromhex(sys.argv[2]), bytes(32)))
	agent.socket.set_inheritable(True)
	while not os.path.exists(sys.argv[4]):
	    time.sleep(0.01)
	os.execv(sys.argv[3], ['sleep', '600'])
END
sleeper=$!
started+=("$sleeper")
asked_pin() { [ "$(prompts)" = 1 ]; }
sleeps() { [ "$(readlink "/proc/$sleeper/exe")" = "$sleep" ]; }
holds 'a client asks' await asked_pin
touch "$T/asked"
holds 'and becomes another program while the PIN is typed' await sleeps
touch "$T/pinentry.d/go"
denied() { tail -n 1 "$HOME/.local/state/smime-agent/audit/audit.jsonl" | grep '"kind":"denied"' | grep -q '"rule":"nobody else, '; }
holds 'it is judged as what it is then' await denied
kill "$sleeper"
answers "pin $DEMO_PIN"

# ---- The other token ----

agent_stop
demo_quiet softhsm2-util --delete-token --token $used || bail 'the token stays'
rules "{operation: [sign], key: {token: $used}, outcome: deny}"
is 'without that token the key is on the other one' "$(of_twice)" $other
check 'and rules about that one decide' 0 asks_to_sign twice
rules "{operation: [sign], key: {token: $other}, outcome: deny}"
check 'whatever they say' 5 asks_to_sign twice

# ---- A yes is for one token ----

agent_stop
demo_token second || bail 'no second token'
rules '{operation: [unlock], outcome: ask, ask: once}' '{outcome: allow}'
answers "pin $DEMO_PIN"
asked() { grep -c '^CONFIRM$' "$T/pinentry.d/log"; }
for token in $other $other second second; do check "unlock $token" 0 smime unlock $token; done
is 'a yes to one token is none to another' "$(asked)" 2
smime lock
touch "$T/pinentry.d/no"
check 'nor is a no' 5 smime unlock $other
rm "$T/pinentry.d/no"
check 'which the other one is asked about' 0 smime unlock second
check 'while that is not asked again' 5 smime unlock $other
is 'so twice more' "$(asked)" 4
done_testing
