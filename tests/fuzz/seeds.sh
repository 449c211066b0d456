#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes the seeds of the fuzz targets anew: SMIME_BUILD=build tests/fuzz/seeds.sh. What was found (found-*) stays. Messages are OpenSSL's and our own, with the keys of tests/fuzz/keys, which are made where they are missing.

set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${SMIME_BUILD:-$here/../../build}
keys=$here/keys corpus=$here/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- Keys ----

certify() { # NAME SERIAL SUBJECT EXTENSION...
	local name=$1 serial=$2 subject=$3
	shift 3
	printf '%s\n' basicConstraints=critical,CA:FALSE extendedKeyUsage=emailProtection subjectKeyIdentifier=hash "$@" >"$work/extensions"
	openssl pkey -in "$keys/$name.key" -pubout -out "$work/public"
	openssl x509 -new -force_pubkey "$work/public" -subj "$subject" -CA "$keys/ca.pem" -CAkey "$keys/ca.key" -set_serial "$serial" -days 36500 \
		-extfile "$work/extensions" -out "$keys/$name.pem"
}
make_keys() {
	mkdir -p "$keys"
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$keys/ca.key"
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$keys/rsa.key" # small, since it is used for every input
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$keys/ec.key"
	openssl req -x509 -new -key "$keys/ca.key" -days 36500 -subj '/CN=Fuzzing CA' -addext keyUsage=critical,keyCertSign,cRLSign -out "$keys/ca.pem"
	printf '\000\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017' >"$keys/kek"
	openssl genpkey -algorithm X25519 -out "$keys/x25519.key"
	certify rsa 2 /CN=Alice keyUsage=critical,digitalSignature,keyEncipherment subjectAltName=email:alice@example.org
	certify ec 3 /CN=Bob keyUsage=critical,digitalSignature,keyAgreement subjectAltName=email:bob@example.org
	certify x25519 4 /CN=Carol keyUsage=critical,keyAgreement subjectAltName=email:carol@example.org
}
[ -e "$keys/ec.pem" ] || make_keys 2>/dev/null

# ---- Messages ----

find "$corpus" -type f ! -name 'found-*' -delete

seed() { # TARGET NAME FIRST-OCTET <DATA
	mkdir -p "$corpus/$1"
	{ printf '%b' "\\x$3" && cat; } >"$corpus/$1/$2"
}
cms() { openssl cms -in "$work/part" -outform DER "$@"; }
signed() { cms -sign -binary -signer "$keys/ec.pem" -inkey "$keys/ec.key" "$@"; }
enveloped() { cms -encrypt -binary "$@"; }

printf 'Content-Type: text/plain\r\n\r\nWhat is signed.\r\n' >"$work/part"
both=("$keys/rsa.pem" "$keys/ec.pem")
mkdir "$work/cms"
signed -nodetach -out "$work/cms/signed"
signed -out "$work/cms/signed-detached"
signed -nodetach -stream -out "$work/cms/signed-ber"
signed -nodetach -noattr -out "$work/cms/signed-plain"
signed -nodetach -keyid -nocerts -certfile "$keys/ca.pem" -out "$work/cms/signed-keyid"
cms -sign -binary -nodetach -signer "$keys/rsa.pem" -inkey "$keys/rsa.key" -keyopt rsa_padding_mode:pss -md sha384 \
	-signer "$keys/ec.pem" -inkey "$keys/ec.key" -out "$work/cms/signed-two"
openssl cms -sign -binary -nodetach -in "$work/part" -signer "$keys/ec.pem" -inkey "$keys/ec.key" -receipt_request_to bob@example.org \
	-receipt_request_all -outform PEM -out "$work/cms/signed-pem"
openssl crl2pkcs7 -nocrl -certfile "$keys/ca.pem" -certfile "$keys/rsa.pem" -outform DER -out "$work/cms/certs-only"
enveloped -aes256 -out "$work/cms/enveloped" "${both[@]}"
enveloped -aes-128-gcm -out "$work/cms/authenveloped" "${both[@]}"
enveloped -des3 -stream -keyid -out "$work/cms/enveloped-ber" "${both[@]}"
enveloped -aes128 -recip "$keys/rsa.pem" -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -out "$work/cms/enveloped-oaep"
enveloped -aes256 -pwri_password secret -secretkey 000102030405060708090a0b0c0d0e0f -secretkeyid 01 -out "$work/cms/enveloped-other" "${both[@]}"

for file in "$work"/cms/*; do
	name=${file##*/}
	seed message "cms-$name" 01 <"$file"
	[ "$name" != enveloped-other ] || seed message decrypt-cms 03 <"$file"
	case $name in
	*signed* | certs-only) seed signed "$name" 40 <"$file" ;;
	*) seed enveloped "$name" 40 <"$file" ;;
	esac
	case $name in
	*pem) ;;
	*) { printf '\001\002\003\004\005\377\377' && cat "$file"; } >"$work/ber" && mkdir -p "$corpus/ber" && cp "$work/ber" "$corpus/ber/$name" ;;
	esac
done
printf '\005\015\377\377\044\200\004\003abc\044\007\004\002de\004\001f\000\000' >"$corpus/ber/segments"
printf '\000\001\007\377\377\060\200\060\200\002\001\001\000\000\000\000' >"$corpus/ber/indefinite"

# ---- Compressed ----

zlib() { python3 -c 'import sys, zlib; sys.stdout.buffer.write(zlib.compress(sys.stdin.buffer.read(), int(sys.argv[1])))' "$1"; } # LEVEL
python3 "$here/../lib/compressed.py" "$work/compressed" <"$work/part"
seed compressed cms 40 <"$work/compressed"
seed message cms-compressed 01 <"$work/compressed"
zlib 9 <"$work/part" | seed compressed text 41
zlib 0 <"$work/part" | seed compressed stored 05
head -c 20000 /dev/zero | zlib 9 | seed compressed zeros ff

# ---- Mail ----

headers() { printf 'From: Bob <bob@example.org>\nTo: alice@example.org\nSubject: =?utf-8?q?A_test?=\nDate: Mon, 2 Nov 2026 10:00:00 +0100\n'; }
mail() { # NAME <MESSAGE
	tee "$work/mail" | seed mime "$1" 20
	seed message "$1" 00 <"$work/mail"
	seed message "inside-$1" 04 <"$work/mail"
}
{ headers && printf '\nHello,\n\nFrom here on.  \nCaf\303\251\n'; } | mail plain
{ headers && openssl cms -sign -in "$work/part" -signer "$keys/ec.pem" -inkey "$keys/ec.key"; } | mail multipart-signed
{ headers && openssl cms -sign -nodetach -in "$work/part" -signer "$keys/ec.pem" -inkey "$keys/ec.key"; } | mail opaque
{ headers && openssl cms -encrypt -aes256 -in "$work/part" "${both[@]}"; } | mail encrypted
{
	headers
	printf 'MIME-Version: 1.0\nContent-Type: multipart/mixed;\n\tboundary="a b"\n\npreamble\n--a b\n\ntext\n--a b\n'
	printf 'Content-Type: message/rfc822\n\nFrom: x@example.org\nContent-Type: multipart/digest; boundary=in\n\n--in\n\nSubject: y\n\nz\n--in--\n'
	printf -- '--a b  \nContent-Type: text/html; charset=utf-8; name*0="a"; name*1=b.html\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A9 =\n<b>\n'
	printf -- '--a b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename*=utf-8'"''"'x%%20y.p7m\n'
	printf 'Content-Transfer-Encoding: base64\n\nAAEC\nAwQF\n--a b--\nepilogue\n'
} | mail multipart
{ headers && printf 'Content-Type: application/x-pkcs7-mime; name=smime.p7m\nContent-Transfer-Encoding: base64\n\n' && base64 "$work/cms/signed-ber"; } | mail octet

# An outer header, and a payload with header protection in each of its ways.
protected() { # NAME <PAYLOAD
	{ printf 'Received: by relay.example.org\r\nFrom: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: [...]\r\n\r\n\xff\xff' && sed 's/$/\r/'; } | seed protected "$1" 40
}
fields='From: Alice <alice@example.org>\nTo: bob@example.org\nSubject: A long\n subject\nKeywords: a, b\n'
recorded='HP-Outer: From: Alice <alice@example.org>\nHP-Outer: To: bob@example.org\nHP-Outer: Subject: [...]\n'
printf '%b' "${fields}Content-Type: text/plain; hp=\"clear\"\n\nText\n" | protected clear
printf '%b' "$fields${recorded}Content-Type: text/plain; hp=\"cipher\"; hp-legacy-display=\"1\"\n\nSubject: A long subject\n\nText\n" | protected cipher
printf '%b' "$fields${recorded}Content-Type: multipart/alternative; boundary=b; hp=\"cipher\"\n\n--b\nContent-Type: text/plain; hp-legacy-display=1\n\nSubject: A\n\nText\n--b\nContent-Type: text/html; hp-legacy-display=1\nContent-Transfer-Encoding: quoted-printable\n\n<div class=3D\"header-protection-legacy-display\">A</div>Text\n--b--\n" | protected alternative
printf '%b' "${fields}Content-Type: text/plain; protected-headers=\"v1\"\n\nText\n" | protected v1
printf '%b' "Content-Type: message/rfc822\n\n${fields}Content-Type: text/plain\n\nText\n" | protected wrapped
printf '%b' "${fields}Bcc: boss@example.org\nComments: none\n\nText\n" | protected none

# ---- Encodings ----

head -c 300 "$work/cms/signed" | seed stream octets 03
head -c 700 "$work/cms/signed" | base64 | seed stream base64 1f
{ base64 -w 0 "$work/cms/certs-only" | head -c 150 && printf '\r\n \tAA*=AA=\n--'; } | seed stream odd-base64 4b
printf 'Caf=C3=A9 =\r\nsoft  \nhard =3d=\t\n=zz=' | seed stream quoted-printable 00

# ---- Texts ----

text() { printf '%b' "$3" | seed text "$1" "$2"; } # NAME FIRST-OCTET TEXT
text addresses 00 'Bob <bob@example.org>, "A, B" <a@b.example>, x@y (comment)'
text group 00 'Team: a@example.org, "b c"@example.org;, <d@xn--bcher-kva.example>'
text utf8 00 '=?utf-8?b?w6k=?= <\0303\0251@b\0303\0274cher.example>'
text type 03 ' multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary*0*=us-ascii'"''"'%%41; boundary*1="b c" (x)'
text disposition 02 ' attachment; filename="a\\\\"b.p7m"; filename*=utf-8'"''"'%%c3%%a9'
text uri 04 'pkcs11:token=demo;object=Alice%%20A;id=%%01%%ff;type=private;serial=1;manufacturer=m;model=x?pin-source=y'
text label 05 'Alice & Bob; 100%%\0303\0251'
text reader 06 'Reader With a Long Name That Is Cut (12345678) 00 00Reader With a...'
text words 07 'clean \0342\0200\0256turned\0302\0205\0033[0m\0377'

# ---- Audit logs ----

steps() { printf '%b' "$2" | seed audit "$1" 01; } # NAME STEPS
steps genuine ''
steps changed '\0000\0000\0100\0000\0001'
steps cut '\0005\0004\0000\0000\0000'
steps dropped '\0004\0002\0000\0000\0000'
steps moved '\0003\0001\0000\0002\0000\0004\0001\0000\0000\0000'
steps put-in '\0002\0003\0001\0000\0000\0001\0003\0001\0000\0100'
record() { printf '{"seq":%d,"kind":%s,"prev":"%064d","mac":"%064d"}\n' "$1" "$2" "$1" "$1"; } # NUMBER MEMBERS
{
	record 0 '"start","log":"0123456789abcdef0123456789abcdef"' && record 1 '"intent","operation":"sign","client":{"program":"smime"}'
	printf '{"seq":2,"ki\n' && record 2 '"start","torn":{"octets":11,"sha256":"00"},"missing":{"from":2,"to":3}' && record 4 '"result","intent":1'
	record 4 '"result","intent":null' && record 9223372036854775807 '"end"'
} | seed audit strange 00

# ---- Certificates ----

extended() { # NAME EXTENSION...
	local name=$1
	shift
	openssl req -x509 -new -key "$keys/ec.key" -days 36500 -subj "/C=DE/O=Caf$(printf '\303\251')/CN=$name/emailAddress=$name@example.org" -utf8 \
		"${@/#/-addext=}" -outform DER -out "$work/$name.der"
	seed certificate "$name" 01 <"$work/$name.der"
}
for name in rsa ec ca; do openssl x509 -in "$keys/$name.pem" -outform DER | seed certificate "$name" 00; done
openssl x509 -in "$keys/ec.pem" -outform DER | seed certificate ec-anew 01
extended names 'subjectAltName=email:a@example.org,email:B@EXAMPLE.ORG,DNS:example.org,URI:http://x/,otherName:1.3.6.1.5.5.7.8.9;UTF8:é@example.org'
extended usage keyUsage=nonRepudiation,keyAgreement extendedKeyUsage=anyExtendedKeyUsage,clientAuth certificatePolicies=1.2.3.4 \
	crlDistributionPoints=URI:http://crl.example.org/x authorityInfoAccess=OCSP\;URI:http://ocsp.example.org/
extended constrained 'nameConstraints=permitted;email:example.org,excluded;email:.org' basicConstraints=critical,CA:TRUE,pathlen:0
: >"$work/index" && printf '01\n' >"$work/number"
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ncrlnumber=%s\ndefault_md=sha256\n' "$work/index" "$work/number" >"$work/ca.cnf"
openssl ca -config "$work/ca.cnf" -keyfile "$keys/ca.key" -cert "$keys/ca.pem" -revoke "$keys/ec.pem" -crl_reason keyCompromise 2>/dev/null
openssl ca -config "$work/ca.cnf" -keyfile "$keys/ca.key" -cert "$keys/ca.pem" -gencrl -crldays 36500 -out "$work/crl" 2>/dev/null
openssl crl -in "$work/crl" -outform DER | seed certificate crl 02
cat "$keys/ec.pem" "$keys/rsa.pem" | seed certificate file 03
seed certificate crl-file 03 <"$work/crl"
# Of FUZZ_TIME, at which it is asked for. That breaks the signature, which the target makes anew.
for status in revoked good; do
	openssl ocsp -index "$work/index" -CA "$keys/ca.pem" -rsigner "$keys/ca.pem" -rkey "$keys/ca.key" -issuer "$keys/ca.pem" -cert "$keys/ec.pem" \
		-ndays 30000 -respout "$work/response" >/dev/null 2>&1
	LC_ALL=C sed "s/$(date +%Y)[0-9]\{10\}Z/20270101000000Z/g" "$work/response" | seed certificate "response-$status" 04
	sed -i 's/^R\t\([^\t]*\)\t[^\t]*/V\t\1\t/' "$work/index"
done

# What vouches for a key: 03 signed anew and pinned, +04 not seen, +08 with a policy, and an EC key.
vouching() { # NAME FIRST-OCTET EXTENSION...
	local extensions=("${@:3}")
	# No key identifiers: those of the CA that signs anew are others.
	printf '[req]\ndistinguished_name=d\n[d]\n' >"$work/vouching.cnf"
	openssl req -x509 -new -key "$keys/ec.key" -days 36500 -subj "/CN=$1" -config "$work/vouching.cnf" "${extensions[@]/#/-addext=}" -addext basicConstraints=critical,CA:FALSE -outform DER \
		-out "$work/vouching.der" 2>/dev/null
	seed evidence "$1" "$2" <"$work/vouching.der"
}
attestation=(1.3.6.1.4.1.41482.3.3=DER:050701 1.3.6.1.4.1.41482.3.7=ASN1:INTEGER:12345678 1.3.6.1.4.1.41482.3.8=DER:0302 1.3.6.1.4.1.41482.3.9=DER:01)
qc=1.3.6.1.5.5.7.1.3=DER:30143008060604008e4601013008060604008e460104
vouching attestation 0b "${attestation[@]}"
vouching attestation-unsigned 0a "${attestation[@]}"
vouching attestation-unpinned 01 "${attestation[@]}"
vouching policy 0f certificatePolicies=1.2.3.4
vouching any-policy 0b certificatePolicies=2.5.29.32.0
vouching qc-sscd 03 "$qc"
vouching qc-sscd-unseen 06 "$qc"
# The contents alone: +10, in the order of the target.
printf '\005\007\001\377\377\002\004\000\274\141\116\377\377\003\002\377\377\001' | seed evidence contents 1a
printf '\005\006\377\377\377\377\377\001\003\377\377\203' | seed evidence contents-leaking 1a
printf '\004\003\004\377\377\002\001\377\377\377\002' | seed evidence contents-rsa 12
printf '\005\007\377\377\002\011\177\377\377\377\377\377\377\377\377\377\377\003\002\001' | seed evidence contents-odd 1a

# ---- Configuration files ----

# Those of the manual; then one each for what is refused, and files that would be bombs. Behind 0xff 0xff stands the user's file.
mkdir -p "$corpus/policy"
rules() { printf '%b' "$2" >"$corpus/policy/$1"; } # NAME YAML
awk -v to="$corpus/policy/example-" '/^# EXAMPLES/ { on = 1 } on && /^```/ { inside = !inside; n += inside; next } inside { print >(to n) }' "$here/../../docs/smime-policy.5.scd"
{ cat "$corpus/policy/example-2" && printf '\377\377' && cat "$corpus/policy/example-1"; } >"$corpus/policy/both"
rules all-of-a-rule 'rules:\n  - name: all\n    operation: [sign, decrypt, raw-sign, raw-decrypt, derive, list]\n    key: {fingerprint: d9b3ba772c3fb357, address: "*@example.org", issuer: "CN=*", token: demo, uri: "pkcs11:object=alice", policy: 2.16.840.1.101.3.2.1.3.7, eku: 1.3.6.1.5.5.7.3.4, template: 1.2.3.4, evidence: claimed}\n    client: {uid: "1000", gid: "100", unit: "app-*", label: "*", executable: "/usr/bin/*", remote: no}\n    when: {session: unlocked, between: "22:00-06:00", digest: sha384, cipher: authenticated, from: certificate, at-most: 3, within: 1h}\n    outcome: ask\n    count: 2\n    within: 1min\n    require: [fresh-pin, touch]\n    trust-executable: yes\n'
rules doubt 'rules:\n- {outcome: allow, client: {unit: "a*"}}\n- {outcome: deny, client: {remote: yes}}\n- {outcome: ask, when: {session: active}, ask: once}\n- {outcome: allow, client: {uid: "1001"}, require: [touch]}\n'
rules keys 'modules: [{path: /a, sessions: 3, deadline: 5s, writable: [/b], network: no}]\npin: {idle: 5min, max: 1h, grants: [{key: 0123456789abcdef, count: 2, within: 1min}]}\nsocket: {max_clients: 9}\naudit: {path: /c, durability: buffered, rotate: 4K, journal: no}\nuser-may: [pin]\nconsent-on-tty: yes\nprompts: no\nattestation-firmware: "5.7.0"\nenrolled: []\ncapabilities: [aes128-gcm]\nenvironment: ["A_*"]\n'
rules no-word 'rules: [{outcome: perhaps}]\n'
rules no-user 'rules: [{outcome: allow, client: {uid: nosuchuser}}]\n'
rules no-number 'rules: [{outcome: ask, count: 99999999999, within: 1min}]\n'
rules no-choice 'socket: {max_clients: 9}\nprompts: maybe\n'
rules no-grant 'pin:\n  grants:\n    - {key: 0123456789abcdef, count: 2, within: soon}\n'
rules no-file 'attestation-roots: [/nosuch.pem]\n'
rules no-end 'rules: [{outcome: allow\n'
rules no-text '\200\201'
rules no-mapping '[1]\n'
rules two-documents '--- {prompts: no}\n--- {prompts: yes}\n'
rules twice 'rules: []\nprompts: yes\nrules: [{outcome: allow}]\n'
rules alias 'rules: [&a {outcome: allow, operation: &b [sign]}, *a, {outcome: deny, operation: *b}]\n'
rules merge 'rules:\n- &a {outcome: allow}\n- <<: *a\n'
{ printf 'rules: ' && printf '[%.0s' {1..3000}; } >"$corpus/policy/deep"
{ printf 'rules: [{outcome: ' && printf '{a: %.0s' {1..3000}; } >"$corpus/policy/deep-mappings"
{ printf 'a: &a [x]\n' && for i in b c d e f g h i; do printf '%s: &%s [%s]\n' $i $i "$(printf '*a,%.0s' {1..9})"; done; } >"$corpus/policy/laughs"

mkdir -p "$corpus"/{leaf,attributes,unwrap,wire,enveloped}
"$build/tests/fuzz/seed-maker" "$corpus" "$work"/cms/*
