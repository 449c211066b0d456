#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# smime doctor on tokens, keys, certificates and chains: a set-up that is well, then one thing after another is broken, and exactly
# that is found.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/doctor-keys.sh"

AREAS='token key validity usage address chain trust agent socket config permissions clock self-test'
doctor_token

# ---- A set-up that is well ----

with 'good ca/issuing'
month=$(date -u +%Y-%m)
examine
month="($month|$(date -u +%Y-%m))" # it may have ended meanwhile
is_well 'nothing is wrong with a set-up that is well'
is 'and nothing is noted' "$(found note)" ''
for line in 'token: "one" is ready and locked.*1 key; at most 3 tries' 'key: carol@example.org \([0-9a-f]{16}\), EC-256 on "one", signs and decrypts; .*after the first login' \
	'validity: .*carol@example.org.* is valid until' 'usage: 1 key can sign, 1 can be encrypted to' 'address: .*names carol@example.org' \
	'chain: .*leads to CN=Demonstration Root' 'trust: trusted for e-mail: 1 of agent.yaml, [0-9]+ of the system' "agent: smime-agent $(smime --version | grep -o '[0-9.]*$') answers on $SMIME_AGENT_SOCK \(process $agent_pid\)" \
	"socket: $SMIME_AGENT_SOCK, as SMIME_AGENT_SOCK says" "config: $T/agent.yaml is good" 'permissions: nobody else can write' "clock: it is $month"; do
	finds "it tells: ${line:0:40}" "good $line"
done
is 'each finding has its fields' "$(json "$T/out" "sorted({k for f in d['findings'] for k in f})")" "['area', 'code', 'mend', 'text', 'verdict']"
is 'the worst verdict is told' "$(json "$T/out" "d['worst'] == max((f['verdict'] for f in d['findings']), key=['good', 'note', 'warning', 'fault'].index)")" True
run smime doctor
prints 'for people each finding is a line' '^good +|
good  '
like 'with its area' "$(cat "$T/out")" 'good     token        "one" is ready'
run smime doctor -q
is '-q leaves out what is good' "$(grep -cE '^(good|note)' "$T/out")" 0
examine --self-test
is_well 'the self-test of a locked token finds nothing wrong'
notes 'since no key is tried' 'note self-test: carol@example.org .* was not tried: its token is locked; `smime unlock`'
is 'and nobody was asked for a PIN' "$(prompts)" 0
check 'unlock' 0 smime unlock
examine --self-test
is_well 'the self-test of an unlocked token finds nothing wrong'
finds 'it signs' 'good self-test: carol@example.org .* has signed in [0-9]+ ms'
finds 'and decrypts' 'good self-test: carol@example.org .* has decrypted in [0-9]+ ms'
finds 'the token is unlocked' 'good token: "one" is ready and unlocked'
unlike 'the private key has shown' "$(found good)" 'after the first login'
is 'nobody was asked for another PIN' "$(prompts)" 1
sick 'C_SignInit fails 5'
examine --self-test
only 'a key that fails to sign is found' 'fault self-test: carol@example.org .* does not sign: .*C_SignInit'
sick 'C_DeriveKey fails 5'
examine --self-test
only 'a key that fails to decrypt is found' 'fault self-test: carol@example.org .* does not decrypt: '
sick ''
check 'locked again' 0 smime lock

# ---- The token ----

pin_flags() { # WORD...: a new look at the token takes a new process
	sick "$@"
	with 'good ca/issuing'
	examine
}
pin_flags low
only 'a PIN of which a try was lost' 'warning token: a wrong PIN was entered for "one".* -> `smime unlock`'
pin_flags final
only 'a PIN with one try' 'warning token: only the last try is left for the PIN of "one" -> be sure of the PIN'
pin_flags locked
only 'a PIN that is blocked' 'fault token: the PIN of "one" is blocked by too many wrong tries -> .*`smime pin unblock`'
code_is 'with the code of that' token 431
pin_flags 'C_GetTokenInfo flags 405'
wrong 'a PIN that is not set' 'fault token: "one" has no PIN yet -> set one'
code_is 'with the code of that' token 434
pin_flags 'C_OpenSession fails b1'
wrong 'a token that fails' 'fault token: "one" can.t be used: .*C_OpenSession'
code_is 'with the code of that' token 402
sick 'hide one'
with 'good ca/issuing'
examine
wrong 'no token at all' 'fault token: no token is there -> insert it'
code_is 'with the code of that' token 400
sick ''
with 'good ca/issuing'
answers 'pin 999999'
check 'a wrong PIN' 4 smime unlock
examine
only 'a try that was lost' 'warning token: a wrong PIN was entered for "one"; at most 2 tries are left'
check 'another wrong PIN' 4 smime unlock
is 'the doctor has used no try' "$(prompts)" 2
examine --self-test
only 'two tries that were lost' 'warning token: only the last try is left'
is 'and asks nobody' "$(prompts)" 2
answers "pin $DEMO_PIN"
check 'the right one' 0 smime unlock
examine
is_well 'gives the tries back'

# ---- Keys and certificates ----

with 'ca/issuing'
examine
notes 'a key without a certificate is noted' 'note key: carol \([0-9a-f]{16}\) has no certificate, so it can.t be used -> put its certificate on the token, or name its file under `certificates:`'
only 'and that no key signs' 'fault usage: no key can sign mail now'
code_is 'with the code of that' usage 410
notes 'nor is encrypted to' 'note usage: nobody can encrypt mail to any of the keys'

person ended carol -400 -30
with 'ended ca/issuing'
examine
wrong 'a certificate that has expired' "fault validity: the certificate of carol@example.org .* has expired on $(day -30) -> ask who issued it"
code_is 'with the code of that' validity 421
with 'ended good ca/issuing'
examine
is_well 'beside a newer one of the same key it is no matter'
person early carol 20 400
with 'early ca/issuing'
examine
wrong 'a certificate that is not valid yet' "fault validity: .* is not valid before $(day 20) -> wait for that day; or the clock is wrong"
wrong 'makes the clock suspect' 'warning clock: .*no certificate is valid so early'
person ending carol -300 10
with 'ending ca/issuing'
examine
only 'a certificate that ends soon' "warning validity: .* ends on $(day 10), in 10 days -> ask who issued it"
person later carol -300 31
with 'later ca/issuing'
examine
is_well 'one that ends in 31 days is well'

person signing carol -10 1000 digitalSignature
with 'signing ca/issuing'
examine
is_well 'a key for signing alone is well'
finds 'which is told, with the reason' 'key: .* signs;.* it is not encrypted to: the certificate is not for encryption'
notes 'and noted' 'usage: nobody can encrypt mail'
person encryption carol -10 1000 keyAgreement
with 'encryption ca/issuing'
examine
only 'a key for decryption alone' 'fault usage: no key can sign mail now'
person binding carol -10 1000 nonRepudiation
with 'binding ca/issuing'
examine
is_well 'a key for nonRepudiation alone is well'
notes 'but that is noted' 'usage: the certificate of carol@example.org .* is for nonRepudiation alone.* -> for everyday mail'
person nameless carol -10 1000 digitalSignature,keyAgreement -
with 'nameless ca/issuing'
examine
is_well 'a certificate without an address is well'
notes 'but that is noted' 'address: the certificate of CN=nameless .* names no address.* -> ask for a certificate that names'

# A second key: that wants the PIN each time, and whose certificates are not always its own.
with 'good ca/issuing'
agent_stop
put_key one dave 02 --always-auth || bail 'no second key'
person dave dave -10 1000 digitalSignature,keyAgreement dave@example.org
person rival dave -10 1000
person renewed dave -1 2000
with 'good dave ca/issuing'
answers "pin $DEMO_PIN"
check 'unlock' 0 smime unlock
examine --self-test
is_well 'a key that wants the PIN each time is well'
notes 'but that is noted' 'key: dave@example.org .* wants the PIN for each operation -> .*grant'
notes 'and it is not tried' 'self-test: dave@example.org .* was not tried: it wants the PIN for each operation'
finds 'while the other is' 'self-test: carol@example.org .* has signed'
is 'nobody is asked for its PIN' "$(prompts)" 1
with 'good rival ca/issuing'
examine
only 'two keys for one address' 'warning address: carol@example.org .* and carol@example.org .* both sign for one address.* -> say which one with -k'
with 'ended renewed ca/issuing'
examine
is_well 'what has expired and was replaced by another key is well'
notes 'it opens old mail' 'validity: .* has expired on .*a newer one is there, and this one opens old mail'
with 'ending signing ca/issuing'
examine
agent_stop
put_key one erin 03 || bail 'no third key'
new_key other
person false other -10 1000 digitalSignature,keyAgreement erin@example.org
demo_store one false 03
with 'good dave ca/issuing'
examine
only 'a certificate beside a key that it does not belong to' 'fault key: erin .*the certificate beside it on the token \(CN=false\) belongs to another key -> put its certificate'
code_is 'with the code of that' key 420
answers "pin $DEMO_PIN"
check 'unlock' 0 smime unlock
examine
notes 'once all keys show it is told by itself, and the key' 'key: erin .* has no certificate'
only 'and the certificate' 'warning key: the certificate of CN=false, on a token or in agent.yaml, belongs to no key that is there'
agent_stop
demo_pkcs11 one --delete-object --type privkey --id 03 && demo_pkcs11 one --delete-object --type pubkey --id 03
with 'good dave ca/issuing'
check 'unlock' 0 smime unlock
examine
is_well 'a certificate without a key is no matter where every key has its own'
notes 'but that is noted' 'key: the certificate of CN=false, .* belongs to no key that is there -> take it away, or insert'
agent_stop
demo_pkcs11 one --delete-object --type cert --id 03

# ---- Chains ----

with 'good dave'
examine
wrong 'an authority that is nowhere' 'fault chain: the chain of carol@example.org .* breaks off: the certificate of CN=Demonstration Issuing CA,O=Demonstration is missing -> put it on the token, or name its file'
code_is 'with the code of that' chain 101
mkdir -p "$HOME/.config/smime-agent/certificates"
cp "$T/ca/issuing.pem" "$HOME/.config/smime-agent/certificates/"
examine
wrong 'one that is in the folder alone' 'warning chain: the certificate of CN=Demonstration Issuing CA,O=Demonstration is not sent with mail by carol@example.org .*may not find the chain -> put it on the token'
unlike 'is no fault' "$(worse)" '^fault'
rm "$HOME/.config/smime-agent/certificates/issuing.pem"
with 'good dave' "trust: [\"$T/ca/root.pem\", \"$T/ca/issuing.pem\"]"
examine
wrong 'one that is among the anchors alone' 'warning chain: the certificate of CN=Demonstration Issuing CA.* is not sent with mail by carol'
agent_stop
cp "$T/ca/issuing.pem" "$T/between.pem" && demo_store one between 09
with 'good dave'
examine
is_well 'one that is on the token goes along'
agent_stop
demo_pkcs11 one --delete-object --type cert --id 09
# The same as other programs have it.
new_key theirs
person theirs theirs -10 1000
with 'good dave ca/issuing'
for name in good theirs stranger; do openssl x509 -in "$T/$name.pem" -outform DER -out "$T/$name.der"; done
if [ -z "${SMIME_SANITIZED:-}" ]; then
	points_of python3 "$SOURCE/tests/lib/check-certificate.py" "$SMIME_BUILD/client/lib/libsmime.so.0" "$T/good.der" "$T/theirs.der" "$T/stranger.der" "$T/stranger.pem"
else
	skip 'smime_check_certificate() from another program' 'Python has no sanitizer'
fi
new_key ca/brief
authority brief ca/brief -100 20 && mv "$T/brief.pem" "$T/ca/brief.pem"
person below carol -10 1000 digitalSignature,keyAgreement carol@example.org brief
with 'below ca/brief'
examine
only 'an authority that ends soon' "warning chain: the certificate of CN=brief in the chain of carol@example.org .* ends on $(day 20)"
new_key ca/web
issue web ca/web -100 2000 root basicConstraints=critical,CA:true keyUsage=critical,keyCertSign extendedKeyUsage=serverAuth && mv "$T/web.pem" "$T/ca/web.pem"
person below carol -10 1000 digitalSignature,keyAgreement carol@example.org web
with 'below ca/web'
examine
wrong 'an authority for something else' 'fault chain: the chain of carol@example.org .* is no good: CN=web is a certification authority for other purposes than e-mail'
agent_stop

# ---- Keys of every kind ----

fixture kinds wide
AREAS='chain self-test'
with ca/issuing
for token in kinds wide; do check "unlock $token" 0 smime unlock "$token"; done
examine --self-test
is_well 'keys of every kind are well'
is 'each does what it is for' "$(found good | grep -c '^good self-test: .* has \(signed\|decrypted\) in')" 13
done_testing
