# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Certificate authorities that vouch for keys in hardware, for tests of evidence; to be sourced after lib.sh. All below $T/vouch.

mkdir -p "$T/vouch"

# NAME.pem, for the public key NAME.pub; issued by ISSUER, or by itself.
vouch_make() { # NAME ISSUER EXTENSION...
	local file=$T/vouch/$1 issuer=$T/vouch/$2 common=(-subj "/O=Vouch/CN=$1" -days 2900 -extensions e)
	printf '%s\n' '[e]' "${@:3}" >"$file.cnf"
	if [ "$1" = "$2" ]; then
		demo_quiet openssl req -x509 -new -key "$file.key" -config "$file.cnf" "${common[@]}" -out "$file.pem"
	else
		demo_quiet openssl x509 -new -force_pubkey "$file.pub" -CA "$issuer.pem" -CAkey "$issuer.key" -extfile "$file.cnf" "${common[@]}" -out "$file.pem"
	fi
}
vouch_ca() { # NAME ISSUER [EXTENSION...]
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/vouch/$1.key" &&
		openssl pkey -in "$T/vouch/$1.key" -pubout -out "$T/vouch/$1.pub" &&
		vouch_make "$1" "$2" basicConstraints=critical,CA:true keyUsage=critical,keyCertSign subjectKeyIdentifier=hash "${@:3}"
}
# A CA that begins and ends at these seconds of the clock.
vouch_ca_between() { # NAME ISSUER BEGIN END [EXTENSION...]
	local file=$T/vouch/$1 issuer=$T/vouch/$2
	vouch_ca "$1" "$2" "${@:5}" && rm "$file.pem" && : >"$file.index" && printf '01\n' >"$file.serial" &&
		printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nserial=%s\nnew_certs_dir=%s\npolicy=p\n[p]\norganizationName=supplied\ncommonName=supplied\n' \
			'$ENV::VOUCH.index' '$ENV::VOUCH.serial' '$ENV::T/vouch' >>"$file.cnf" &&
		demo_quiet openssl req -new -key "$file.key" -subj "/O=Vouch/CN=$1" -out "$file.csr" &&
		VOUCH=$file T=$T demo_quiet openssl ca -batch -notext -config "$file.cnf" -extensions e -md sha256 -in "$file.csr" -cert "$issuer.pem" \
			-keyfile "$issuer.key" -startdate "$(vouch_time "$3")" -enddate "$(vouch_time "$4")" -out "$file.pem"
}
vouch_time() { date -u -d "@$1" +%Y%m%d%H%M%SZ; } # SECONDS
# A certificate of a key of the fixture ($T/KEY.pub).
vouch_person() { # NAME KEY ISSUER [EXTENSION...]
	cp "$T/$2.pub" "$T/vouch/$1.pub"
	vouch_make "$1" "$3" basicConstraints=critical,CA:false keyUsage=critical,digitalSignature extendedKeyUsage=emailProtection \
		"subjectAltName=email:$2@example.org" "${@:4}"
}
# A YubiKey's attestation of a key of the fixture: firmware (050701), serial number, PIN and touch policy (0302).
vouch_attest() { # NAME KEY ISSUER FIRMWARE SERIAL POLICIES
	cp "$T/$2.pub" "$T/vouch/$1.pub"
	vouch_make "$1" "$3" "1.3.6.1.4.1.41482.3.3=DER:$4" "1.3.6.1.4.1.41482.3.7=ASN1:INTEGER:$5" "1.3.6.1.4.1.41482.3.8=DER:$6" \
		1.3.6.1.4.1.41482.3.9=DER:01
}
