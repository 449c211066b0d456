# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Tokens, certificates and peers that tests start from. They are made once for a build (fixture_make, a few seconds, most of
# it RSA keys) and copied for each test, since two SoftHSM processes must not share a token directory while one begins.
#
#   people   token "demo": alice (RSA-2048, id 01) and bob (P-256, id 02), for signing and decryption
#   wide     token "wide": rsa3072, rsa4096, p384, p521, each NAME@example.org, and an Ed25519 key beside them
#   odd      token "odd", P-256 keys that something is the matter with: erin (signing 01 and encryption 02 apart), old (expired),
#            web (no e-mail usage), twin (two keys, one address), bare (its certificate is not on the token), logon (no address)
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

# Makes every set below $1, unless it is there. Safe to call at the same time from several tests.
fixture_make() {
	local DEMO=$1 set
	mkdir -p "$DEMO"
	exec 9>"$DEMO.lock"
	flock 9
	[ -e "$DEMO/complete" ] && exec 9>&- && return
	rm -rf "$DEMO" && mkdir -p "$DEMO"
	export DEMO
	demo_ca || return
	for set in people wide odd; do
		mkdir "$DEMO/$set"
		cp -R "$DEMO/ca" "$DEMO/$set/ca" || return
		(DEMO=$DEMO/$set && export DEMO && demo_tokens && "fixture_$set") || return
	done
	fixture_stranger && fixture_peer peer-rsa digitalSignature,keyEncipherment -algorithm RSA -pkeyopt rsa_keygen_bits:2048 &&
		fixture_peer peer-ec digitalSignature,keyAgreement -algorithm EC -pkeyopt ec_paramgen_curve:P-256 &&
		touch "$DEMO/complete" || return
	exec 9>&-
}

# Copies sets (people, wide, odd) into the test's directory and points SOFTHSM2_CONF there.
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
