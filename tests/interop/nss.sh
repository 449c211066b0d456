#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# NSS (what Thunderbird stands on) reads what we write, and we read what NSS writes. Its cmsutil knows CMS only; the mail around
# it is made here. Version 3.87 can't read a message that has an ECDH recipient, nor OAEP and GCM.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
fixture people wide
contents
entity

db=sql:$T/nss
mkdir "$T/nss"
certutil -N -d "$db" --empty-password
certutil -A -d "$db" -n root -t ,C, -a -i "$T/ca/root.pem"
for certificate in ca/issuing alice bob rsa3072 rsa4096 p384 p521; do
	certutil -A -d "$db" -n "${certificate#ca/}" -t ,, -a -i "$T/$certificate.pem"
done
for peer in peer-rsa peer-ec; do
	check "NSS takes the key $peer" 0 pk12util -d "$db" -W '' -i "$T/$peer.p12"
done
agent_start

# Decodes $T/message: decrypts it or verifies it. The exit code alone tells of a bad signature.
decodes() { cmsutil -D -d "$db" -i "$T/message" -o "$T/got" "$@"; }
signs() { # KEY FILE OPTION...
	local key=$1 file=$2
	shift 2
	cmsutil -S -d "$db" -N "$key" -i "$file" -o "$T/message" "$@"
}
encrypts() { cmsutil -E -d "$db" -r "$2" -i "$1" -o "$T/message"; } # FILE ADDRESS,...

# ---- Signatures ----

while read -r who options; do
	made smime sign --cms $options -k "$who@example.org" -i "$CONTENT" -o "$T/message"
	reads "NSS verifies what $who signs $options" "$CONTENT" decodes
	made smime sign --cms --detached $options -k "$who@example.org" -i "$CONTENT" -o "$T/message"
	check 'and a detached signature' 0 decodes -c "$CONTENT"
	fails 'but not for other content' decodes -c "$T/content.16"
done <<'END'
alice
alice    --digest sha384
alice    --digest sha512
alice    --pss
alice    --pss --digest sha512
rsa3072  --digest sha384
rsa4096  --pss
bob
p384
p521
END

while read -r key digest report; do
	for options in '' '-G -P' "-G -P -Y $key"; do
		made signs "$key" "$CONTENT" -H "$digest" $options
		reads "we verify what $key signs with $digest $options" "$CONTENT" smime verify --cms -i "$T/message" -o "$T/got"
	done
	says 'and say so' "good +algorithm +$report\$"
	made signs "$key" "$CONTENT" -H "$digest" -T -G
	check 'and a detached signature' 0 smime verify --cms --detached-content "$CONTENT" -i "$T/message"
	check 'but not for other content' 1 smime verify --cms --detached-content "$T/content.16" -i "$T/message"
done <<'END'
peer-rsa SHA256 RSA-2048 PKCS#1 v1.5 SHA-256
peer-rsa SHA384 RSA-2048 PKCS#1 v1.5 SHA-384
peer-rsa SHA512 RSA-2048 PKCS#1 v1.5 SHA-512
peer-ec  SHA256 EC-256 ECDSA SHA-256
peer-ec  SHA384 EC-256 ECDSA SHA-384
END
made signs peer-rsa "$CONTENT" -H SHA1 -G
check 'SHA-1 is refused' 1 smime verify --cms -i "$T/message"
says 'as too weak' 'SHA-1 is too weak'
made cmsutil -O -d "$db" -r alice@example.org -o "$T/message"
check 'certificates alone are no signature' 1 smime verify --cms -i "$T/message"
says 'and that is said' "nobody's signature"

# ---- Encryption ----

for cipher in aes128-cbc aes256-cbc; do
	for other in '' '-r alice@example.org' '-r rsa4096@example.org -r rsa3072@example.org'; do
		made smime encrypt --cms --cipher $cipher -r "$T/peer-rsa.pem" $other -i "$CONTENT" -o "$T/message"
		reads "NSS decrypts $cipher for itself $other" "$CONTENT" decodes
	done
done
for recipients in alice rsa3072 rsa4096 peer-rsa,alice; do
	made encrypts "$CONTENT" "${recipients//,/@example.org,}@example.org"
	reads "we decrypt a message for $recipients" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
done
made encrypts "$CONTENT" peer-rsa@example.org
check 'a message for others is not ours' 1 smime decrypt --cms -i "$T/message" -o "$T/got"
says 'and that is said' 'none of the agent.s 6 certificates is among'
made smime encrypt --cms --sign -k alice@example.org -r "$T/peer-rsa.pem" -i "$CONTENT" -o "$T/message"
check 'NSS decrypts signed CMS inside encrypted CMS' 0 decodes
mv "$T/got" "$T/message"
reads 'and verifies it' "$CONTENT" decodes

# ---- Contents of every size ----

for size in "${SIZES[@]}"; do
	content=$T/content.$size
	if [ "$size" != 0 ]; then # NSS neither signs nothing nor verifies it, whoever signed
		made smime sign --cms -k alice@example.org -i "$content" -o "$T/message"
		reads "NSS verifies $size bytes" "$content" decodes
		made signs peer-rsa "$content" -G
		reads "we verify $size bytes" "$content" smime verify --cms -i "$T/message" -o "$T/got"
	fi
	made smime encrypt --cms -r "$T/peer-rsa.pem" -i "$content" -o "$T/message"
	reads "NSS decrypts $size bytes" "$content" decodes
	made encrypts "$content" alice@example.org
	reads "we decrypt $size bytes" "$content" smime decrypt --cms -i "$T/message" -o "$T/got"
done

# ---- Mail ----

for eol in crlf lf; do
	made signs peer-rsa "$T/entity" -T -G -P
	wrapped signed_mail x-pkcs7 "$T/entity"
	cp "$T/message" "$T/signed"
	stored $eol
	reads_entity "we verify NSS's multipart/signed ($eol)" "$T/entity" smime verify -i "$T/message" -o "$T/got"
	made encrypts "$T/signed" alice@example.org
	wrapped cms_mail x-pkcs7
	stored $eol
	reads_entity 'and open it when it is encrypted too' "$T/entity" smime decrypt --require-signature -i "$T/message" -o "$T/got"
done
mail alice@example.org peer-rsa@example.org 'MIME-Version: 1.0' 'Content-Type: text/plain; charset=us-ascii' >"$T/mail"
made smime sign -i "$T/mail" -o "$T/mailed"
split_signed "$T/mailed"
mv "$T/signature" "$T/message"
check 'NSS verifies our multipart/signed' 0 decodes -c "$T/part"
made smime encrypt --sign -r "$T/peer-rsa.pem" -i "$T/mail" -o "$T/mailed"
cms_in "$T/mailed" >"$T/message"
check 'and decrypts what is signed and encrypted' 0 decodes
split_signed "$T/got"
mv "$T/signature" "$T/message"
check 'to find a signature that verifies' 0 decodes -c "$T/part"
reads_entity 'of the text' "$T/mail" cp "$T/part" "$T/got"

# ---- What was changed is refused ----

made smime sign --cms -k alice@example.org -i "$CONTENT" -o "$T/message"
flip "$T/message"
fails 'NSS refuses a changed message of ours' decodes
made signs peer-rsa "$CONTENT" -G
flip "$T/message"
check 'we refuse a changed message of NSS' 1 smime verify --cms -i "$T/message" -o "$T/got"
done_testing
