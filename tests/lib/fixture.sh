# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Tokens, certificates and peers that tests start from. They are made once for a build (fixture_make, a few seconds, most of
# it RSA keys) and copied for each test, since two SoftHSM processes must not share a token directory while one begins.
#
#   people   token "demo": alice (RSA-2048, id 01) and bob (P-256, id 02), for signing and decryption
#   wide     token "wide": rsa3072, rsa4096, p384, p521, each NAME@example.org, and an Ed25519 key beside them
#   odd      token "odd", P-256 keys that something is the matter with: erin (signing 01 and encryption 02 apart), old (expired),
#            web (no e-mail usage), twin (two keys, one address), bare (its certificate is not on the token), logon (no address)
#   kinds    token "kinds", keys of the newer kinds: edward (Ed25519, 01) with edward-encryption (X25519, 02) for the same address,
#            pss (RSA-2048 whose certificate is for RSASSA-PSS, 03), pss384 (the same, with SHA-384 alone, 04), oaep (RSA-2048 whose
#            certificate is for RSAES-OAEP, 05)
#   ca       the demonstration CA, and "stranger", a CA that nobody trusts; with each set
#   peers    keys in files for other programs: peer-rsa and peer-ec (NAME.key, NAME.pem, NAME.p12 without a password), with each set

. "$SOURCE/docs/demo-token.sh"

fixture_person() { # TOKEN NAME ID TYPE COMMON-NAME [KEY-USAGE [EXTENDED-KEY-USAGE [ADDRESS]]]
	demo_key "$1" "$2" "$3" "$4" && demo_certificate "$2" "$5" "${8:-$2@example.org}" "${6:-}" "${7:-}" && demo_store "$1" "$2" "$3"
}

fixture_people() {
	demo_token demo &&
		fixture_person demo alice 01 rsa:2048 Alice &&
		fixture_person demo bob 02 EC:prime256v1 Bob digitalSignature,keyAgreement
}

fixture_wide() {
	demo_token wide &&
		fixture_person wide rsa3072 01 rsa:3072 'RSA 3072' &&
		fixture_person wide rsa4096 02 rsa:4096 'RSA 4096' &&
		fixture_person wide p384 03 EC:secp384r1 P-384 digitalSignature,keyAgreement &&
		fixture_person wide p521 04 EC:secp521r1 P-521 digitalSignature,keyAgreement &&
		demo_pkcs11 wide --keypairgen --key-type EC:edwards25519 --usage-sign --id 05 --label ed25519
}

# A certificate that ended years ago needs `openssl ca`, and that needs the private key: made in a file, then imported.
fixture_expired() {
	local ca=$DEMO/ca
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$DEMO/old.key" &&
		: >"$ca/index" && printf '01\n' >"$ca/serial" &&
		printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nserial=%s\nnew_certs_dir=%s\npolicy=p\n[p]\ncommonName=supplied\n[e]\n%s\n%s\n%s\n' \
			'$ENV::DEMO/ca/index' '$ENV::DEMO/ca/serial' '$ENV::DEMO/ca' subjectAltName=email:old@example.org \
			keyUsage=critical,digitalSignature,keyAgreement extendedKeyUsage=emailProtection >"$ca/expired.cnf" &&
		demo_quiet openssl req -new -key "$DEMO/old.key" -subj /CN=Old -out "$DEMO/old.csr" &&
		demo_quiet openssl ca -batch -notext -config "$ca/expired.cnf" -extensions e -md sha256 -in "$DEMO/old.csr" \
			-cert "$ca/issuing.pem" -keyfile "$ca/issuing.key" -startdate 20200101000000Z -enddate 20210101000000Z -out "$DEMO/old.pem" &&
		demo_import odd old 03 "$DEMO/old.key" && demo_store odd old 03
}

fixture_odd() {
	local p256=EC:prime256v1
	demo_token odd &&
		fixture_person odd erin 01 $p256 Erin digitalSignature &&
		fixture_person odd erin-encryption 02 $p256 Erin keyAgreement emailProtection erin@example.org &&
		fixture_expired &&
		fixture_person odd web 04 $p256 Web digitalSignature,keyAgreement clientAuth &&
		fixture_person odd twin-a 05 $p256 'Twin A' digitalSignature,keyAgreement emailProtection twin@example.org &&
		fixture_person odd twin-b 06 $p256 'Twin B' digitalSignature,keyAgreement emailProtection twin@example.org &&
		demo_key odd bare 07 $p256 && demo_certificate bare Bare bare@example.org digitalSignature,keyAgreement &&
		fixture_person odd logon 08 $p256 Logon digitalSignature,keyAgreement clientAuth,emailProtection -
}

# NAME.pub with another algorithm for the RSA key in it: the AlgorithmIdentifier in hexadecimal.
fixture_rsa_for() { # NAME ALGORITHM
	openssl rsa -pubin -in "$DEMO/$1.pub" -RSAPublicKey_out -outform DER -out "$DEMO/$1.rsa" 2>/dev/null &&
		python3 - "$DEMO/$1" "$2" <<-'END' && rm "$DEMO/$1.rsa"
			import base64, sys
			def tlv(tag, content):
			    size = len(content).to_bytes(2, 'big')
			    return bytes([tag]) + (size[1:] if len(content) < 128 else b'\x82' + size) + content
			key = tlv(0x30, bytes.fromhex(sys.argv[2]) + tlv(0x03, b'\0' + open(sys.argv[1] + '.rsa', 'rb').read()))
			with open(sys.argv[1] + '.pub', 'wb') as f:
			    f.write(b'-----BEGIN PUBLIC KEY-----\n' + base64.encodebytes(key) + b'-----END PUBLIC KEY-----\n')
		END
}

# A certificate for a key that OpenSSL makes none for: that of NAME.pem, with the key of NAME.pub in place of its own.
fixture_recertify() { # NAME
	python3 - "$DEMO/$1" "$DEMO/ca/issuing.key" <<-'END'
		import base64, re, subprocess, sys
		def der(path):
		    return base64.b64decode(re.search(b'-----\n(.*?)-----END', open(path, 'rb').read(), re.S).group(1))
		def value(data, at=0):
		    size = data[at + 1]
		    return (at + 2, size) if size < 128 else (at + 2 + (size & 127), int.from_bytes(data[at + 2:at + 2 + (size & 127)], 'big'))
		def tlv(tag, content):
		    size = len(content).to_bytes(2, 'big')
		    return bytes([tag]) + (size[1:] if len(content) < 128 else b'\x82' + size) + content
		def members(data):
		    at, size = value(data)
		    end, found = at + size, []
		    while at < end:
		        start, size = value(data, at)
		        found.append(data[at:start + size])
		        at = start + size
		    return found
		certificate = members(der(sys.argv[1] + '.pem'))
		body = members(certificate[0])
		body[6] = der(sys.argv[1] + '.pub')  # version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo
		body = tlv(0x30, b''.join(body))
		signature = subprocess.run(['openssl', 'dgst', '-sha256', '-sign', sys.argv[2]], input=body, capture_output=True, check=True).stdout
		made = tlv(0x30, body + certificate[1] + tlv(0x03, b'\0' + signature))
		with open(sys.argv[1] + '.pem', 'wb') as f:
		    f.write(b'-----BEGIN CERTIFICATE-----\n' + base64.encodebytes(made) + b'-----END CERTIFICATE-----\n')
	END
}

# An Ed25519 or X25519 key of a file on a token, and its public half as NAME.pub.
fixture_put() { # TOKEN NAME ID FILE [name|oid [raw|octets]]
	openssl pkey -in "$4" -pubout -out "$DEMO/$2.pub" &&
		demo_quiet python3 "$SOURCE/tests/lib/put-key.py" "$DEMO_MODULE" "$1" "$DEMO_PIN" "$3" "$2" "$4" "${5:-name}" "${6:-octets}"
}

fixture_kinds() {
	local sha384=300b0609608648016503040202 name
	local pss=06092a864886f70d01010a
	demo_token kinds &&
		fixture_person kinds edward 01 EC:edwards25519 Edward digitalSignature &&
		openssl genpkey -algorithm X25519 -out "$DEMO/edward-encryption.key" &&
		fixture_put kinds edward-encryption 02 "$DEMO/edward-encryption.key" &&
		demo_certificate edward-encryption Edward edward@example.org keyAgreement && demo_store kinds edward-encryption 02 || return
	for name in pss:03 pss384:04 oaep:05; do demo_key kinds "${name%:*}" "${name#*:}" rsa:2048 || return; done
	fixture_rsa_for pss "300b$pss" && demo_certificate pss PSS pss@example.org digitalSignature && demo_store kinds pss 03 &&
		fixture_rsa_for pss384 "303d${pss}3030a00d${sha384}a11a301806092a864886f70d010108${sha384}a203020130" || return
	demo_certificate pss384 'PSS 384' pss384@example.org digitalSignature && demo_store kinds pss384 04 &&
		demo_certificate oaep OAEP oaep@example.org keyEncipherment && fixture_rsa_for oaep 300b06092a864886f70d010107 &&
		fixture_recertify oaep && demo_store kinds oaep 05
}

fixture_peer() { # NAME KEY-USAGE GENPKEY-ARGUMENT...
	local name=$1 usage=$2
	shift 2
	demo_quiet openssl genpkey "$@" -out "$DEMO/$name.key" &&
		openssl pkey -in "$DEMO/$name.key" -pubout -out "$DEMO/$name.pub" &&
		demo_certificate "$name" "$name" "$name@example.org" "$usage" &&
		openssl pkcs12 -export -inkey "$DEMO/$name.key" -in "$DEMO/$name.pem" -name "$name" -passout pass: -keypbe PBE-SHA1-3DES \
			-certpbe PBE-SHA1-3DES -macalg sha1 -out "$DEMO/$name.p12"
}

fixture_stranger() {
	demo_quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3000 -subj /CN=Stranger \
		-addext subjectAltName=email:stranger@example.org -addext basicConstraints=critical,CA:false -keyout "$DEMO/stranger.key" -out "$DEMO/stranger.pem"
}

# Makes every set below $1, unless it is there as these files make it. Safe to call at the same time from several tests.
fixture_make() {
	local DEMO=$1 set stamp
	stamp=$(cat "$SOURCE/tests/lib/fixture.sh" "$SOURCE/tests/lib/put-key.py" "$SOURCE/docs/demo-token.sh" | cksum)
	mkdir -p "$DEMO"
	exec 9>"$DEMO.lock"
	flock 9
	[ "$(cat "$DEMO/complete" 2>/dev/null)" = "$stamp" ] && exec 9>&- && return
	rm -rf "$DEMO" && mkdir -p "$DEMO"
	export DEMO
	demo_ca || return
	for set in people wide odd kinds; do
		mkdir "$DEMO/$set"
		cp -R "$DEMO/ca" "$DEMO/$set/ca" || return
		(DEMO=$DEMO/$set && export DEMO && demo_tokens && "fixture_$set") || return
	done
	fixture_stranger && fixture_peer peer-rsa digitalSignature,keyEncipherment -algorithm RSA -pkeyopt rsa_keygen_bits:2048 &&
		fixture_peer peer-ec digitalSignature,keyAgreement -algorithm EC -pkeyopt ec_paramgen_curve:P-256 &&
		printf '%s\n' "$stamp" >"$DEMO/complete" || return
	exec 9>&-
}

# Copies sets (people, wide, odd, kinds) into the test's directory and points SOFTHSM2_CONF there.
fixture() { # SET...
	local set
	fixture_make "$FIXTURE" || bail 'the fixture could not be made'
	export DEMO=$T
	demo_tokens
	cp -R "$FIXTURE/ca" "$FIXTURE"/stranger.* "$FIXTURE"/peer-* "$T/"
	for set in "$@"; do
		cp -R "$FIXTURE/$set/tokens/." "$T/tokens/"
		cp "$FIXTURE/$set"/*.pem "$FIXTURE/$set"/*.pub "$T/"
	done
}
