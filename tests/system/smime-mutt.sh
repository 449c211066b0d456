#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each command of smime-mutt as mutt runs it: by sh, with files, pipes and a passphrase, and what mutt looks at then.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
fixture people odd
agent_start
smime unlock demo

# mutt's files have LF.
printf 'Content-Type: text/plain; charset=us-ascii\nContent-Disposition: inline\n\nHello Bob,\n\nthis is the text.\n' >"$T/entity"
sed 's/$/\r/' "$T/entity" >"$T/entity.crlf"
sha256() { openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f; } # FILE
id() { sha256 "$T/$1.pem" | cut -c1-16; }                                                     # NAME
silent() { is "$1" "$(cat "$T/err")" ''; }
first_line() { head -n 1 "$T/err"; }
# As mutt starts it: the passphrase comes through a pipe.
with_passphrase() { printf 'a passphrase\n' | "$@"; }

for option in --help --version 'keys --help'; do
	told "no room for what $option prints" 7 'standard output: [Nn]o space' sh -c "smime-mutt $option >/dev/full"
done

# ---- keys ----

check 'keys: writes what mutt reads' 0 smime-mutt keys
prints 'keys: and says so' "key +$(id alice)  alice@example.org, signs, decrypts"
index=$HOME/.smime/keys/.index known=$HOME/.smime/certificates
is 'keys: a line for a key' "$(grep '^alice@' "$index")" "alice@example.org $(id alice) smime-agent ? t es"
is 'keys: a key for signatures alone' "$(grep "$(id erin)" "$index")" "erin@example.org $(id erin) smime-agent ? t s"
is 'keys: a key for decryption alone' "$(grep "$(id erin-encryption)" "$index")" "erin@example.org $(id erin-encryption) smime-agent ? t e"
like 'keys: one that is over' "$(grep '^old@' "$index")" ' e -$'
like 'keys: one without an address' "$(grep "$(id logon)" "$index")" '^- '
is 'keys: the certificate lies beside' "$(sha256 "$known/$(id alice)")" "$(sha256 "$T/alice.pem")"
is 'keys: for the person alone' "$(stat -c %a "$HOME/.smime" "$HOME/.smime/keys" "$known" "$index" "$known/$(id alice)" | tr '\n' ' ')" '700 700 700 600 600 '
before=$(stat -c '%i %y' "$index" "$known/.index" "$known/$(id alice)")
check 'keys: a second run' 0 smime-mutt keys
is 'keys: changes nothing' "$(stat -c '%i %y' "$index" "$known/.index" "$known/$(id alice)")" "$before"

sed -i "s/ $(id alice) smime-agent ? t es/ $(id alice) smime-agent ? e -/" "$index"
check 'keys: what has become wrong' 0 smime-mutt keys
is 'keys: is mended' "$(grep '^alice@' "$index")" "alice@example.org $(id alice) smime-agent ? t es"

printf 'carol@example.org 12345678.0 carol ? u es\nnot an entry\nalice@example.org %s mine ? t es' "$(id alice)" >"$known/.index"
cp "$known/.index" "$T/foreign"
echo 'somebody else made this' >"$known/$(id bob)"
mkdir -p "$HOME/.config/smime-agent/certificates"
cp "$T/peer-rsa.pem" "$HOME/.config/smime-agent/certificates/"
check 'keys: entries of others' 0 smime-mutt keys
is 'keys: stay as they are' "$(head -n 3 "$known/.index")" "$(cat "$T/foreign")"
is 'keys: and are not doubled' "$(grep -c "$(id alice)" "$known/.index")" 1
is 'keys: nor are their files written to' "$(cat "$known/$(id bob)")" 'somebody else made this'
is 'keys: the certificates of others are there' "$(grep '^peer-rsa' "$known/.index")" "peer-rsa@example.org $(id peer-rsa) smime-agent ? t es"
rm "$known/$(id bob)"
check 'keys: in other folders' 0 smime-mutt keys --keys "$T/k" --certificates "$T/c"
holds 'keys: which are made' test -s "$T/k/.index" -a -s "$T/c/.index"
told 'keys: a folder that is none' 7 'agent.yaml: (Not a directory|File exists)' smime-mutt keys --keys "$T/agent.yaml"
check 'keys: what was there is there again' 0 smime-mutt keys

# ---- sign ----

sign() { # DIGEST KEY: as in docs/mutt.rc
	with_passphrase smime-mutt sign -d "$1" -k "$HOME/.smime/keys/$2" -c "$known/$2" "$T/entity"
}
verifies() { openssl smime -verify -inform DER -in "$1" -content "$T/entity.crlf" -CAfile "$T/ca/root.pem" "${@:2}" -out /dev/null; }
for key in "$(id alice)" alice@example.org; do
	for digest in sha256 sha384 sha512; do
		check "sign: $digest, $key" 0 sign $digest "$key"
		silent 'sign: says nothing'
		cp "$T/out" "$T/signature.$digest"
		check 'sign: openssl verifies what mutt sends' 0 verifies "$T/signature.$digest"
		is 'sign: with that digest' "$(openssl cms -cmsout -print -inform DER -in "$T/signature.$digest" -noout | grep -A3 digestAlgorithms | grep -c "$digest")" 1
	done
done
check 'sign: a name of somebody else for the key' 0 smime-mutt sign -d sha256 -k "$HOME/.smime/keys/12345678.0" -c "$T/alice.pem" "$T/entity" </dev/null
silent 'sign: is known by its certificate'
told 'sign: an unknown key' 4 'nobody@example.org' sign sha256 nobody@example.org
prints 'sign: leaves nothing that mutt takes for a signature' '^$'
told 'sign: a digest that nobody should use' 2 'sha1 is no digest' sign sha1 alice@example.org
told 'sign: several keys, and none is named' 4 'name one of your keys in .smime_default_key: .*CN=Alice' sign sha256 default
told 'sign: no file' 7 'nowhere: No such file' smime-mutt sign -d sha256 "$T/nowhere" </dev/null
told 'sign: a file too many' 2 'usage: smime-mutt sign' smime-mutt sign "$T/entity" "$T/entity" </dev/null
told 'sign: an option of another command' 2 'does not go with it' smime-mutt sign -a aes256 "$T/entity" </dev/null
told 'sign: an option without its value' 2 '-k wants a value' smime-mutt sign -k
told 'an unknown command' 2 "no command 'sing'" smime-mutt sing
is 'sign: the passphrase reached nobody' "$(grep -c 'a passphrase' "$T/agent.log")" 0

# ---- verify ----

check 'verify: a good signature' 0 smime-mutt verify "$T/signature.sha256" "$T/entity.crlf"
is 'verify: the line that mutt looks for is the first' "$(first_line)" 'Verification successful'
says 'verify: who signed' 'Signed by alice@example.org: good, and trusted'
says 'verify: who says so' 'chain +good: leads to CN=Demonstration Root'
says 'verify: what nobody signed' 'Not covered: From, To, Subject'
prints 'verify: nothing else' '^$'
sed 's/the text/the tixt/' "$T/entity.crlf" >"$T/changed"
check 'verify: changed content' 1 smime-mutt verify "$T/signature.sha256" "$T/changed"
like 'verify: named first' "$(first_line)" '^smime-mutt verify: the signature is bad: '
says 'verify: of whom' 'Signed by alice@example.org: NOT good'
says 'verify: and what is wrong' 'digest +BAD'
unlike 'verify: never successful' "$(cat "$T/err")" 'Verification successful'
openssl cms -sign -binary -in "$T/entity.crlf" -signer "$T/stranger.pem" -inkey "$T/stranger.key" -outform DER -out "$T/signature.stranger"
check 'verify: somebody whom nobody vouches for' 1 smime-mutt verify "$T/signature.stranger" "$T/entity.crlf"
like 'verify: named' "$(first_line)" '^smime-mutt verify: the signature is not trusted: '
says 'verify: with his name' 'Signed by stranger@example.org: NOT good'
told 'verify: no CMS' 6 'no CMS' smime-mutt verify "$T/entity" "$T/entity.crlf"

# ---- verify-opaque ----

opaque() { openssl cms -sign -binary -nodetach -in "$T/entity.crlf" -signer "$1.pem" -inkey "$1.key" -outform DER -out "$T/opaque" "${@:2}"; }
opaque "$T/peer-rsa" -certfile "$T/ca/issuing.pem"
check 'verify-opaque: good' 0 smime-mutt verify-opaque "$T/opaque"
is 'verify-opaque: the first line' "$(first_line)" 'Verification successful'
same 'verify-opaque: the entity, octet by octet' "$T/out" "$T/entity.crlf"
sed 's/the text/the tixt/' "$T/opaque" >"$T/opaque.changed"
check 'verify-opaque: changed' 1 smime-mutt verify-opaque "$T/opaque.changed"
prints 'verify-opaque: is not shown' '^$'
says 'verify-opaque: but told' 'the signature is bad'
opaque "$T/stranger"
check 'verify-opaque: somebody whom nobody vouches for' 1 smime-mutt verify-opaque "$T/opaque"
like 'verify-opaque: named first' "$(first_line)" 'is not trusted'
same 'verify-opaque: can be read all the same' "$T/out" "$T/entity.crlf"

# ---- encrypt ----

encrypt() { smime-mutt encrypt -a "$1" -r "$2" "$T/entity"; } # CIPHER FILES
opens() { openssl cms -decrypt -inform DER -in "$1" -inkey "$T/$2.key" -recip "$T/$2.pem" -out "$T/opened"; } # FILE PEER
check 'keys: known certificates, once more' 0 smime-mutt keys
for cipher in aes128 aes192 aes256; do
	check "encrypt: $cipher" 0 encrypt $cipher "$known/$(id peer-rsa) $known/$(id alice)"
	silent 'encrypt: says nothing'
	cp "$T/out" "$T/encrypted"
	check 'encrypt: openssl decrypts it' 0 opens "$T/encrypted" peer-rsa
	same 'encrypt: with CRLF' "$T/opened" "$T/entity.crlf"
	like 'encrypt: the cipher' "$(openssl cms -cmsout -print -inform DER -in "$T/encrypted" -noout)" "aes-${cipher#aes}-cbc"
done
recipients() { openssl cms -cmsout -print -inform DER -in "$1" -noout | grep -cE 'd\.(ktri|kari)'; } # FILE
is 'encrypt: for two, and nobody else' "$(recipients "$T/encrypted")" 2
check 'encrypt: to the same twice' 0 encrypt aes256 "$known/$(id peer-rsa) $known/$(id peer-rsa)"
is 'encrypt: is once' "$(recipients "$T/out")" 1
check 'encrypt: an address' 0 encrypt aes256 "$known/bob@example.org"
for cipher in des des3 rc2-40 rc2-64 rc2-128; do
	told "encrypt: $cipher" 6 "$cipher is too weak" encrypt $cipher "$known/$(id peer-rsa)"
	prints 'encrypt: writes nothing' '^$'
done
told 'encrypt: nobody' 2 'no recipient' encrypt aes256 ''
told 'encrypt: a name of nothing' 4 'no certificate of that name' encrypt aes256 "$known/0123456789abcdef"
told 'encrypt: several keys, and none is named' 4 'smime_default_key' encrypt aes256 "$known/$(id peer-rsa) $known/default"
told 'encrypt: a name that was cut off' 4 'no certificate of that name' encrypt aes256 "$T/peer-rsa.pem $known/$(id alice | cut -c1-3)"
check 'encrypt: an own certificate in no file' 0 encrypt aes256 "/nowhere/$(id alice)"
key=$(smime keys --json | python3 -c 'import json, sys; print(next(k["fingerprint"] for k in json.load(sys.stdin)["keys"] if k["label"] == "alice"))')
check 'encrypt: by the name of the key, which smime setup gives' 0 encrypt aes256 "$T/peer-rsa.pem $known/$key"
is 'encrypt: for both' "$(recipients "$T/out")" 2
told 'encrypt: the beginning of it' 4 'no certificate of that name' encrypt aes256 "$known/${key:0:15}"
told 'encrypt: an expired one' 4 'expired' encrypt aes256 "$T/old.pem"

# ---- decrypt ----

decrypt() { with_passphrase smime-mutt decrypt "$1"; }
openssl cms -encrypt -binary -aes256 -in "$T/entity.crlf" -outform DER -out "$T/encrypted" "$T/alice.pem"
check 'decrypt' 0 decrypt "$T/encrypted"
same 'decrypt: the entity, octet by octet' "$T/out" "$T/entity.crlf"
says 'decrypt: what is not covered' 'Not covered: the cipher does not show changes'
signed_mail peer-rsa@example.org x-pkcs7 "$T/entity.crlf" "$T/signature.sha256" | sed '1d' >"$T/inner"
openssl cms -encrypt -binary -aes256 -in "$T/inner" -outform DER -out "$T/nested" "$T/alice.pem"
check 'decrypt: what is signed inside' 0 decrypt "$T/nested"
same 'decrypt: is left as it is' "$T/out" "$T/inner"
openssl cms -encrypt -binary -aes256 -in "$T/entity.crlf" -outform DER -out "$T/foreign" "$T/peer-rsa.pem"
told 'decrypt: for somebody else' 1 'smime-mutt decrypt: ' decrypt "$T/foreign"
prints 'decrypt: nothing comes out' '^$'
head -c 300 "$T/encrypted" >"$T/cut"
told 'decrypt: cut off' 6 'smime-mutt decrypt: ' decrypt "$T/cut"

# A content that is released in part must not look like a message, so a failure leaves the output as it was.
echo before >"$T/output"
with_passphrase smime-mutt decrypt "$T/cut" >>"$T/output" 2>"$T/err"
is 'decrypt: what was there stays' "$(cat "$T/output")" before
head -c 300000 /dev/zero | openssl cms -encrypt -binary -aes256 -outform DER -out "$T/large" "$T/alice.pem"
(ulimit -f 100 && with_passphrase smime-mutt decrypt "$T/large" >"$T/output" 2>"$T/err")
is 'decrypt: a part of a message is none' "$(stat -c %s "$T/output")" 0
one_line 'decrypt: it is told'

# What takes the place of a stream that is closed must not be a file of the command's own, which would swallow what comes out.
closed() { told "$1: a closed standard output" 7 "$2.*[Bb]ad file descriptor" sh -c "$3" - "${@:4}"; } # DESCRIPTION PATTERN SCRIPT ARGUMENT...
closed sign 'signed output' 'smime-mutt sign -k alice@example.org "$1" </dev/null >&-' "$T/entity"
closed encrypt 'encrypted output' 'smime-mutt encrypt -r "$1" "$2" </dev/null >&-' "$T/bob.pem" "$T/entity"
closed 'decrypt, without an input too' 'decrypted content' 'smime-mutt decrypt "$1" <&- >&-' "$T/encrypted"
closed 'get-cert-email' 'standard output' 'smime-mutt get-cert-email "$1" <&- >&-' "$T/bob.pem"
full() { told "no room for what $2 prints" 7 'standard output: [Nn]o space' env XDG_CONFIG_HOME="$T/full" sh -c "$1 >/dev/full" - "${@:3}"; } # SCRIPT NAME ARGUMENT...
full 'smime-mutt get-cert-email "$1"' get-cert-email "$T/bob.pem"
full 'smime-mutt keys --keys "$1" --certificates "$2"' keys "$T/full.keys" "$T/full.known"
holds 'which has done its work' grep -q '^alice@' "$T/full.keys/.index"
full 'smime-mutt import --certificates "$1" "$2" </dev/null' import "$T/full.imported" "$T/peer-rsa.pem"
holds 'which has done its work' grep -q '^peer-rsa@' "$T/full.imported/.index"

# The copy with other line ends is plain text: it lies where the person wants such files, and nowhere else.
no_place() { told "$1: no place for a copy" 7 "$T/entity: no copy of it can be kept in .TMPDIR: [Nn]o such file" env TMPDIR="$T/nowhere" smime-mutt "$@" "$T/entity"; }
no_place sign -k alice@example.org </dev/null
no_place encrypt -r "$T/bob.pem"
told 'sign: a directory' 7 "$T: Is a directory" smime-mutt sign -k alice@example.org "$T"

# mutt asks for its passphrase after it has started the command: until it comes, no other prompt must open.
smime lock
mkfifo "$T/passphrase"
asked=$(prompts)
smime-mutt decrypt "$T/encrypted" <"$T/passphrase" >"$T/out" 2>"$T/err" 3>&- &
pid=$!
exec 4>"$T/passphrase"
sleep 1
is 'decrypt: while mutt asks, nobody else does' "$(prompts)" "$asked"
printf '\n' >&4
exec 4>&-
wait "$pid"
same 'decrypt: an empty passphrase is as good as any' "$T/out" "$T/entity.crlf"
is 'decrypt: then the agent asks' "$(prompts)" $((asked + 1))
smime lock
answers cancel
told 'sign: the prompt is closed' 4 'smime-mutt sign: ' sign sha256 alice@example.org
prints 'sign: which is no signature' '^$'
answers "pin $DEMO_PIN"

# ---- Certificates ----

smime sign -k alice@example.org -i <(mail alice@example.org bob@example.org) -o "$T/signed"
check 'pk7out: of a good mail' 0 smime-mutt pk7out "$T/signed"
cp "$T/out" "$T/pkcs7"
is 'pk7out: the certificate of the signer alone' "$(openssl pkcs7 -in "$T/pkcs7" -print_certs | grep -c BEGIN)" 1
check 'get-cert' 0 smime-mutt get-cert "$T/pkcs7"
cp "$T/out" "$T/certificates"
is 'get-cert: in PEM' "$(sha256 "$T/certificates")" "$(sha256 "$T/alice.pem")"
check 'get-cert-email' 0 smime-mutt get-cert-email "$T/certificates"
is 'get-cert-email: a line for each' "$(cat "$T/out")" alice@example.org
: >"$T/signer"
inode=$(stat -c %i "$T/signer")
check 'get-signer-cert' 0 smime-mutt get-signer-cert "$T/signed" "$T/signer"
is 'get-signer-cert: into the file that mutt has open' "$(sha256 "$T/signer") $(stat -c %i "$T/signer")" "$(sha256 "$T/alice.pem") $inode"
sed 's/this is the text/this is not the text/' "$T/signed" >"$T/mail.changed"
sed 's/^From: alice@example.org/From: alice@example.o/' "$T/signed" >"$T/mail.spoofed"
signed_mail stranger@example.org x-pkcs7 "$T/entity.crlf" "$T/signature.stranger" >"$T/mail.stranger"
mail alice@example.org bob@example.org >"$T/mail.plain"
for kind in changed:1 spoofed:1 stranger:1 plain:1; do
	told "pk7out: a mail that is ${kind%:*}" "${kind#*:}" 'smime-mutt pk7out: ' smime-mutt pk7out "$T/mail.${kind%:*}"
	is 'pk7out: nothing comes out but that' "$(cat "$T/out")" "$(cat "$T/err")"
	cp "$T/out" "$T/handed-on"
	told 'get-cert: hands it on' 1 'smime-mutt pk7out: ' smime-mutt get-cert "$T/handed-on"
	same 'get-cert: as it is' "$T/out" "$T/handed-on"
	told 'import: tells it' 1 'smime-mutt pk7out: ' smime-mutt import "$T/handed-on" </dev/null
	: >"$T/signer"
	told "get-signer-cert: a mail that is ${kind%:*}" "${kind#*:}" 'smime-mutt get-signer-cert: ' smime-mutt get-signer-cert "$T/mail.${kind%:*}" "$T/signer"
	is 'get-signer-cert: nothing is written' "$(cat "$T/signer")" ''
done
told 'get-cert: no PKCS #7' 6 'holds no certificates' smime-mutt get-cert "$T/entity"
told 'get-cert-email: no certificate' 6 'holds no certificate' smime-mutt get-cert-email "$T/entity"

# A key for signatures and one for encryption, and in the mail beside both what anybody could have put there.
fixture_peer split digitalSignature -algorithm EC -pkeyopt ec_paramgen_curve:P-256
fixture_peer split-encryption keyAgreement -algorithm EC -pkeyopt ec_paramgen_curve:P-256
demo_certificate split-encryption Split split@example.org keyAgreement
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Split -addext subjectAltName=email:split@example.org \
	-addext basicConstraints=critical,CA:false -keyout "$T/evil.key" -out "$T/evil.pem" 2>/dev/null
cat "$T/evil.pem" "$T/peer-rsa.pem" "$T/split-encryption.pem" "$T/ca/issuing.pem" >"$T/bag.pem"
from_split() { # CERTIFICATES
	printf 'From: split@example.org\n'
	openssl cms -sign -binary -in "$T/entity.crlf" -signer "$T/split.pem" -inkey "$T/split.key" -certfile "$1"
}
from_split "$T/bag.pem" >"$T/mail.split"
check 'pk7out: keys apart' 0 smime-mutt pk7out "$T/mail.split"
cp "$T/out" "$T/pkcs7"
check 'get-cert: of them' 0 smime-mutt get-cert "$T/pkcs7"
cp "$T/out" "$T/certificates"
is 'pk7out: the one to encrypt to, and nothing that others have put there' "$(grep -c BEGIN "$T/certificates") $(sha256 "$T/certificates")" "1 $(sha256 "$T/split-encryption.pem")"
from_split "$T/ca/issuing.pem" >"$T/mail.split"
told 'pk7out: nothing to encrypt to' 4 'brings no certificate to which one could encrypt' smime-mutt pk7out "$T/mail.split"

# ---- import ----

peer=$(id peer-ec)
import() { printf '%s\n' "$1" | smime-mutt import "$T/peer-ec.pem"; } # LABEL
check 'import' 0 import ''
prints 'import: tells' "the certificate of peer-ec@example.org is added \\($peer\\)"
is 'import: mutt finds it' "$(grep '^peer-ec' "$known/.index")" "peer-ec@example.org $peer smime-agent ? t es"
is 'import: and its file' "$(sha256 "$known/$peer")" "$(sha256 "$T/peer-ec.pem")"
is 'import: so does the agent' "$(cat "$HOME/.config/smime-agent/certificates"/*.pem | grep -c "$(sed -n 2p "$T/peer-ec.pem")")" 1
check 'import: smime encrypts to it' 0 smime encrypt --cms -r peer-ec@example.org -i "$T/entity" -o /dev/null
cp -R "$known" "$T/before"
check 'import: once more' 0 import ''
prints 'import: is known' 'known already'
holds 'import: changes nothing' diff -r "$known" "$T/before"
check 'import: with a label' 0 smime-mutt import --certificates "$T/labelled" "$T/peer-ec.pem" <<<'two words'
is 'import: which is one word' "$(cat "$T/labelled/.index")" "peer-ec@example.org $peer two_words ? t es"
mkdir "$T/ended"
parts() { find "$T/ended" -name '.*.??????'; }
if [ -z "${SMIME_SANITIZED:-}" ] && strace -o "$T/trace" true 2>/dev/null; then
	for n in 1 2 3; do # the person's folder, mutt's, and its index
		check "import: ended while file $n goes to the disk" 143 strace -qq -o "$T/trace" -e trace=fsync -e "inject=fsync:signal=TERM:when=$n" \
			env XDG_CONFIG_HOME="$T/ended/$n.config" smime-mutt import --certificates "$T/ended/$n" "$T/peer-ec.pem" </dev/null
		is "import: has begun $n" "$(grep -c '^fsync' "$T/trace")" "$n"
		is "import: leaves no part of file $n" "$(parts)" ''
	done
	is 'import: what was written is whole' "$(sha256 "$T/ended/2/$peer")" "$(sha256 "$T/peer-ec.pem")"
else
	skip 'import: ended while a file goes to the disk' 'nothing can be traced here'
fi
told 'import: one that nobody can encrypt to' 4 'erin@example.org was not added' smime-mutt import "$T/erin.pem" </dev/null
is 'import: it is not in the folder' "$(grep -l "$(sed -n 2p "$T/erin.pem")" "$HOME/.config/smime-agent/certificates"/*)" ''

# ---- One key alone ----

agent_stop
rm -rf "$T"/tokens/* "$HOME/.smime"
demo_token solo && fixture_person solo solo 01 EC:prime256v1 Solo digitalSignature,keyAgreement
agent_start
check 'keys: there is one key' 0 smime-mutt keys
check 'sign: which is the default one' 0 sign sha256 default
cp "$T/out" "$T/signature"
check 'sign: openssl verifies it' 0 verifies "$T/signature"
check 'encrypt: to oneself, as docs/mutt.rc has it' 0 encrypt aes256 "$T/peer-rsa.pem $known/default"
cp "$T/out" "$T/encrypted"
is 'encrypt: for two' "$(recipients "$T/encrypted")" 2
check 'decrypt: which can be read' 0 decrypt "$T/encrypted"
same 'decrypt: as it was' "$T/out" "$T/entity.crlf"

# ---- Without an agent, and of --help ----

for command in $(smime-mutt --help | grep -oE '^  [a-z][a-z0-9-]+'); do
	check "$command --help" 0 smime-mutt "$command" --help
done
told 'no agent' 3 'smime-mutt sign: ' smime-mutt sign --socket "$T/none" -d sha256 -k alice@example.org "$T/entity" </dev/null
done_testing
