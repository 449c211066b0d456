# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A demonstration CA and SoftHSM tokens, for docs/quickstart.sh and the tests: to be sourced by bash.
#
# Keys are made on the token and never leave it; only the public half comes out, into a certificate of the demonstration CA
# (root, issuing CA, person). Everything lives below $DEMO, which the caller sets; SOFTHSM2_CONF points below it too, so that
# no token of the person who runs this is ever seen or touched.

DEMO_MODULE=/usr/lib/softhsm/libsofthsm2.so
DEMO_PIN=${DEMO_PIN:-123456}
DEMO_SO_PIN=87654321

# Runs a command quietly; shows what it said when it fails.
demo_quiet() {
	local said
	said=$("$@" 2>&1) && return 0
	printf '%s\n' "$said" >&2
	printf 'failed: %s\n' "$*" >&2
	return 1
}

demo_pkcs11() { # TOKEN ARGUMENT...
	local token=$1
	shift
	demo_quiet pkcs11-tool --module "$DEMO_MODULE" --token-label "$token" --login --pin "$DEMO_PIN" "$@"
}

# An empty place for tokens, and SOFTHSM2_CONF for it.
demo_tokens() {
	mkdir -p "$DEMO/tokens"
	printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$DEMO/tokens" >"$DEMO/softhsm2.conf"
	export SOFTHSM2_CONF=$DEMO/softhsm2.conf
}

demo_token() { # LABEL
	demo_quiet softhsm2-util --init-token --free --label "$1" --so-pin "$DEMO_SO_PIN" --pin "$DEMO_PIN"
}

# The CA: ca/root.pem signs ca/issuing.pem, which signs people.
demo_ca() {
	local ca=$DEMO/ca name
	mkdir -p "$ca"
	cat >"$ca/ca.cnf" <<-'END'
		[ca]
		basicConstraints=critical,CA:true
		keyUsage=critical,keyCertSign,cRLSign
		subjectKeyIdentifier=hash
		authorityKeyIdentifier=keyid
	END
	for name in root issuing; do
		demo_quiet openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$ca/$name.key" || return
		openssl pkey -in "$ca/$name.key" -pubout -out "$ca/$name.pub" || return
	done
	demo_quiet openssl req -x509 -new -key "$ca/root.key" -subj '/O=Demonstration/CN=Demonstration Root' -days 3650 \
		-config "$ca/ca.cnf" -extensions ca -out "$ca/root.pem" || return
	demo_quiet openssl x509 -new -force_pubkey "$ca/issuing.pub" -subj '/O=Demonstration/CN=Demonstration Issuing CA' -days 3600 \
		-CA "$ca/root.pem" -CAkey "$ca/root.key" -extfile "$ca/ca.cnf" -extensions ca -out "$ca/issuing.pem"
}

# The point of an EC key, which pkcs11-tool 0.23 shows for every curve, while it exports P-256 alone.
demo_point() { # TOKEN ID
	pkcs11-tool --module "$DEMO_MODULE" --token-label "$1" --list-objects --type pubkey 2>/dev/null |
		awk -v id="$2" '$1 == "EC_POINT:" { point = $2 } $1 == "ID:" && $2 == id { print point }'
}
# The public half of an EC key.
demo_export_ec() { # TOKEN ID CURVE
	local point
	point=$(demo_point "$1" "$2" | sed 's/^04\(81..\|[0-7].\)//')
	openssl asn1parse -noout -out - -genconf <(printf '%s\n' 'asn1=SEQUENCE:spki' '[spki]' 'algorithm=SEQUENCE:ec' \
		"key=FORMAT:HEX,BITSTRING:$point" '[ec]' 'type=OID:id-ecPublicKey' "curve=OID:$3")
}

# The same for Ed25519 (RFC 8410).
demo_export_ed25519() { # TOKEN ID
	local point
	point=$(demo_point "$1" "$2" | sed 's/^0420\(.\{64\}\)$/\1/')
	openssl asn1parse -noout -out - -genconf <(printf '%s\n' 'asn1=SEQUENCE:spki' '[spki]' 'algorithm=SEQUENCE:ed' \
		"key=FORMAT:HEX,BITSTRING:$point" '[ed]' 'type=OID:ED25519')
}

# A key pair on a token, both for signing and for decryption. Its public half goes to NAME.pub.
demo_key() { # TOKEN NAME ID TYPE, e.g. demo alice 01 rsa:2048; TYPE as pkcs11-tool has it
	local spki=$DEMO/$2.spki
	demo_pkcs11 "$1" --keypairgen --key-type "$4" --usage-sign --usage-decrypt --usage-derive --id "$3" --label "$2" || return
	case $4 in
	EC:edwards25519) demo_export_ed25519 "$1" "$3" >"$spki" ;;
	EC:*) demo_export_ec "$1" "$3" "${4#EC:}" >"$spki" ;;
	*) demo_pkcs11 "$1" --read-object --type pubkey --id "$3" -o "$spki" ;;
	esac || return
	openssl pkey -pubin -inform DER -in "$spki" -out "$DEMO/$2.pub" && rm "$spki"
}

# NAME.pem, a certificate for the public key NAME.pub.
demo_certificate() { # NAME COMMON-NAME ADDRESS [KEY-USAGE [EXTENDED-KEY-USAGE]]; ADDRESS - for none
	local name=$1 common=$2 address=$3 usage=${4:-digitalSignature,keyEncipherment} extended=${5:-emailProtection}
	{
		printf '%s\n' basicConstraints=critical,CA:false subjectKeyIdentifier=hash authorityKeyIdentifier=keyid \
			"keyUsage=critical,$usage" "extendedKeyUsage=$extended"
		[ "$address" = - ] || printf 'subjectAltName=email:%s\n' "$address"
	} >"$DEMO/$name.ext"
	demo_quiet openssl x509 -new -force_pubkey "$DEMO/$name.pub" -subj "/O=Demonstration/CN=$common" -days 3500 \
		-CA "$DEMO/ca/issuing.pem" -CAkey "$DEMO/ca/issuing.key" -extfile "$DEMO/$name.ext" -out "$DEMO/$name.pem" || return
	rm "$DEMO/$name.ext"
}

# Puts the certificate NAME.pem on a token, beside the key of the same id.
demo_store() { # TOKEN NAME ID
	openssl x509 -in "$DEMO/$2.pem" -outform DER -out "$DEMO/$2.der" || return
	demo_pkcs11 "$1" --write-object "$DEMO/$2.der" --type cert --id "$3" --label "$2" || return
	rm "$DEMO/$2.der"
}

# A private key that was made elsewhere (PEM file), put on a token. Its public half goes to NAME.pub.
demo_import() { # TOKEN NAME ID FILE
	openssl pkcs8 -topk8 -nocrypt -in "$4" -outform DER -out "$DEMO/$2.p8" || return
	openssl pkey -in "$4" -pubout -out "$DEMO/$2.pub" || return
	demo_pkcs11 "$1" --write-object "$DEMO/$2.p8" --type privkey --usage-sign --usage-decrypt --usage-derive --id "$3" --label "$2" || return
	rm "$DEMO/$2.p8"
}
