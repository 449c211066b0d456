#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The example certificates of RFC 9216: people with a key for signing and another for encryption, below two CAs (RSA and Ed25519)
# that have certified each other. OpenSSL is the second opinion wherever it can read what is written.
. "$(dirname "$0")/../lib/lib.sh"
V=$VECTORS/rfc9216
[ -d "$V" ] || skip_all "the examples of RFC 9216 are not in $VECTORS"

rsa_root=$V/3.1_rsa-certification-authority-root-certificate.crt.pem
rsa_by_ed=$V/3.3_rsa-certification-authority-cross-signed-certificate.crt.pem
ed_root=$V/6.1_ed25519-certification-authority-root-certificate.crt.pem
ed_by_rsa=$V/6.3_ed25519-certification-authority-cross-signed-certificate.crt.pem

# NAME-sign.pem, NAME-sign.key, NAME-encrypt.pem, NAME-encrypt.key
export DEMO=$T
while read -r section name; do
	cp "$V/$section.1_"*.crt.pem "$T/$name-sign.pem"
	cp "$V/$section.2_"*.key.pem "$T/$name-sign.key"
	cp "$V/$section.3_"*.crt.pem "$T/$name-encrypt.pem"
	cp "$V/$section.4_"*.key.pem "$T/$name-encrypt.key"
done <<-'END'
	4 alice
	5 bob
	7 carlos
	8 dana
END

# Alice's keys come from her .p12, whose password is her name, as those of a person would.
openssl pkcs12 -in "$V/4.5_pkcs-12-object-for-alice.p12" -passin pass:alice -nodes -nocerts -out "$T/p12" 2>/dev/null
awk -v name="$T/p12-" '/^-----BEGIN/ { n++ } n { print >(name n) } /^-----END/ { close(name n) }' <(sed -n '/^-----BEGIN/,/^-----END/p' "$T/p12")
public() { openssl pkey -in "$1" -pubout; }
of_certificate() { openssl x509 -in "$1" -noout -pubkey; }
is 'the first key of the .p12 belongs to the certificate for encryption' "$(public "$T/p12-1")" "$(of_certificate "$T/alice-encrypt.pem")"
is 'the second one to that for signing' "$(public "$T/p12-2")" "$(of_certificate "$T/alice-sign.pem")"

demo_tokens && demo_token alice && demo_token bob || bail 'no token could be made'
put() { # TOKEN NAME ID KEY
	demo_import "$1" "$2" "$3" "$4" && demo_store "$1" "$2" "$3" || bail "$2's key could not be imported"
}
put alice alice-sign 01 "$T/p12-2"
put alice alice-encrypt 02 "$T/p12-1"
put bob bob-sign 01 "$T/bob-sign.key"
put bob bob-encrypt 02 "$T/bob-encrypt.key"
fixture_put bob carlos-sign 03 "$T/carlos-sign.key" oid raw || bail 'no Ed25519 key could be imported'
demo_store bob carlos-sign 03
fixture_put bob carlos-encrypt 04 "$T/carlos-encrypt.key" || bail 'no X25519 key could be imported'
demo_store bob carlos-encrypt 04

mkdir -p "$HOME/.config/smime-agent/certificates"
cp "$T/dana-encrypt.pem" "$T/carlos-encrypt.pem" "$HOME/.config/smime-agent/certificates/"

# Both cross certificates lead back to each other: a chain through them must end somewhere. The root beside them is of the same
# name and key as one of them, and is not to be sent in its place.
configure "$(printf 'trust: ["%s"]\ncertificates: [{path: "%s"}, {path: "%s"}, {path: "%s"}]' "$rsa_root" "$rsa_root" "$rsa_by_ed" "$ed_by_rsa")"
agent_start

# ---- Keys ----

reasons() { # NAME: of its keys: algorithm, and what stands against signing and encryption
	json "$T/out" "sorted(((k['algorithm'], c['cannot_sign'], c['cannot_encrypt']) for k in d['keys'] for c in k['certificates'] if '$1@smime.example' in c['addresses']), key=str)"
}
the='the certificate'
for person in alice bob; do
	check "$person's keys are listed" 0 smime keys --json
	is 'one for signing, one for encryption' "$(reasons $person)" \
		"[('RSA-2048', '$the is not for signing (its key usage has neither digitalSignature nor nonRepudiation)', None), ('RSA-2048', None, '$the is not for encryption (its key usage lacks keyEncipherment)')]"
done
check "Carlos's keys are listed" 0 smime keys --json
is 'one of Ed25519 for signing, one of X25519 for encryption' "$(reasons carlos)" \
	"[('Ed25519', None, \"$the has a type of key that can't be encrypted to\"), ('X25519', '$the is not for signing (its key usage has neither digitalSignature nor nonRepudiation)', None)]"

# ---- Signing ----

mail alice@smime.example bob@smime.example >"$T/mail"
openssl_verifies() { # FILE ROOT [INTERMEDIATE]
	openssl cms -verify -in "$1" -CAfile "$2" -no-CApath -no-CAstore ${3:+-certfile "$3"} -out /dev/null
}
for options in '' --opaque --pss '--digest sha512' '--opaque --pss --digest sha384'; do
	check "Alice signs (${options:-as usual})" 0 smime sign $options -i "$T/mail" -o "$T/signed"
	check 'it verifies' 0 smime verify --json -i "$T/signed"
	is 'as hers, with everything good but revocation' \
		"$(json "$T/out" "[s['addresses'] + sorted({c['name'] for c in s['checks'] if c['outcome'] != 'good'}) for s in d['layers'][0]['signers']]")" \
		"[['alice@smime.example', 'revocation']]"
	holds 'OpenSSL verifies it below the RSA root' openssl_verifies "$T/signed" "$rsa_root"
	holds 'and, by the cross certificate in the message, below the Ed25519 root' openssl_verifies "$T/signed" "$ed_root"
done
check 'the preference for the other certificate is told to OpenSSL' 0 openssl cms -cmsout -print -noout -in "$T/signed"
prints 'as an attribute' 'id-smime-aa-encrypKeyPref'
sed 's/^From: .*/From: bob@smime.example/' "$T/signed" >"$T/changed"
check 'it is not from Bob' 1 smime verify -i "$T/changed"
for at in 2019-11-01 2052-12-31; do check "it is not valid in $at" 1 smime verify --at $at -i "$T/signed"; done
for at in 2019-11-21 2052-09-26; do check "but in $at" 0 smime verify --at $at -i "$T/signed"; done
check 'A3: Carlos signs with Ed25519' 0 smime sign --opaque -k carlos@smime.example -i "$T/mail" -o "$T/signed.carlos"
check 'A3: which verifies below the RSA root' 0 smime verify --from carlos@smime.example -i "$T/signed.carlos"

# ---- Encryption ----

openssl_decrypts() { # FILE PERSON
	openssl cms -decrypt -in "$1" -inkey "$T/$2-encrypt.key" -recip "$T/$2-encrypt.pem" -out "$T/plain" && grep -q 'this is the text' "$T/plain"
}
for options in '' --oaep '--cipher aes256-gcm' '--cipher aes128-cbc --oaep'; do
	check "Alice encrypts for Bob (${options:-as usual})" 0 smime encrypt $options -r bob@smime.example -i "$T/mail" -o "$T/encrypted"
	for person in alice bob; do holds "OpenSSL decrypts it as $person" openssl_decrypts "$T/encrypted" $person; done
	check 'and we do' 0 smime decrypt -i "$T/encrypted" -o "$T/plain"
	holds 'the text is there' grep -q 'this is the text' "$T/plain"
done
check 'Alice signs and encrypts' 0 smime encrypt --sign -r bob@smime.example -i "$T/mail" -o "$T/encrypted"
check 'the signature inside is good' 0 smime decrypt --require-signature --json -i "$T/encrypted" -o "$T/plain"
is 'in both layers' "$(json "$T/out" "[(l['kind'], l['good']) for l in d['layers']], d['authenticated']")" "([('encrypted', True), ('signed', True)], True)"
for options in '-aes256' '-aes-256-gcm' '-aes128 -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256' '-des3 -keyid'; do
	rm -f "$T/encrypted"
	read -ra words <<<"$options"
	# What is said of a recipient comes behind it.
	openssl cms -encrypt "${words[0]}" -in "$T/mail" -recip "$T/bob-encrypt.pem" "${words[@]:1}" -outform DER -out "$T/encrypted" 2>/dev/null
	check "what OpenSSL encrypts for Bob with $options is decrypted" 0 smime decrypt --cms -i "$T/encrypted" -o "$T/plain"
	holds 'with the text' grep -q 'this is the text' "$T/plain"
done
for recipient in "$T/carlos-sign.pem" "$T/bob-sign.pem"; do
	check "nothing is encrypted for ${recipient##*/}" 4 smime encrypt -r "$recipient" -i "$T/mail" -o "$T/never"
	says 'and why is told' 'type of key that can.t be encrypted to|lacks keyEncipherment'
done
absent 'none of them left a file' "$T/never"
sed 's/^From: .*/From: carlos@smime.example/' "$T/mail" >"$T/mail.carlos"
check 'E14: Carlos signs with Ed25519 and encrypts for Dana and himself with X25519' 0 \
	smime encrypt --sign -r dana@smime.example -r carlos@smime.example -i "$T/mail.carlos" -o "$T/encrypted"
check 'E14: which he decrypts, with a good signature' 0 smime decrypt --require-signature -i "$T/encrypted" -o "$T/plain"
holds 'E14: to the text' grep -q 'this is the text' "$T/plain"
tr -d '\r' <"$T/encrypted" | sed '1,/^$/d' | openssl base64 -d >"$T/encrypted.cms"
if PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$SOURCE/tests/lib/agreement.py" open "$T/dana-encrypt.key" "$T/encrypted.cms" >"$T/signed.dana" 2>"$T/err"; then
	check 'E14: what Dana decrypts, with a program that is not ours, verifies' 0 smime verify --from carlos@smime.example -i "$T/signed.dana" -o "$T/plain"
	holds 'E14: and has the text' grep -q 'this is the text' "$T/plain"
else
	fail 'E14: Dana decrypts with a program that is not ours' "$(cat "$T/err")"
fi

# ---- The two CAs ----

# A message of Carlos that somebody else has made, by hand (RFC 8419).
printf 'Content-Type: text/plain\r\n\r\nThis is from Carlos.\r\n' >"$T/content"
sign_ed25519() { # PERSON INTERMEDIATE... <CONTENT >CMS
	PYTHONPATH=$SOURCE/tests/lib python3 - "$T" "$@" 3<"$T/content" <<-'END'
		import base64, hashlib, os, re, subprocess, sys
		from wire import tlv, integer, octets, oid, sequence, explicit

		def der(path):
		    return base64.b64decode(re.search('BEGIN CERTIFICATE-----(.*?)-----END', open(path).read(), re.S).group(1))

		def parts(data):  # of a SEQUENCE, each with its header
		    found, at = [], None
		    def header(i):
		        n, i = data[i + 1], i + 2
		        if n & 0x80:
		            return int.from_bytes(data[i:i + (n & 0x7f)], 'big'), i + (n & 0x7f)
		        return n, i
		    at, end = header(0)[1], len(data)
		    while at < end:
		        length, start = header(at)
		        found.append(data[at:start + length])
		        at = start + length
		    return found

		directory, person, *others = sys.argv[1:]
		content = os.fdopen(3, 'rb').read()
		certificate = der(f'{directory}/{person}-sign.pem')
		fields = parts(parts(certificate)[0])  # version, serialNumber, signature, issuer, ..
		pkcs9 = bytes.fromhex('2a864886f70d0109')
		data, sha512, ed25519 = bytes.fromhex('2a864886f70d010701'), bytes.fromhex('608648016503040203'), bytes.fromhex('2b6570')
		attributes = b''.join(sorted(sequence(oid(pkcs9 + bytes([n])), tlv(0x31, value)) for n, value in
		    ((3, oid(data)), (4, octets(hashlib.sha512(content).digest())))))
		with open(f'{directory}/tbs', 'wb') as f:
		    f.write(tlv(0x31, attributes))
		signature = subprocess.run(['openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', f'{directory}/{person}-sign.key', '-in',
		    f'{directory}/tbs'], capture_output=True, check=True).stdout
		signer = sequence(integer(1), sequence(fields[3], fields[1]), sequence(oid(sha512)), explicit(0, attributes),
		    sequence(oid(ed25519)), octets(signature))
		sys.stdout.buffer.write(sequence(oid(bytes.fromhex('2a864886f70d010702')), explicit(0, sequence(integer(1),
		    tlv(0x31, sequence(oid(sha512))), sequence(oid(data), explicit(0, octets(content))),
		    explicit(0, certificate + b''.join(der(other) for other in others)), tlv(0x31, signer)))))
	END
}
chain_of() { json "$T/out" "'; '.join(c['outcome'] + ': ' + c['text'] for s in d['layers'][0]['signers'] for c in s['checks'] if c['name'] == 'chain')"; }
sign_ed25519 carlos "$ed_by_rsa" >"$T/carlos.p7m"
sign_ed25519 dana >"$T/dana.p7m"
check 'a message of Carlos verifies: Ed25519, below the RSA root by the cross certificate in it' 0 smime verify --json --cms -i "$T/carlos.p7m" --from carlos@smime.example
like 'by that root' "$(chain_of)" 'good: leads to CN=Sample LAMPS RSA'
is 'with Ed25519' "$(json "$T/out" "d['layers'][0]['signers'][0]['algorithm']")" Ed25519
LC_ALL=C sed 's/from Carlos/from Mallory/;s/Mallory/Carlo5/' "$T/carlos.p7m" >"$T/changed"
check 'a changed one does not' 1 smime verify --cms -i "$T/changed"
says 'and is called bad' 'the signature is bad'
check 'one of Dana does not, since nothing in it leads there' 1 smime verify --json --cms -i "$T/dana.p7m"
like 'which the chain tells' "$(chain_of)" 'bad: no certificate of the issuer CN=Sample LAMPS Ed25519'
check 'but when the Ed25519 root is trusted' 0 smime verify --json --cms --trust "$ed_root" -i "$T/dana.p7m"
check 'the other certificate of that CA, as trusted, is no root, but leads to one' 0 smime verify --json --cms --trust "$ed_by_rsa" -i "$T/dana.p7m"
agent_stop

rm "$T/agent.yaml"
configure "$(printf 'trust: ["%s"]\ncertificates: []' "$ed_root")"
agent_start
check 'below the Ed25519 root Alice verifies by the cross certificate that she sent' 0 smime verify --json -i "$T/signed"
like 'by that root' "$(chain_of)" 'good: leads to CN=Sample LAMPS Ed25519'
check 'what she signs now, without it' 0 smime sign -i "$T/mail" -o "$T/signed"
check 'does not' 1 smime verify --json -i "$T/signed"
like 'which the chain tells' "$(chain_of)" 'bad: no certificate of the issuer CN=Sample LAMPS RSA'
check 'but when the RSA root is trusted' 0 smime verify --trust "$rsa_root" -i "$T/signed"
done_testing
