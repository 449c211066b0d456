#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who may use which key for what: rules of agent.yaml, seen from a client. What a rule can say, and what it says when it is wrong.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
fixture wide
mail alice@example.org bob@example.org >"$T/mail"
printf 'content\n' >"$T/content"

# Starts the agent anew with these rules, one on a line.
rules() { # RULE...
	agent_stop >/dev/null
	configure "$([ $# -eq 0 ] || { printf 'rules:\n' && printf '  - %s\n' "$@"; })"
	agent_start
}
key_of() { smime keys --json | python3 -c 'import json, sys; print(next(k["fingerprint"] for k in json.load(sys.stdin)["keys"] if any(sys.argv[1] in c["addresses"] for c in k["certificates"])))' "$1"; }
sign_as() { smime sign --cms --detached -k "$1@example.org" -i "$T/content" -o "$T/signature"; } # NAME

# ---- Without rules ----

rules
check 'without rules the own user signs' 0 sign_as alice
check 'encrypts' 0 smime encrypt -r alice@example.org -i "$T/mail" -o "$T/encrypted"
check 'and decrypts' 0 smime decrypt -i "$T/encrypted" -o "$T/decrypted"
alice=$(key_of alice@example.org) bob=$(key_of bob@example.org)

# ---- Operations; the first match decides ----

rules '{operation: [sign], outcome: deny, text: "ask the help desk"}'
told 'what a rule denies is denied, with its text and its place' 5 'ask the help desk .*"rule 1", .*agent.yaml:2' sign_as alice
check 'what it does not name goes on' 0 smime decrypt -i "$T/encrypted" -o "$T/decrypted"
check 'a rule that denies nothing of listing lists' 0 smime keys

rules '{name: not today, outcome: deny}'
told 'a rule without operations is about every one' 5 '"not today"' smime unlock demo
check 'of a key that may not be listed nothing is told' 0 smime keys --json
is 'neither its name nor its certificate' "$(json "$T/out" 'len(d["keys"])')" 0

rules '{operation: [sign], key: {address: alice@example.org}, outcome: allow}' '{operation: [sign], outcome: deny}'
check 'the first rule that applies decides' 0 sign_as alice
check 'a later one about what is left' 5 sign_as bob

# ---- Keys: the first, the middle and the last of a token ----

wide=(rsa3072 rsa4096 p384 p521)
for denied in rsa3072 p384 p521; do
	rules "{operation: [sign], key: {address: $denied@example.org}, outcome: deny}"
	for name in "${wide[@]}"; do
		check "I6: with $denied denied, $name" "$([ $name = $denied ] && echo 5 || echo 0)" sign_as $name
	done
done
denies() { # DESCRIPTION KEY: a rule with this key denies alice and lets bob sign
	rules "{operation: [sign, decrypt], key: {$2}, outcome: deny}"
	check "$1: the key" 5 sign_as alice
	check "$1: no other one" 0 sign_as bob
	check "$1: nor does it decrypt" 5 smime decrypt -i "$T/encrypted" -o "$T/decrypted"
}
denies 'by fingerprint' "fingerprint: $alice"
denies 'by the beginning of a fingerprint' "fingerprint: ${alice:0:16}"
denies 'by URI' 'uri: "pkcs11:token=demo;object=alice"'
denies 'by URI that says what it is' 'uri: "pkcs11:token=demo;object=alice;type=private"'
denies 'by an address with a star' 'address: "ali*@example.org"'
denies 'by an address in capitals' 'address: ALICE@EXAMPLE.ORG'
rules '{operation: [sign], key: {token: wide}, outcome: deny}'
check 'by token: its keys' 5 sign_as p521
check 'by token: no others' 0 sign_as alice
rules '{operation: [sign], key: {issuer: "CN=Demonstration Issuing*"}, outcome: deny}'
check 'by issuer' 5 sign_as alice
rules '{operation: [sign], key: {eku: emailProtection}, outcome: deny}'
check 'by extended key usage' 5 sign_as alice
rules '{operation: [sign], key: {eku: 1.3.6.1.5.5.7.3.2}, outcome: deny}'
check 'that it does not have' 0 sign_as alice
rules '{operation: [sign], key: {evidence: claimed}, outcome: allow}' '{operation: [sign], outcome: deny}'
check 'a key in software is no key in hardware' 5 sign_as alice

# ---- Clients ----

rules "{client: {uid: $(id -u)}, outcome: allow}" '{outcome: deny}'
check 'by user' 0 sign_as alice
rules "{client: {uid: $(($(id -u) + 1))}, outcome: allow}" '{operation: [sign], outcome: deny}'
check 'another user' 5 sign_as alice
rules "{client: {gid: $(id -g)}, operation: [sign], outcome: deny}"
check 'by group' 5 sign_as alice
smime=$(realpath "$(command -v smime)")
rules "{client: {executable: \"$smime\"}, operation: [sign], outcome: deny}"
check 'by executable' 5 sign_as alice
rules "{client: {executable: \"$smime\"}, operation: [sign], trust-executable: yes, outcome: allow}" '{operation: [sign], outcome: deny}'
check 'where the rule trusts it' 0 sign_as alice
cp "$smime" "$T/other"
check 'another file of the same program' 5 "$T/other" sign --cms -k alice@example.org -i "$T/content" -o "$T/signature"
rules '{client: {unit: "no-such.service"}, operation: [sign], outcome: allow}' '{operation: [sign], outcome: deny}'
check 'a unit that it is not in' 5 sign_as alice
rules '{client: {remote: yes}, operation: [sign], outcome: deny}'
check 'who is here is not far away' 0 sign_as alice

# ---- Conditions ----

rules '{operation: [sign], when: {digest: sha384}, outcome: allow}' '{operation: [sign], outcome: deny}'
check 'a digest that is strong enough' 0 smime sign --cms --digest sha512 -k alice@example.org -i "$T/content" -o "$T/signature"
check 'and one that is not' 5 sign_as alice
rules '{operation: [decrypt], when: {cipher: authenticated}, outcome: allow}' '{operation: [decrypt], outcome: deny}'
check 'a message in CBC' 5 smime decrypt -i "$T/encrypted" -o "$T/decrypted"
smime encrypt --cipher aes128-gcm -r alice@example.org -i "$T/mail" -o "$T/gcm"
check 'one in GCM' 0 smime decrypt -i "$T/gcm" -o "$T/decrypted"
rules '{operation: [decrypt], when: {cipher: aes256}, outcome: allow}' '{operation: [decrypt], outcome: deny}'
check 'a key that is too short' 5 smime decrypt -i "$T/gcm" -o "$T/decrypted"
check 'one that is not' 0 smime decrypt -i "$T/encrypted" -o "$T/decrypted"
rules '{operation: [sign], when: {from: certificate}, outcome: allow}' '{operation: [sign], outcome: deny}'
check 'a From that the certificate has' 0 smime sign -i "$T/mail" -o "$T/signed"
mail mallory@example.org bob@example.org >"$T/others"
check 'one that it has not' 5 smime sign -k alice@example.org -i "$T/others" -o "$T/signed"
for from in 'alice@example.org, mallory@example.org' 'mallory@example.org, alice@example.org' 'All: alice@example.org, mallory@example.org;'; do
	mail "$from" bob@example.org 'Sender: alice@example.org' >"$T/others"
	check "nor several of which it has one: $from" 5 smime sign -k alice@example.org -i "$T/others" -o "$T/signed"
done
rules '{operation: [sign], when: {at-most: 3, within: 1h}, outcome: allow}' '{operation: [sign], outcome: deny}'
for i in 1 2 3; do check "of three operations in an hour number $i" 0 sign_as alice; done
check 'and not the fourth' 5 sign_as alice
now=$(date +%H:%M) later=$(date -d '+2 hours' +%H:%M) last=$(date -d '+3 hours' +%H:%M)
rules "{operation: [sign], when: {between: \"$now-$later\"}, outcome: deny}"
check 'at this hour' 5 sign_as alice
rules "{operation: [sign], when: {between: \"$later-$last\"}, outcome: deny}"
check 'at another hour' 0 sign_as alice
rules '{operation: [sign], when: {session: active}, outcome: allow}' '{operation: [sign], outcome: deny}'
check 'where no session is known, none is active' 5 sign_as alice

# ---- What is asked ----

asked() { grep -c '^CONFIRM$' "$T/pinentry.d/log"; }
answers "pin $DEMO_PIN"
rules '{operation: [sign], outcome: ask}'
check 'a person who agrees' 0 sign_as alice
is 'was asked' "$(asked)" 1
like 'and told which process wants what as whom, and what it only claims' "$(cat "$T/pinentry.d/log")" 'To sign.*Sure: process [0-9]+ of user [0-9]+ asks.*The program claims: name'
check 'each time' 0 sign_as alice
is 'is each time' "$(asked)" 2
touch "$T/pinentry.d/no"
told 'who says no' 5 'said no' sign_as alice
is 'was asked too' "$(asked)" 3
told 'is not asked again at once' 5 'just said no' sign_as alice
is 'nor bothered' "$(asked)" 3
rm "$T/pinentry.d/no"
check 'about something else he may be' 0 sign_as bob
answers "pin $DEMO_PIN"
rules '{operation: [sign], outcome: ask, count: 3, within: 10min}'
for i in 1 2 3; do check "one yes for three operations: number $i" 0 sign_as alice; done
is 'is one' "$(asked)" 1
check 'the fourth' 0 sign_as alice
is 'takes another one' "$(asked)" 2
answers "pin $DEMO_PIN"
rules '{operation: [sign], outcome: ask, ask: once}'
for i in 1 2 3; do check "one yes until the token is locked: number $i" 0 sign_as alice; done
is 'is one too' "$(asked)" 1
smime lock
check 'after that' 0 sign_as alice
is 'it is asked again' "$(asked)" 2
answers "pin $DEMO_PIN"
DISPLAY=:99 GPG_TTY=/dev/pts/9 check 'a client that names a display' 0 sign_as bob
fails 'has no say in where consent is asked' grep -B40 '^CONFIRM$' "$T/pinentry.d/log" -e 'ENV DISPLAY=:99' -e 'ttyname'

# ---- A PIN for each ----

answers "pin $DEMO_PIN"
rules '{operation: [sign], key: {address: alice@example.org}, require: [fresh-pin], outcome: allow}'
check 'a rule that wants it is explained' 0 smime policy explain sign -k alice@example.org
prints 'with what it wants' 'pin     typed for each operation'
check 'and as JSON' 0 smime policy explain sign -k alice@example.org --json
is 'wants it' "$(json "$T/out" '(d["outcome"], d["fresh_pin"])')" "('allow', True)"
check 'for a key that no rule wants it of' 0 smime policy explain sign -k bob@example.org --json
is 'does not' "$(json "$T/out" '(d["outcome"], d["fresh_pin"])')" "('allow', False)"
check 'a PIN that is typed for it' 0 sign_as alice
is 'is asked for' "$(prompts)" 1
check 'each time' 0 sign_as alice
is 'though it is known' "$(prompts)" 2
check 'with another key' 0 sign_as bob
is 'it is known' "$(prompts)" 2
answers 'pin 000000' 'pin 000000' 'pin 000000' "pin $DEMO_PIN"
for i in 1 2 3; do told "a PIN that is another one, number $i" 4 'not sent, so no try is lost' sign_as alice; done
told 'and then none is compared' 5 'smime lock. first' sign_as alice
is 'nor asked for' "$(prompts)" 3
check 'others go on' 0 sign_as bob
smime lock
check 'until the token was locked' 0 sign_as alice
rules '{operation: [sign], require: [touch], outcome: allow}'
told 'a touch that nothing proves' 5 'has to be touched' sign_as alice

# ---- Explaining, and reading again ----

rules '{name: own mail, operation: [sign], key: {address: alice@example.org}, outcome: allow}' '{name: nobody else, operation: [sign], text: "not with this key", outcome: deny}'
before=$(asked)/$(prompts)
check 'the policy is asked' 0 smime policy explain sign -k alice@example.org
prints 'and says which rule decides, where it stands' 'allow: rule "own mail", .*agent.yaml:2'
prints 'what it knows of the client' "client  uid $(id -u), gid $(id -g), .*executable $smime"
label=$(tr -d '\0' </proc/self/attr/current 2>/dev/null)
prints 'with the label that a security module gives it' "label ${label:-none}, executable"
prints 'and of the key' 'key     alice on token demo, address alice@example.org, issuer .*evidence software'
check 'for another key' 0 smime policy explain sign -k bob@example.org --json
is 'as JSON' "$(json "$T/out" '(d["outcome"], d["rule"], d["line"], d["text"], len(d["policy"]))')" "('deny', 'nobody else', 3, 'not with this key', 64)"
sleep 600 &
other=$!
started+=("$other")
is_sleep() { [ "$(readlink "/proc/$other/exe")" = "$(realpath "$(command -v sleep)")" ]; }
await is_sleep
check 'for another process' 0 smime policy explain sign -k alice@example.org --pid $other
prints 'which is looked at' "executable $(realpath "$(command -v sleep)")"
kill $other
told 'a process that is not there' 2 'no process of this number' smime policy explain sign --pid 4194304
told 'an operation that is not there' 2 'there is no operation bake' smime policy explain bake
check 'where no rule applies' 0 smime policy explain raw-sign -k alice@example.org
prints 'what holds without rules is said' 'deny: no rule applies'
is 'and nobody was asked anything' "$(asked)/$(prompts)" "$before"

# What is explained is what happens.
agrees() { # DESCRIPTION OUTCOME CODE OPERATION COMMAND...: with the key of alice
	check "$1: explained" 0 smime policy explain "$4" -k alice@example.org --json
	is "$1: as $2" "$(json "$T/out" 'd["outcome"]')" "$2"
	check "$1: it is so" "$3" "${@:5}"
}
rules '{operation: [sign], when: {digest: sha256}, outcome: allow}' '{operation: [decrypt], when: {cipher: aes256}, outcome: allow}' '{operation: [sign, decrypt], outcome: deny}'
agrees 'a digest that is strong enough' allow 0 sign sign_as alice
agrees 'a cipher that is strong enough' allow 0 decrypt smime decrypt -i "$T/encrypted" -o "$T/decrypted"
rules '{operation: [sign], when: {digest: sha384}, outcome: allow}' '{operation: [decrypt], when: {cipher: authenticated}, outcome: allow}' '{operation: [sign, decrypt], outcome: deny}'
agrees 'one that is not' deny 5 sign sign_as alice
agrees 'nor the cipher' deny 5 decrypt smime decrypt -i "$T/encrypted" -o "$T/decrypted"
rules '{operation: [unlock], key: {address: alice@example.org}, outcome: deny}'
agrees 'a rule about keys says nothing of unlocking' allow 0 unlock smime unlock demo
rules '{operation: [unlock], key: {token: demo}, outcome: deny}'
agrees 'one about the token does' deny 5 unlock smime unlock demo
rules '{operation: [sign], key: {evidence: enrolled}, outcome: allow}' '{operation: [sign], outcome: deny}'
check 'without a key' 0 smime policy explain sign
prints 'it is any' '^deny: rule "rule 2"'
rules '{operation: [sign], key: {address: alice@example.org}, outcome: deny}'
check 'of which this may be said' 0 smime policy explain sign
prints 'that opens nothing' '^deny: rule "rule 1"'
rules '{name: own mail, operation: [sign], key: {address: alice@example.org}, outcome: allow}' '{name: nobody else, operation: [sign], text: "not with this key", outcome: deny}'

cp "$T/agent.yaml" "$T/good.yaml"
sed -i 's/outcome: allow/outcome: deny/' "$T/agent.yaml"
check 'what was changed holds' 0 sign_as alice
check 'after it was read again' 0 smime policy reload
check 'and not before' 5 sign_as alice
sed -i 's/outcome: deny/outcome: perhaps/' "$T/agent.yaml"
told 'what is no good' 2 "agent.yaml:2:.*'perhaps' is none of" smime policy reload
check 'opens nothing' 5 sign_as alice
told 'and is found before' 2 "agent.yaml:2:.*'perhaps'" smime policy check "$T/agent.yaml"
check 'as what is good' 0 smime policy check "$T/good.yaml"
told 'also by who ignores that a child has ended' 2 "agent.yaml:2:.*'perhaps'" env --ignore-signal=CHLD smime policy check "$T/agent.yaml"
check 'as what is good likewise' 0 env --ignore-signal=CHLD smime policy check "$T/good.yaml"
if [ -z "${SMIME_SANITIZED:-}" ] && strace -o "$T/trace" true 2>/dev/null; then
	late=(strace -qq -o "$T/trace" -e trace=pidfd_open -e inject=pidfd_open:delay_enter=500000 env --ignore-signal=CHLD)
	told 'though it has ended before he looks' 2 "agent.yaml:2:.*'perhaps'" "${late[@]}" smime policy check "$T/agent.yaml"
	check 'and where nothing is wrong' 0 "${late[@]}" smime policy check "$T/good.yaml"
	mkdir -p "$T/spoilt/smime-agent" "$T/nobody" && cp -p "$T/agent.yaml" "$T/spoilt/smime-agent/"
	told 'and by a program that goes on ignoring it' 3 'no agent answers on' env -u SMIME_AGENT_SOCK XDG_RUNTIME_DIR="$T/nobody" \
		XDG_CONFIG_HOME="$T/spoilt" "${late[@]}" smime-mutt keys
	holds 'so late' grep -q 'pidfd_open.*ESRCH' "$T/trace"
	full=(strace -qq -o "$T/trace" -e trace=pidfd_open -e inject=pidfd_open:error=EMFILE)
	told 'and without a descriptor for it' 2 "agent.yaml:2:.*'perhaps'" "${full[@]}" smime policy check "$T/agent.yaml"
	check 'as where nothing is wrong' 0 "${full[@]}" smime policy check "$T/good.yaml"
	holds 'there was none' grep -q 'pidfd_open.*EMFILE.*INJECTED' "$T/trace"
else
	skip 'who ignores that a child has ended, which he looks for too late' 'nothing can be traced here'
fi
chmod 666 "$T/good.yaml" && cp -p "$T/good.yaml" "$T/agent.yaml"
told 'a file that others could write' 2 'others could have written it' smime policy reload
check 'opens nothing either' 5 sign_as alice
chmod 600 "$T/good.yaml" && cp -p "$T/good.yaml" "$T/agent.yaml"
kill -HUP "$agent_pid"
signs() { sign_as alice 2>/dev/null; }
holds 'SIGHUP has it read again too' await signs

# ---- What is no rule ----

refused() { # DESCRIPTION PLACE PATTERN RULE
	configure "$(printf 'rules:\n  - %s' "$4")"
	told "$1" 2 "agent.yaml:$2: .*$3" smime-agent --check-config --config "$T/agent.yaml"
}
refused 'a word that is no operation' 2:17 "'bake' is none of" '{operation: [bake], outcome: deny}'
refused 'a word that is no outcome' 2:15 "'maybe' is none of allow, deny, ask" '{outcome: maybe}'
refused 'an unknown key' 2:21 'Unexpected key: deny' '{outcome: deny, deny: yes}'
refused 'a user that is not there' 2:20 "no user 'nobody-of-this-name'" '{client: {uid: nobody-of-this-name}, outcome: deny}'
refused 'an executable alone' 2:27 'any program of the same user can run as this one' '{client: {executable: /usr/bin/git}, outcome: allow}'
refused 'a count without a time' 2:22 'stand together' '{when: {at-most: 3}, outcome: deny}'
refused 'an hour that is none' 2:22 'are no hours' '{when: {between: "8-18"}, outcome: deny}'
refused 'a level that is none' 2:22 'is none of software' '{key: {evidence: sworn}, outcome: deny}'
refused 'a URI that is none' 2:17 'is no PKCS #11 URI of a private key' '{key: {uri: "token=demo"}, outcome: deny}'
refused 'a URI of another object than a key' 2:17 'is no PKCS #11 URI of a private key' '{key: {uri: "pkcs11:token=demo;type=cert"}, outcome: allow}'
refused 'a URI that says how the token is reached' 2:17 'is no PKCS #11 URI' '{key: {uri: "pkcs11:token=demo?module-path=/x.so"}, outcome: deny}'
refused 'how often to ask where nothing is asked' 2:27 'only in a rule that asks' '{outcome: allow, ask: once}'

# ---- The page's examples ----

examples() { scdoc <"$SOURCE/docs/smime-policy.5.scd" >/dev/null && awk '/^```/ { inside = !inside; if (inside) { n++ }; next } inside { print > (dir "/example" n ".yaml") }' dir="$T" "$SOURCE/docs/smime-policy.5.scd"; }
examples
for example in "$T"/example?.yaml; do
	check "$(basename "$example") of smime-policy(5) is good" 0 smime policy check "$example"
done
is 'which are three' "$(ls "$T"/example?.yaml | wc -l)" 3
done_testing
