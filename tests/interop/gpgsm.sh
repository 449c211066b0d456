#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# gpgsm reads what we write, and we read what gpgsm writes. It writes CMS only; the mail around it is made here.
# Version 2.2 knows neither signers nor recipients by key identifier, neither OAEP nor ECDH nor a GCM tag of 16 octets, and fails on P-521.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
fixture people wide
contents
entity

gpgsm_start "$T"/{alice,bob,rsa3072,rsa4096,p384}.pem
agent_start

verifies() { gpgsm --output "$T/got" --verify "$T/message"; }
decrypts() { gpgsm --output "$T/got" --decrypt "$T/message"; }
signs() { # FILE OPTION...
	local file=$1
	shift
	gpgsm --output "$T/message" --local-user peer-rsa@example.org "$@" "$file"
}
encrypts() { # FILE OPTION...
	local file=$1
	shift
	gpgsm --output "$T/message" "$@" --encrypt "$file"
}

# ---- Signatures ----

while read -r who options; do
	made smime sign --cms $options -k "$who@example.org" -i "$CONTENT" -o "$T/message"
	reads "gpgsm verifies what $who signs $options" "$CONTENT" verifies
	made smime sign --cms --detached --pem $options -k "$who@example.org" -i "$CONTENT" -o "$T/message"
	check 'and a detached signature' 0 gpgsm --verify "$T/message" "$CONTENT"
	fails 'but not for other content' gpgsm --verify "$T/message" "$T/content.16"
done <<'END'
alice
alice    --digest sha384
alice    --digest sha512
alice    --pss
alice    --pss --digest sha512
rsa3072  --digest sha384
rsa4096
bob
p384
END

for digest in SHA256 SHA384 SHA512; do
	for armor in '' --armor --base64; do
		made signs "$CONTENT" --digest-algo $digest $armor --sign
		reads "we verify what gpgsm signs with $digest $armor" "$CONTENT" smime verify --cms -i "$T/message" -o "$T/got"
		says 'and say so' "good +algorithm +RSA-2048 PKCS#1 v1.5 ${digest/SHA/SHA-}\$"
		made signs "$CONTENT" --digest-algo $digest $armor --detach-sign
		check 'and a detached signature' 0 smime verify --cms --detached-content "$CONTENT" -i "$T/message"
		check 'but not for other content' 1 smime verify --cms --detached-content "$T/content.16" -i "$T/message"
	done
done

# ---- Encryption ----

for cipher in aes128-cbc aes256-cbc; do
	for others in '' '-r alice@example.org' '-r bob@example.org -r p384@example.org'; do
		made smime encrypt --cms --cipher $cipher -r "$T/peer-rsa.pem" $others -i "$CONTENT" -o "$T/message"
		reads "gpgsm decrypts $cipher for itself $others" "$CONTENT" decrypts
	done
done
while read -r cipher report; do
	for armor in '' --armor --base64; do
		made encrypts "$CONTENT" --cipher-algo $cipher $armor -r alice@example.org
		reads "we decrypt $cipher $armor of gpgsm" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
	done
	says 'and say so' ": $report, rsa-v1.5, "
	made encrypts "$CONTENT" --cipher-algo $cipher -r peer-rsa@example.org -r rsa4096@example.org -r rsa3072@example.org
	reads "and one for several recipients" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
done <<'END'
3DES   des-ede3-cbc
AES    aes128-cbc
AES192 aes192-cbc
AES256 aes256-cbc
END
made encrypts "$CONTENT" -r peer-rsa@example.org
check 'a message for others is not ours' 1 smime decrypt --cms -i "$T/message" -o "$T/got"
says 'and that is said' 'none of the agent.s 6 certificates is among'

# The tag of 12 octets that GCMParameters mean when they name no length is the only one that gpgsm reads, and nobody here writes it:
# made of what OpenSSL writes, since a shorter tag is the beginning of the longer one.
shorten_tag() { # FILE: DER of AuthEnvelopedData for RSA recipients
	PYTHONPATH=$SOURCE/tests/lib python3 - "$1" <<-'END'
		import sys
		from wire import tlv

		def shortened(data):
		    if not data:
		        return b''
		    octets = data[1] & 0x7f if data[1] & 0x80 else 0
		    length = int.from_bytes(data[2:2 + octets], 'big') if octets else data[1]
		    tag, content, rest = data[0], data[2 + octets:2 + octets + length], data[2 + octets + length:]
		    if tag == 0x30 and length == 17 and content.endswith(b'\x02\x01\x10'):
		        content = content[:-3]
		    elif tag & 0x20:
		        content = shortened(content)
		    elif tag == 4 and length == 16:
		        content = content[:12]
		    return tlv(tag, content) + shortened(rest)

		der = shortened(open(sys.argv[1], 'rb').read())
		open(sys.argv[1], 'wb').write(der)
	END
}
short_tag() { # WHO
	made openssl cms -encrypt -binary -$cipher -outform DER -in "$CONTENT" -out "$T/message" "$T/$1.pem"
	shorten_tag "$T/message"
}
for cipher in aes-128-gcm aes-256-gcm; do
	short_tag peer-rsa
	reads "gpgsm decrypts $cipher with a tag of 12 octets" "$CONTENT" decrypts
	short_tag alice
	reads 'so do we' "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
	flip "$T/message"
	check 'but not when it was changed' 1 smime decrypt --cms -i "$T/message" -o "$T/got"
done

# ---- Contents of every size ----

for size in "${SIZES[@]}"; do
	content=$T/content.$size
	made smime sign --cms -k alice@example.org -i "$content" -o "$T/message"
	reads "gpgsm verifies $size bytes" "$content" verifies
	if [ "$size" != 0 ]; then # gpgsm does not sign nothing
		made signs "$content" --sign
		reads "we verify $size bytes" "$content" smime verify --cms -i "$T/message" -o "$T/got"
	fi
	made smime encrypt --cms -r "$T/peer-rsa.pem" -i "$content" -o "$T/message"
	reads "gpgsm decrypts $size bytes" "$content" decrypts
	made encrypts "$content" -r alice@example.org
	reads "we decrypt $size bytes" "$content" smime decrypt --cms -i "$T/message" -o "$T/got"
done

# ---- Mail ----

for type in pkcs7 x-pkcs7; do
	for eol in crlf lf; do
		made signs "$T/entity" --detach-sign
		wrapped signed_mail $type "$T/entity"
		cp "$T/message" "$T/signed"
		stored $eol
		reads_entity "we verify gpgsm's multipart/signed ($type, $eol)" "$T/entity" smime verify -i "$T/message" -o "$T/got"
		made encrypts "$T/signed" -r alice@example.org
		wrapped cms_mail $type
		stored $eol
		reads_entity 'and open it when it is encrypted too' "$T/entity" smime decrypt --require-signature -i "$T/message" -o "$T/got"
		made signs "$T/entity" --sign
		wrapped cms_mail $type
		stored $eol
		reads_entity 'and an opaque signature' "$T/entity" smime verify -i "$T/message" -o "$T/got"
	done
done
mail alice@example.org peer-rsa@example.org 'MIME-Version: 1.0' 'Content-Type: text/plain; charset=us-ascii' >"$T/mail"
made smime sign -i "$T/mail" -o "$T/message"
split_signed "$T/message"
check 'gpgsm verifies our multipart/signed' 0 gpgsm --verify "$T/signature" "$T/part"
made smime sign --opaque -i "$T/mail" -o "$T/mailed"
cms_in "$T/mailed" >"$T/message"
reads_entity 'and an opaque signature' "$T/mail" verifies
made smime encrypt --sign -r "$T/peer-rsa.pem" -i "$T/mail" -o "$T/mailed"
cms_in "$T/mailed" >"$T/message"
check 'and decrypts what is signed and encrypted' 0 decrypts
split_signed "$T/got"
check 'to find a signature that verifies' 0 gpgsm --verify "$T/signature" "$T/part"
reads_entity 'of the text' "$T/mail" cp "$T/part" "$T/got"

# ---- What was changed is refused ----

made smime sign --cms -k alice@example.org -i "$CONTENT" -o "$T/message"
flip "$T/message"
fails 'gpgsm refuses a changed message of ours' verifies
made signs "$CONTENT" --sign
flip "$T/message"
check 'we refuse a changed message of gpgsm' 1 smime verify --cms -i "$T/message" -o "$T/got"
done_testing
