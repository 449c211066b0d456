#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How content is encrypted: every form that is read, what is refused, what is written. An independent program (tests/lib/envelope.py)
# makes and reads what no peer at hand does; what OpenSSL and gpgsm know is compared with them in tests/interop.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
fixture people
contents
agent_start

envelope() { PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$SOURCE/tests/lib/envelope.py" "$@"; }
envelope make "$T/alice.pem" "$CONTENT" "$T/message" 2>"$T/err" || skip_all "python3-cryptography: $(tail -n 1 "$T/err")"
opened() { # DESCRIPTION NAME=VALUE...: it is made and we read it
	local description=$1
	shift
	made envelope make "$T/alice.pem" "$CONTENT" "$T/message" "$@"
	reads "$description" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
}
refused() { # DESCRIPTION CODE PATTERN NAME=VALUE...
	local description=$1 expected=$2 pattern=$3
	shift 3
	made envelope make "$T/alice.pem" "$CONTENT" "$T/message" "$@"
	rm -f "$T/got"
	told "$description" "$expected" "$pattern" smime decrypt --cms -i "$T/message" -o "$T/got"
	absent "$description: nothing is written" "$T/got"
}
unsupported='not supported or not allowed there'
changed="can't be decrypted or was changed"

# ---- What is read ----

for cipher in aes128-cbc aes256-cbc; do
	opened "E1: $cipher is read" cipher=$cipher
done
opened 'E2: AES-128-GCM is read' cipher=aes128-gcm
opened 'E2: GCM with ICVlen 16' icv=16
opened 'E2: GCM with ICVlen left out, which is 12' icv=omit
for icv in 12 13 14 15; do
	opened "E2: GCM with ICVlen $icv" icv=$icv
done
for nonce in 8 16 64; do
	opened "E2: GCM with a nonce of $nonce octets" nonce=$nonce
done
refused "E2: a tag of 4 octets" 6 "$unsupported" icv=4
refused "E2: a tag of 11 octets" 6 "$unsupported" icv=11
refused "E2: a tag of 4 octets where 16 are told" 6 malformed mac=4
refused "E2: a tag of 12 octets where 16 are told" 6 malformed mac=12
refused "E2: a nonce of 65 octets" 6 malformed nonce=65
refused "E2: GCM in EnvelopedData" 6 "$unsupported" form=enveloped
refused "E2: ChaCha20-Poly1305 in EnvelopedData" 6 "$unsupported" form=enveloped cipher=chacha20-poly1305
refused "E2: CBC in AuthEnvelopedData" 6 "$unsupported" form=auth cipher=aes256-cbc
opened 'E3: authenticated attributes' attrs=yes
opened 'E3: authenticated are they in DER, whatever their order in the message is' attrs=unsorted
refused 'E3: attributes that were not authenticated' 1 "$changed" attrs=yes aad=no
refused 'E3: the same with ChaCha20-Poly1305' 1 "$changed" attrs=yes aad=no cipher=chacha20-poly1305
opened 'E6: ChaCha20-Poly1305 is read' cipher=chacha20-poly1305
says 'E6: and reported' ': chacha20-poly1305, rsa-v1.5, 1 recipient'
opened 'E6: ChaCha20-Poly1305 with authenticated attributes' cipher=chacha20-poly1305 attrs=yes
check 'E6: its content is authenticated' 0 smime decrypt --cms --json -i "$T/message" -o "$T/got"
is 'E6: as JSON says' "$(json "$T/out" 'd["authenticated"], d["layers"][0]["authenticated"]')" '(True, True)'
refused 'E6: a nonce of another length' 6 malformed cipher=chacha20-poly1305 nonce=8
for cipher in aes128-cbc aes256-cbc aes128-gcm aes256-gcm chacha20-poly1305; do
	opened "E7: CEK-HKDF-SHA256 around $cipher" cipher=$cipher hkdf=yes
done
refused 'E7: CEK-HKDF-SHA256 lets no cipher into the other content type' 6 "$unsupported" hkdf=yes form=enveloped
opened 'E11: RSA v1.5' cipher=aes256-cbc
opened 'E12: RSAES-OAEP with the defaults, that is SHA-1' oaep=yes

# ---- From a file, from a pipe ----

# So large that most of it is read ahead.
large=$T/large
openssl enc -aes-128-ctr -K 01 -iv 00 -nopad -in /dev/zero 2>/dev/null | head -c 12345678 >"$large"
for options in cipher=aes256-gcm 'cipher=aes256-gcm attrs=yes' 'cipher=chacha20-poly1305 attrs=yes' 'cipher=aes256-gcm hkdf=yes'; do
	made envelope make "$T/alice.pem" "$large" "$T/message" $options
	reads "E5: from a file, $options" "$large" smime decrypt --cms -i "$T/message" -o "$T/got"
	piped() { cat "$T/message" | smime decrypt --cms >"$T/got"; }
	reads "E5: from a pipe, to a pipe" "$large" piped
	flip "$T/message"
	: >"$T/got"
	check 'E5: what was changed' 1 piped
	is 'E5: gives not one octet' "$(wc -c <"$T/got")" 0
	head -c 12000000 "$T/message" >"$T/short"
	rm "$T/got"
	told 'E5: nor does what is cut off' 6 'its end is missing' smime decrypt --cms -i "$T/short" -o "$T/got"
	absent 'E5: nothing is written' "$T/got"
done
{
	mail alice@example.org alice@example.org 'Content-Transfer-Encoding: base64' | sed '/^$/q'
	base64 "$large"
} >"$T/mail"
for cipher in aes256-gcm aes256-cbc; do
	made smime encrypt --cipher $cipher -r alice@example.org -i "$T/mail" -o "$T/message"
	check 'E5: a large mail is decrypted' 0 smime decrypt -i "$T/message" -o "$T/got"
	is "E5: to what it was, $cipher" "$(sed '1,/^$/d' "$T/got" | base64 -d | sha256sum)" "$(sha256sum <"$large")"
done

# ---- What others used to send ----

for option in '-des3' '-des3 -keyid'; do
	made openssl cms -encrypt -binary -outform DER $option -in "$CONTENT" -out "$T/message" -recip "$T/alice.pem"
	reads "E8: Triple DES is read, $option" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
	says 'E8: and reported as weak' 'des-ede3-cbc, .*WEAK cipher'
done
check 'E8: to programs, too' 0 smime decrypt --cms --json -i "$T/message" -o "$T/got"
is 'E8: as JSON' "$(json "$T/out" 'd["layers"][0]["weak"], d["authenticated"]')" '(True, False)'
told 'E8: it is not written' 2 'is no cipher for content' smime encrypt --cms --cipher des-ede3-cbc -r alice@example.org -i "$CONTENT"
for cipher in rc2-40-cbc rc2-64-cbc rc2-cbc des-cbc; do
	made openssl cms -encrypt -provider legacy -provider default -binary -outform DER -$cipher -in "$CONTENT" -out "$T/message" -recip "$T/alice.pem"
	rm -f "$T/got"
	told "E9: $cipher is refused" 6 'rc2|des-cbc' smime decrypt --cms -i "$T/message" -o "$T/got"
	absent 'E9: nothing is written' "$T/got"
done

# ---- Recipients ----

for kind in ori unknown kek pwri version kari; do
	opened "C24: a recipient of another kind is passed over, $kind" extra=$kind
done
opened 'C24: all of them at once' extra=ori,unknown,kek,pwri,version,kari
opened 'C25: a recipient named by its subject key identifier' ski=yes
opened 'C25: and by one that was made from the key' ski=invented

# ---- What is written ----

for cipher in aes128-cbc aes256-cbc aes128-gcm aes256-gcm chacha20-poly1305; do
	row=E1
	[[ $cipher != *gcm ]] || row=E2
	[[ $cipher != chacha* ]] || row=E6
	for size in "${SIZES[@]}"; do
		made smime encrypt --cms --cipher $cipher -r "$T/peer-rsa.pem" -r alice@example.org -i "$T/content.$size" -o "$T/message"
		open_it() { envelope open "$T/peer-rsa.key" "$T/message" >"$T/got"; }
		reads "$row: $size bytes that we encrypt with $cipher are read by another program" "$T/content.$size" open_it
		reads "$row: and by us" "$T/content.$size" smime decrypt --cms -i "$T/message" -o "$T/got"
	done
done
mail alice@example.org bob@example.org >"$T/mail"
check 'E6: a mail is encrypted with ChaCha20-Poly1305' 0 smime encrypt --cipher chacha20-poly1305 -r bob@example.org -i "$T/mail" -o "$T/message"
holds 'E6: as authEnveloped-data' grep -q 'smime-type=authEnveloped-data' "$T/message"
check 'E6: and decrypted' 0 smime decrypt -i "$T/message" -o "$T/got"
holds 'E6: to what it was' grep -q '^this is the text' "$T/got"
made smime encrypt --cms --cipher chacha20-poly1305 -r alice@example.org -i "$T/content.100000" -o "$T/message"
flip "$T/message"
rm -f "$T/got"
told 'E4: a changed tag' 1 "$changed" smime decrypt --cms -i "$T/message" -o "$T/got"
absent 'E4: nothing is written' "$T/got"
told 'E6: no other cipher has a name' 2 'is no cipher for content' smime encrypt --cms --cipher chacha20 -r alice@example.org -i "$CONTENT"
done_testing
