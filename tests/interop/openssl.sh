#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# OpenSSL reads what we write, and we read what OpenSSL writes: every algorithm and form that both know.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
fixture people wide
for curve in P-384 P-521; do
	fixture_peer "peer-${curve,,}" digitalSignature,keyAgreement -algorithm EC -pkeyopt ec_paramgen_curve:$curve
done
fixture_peer peer-brainpool digitalSignature -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1
fixture_peer peer-pss digitalSignature -algorithm RSA-PSS
contents
entity
agent_start

is 'an Ed25519 key lies beside those that are used' "$(smime keys | grep -c ' Ed25519 ')" 1
people=(alice rsa3072 rsa4096 bob p384 p521)
peers=(peer-rsa peer-ec peer-p-384 peer-p-521)
ecdh=dhSinglePass-stdDH-sha256kdf-scheme
declare -A reported=([aes128]=aes128-cbc [aes-192-cbc]=aes192-cbc [aes256]=aes256-cbc [aes-128-gcm]=aes128-gcm [aes-256-gcm]=aes256-gcm [des3]=des-ede3-cbc)
recipients=()
for peer in "${peers[@]}"; do recipients+=(-r "$T/$peer.pem"); done
verifies() { openssl cms -verify "$@" -in "$T/message" -CAfile "$T/ca/root.pem" -out "$T/got"; }
decrypts() { # PEER OPTION...
	local peer=$1
	shift
	openssl cms -decrypt "$@" -in "$T/message" -inkey "$T/$peer.key" -recip "$T/$peer.pem" -out "$T/got"
}
signs() { # PEER FILE OPTION...
	local peer=$1 file=$2
	shift 2
	openssl cms -sign -signer "$T/$peer.pem" -inkey "$T/$peer.key" -certfile "$T/ca/issuing.pem" -from "$peer@example.org" "$@" -in "$file" -out "$T/message"
}
encrypts() { # FILE OPTION...
	local file=$1
	shift
	openssl cms -encrypt -from someone@example.org "$@" -in "$file" -out "$T/message"
}
# The names of the algorithms that the message itself, without the certificates in it, uses for a purpose.
algorithms() { # PURPOSE|...
	openssl cms -cmsout -print -inform DER -in "$T/message" -noout | sed '/^ *certificates:/,/^ *signerInfos:/d' |
		awk -v purpose="($1)Algorithm:" '$0 ~ purpose { getline; printf "%s%s", between, $2; between = " " }'
}

# ---- Signatures that we write ----

while read -r who digest signature options; do
	name="$who $digest $signature"
	mail "$who@example.org" bob@example.org 'MIME-Version: 1.0' 'Content-Type: text/plain; charset=us-ascii' >"$T/mail"
	for form in '' --opaque; do
		made smime sign $options $form -i "$T/mail" -o "$T/message"
		reads_entity "OpenSSL verifies the mail signed by $name $form" "$T/mail" verifies
		reads_entity "so do we" "$T/mail" smime verify -i "$T/message" -o "$T/got"
	done
	made smime sign $options --cms -k "$who@example.org" -i "$CONTENT" -o "$T/message"
	is "the SignerInfo names $name" "$(algorithms 'digest|signature')" "$digest $signature"
	reads "OpenSSL verifies the CMS signed by $name" "$CONTENT" verifies -binary -inform DER
	made smime sign $options --cms --detached --pem -k "$who@example.org" -i "$CONTENT" -o "$T/message"
	reads "OpenSSL verifies the detached CMS signed by $name" "$CONTENT" verifies -binary -inform PEM -content "$CONTENT"
done <<'END'
alice    sha256  sha256WithRSAEncryption
alice    sha384  sha384WithRSAEncryption  --digest sha384
alice    sha512  sha512WithRSAEncryption  --digest sha512
alice    sha256  rsassaPss                --pss
alice    sha384  rsassaPss                --pss --digest sha384
alice    sha512  rsassaPss                --pss --digest sha512
rsa3072  sha256  sha256WithRSAEncryption
rsa3072  sha256  rsassaPss                --pss
rsa4096  sha512  sha512WithRSAEncryption  --digest sha512
rsa4096  sha512  rsassaPss                --pss --digest sha512
bob      sha256  ecdsa-with-SHA256
bob      sha512  ecdsa-with-SHA512        --digest sha512
p384     sha384  ecdsa-with-SHA384
p521     sha512  ecdsa-with-SHA512
END

# ---- Signatures that OpenSSL writes ----

pss=-keyopt\ rsa_padding_mode:pss
while IFS='|' read -r peer options report; do
	for form in '' -crlfeol '-binary -crlfeol' -nodetach; do
		made signs "$peer" "$T/entity" $options $form
		reads_entity "what $peer signs with $options $form verifies" "$T/entity" smime verify -i "$T/message" -o "$T/got"
	done
	says "and is reported as $report" "good +algorithm +$report("$'\n'"|$)"
	made signs "$peer" "$CONTENT" $options -binary -outform DER
	check "what $peer signs with $options as detached CMS verifies" 0 smime verify --cms --detached-content "$CONTENT" -i "$T/message"
	check 'but not for other content' 1 smime verify --cms --detached-content "$T/content.16" -i "$T/message"
	made signs "$peer" "$CONTENT" $options -binary -nodetach -outform PEM
	reads 'as opaque CMS it verifies' "$CONTENT" smime verify --cms -i "$T/message" -o "$T/got"
done <<END
peer-rsa||RSA-2048 PKCS#1 v1.5 SHA-256
peer-rsa|-md sha384 -keyid|RSA-2048 PKCS#1 v1.5 SHA-384
peer-rsa|-md sha512 -cades|RSA-2048 PKCS#1 v1.5 SHA-512
peer-rsa|$pss -keyopt rsa_pss_saltlen:digest -keyid|RSA-2048 PSS SHA-256
peer-rsa|$pss -md sha384 -keyopt rsa_pss_saltlen:digest|RSA-2048 PSS SHA-384
peer-rsa|$pss -md sha512|RSA-2048 PSS SHA-512, salt of 190 octets
peer-rsa|-receipt_request_all -receipt_request_to peer-rsa@example.org|RSA-2048 PKCS#1 v1.5 SHA-256
peer-pss|$pss -keyopt rsa_pss_saltlen:digest|RSA-PSS-2048 PSS SHA-256
peer-brainpool||EC-256 ECDSA SHA-256
peer-ec|-noattr|EC-256 ECDSA SHA-256
peer-ec|-keyid|EC-256 ECDSA SHA-256
peer-p-384|-md sha384|EC-384 ECDSA SHA-384
peer-p-521|-md sha512 -keyid|EC-521 ECDSA SHA-512
END
made openssl smime -sign -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -certfile "$T/ca/issuing.pem" -from peer-rsa@example.org -in "$T/entity" -out "$T/message"
holds 'openssl smime names its signature x-pkcs7-signature' grep -q 'protocol="application/x-pkcs7-signature"' "$T/message"
reads_entity 'and it verifies' "$T/entity" smime verify -i "$T/message" -o "$T/got"
made signs peer-rsa "$T/entity" -md sha1
check 'SHA-1 is refused' 1 smime verify -i "$T/message"
says 'as too weak' 'SHA-1 is too weak'
made signs peer-rsa "$T/entity" -nodetach -stream
reads_entity 'what it writes as a stream verifies' "$T/entity" smime verify -i "$T/message" -o "$T/got"

signer() { printf '%s\n' -signer "$T/$1.pem" -inkey "$T/$1.key"; }
mapfile -t others < <(signer peer-ec && signer peer-p-384)
all_good() { # DESCRIPTION COUNT
	reads "we verify $1" "$CONTENT" smime verify --cms -i "$T/message" -o "$T/got"
	check 'the report tells' 0 smime verify --cms --json -i "$T/message"
	is "of each of the $2" "$(json "$T/out" '[s["good"] for s in d["layers"][0]["signers"]].count(True)')" "$2"
}
made signs peer-rsa "$CONTENT" $pss "${others[@]}" -binary -nodetach -outform DER
all_good 'a message of three signers' 3
made smime sign --cms -k alice@example.org -i "$CONTENT" -o "$T/alone"
made openssl cms -resign -keyid "${others[@]}" -binary -nodetach -inform DER -in "$T/alone" -outform DER -out "$T/message"
reads 'OpenSSL verifies a message of ours to which it added two signatures' "$CONTENT" verifies -binary -inform DER
all_good 'it' 3

# ---- Encryption that we do ----

mail alice@example.org peer-ec@example.org 'MIME-Version: 1.0' 'Content-Type: text/plain; charset=us-ascii' >"$T/mail.lf"
sed 's/$/\r/' "$T/mail.lf" >"$T/mail.crlf"
for cipher in aes128-cbc aes256-cbc aes128-gcm aes256-gcm; do
	for recipient in "${peers[@]}" 'peer-rsa --oaep'; do
		read -r peer oaep <<<"$recipient"
		made smime encrypt --cipher $cipher $oaep -r "$T/$peer.pem" -i "$T/mail.lf" -o "$T/message"
		reads_entity "OpenSSL decrypts the mail for $recipient with $cipher" "$T/mail.lf" decrypts "$peer"
	done
	made smime encrypt --cms --cipher $cipher "${recipients[@]}" -r alice@example.org -r p521@example.org -i "$CONTENT" -o "$T/message"
	for peer in "${peers[@]}"; do
		reads "$peer is one of several recipients with $cipher" "$CONTENT" decrypts "$peer" -inform DER
	done
	reads 'as we are' "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
	is 'and the algorithms are those' "$(algorithms 'keyEncryption|contentEncryption')" \
		"rsaEncryption $ecdh $ecdh $ecdh rsaEncryption $ecdh ${cipher/s/s-}"
done

# ---- Encryption that OpenSSL does ----

for who in "${people[@]}"; do
	for cipher in aes128 aes-192-cbc aes256 aes-128-gcm aes-256-gcm; do
		for keyid in '' -keyid; do
			made encrypts "$T/entity" -$cipher $keyid -recip "$T/$who.pem"
			reads_entity "we decrypt the mail for $who with $cipher $keyid" "$T/entity" smime decrypt -i "$T/message" -o "$T/got"
			says 'and report the cipher' ": ${reported[$cipher]}, "
		done
	done
done
for who in alice rsa4096; do
	for options in '' 'oaep' 'oaep -keyopt rsa_oaep_md:sha256' 'oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha1' \
		'oaep -keyopt rsa_oaep_md:sha1 -keyopt rsa_mgf1_md:sha512' 'oaep -keyopt rsa_oaep_md:sha384 -keyopt rsa_oaep_label:6c6162656c'; do
		scheme=rsa-${options%% *}
		for cipher in des3 aes256 aes-128-gcm; do
			made encrypts "$CONTENT" -binary -outform DER -$cipher -recip "$T/$who.pem" ${options:+-keyopt rsa_padding_mode:$options}
			reads "we decrypt RSA $options for $who with $cipher" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
			says 'and report the algorithms' ": ${reported[$cipher]}, ${scheme/%-/-v1.5}, "
		done
	done
done
for who in bob p384 p521; do
	for md in sha1 sha224 sha256 sha384 sha512; do
		for cofactor in '' '-keyopt ecdh_cofactor_mode:1'; do
			made encrypts "$CONTENT" -binary -outform DER -aes128 -recip "$T/$who.pem" -keyopt ecdh_kdf_md:$md $cofactor
			reads "we decrypt ECDH with $md $cofactor for $who" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
		done
	done
done
made encrypts "$CONTENT" -binary -outform DER -des3 -recip "$T/bob.pem"
check 'a key wrapped with Triple-DES is refused' 6 smime decrypt --cms -i "$T/message" -o "$T/got"
says 'as not supported, by its name' 'not supported.*CMS3DESwrap'
made encrypts "$CONTENT" -binary -outform DER -aes256 -recip "$T/peer-ec.pem" -recip "$T/p384.pem" -keyid -recip "$T/peer-rsa.pem" -recip "$T/rsa3072.pem"
reads 'we are among several recipients' "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
is 'of which the agent opens one' "$(grep -oE '4 recipients|opened with key' "$T/err" | tr '\n' ' ')" '4 recipients opened with key '
for options in '-secretkey 000102030405060708090a0b0c0d0e0f -secretkeyid 01' '-pwri_password secret'; do
	made encrypts "$CONTENT" -binary -outform DER -aes256 $options -recip "$T/bob.pem"
	reads "we pass over a recipient of another kind, ${options%% *}" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
done
made encrypts "$CONTENT" -binary -outform DER -aes256 -recip "$T/peer-ec.pem" -recip "$T/peer-rsa.pem"
check 'a message for others is not ours' 1 smime decrypt --cms -i "$T/message" -o "$T/got"
says 'and that is said' 'none of the agent.s 6 certificates is among'

# ---- Contents of every size ----

for size in "${SIZES[@]}"; do
	content=$T/content.$size
	streams=('' -stream)
	[ "$size" != 0 ] || streams=('') # OpenSSL can't write nothing as a stream
	made smime sign --cms -k alice@example.org -i "$content" -o "$T/message"
	reads "OpenSSL verifies $size bytes" "$content" verifies -binary -inform DER
	for stream in "${streams[@]}"; do
		made signs peer-rsa "$content" -binary -nodetach $stream -outform DER
		reads "we verify $size bytes $stream" "$content" smime verify --cms -i "$T/message" -o "$T/got"
	done
	for cipher in aes-256-cbc aes-256-gcm; do
		made smime encrypt --cms --cipher ${cipher/s-/s} -r "$T/peer-ec.pem" -i "$content" -o "$T/message"
		reads "OpenSSL decrypts $size bytes with $cipher" "$content" decrypts peer-ec -inform DER
		for stream in "${streams[@]}"; do
			made encrypts "$content" -binary -$cipher $stream -outform DER -recip "$T/bob.pem"
			reads "we decrypt $size bytes with $cipher $stream" "$content" smime decrypt --cms -i "$T/message" -o "$T/got"
		done
	done
done

# ---- Layers of mail ----

layer() { # TOOL OPTION...: what was in $T/message comes into one more layer
	local tool=$1
	shift
	mv "$T/message" "$T/inner"
	made openssl "$tool" -in "$T/inner" -out "$T/message" -from peer-rsa@example.org "$@"
}
signed=(-sign -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -certfile "$T/ca/issuing.pem")
encrypted=(-encrypt -aes256 "$T/alice.pem")
opened() { reads_entity "$1" "$T/entity" smime decrypt --require-signature -i "$T/message" -o "$T/got"; }
for tool in cms smime; do
	for cr in '' -crlfeol; do
		cp "$T/entity.lf" "$T/message"
		layer $tool $cr "${signed[@]}"
		layer $tool $cr "${encrypted[@]}"
		opened "we open what openssl $tool $cr signs and encrypts"
		layer $tool $cr "${signed[@]}" -nodetach
		opened 'and signs again'
	done
done
for eol in lf crlf; do
	for cipher in aes128-cbc aes256-gcm; do
		made smime encrypt --sign --cipher $cipher -r "$T/peer-ec.pem" -i "$T/mail.$eol" -o "$T/message"
		check "OpenSSL decrypts what we sign and encrypt with $cipher, $eol" 0 decrypts peer-ec
		mv "$T/got" "$T/message"
		reads_entity 'and verifies what is inside' "$T/mail.$eol" verifies
	done
done

# ---- What was changed is refused ----

made smime encrypt --cms --cipher aes256-gcm -r "$T/peer-rsa.pem" -r alice@example.org -i "$CONTENT" -o "$T/message"
flip "$T/message"
fails 'OpenSSL refuses a changed message of ours' decrypts peer-rsa -inform DER
check 'so do we' 1 smime decrypt --cms -i "$T/message" -o "$T/got"
made signs peer-rsa "$CONTENT" -binary -nodetach -outform DER
flip "$T/message"
check 'we refuse a changed message of OpenSSL' 1 smime verify --cms -i "$T/message" -o "$T/got"
done_testing
