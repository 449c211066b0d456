#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Compressed content (RFC 3274): opened wherever it stands, within limits, and never written.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
fixture people
contents
entity
agent_start

pack() { python3 "$SOURCE/tests/lib/compressed.py" "$@"; } # OUTPUT NAME=VALUE... <CONTENT
signed() { openssl cms -sign -binary -nodetach -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -certfile "$T/ca/issuing.pem" "$@"; }
encrypted() { openssl cms -encrypt -binary -aes-256-cbc "$@" -recip "$T/alice.pem"; }
layers() { json "$1" '[l["kind"] for l in d["layers"]]'; }
signed_type=06092a864886f70d010702
enveloped_type=06092a864886f70d010703

# ---- Signed inside, as mail ----

openssl cms -sign -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -certfile "$T/ca/issuing.pem" -in "$T/entity" -out "$T/inner"
for media in 'application/pkcs7-mime; smime-type=compressed-data' 'application/x-pkcs7-mime' 'application/octet-stream'; do
	pack "$T/message" mail=peer-rsa@example.org media="$media" <"$T/inner"
	reads_entity "E17: a signed mail that was compressed, as $media" "$T/entity" smime verify -i "$T/message" -o "$T/got"
	says 'E17: whose it is, is said first' '^smime verify: .*signed by peer-rsa@example.org'
done
check 'E17: it is a layer' 0 smime verify --json -i "$T/message" -o "$T/got"
is 'E17: of its own' "$(layers "$T/out") $(json "$T/out" 'd["layers"][0]["form"], d["layers"][0]["good"], d["result"]')" \
	"['compressed', 'signed'] ('compressed-data', True, 'good')"
is 'E17: with its size' "$(json "$T/out" 'd["layers"][0]["octets"]')" "$(wc -c <"$T/inner")"
python3 - "$T/inner" "$T/changed" <<'END'
import sys
data = open(sys.argv[1], 'rb').read()
open(sys.argv[2], 'wb').write(data.replace(b'From here on', b'From there on'))
END
pack "$T/message" mail=peer-rsa@example.org <"$T/changed"
rm -f "$T/got"
check 'E17: what was changed before it was compressed is as bad' 1 smime verify -i "$T/message" -o "$T/got"
absent 'E17: nothing is written' "$T/got"
check 'E17: a mail that is compressed and nothing else is not signed' 1 smime verify -i <(pack "$T/plain" mail=peer-rsa@example.org <"$T/entity" && cat "$T/plain")
says 'E17: and that is said' 'compressed, and nothing inside is signed'
told 'E17: nor encrypted' 1 'compressed, and nothing inside is encrypted' smime decrypt -i "$T/plain" -o "$T/got"

# ---- Compressed inside ----

pack "$T/inner" mail= <"$T/entity"
openssl cms -sign -nodetach -binary -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -certfile "$T/ca/issuing.pem" -from peer-rsa@example.org -in "$T/inner" -out "$T/message"
reads_entity 'E17: what is signed compressed comes out as it was' "$T/entity" smime verify -i "$T/message" -o "$T/got"
check 'E17: it is a layer' 0 smime verify --json -i "$T/message" -o "$T/got"
is 'E17: inside the other' "$(layers "$T/out")" "['signed', 'compressed']"
for cipher in aes-256-cbc aes-256-gcm; do
	openssl cms -encrypt -binary -$cipher -from someone@example.org -in "$T/inner" -out "$T/message" "$T/alice.pem"
	reads_entity "E17: what is compressed and encrypted with $cipher" "$T/entity" smime decrypt -i "$T/message" -o "$T/got"
done
check 'E17: one layer is one of encryption' 0 smime decrypt --one-layer -i "$T/message" -o "$T/got"
holds 'E17: what is compressed stays' grep -q 'smime-type=compressed-data' "$T/got"
pack "$T/message" mail=peer-rsa@example.org <"$T/message"
reads_entity 'E17: what was compressed once more after it' "$T/entity" smime decrypt -i "$T/message" -o "$T/got"
says 'E17: is three layers' 'layer 3: compressed'

# ---- CMS ----

for form in der ber; do
	for size in "${SIZES[@]}"; do
		signed -outform DER -in "$T/content.$size" -out "$T/inner"
		pack "$T/message" kind=$signed_type form=$form <"$T/inner"
		reads "E17: $size octets signed and compressed, in ${form^^}" "$T/content.$size" smime verify --cms -i "$T/message" -o "$T/got"
		encrypted -outform DER -in "$T/content.$size" -out "$T/inner"
		pack "$T/message" kind=$enveloped_type form=$form <"$T/inner"
		reads "E17: encrypted and compressed" "$T/content.$size" smime decrypt --cms -i "$T/message" -o "$T/got"
		pipe() { cat "$T/message" | smime decrypt --cms -o "$T/got"; }
		reads 'E17: from a pipe' "$T/content.$size" pipe
	done
done

# ---- What is refused ----

encrypted -outform DER -in "$CONTENT" -out "$T/inner"
refused() { # DESCRIPTION CODE PATTERN NAME=VALUE...
	pack "$T/message" kind=$enveloped_type "${@:4}" <"$T/inner"
	rm -f "$T/got"
	told "E17: $1" "$2" "$3" smime decrypt --cms -i "$T/message" -o "$T/got"
	absent "E17: $1: nothing is written" "$T/got"
}
refused 'a stream that is cut off' 6 'cut off' cut=5
refused 'something behind the stream' 6 malformed behind=00
refused 'something behind the content' 6 malformed outside=0500
refused 'content that is elsewhere' 6 'zlib' absent=1
refused 'another algorithm' 6 'with something else than zlib' algorithm=060b2a864886f70d0109100309
bomb() { # DESCRIPTION COMMAND...: what becomes too large is refused, soon and without memory
	rm -f "$T/got"
	check "E17: $1" 6 timeout 60 env time -o "$T/time" -f %M "${@:2}" -i "$T/message" -o "$T/got"
	says "E17: $1: is told" 'more than 64 times as large|more than .* 1024 MiB'
	absent "E17: $1: nothing is written" "$T/got"
	[ -n "${SMIME_SANITIZED:-}" ] || holds "E17: $1: in 16 MiB" test "$(tail -n 1 "$T/time")" -lt 16384
}
pack "$T/message" zeros=200000000 </dev/null
bomb 'a bomb' smime decrypt --cms
bomb 'for verify' smime verify --cms
cp "$T/message" "$T/bomb"
pack "$T/message" kind=$signed_type zeros=100000000 <<<x
bomb 'one that would be signed' smime verify --cms
pack "$T/bomb.mail" mail= zeros=100000000 <"$T/entity"
openssl cms -encrypt -binary -aes-256-gcm -from someone@example.org -in "$T/bomb.mail" -out "$T/message" "$T/alice.pem"
bomb 'one that was encrypted' smime decrypt
openssl cms -sign -nodetach -binary -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -certfile "$T/ca/issuing.pem" -from peer-rsa@example.org -in "$T/bomb.mail" -out "$T/message"
bomb 'one that was signed' smime verify
# Each layer stays within the ratio, all of them together do not get beyond the size.
head -c 300000 /dev/urandom >"$T/nest"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do
	pack "$T/message" kind=060b2a864886f70d0109100109 <"$T/nest"
	cp "$T/message" "$T/nest"
done
told 'E17: layers without an end' 6 'more than 16 layers' smime decrypt --cms -i "$T/message" -o "$T/got"
holds 'E17: nobody links zlib' test -z "$(ldd "$SMIME_BUILD/client/lib/libsmime.so.0" "$SMIME_BUILD/agent/token/smime-token" | grep libz | grep -v asan)"
done_testing
