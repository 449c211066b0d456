#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Which key is taken: every size and curve, an Ed25519 key beside them, certificates that something is the matter with, names.
. "$(dirname "$0")/../lib/lib.sh"

fixture people wide odd
# What is in bare.pem belongs to a key whose certificate is not on the token.
configure "$(printf 'certificates:\n  - path: "%s"\n  - path: "%s"\n' "$T/ca/issuing.pem" "$T/bare.pem")"
agent_start
smime keys --json >"$T/keys"
told 'a list of more than a buffer, for which there is no room' 7 'standard output: [Nn]o space' sh -c 'smime keys --json >/dev/full'

key() { json "$T/keys" "[k for k in d['keys'] if k['label'] == '$1'][0]$2"; } # LABEL EXPRESSION
from() { mail "$1@example.org" bob@example.org >"$T/mail"; }
sign() { smime sign -i "$T/mail" -o "$T/signed" "$@"; }
signed_by() { # DESCRIPTION COMMON-NAME: according to OpenSSL
	openssl cms -verify -in "$T/signed" -CAfile "$T/ca/root.pem" -signer "$T/signer" -out /dev/null 2>"$T/condition" &&
		like "$1" "$(openssl x509 -in "$T/signer" -noout -subject)" "CN = $2\$" || fail "$1" "$(cat "$T/condition")"
}
digest_of() { openssl cms -cmsout -print -in "$1" | grep -m 1 -A 1 digestAlgorithms: | grep -o 'sha[0-9]*' | tail -n 1; }

# Every size and curve, with an Ed25519 key on the same token.
is 'the Ed25519 key is listed' "$(key ed25519 "['algorithm']")" Ed25519
for row in 'rsa3072 RSA-3072 sha256 RSA 3072' 'rsa4096 RSA-4096 sha256 RSA 4096' 'p384 EC-384 sha384 P-384' 'p521 EC-521 sha512 P-521'; do
	read -r name algorithm digest common <<<"$row"
	from "$name"
	is "$name is listed" "$(key "$name" "['algorithm']")" "$algorithm"
	check "$name signs" 0 sign
	signed_by "OpenSSL finds $name's signature" "$common"
	is "$name signs with its digest" "$(digest_of "$T/signed")" "$digest"
	check "what $name signed verifies" 0 smime verify -q "$T/signed"
	check "$name is encrypted to" 0 smime encrypt --no-self -r "$name@example.org" -i "$T/mail" -o "$T/encrypted"
	check "and decrypts" 0 smime decrypt -q -o "$T/plain" "$T/encrypted"
	holds 'to the text' grep -q 'this is the text' "$T/plain"
done
from p384
check 'a digest that is asked for is taken' 0 sign --digest sha512
is 'instead of the curve'"'"'s own' "$(digest_of "$T/signed")" sha512
check 'SHA-1 is none' 2 sign --digest sha1
from rsa3072
check 'PSS with SHA-384' 0 sign --pss --digest sha384
signed_by 'OpenSSL finds the PSS signature' 'RSA 3072'
check 'PSS with an EC key is refused' 2 sign --pss -k bob@example.org
one_line 'in one line'

# A person with one key for signing and one for encryption.
from erin
check 'erin signs' 0 sign
holds 'the certificate for encryption comes along' grep -q "$(openssl x509 -in "$T/erin-encryption.pem" -noout -serial | cut -d= -f2)" \
	<(openssl cms -verify -in "$T/signed" -noverify -certsout /dev/stdout -out /dev/null 2>/dev/null |
		while openssl x509 -noout -serial 2>/dev/null; do :; done)
check 'erin is encrypted to by what she sent' 0 smime encrypt --no-self -r "$T/erin-encryption.pem" -i "$T/mail" -o "$T/encrypted"
check 'and decrypts' 0 smime decrypt -q -o "$T/plain" "$T/encrypted"
check 'her signing certificate is not encrypted to' 4 smime encrypt -r "$T/erin.pem" -i "$T/mail" -o "$T/never"
says 'and why' 'key usage lacks keyAgreement'
check 'her encryption key does not sign' 4 sign -k "$(key erin-encryption "['fingerprint']")"
says 'and why' 'not for signing'
check 'by her address each has its use' 0 smime encrypt --sign -r erin@example.org -i "$T/mail" -o "$T/encrypted"
check 'and decrypts with a good signature' 0 smime decrypt -q --require-signature -o "$T/plain" "$T/encrypted"

# A certificate that is only in a file.
from bare
check 'a key whose certificate is in a file signs' 0 sign
signed_by 'as the file says' Bare

# Certificates without an address: for anybody who has no other.
from carol
check 'a key without address signs for an address that no key has' 0 sign
says 'which is said' "signed with the key of CN=Logon.*no address.*no key with a certificate for carol@example.org"
signed_by 'as the logon certificate' Logon
check 'its certificate without address fits every From' 0 smime verify "$T/signed"
like 'which is said at once' "$(head -n 1 "$T/err")" 'good: signed by CN=Logon.*but.*nothing links its owner to carol@example.org'
check 'but not one that is expected' 1 smime verify --from carol@example.org "$T/signed"
says 'since nothing says that it is hers' 'no address, and carol@example.org is expected'

# What can't be used, and why.
from old
told 'expired, to sign' 4 'expired.*2020-01-01 to 2021-01-01' sign -k old@example.org
told 'expired, to encrypt to' 4 'old@example.org.*expired' smime encrypt -r old@example.org -i "$T/mail" -o "$T/never"
told 'expired, from a file' 4 'old.pem.*expired' smime encrypt -r "$T/old.pem" -i "$T/mail" -o "$T/never"
told 'for the web only, to sign' 4 'not for e-mail' sign -k web@example.org
told 'for the web only, to encrypt to' 4 'not for e-mail' smime encrypt -r web@example.org -i "$T/mail" -o "$T/never"
told 'a CA, to encrypt to' 4 'certification authority' smime encrypt -r "$T/ca/root.pem" -i "$T/mail" -o "$T/never"
check 'a mail of somebody whose certificate has expired is signed with the key without address' 0 sign
says 'and why is said' 'CN=Logon.*old@example.org.*expired'
check 'also as JSON' 0 sign --json
like 'among the warnings' "$(json "$T/out" "d['warnings']")" 'old@example.org.*expired'
from twin
told 'two keys for one address, to sign' 4 '2 keys.*Twin [AB].*Twin [AB]' sign
told 'two keys for one address, to encrypt to' 4 '2 certificates.*Twin [AB].*Twin [AB]' smime encrypt -r twin@example.org -i "$T/mail" -o "$T/never"
check 'with -k it is one' 0 sign -k "$(key twin-a "['fingerprint']")"
signed_by 'the named one' 'Twin A'
absent 'nothing was written' "$T/never"
like 'keys says why a key cannot be used' "$(json "$T/keys" "[c['cannot_sign'] for k in d['keys'] for c in k['certificates'] if 'old@example.org' in c['addresses']]")" expired

# Names.
from alice
certificate_print() { openssl x509 -in "$T/bob.pem" -noout -fingerprint "-$1" | cut -d= -f2; }
spki=$(key bob "['fingerprint']")
is 'the name of a key is the SHA-256 of its SubjectPublicKeyInfo' "$spki" \
	"$(openssl pkey -pubin -in "$T/bob.pub" -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)"
for name in bob@example.org BOB@Example.ORG "$spki" "${spki:0:12}" "${spki^^}" "$(certificate_print sha256)" "$(certificate_print sha1)" \
	"$(key bob "['uri']")" 'pkcs11:token=demo;object=bob' 'pkcs11:token=demo;id=%02;type=private'; do
	check "-k $name" 0 sign --cms -k "$name"
	is 'is bob' "$(openssl cms -verify -inform DER -in "$T/signed" -CAfile "$T/ca/root.pem" -signer /dev/stdout -out /dev/null 2>/dev/null |
		openssl x509 -noout -subject)" "$(openssl x509 -in "$T/bob.pem" -noout -subject)"
done
told 'a URI that fits two keys' 4 '2 keys.*Alice.*Bob|2 keys.*Bob.*Alice' sign -k pkcs11:token=demo
told 'a URI that fits none' 4 'no key pkcs11:token=none' sign -k pkcs11:token=none
told 'a fingerprint that fits none' 4 'no key' sign -k 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
told 'an address that no key has' 4 'no key nobody@example.org' sign -k nobody@example.org
told 'a name that is none' 4 'names no key' sign -k xyz
check 'a URI that is none' 2 sign -k 'pkcs11:nonsense'
done_testing
