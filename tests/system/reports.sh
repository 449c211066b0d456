#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What verify and decrypt tell: each signer and each layer by itself, what it covers, what all of it is worth; and that the JSON
# has the fields that smime(1) names, no more and no fewer.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
agent_start

verify_json() { check "$1" "$2" smime verify --json "${@:3}"; }
outcome() { # SIGNER NAME: of the outermost layer
	json "$T/out" "[c['outcome'] for c in d['layers'][0]['signers'][$1]['checks'] if c['name'] == '$2']"
}
openssl_sign() { # SIGNER... -- OPTION...
	local signers=()
	while [ "$1" != -- ]; do
		signers+=(-signer "$T/$1.pem" -inkey "$T/$1.key")
		shift
	done
	shift
	openssl cms -sign -certfile "$T/ca/issuing.pem" "${signers[@]}" "$@"
}
mail peer-rsa@example.org bob@example.org 'MIME-Version: 1.0' 'Content-Type: text/plain; charset=us-ascii' >"$T/mail"
printf 'The text of it.\n' >>"$T/mail"
sed '1,/^$/d' "$T/mail" >"$T/text"

# ---- Signers, each by itself ----

openssl_sign peer-rsa peer-ec -- -binary -nodetach -in "$T/text" -outform DER -out "$T/two"
verify_json 'C20: two good signers are good' 0 --cms -i "$T/two"
is 'C20: each has its result' "$(json "$T/out" "[s['good'] for s in d['layers'][0]['signers']]")" '[True, True]'
# The last octet of the message is the last one of a signature.
python3 - "$T/two" "$T/bad" <<'PY'
import sys
data = bytearray(open(sys.argv[1], 'rb').read())
data[-1] ^= 1
open(sys.argv[2], 'wb').write(data)
PY
verify_json 'C20: a good signer beside a bad one is exit 1' 1 --cms -i "$T/bad"
is 'C20: with two results' "$(json "$T/out" "sorted(s['good'] for s in d['layers'][0]['signers'])")" '[False, True]'
is 'C20: the layer and the whole are not good' "$(json "$T/out" "d['result'], d['good'], d['layers'][0]['good'], d['summary']")" "('bad', False, False, 'none')"
bad=$(json "$T/out" "[s['good'] for s in d['layers'][0]['signers']].index(False)")
is 'a wrong signature is called that' "$(outcome "$bad" signature) $(outcome "$bad" digest)" "['bad'] ['good']"
check 'C20: people are told of both' 1 smime verify --cms -i "$T/bad"
says 'C20: of the good one' 'signed by peer-[a-z]+@example.org, who says at [0-9: UTC-]+: good'
says 'C20: and of the other' 'signed by peer-[a-z]+@example.org, who says at [0-9: UTC-]+: not good'
openssl_sign peer-rsa stranger -- -binary -nodetach -in "$T/text" -outform DER -out "$T/two"
verify_json 'C20: a stranger beside a trusted signer is exit 1' 1 --cms -i "$T/two"
is 'C20: each with its own reason' "$(json "$T/out" "sorted((s['good'], [c['name'] for c in s['checks'] if c['outcome'] == 'bad']) for s in d['layers'][0]['signers'])")" \
	"[(False, ['chain']), (True, [])]"

openssl_sign peer-rsa -- -in "$T/mail" -out "$T/signed.eml"
sed 's/The text of it/A text of it/' "$T/signed.eml" >"$T/changed.eml"
verify_json 'a changed content is exit 1' 1 -i "$T/changed.eml"
is 'and the digest, not the signature, says so' "$(outcome 0 signature) $(outcome 0 digest)" "['good'] ['bad']"

# ---- Layers: what each covers, and what they are worth together ----

summary() { json "$T/out" "d['summary'], [l['summarized'] for l in d['layers']], d['authenticated']"; }
covers() { json "$T/out" "[(l['content'], l['octets'], l['outside_octets'] if 'outside_octets' in l else None) for l in d['layers']]"; }
identifier_of() { # CHECK: the content identifier in its text
	json "$T/out" "[c['text'] for c in d['layers'][0]['signers'][0]['checks'] if c['name'] == '$1'][0].split('content identifier ')[1][:64]"
}
from() { printf 'From: peer-rsa@example.org\nTo: bob@example.org\nSubject: told\n'; }
encrypt_for_bob() { openssl cms -encrypt -aes256 "$@" "$T/bob.pem" 2>/dev/null; }

{ from && cat "$T/signed.eml"; } >"$T/message"
verify_json 'M11: a signed mail' 0 -i "$T/message"
is 'M11: is signed' "$(summary)" "('signed', [True], False)"
is 'its layer says what it covers' "$(covers)" "[('text/plain', $(sed 's/$/\r/' "$T/mail" | wc -c), 34)]"
sed 's/^This is an S\/MIME signed message$/Twelve words that nobody has signed stand here, before all else./' "$T/message" >"$T/outside"
verify_json 'text outside the signed part does not break it' 0 -i "$T/outside"
is 'and is counted' "$(json "$T/out" "d['layers'][0]['outside'], d['layers'][0]['outside_octets'] > 60")" '(True, True)'
check 'people are told' 0 smime verify -i "$T/outside"
says 'that nobody signed it' 'outside the signed part \([0-9]+ octets\); nobody signed that text'
verify_json 'M11: a mail whose signature is bad' 1 -i "$T/changed.eml"
is 'M11: is not signed' "$(summary)" "('none', [False], False)"

{ from && encrypt_for_bob -in "$T/mail"; } >"$T/message"
check 'M11: an encrypted mail' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M11: is encrypted and nobody says by whom' "$(summary)" "('encrypted', [True], False)"
is 'its layer says what it covers' "$(covers)" "[('text/plain', $(sed 's/$/\r/' "$T/mail" | wc -c), None)]"
{ from && encrypt_for_bob -in "$T/signed.eml"; } >"$T/message"
check 'M11: signed, then encrypted' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M11: is both' "$(summary)" "('signed-and-encrypted', [True, True], True)"
{ from && encrypt_for_bob -in "$T/changed.eml"; } >"$T/message"
check 'M11: with a bad signature inside' 1 smime decrypt --json -i "$T/message" -o "$T/never"
is 'M11: is encrypted only' "$(summary)" "('encrypted', [True, False], False)"

# Who signs what is encrypted need not have written it.
encrypt_for_bob -in "$T/mail" -out "$T/inner"
openssl_sign peer-rsa -- -nodetach -in "$T/inner" -out "$T/wrapped"
{ from && cat "$T/wrapped"; } >"$T/message"
check 'M11: encrypted, then signed' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M11: is encrypted; the signature is nobody'"'"'s who wrote it' "$(summary)" "('encrypted', [False, True], False)"
check 'M11: which does for no signature' 1 smime decrypt --require-signature -i "$T/message" -o "$T/never"
check 'M11: and is said' 0 smime decrypt -i "$T/message" -o "$T/plain"
says 'M11: in words' 'this signature is around encrypted content; it does not say who wrote that'
verify_json 'M11: the signature alone is good' 0 -i "$T/message"
is 'M11: but no signature of the content' "$(summary)" "('encrypted', [False, True], True)"

# ---- Parts: each of them, and what became of it ----

parts() { json "$T/out" "[(p['part'], p['form'], p['name'], p['signed'], p['encrypted']) for p in d['parts']], d['parts_left_out']"; }
letter() { printf 'From: Eve <eve@example.org>\nSubject: %s\nMIME-Version: 1.0\n' "$1"; }
{
	printf 'Content-Type: multipart/mixed; boundary=a\n\nA preamble.\n--a\nContent-Type: multipart/alternative; boundary=b\n\n'
	printf -- '--b\n\nThe text.\n--b\nContent-Type: text/html; name="\033[31mred.html"\n\n<p>The text.\n--b--\n--a\n'
	printf 'Content-Type: application/pdf; name=bill.pdf\nContent-Disposition: attachment; filename="bill.exe"\n\nx\n--a\n'
	printf "Content-Type: image/png\nContent-Disposition: attachment; filename*=utf-8''%%C3%%BC.png\n\nx\n--a\n"
	printf 'Content-Type: message/rfc822; name=letter.eml\n\n' && letter one
	printf 'Content-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: text/plain; name=inside.txt\n\nx\n--c\n\ny\n--c--\n--a\n'
	printf 'Content-Type: message/rfc822\n\n' && letter two && printf '\nx\n--a\n'
	cat "$T/signed.eml" && printf -- '--a--\nAn epilogue.\n'
} >"$T/many"
listed() { # SIGNED ENCRYPTED
	local each
	for each in "'1.1', 'text/plain', None" "'1.2', 'text/html', None" "'2', 'application/pdf', 'bill.exe'" "'3', 'image/png', 'ü.png'" \
		"'4', 'message/rfc822', 'letter.eml'" "'4.1.1', 'text/plain', 'inside.txt'" "'4.1.2', 'text/plain', None" "'5', 'message/rfc822', None" \
		"'5.1', 'text/plain', None" "'6', 'multipart/signed', None"; do
		printf '(%s, %s, %s), ' "$each" "$1" "$2"
	done | sed 's/^/([/; s/, $/], False)/'
}
openssl_sign peer-rsa -- -in "$T/many" -out "$T/signed-many"
openssl_sign peer-rsa -- -nodetach -in "$T/many" -out "$T/opaque-many"
openssl_sign stranger -- -in "$T/many" -out "$T/strange-many"
for form in signed opaque; do
	{ from && cat "$T/$form-many"; } >"$T/message"
	verify_json "the parts of a mail, $form" 0 -i "$T/message"
	is "are those that were signed, $form" "$(parts)" "$(listed True False)"
done
check 'people are told' 0 smime verify -i "$T/message"
says 'of each part, by its type and name' 'parts \(signed, not secret\):.  1\.1   text/plain.  1\.2   text/html.  2     application/pdf, bill\.exe.  3     image/png, ü\.png.'
says 'and of the one that is protected by itself' '  6     multipart/signed.note: part 6 \(multipart/signed\) is protected by itself'
{ from && cat "$T/strange-many"; } >"$T/message"
verify_json 'the parts of a mail that nobody known has signed' 1 -i "$T/message"
is 'are not called signed' "$(parts)" "$(listed False False)"
{ from && encrypt_for_bob -in "$T/many"; } >"$T/message"
check 'the parts of an encrypted mail' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'are encrypted, and nobody signed them' "$(parts)" "$(listed False True)"
{ from && encrypt_for_bob -in "$T/signed-many"; } >"$T/message"
check 'the parts of a mail that is both' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'are both' "$(parts)" "$(listed True True)"
encrypt_for_bob -in "$T/many" -out "$T/inner-many"
openssl_sign peer-rsa -- -nodetach -in "$T/inner-many" -out "$T/wrapped-many"
{ from && cat "$T/wrapped-many"; } >"$T/message"
check 'the parts of a mail that was encrypted first' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'are nobody'"'"'s who wrote them' "$(parts)" "$(listed False True)"
verify_json 'unopened' 0 -i "$T/message"
is 'it has no parts' "$(parts)" '([], False)'
{ from && cat "$T/signed.eml"; } >"$T/message"
verify_json 'a mail of one part' 0 -i "$T/message"
is 'has that one' "$(parts)" "([('1', 'text/plain', None, True, False)], False)"
check 'it is told in its layer' 0 smime verify -i "$T/message"
unlike 'and not twice' "$(cat "$T/err")" 'parts \('
verify_json 'what is no mail' 0 --cms -i "$T/two" --trust "$T/stranger.pem"
is 'has no parts' "$(parts)" '([], False)'
{ printf 'Content-Type: multipart/mixed; boundary=a\n' && for i in {1..101}; do printf '\n--a\n\n%s' "$i"; done && printf '\n--a--\n'; } >"$T/hundred"
openssl_sign peer-rsa -- -in "$T/hundred" -out "$T/message"
verify_json 'of more than a hundred parts' 0 --from peer-rsa@example.org -i "$T/message"
is 'a hundred are named, and that there are more' "$(json "$T/out" "len(d['parts']), d['parts'][-1]['part'], d['parts_left_out']")" "(100, '100', True)"
check 'people are told' 0 smime verify --from peer-rsa@example.org -i "$T/message"
says 'that there are more' 'and what is behind them, where nobody looked'
{
	printf 'Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a\nContent-Type: application/zip; name=large.zip\n\n'
	head -c 33554432 /dev/zero | tr '\0' 'x' | fold -w 1000
	printf '\n--a\nContent-Type: text/plain; name=behind.txt\n\nx\n--a--\n'
} >"$T/large"
openssl_sign peer-rsa -- -in "$T/large" -out "$T/message"
verify_json 'of a large mail' 0 --from peer-rsa@example.org -i "$T/message"
is 'the parts at its front are named, and that there may be more' "$(parts)" \
	"([('1', 'text/plain', None, True, False), ('2', 'application/zip', 'large.zip', True, False)], True)"

# ---- Receipts ----

openssl_sign peer-rsa -- -in "$T/mail" -receipt_request_all -receipt_request_to peer-rsa@example.org -out "$T/asks"
{ from && cat "$T/asks"; } >"$T/message"
verify_json 'S1: a request for a receipt is no fault' 0 -i "$T/message"
is 'S1: it is told' "$(outcome 0 receipt-request)" "['note']"
like 'S1: from whom to whom' "$(json "$T/out" "[c['text'] for c in d['layers'][0]['signers'][0]['checks'] if c['name'] == 'receipt-request']")" \
	'asks everybody for a signed receipt to peer-rsa@example.org \(content identifier [0-9a-f]+\); none is sent'
identifier=$(identifier_of receipt-request)
{ from && encrypt_for_bob -in "$T/asks"; } >"$T/message"
check 'S1: also where few checks are shown' 0 smime decrypt -i "$T/message" -o "$T/plain"
says 'S1: it is told' 'receipt-request +the signer asks everybody'
holds 'S1: OpenSSL makes a receipt' openssl cms -sign_receipt -in "$T/asks" -signer "$T/peer-ec.pem" -inkey "$T/peer-ec.key" -CAfile "$T/ca/root.pem" \
	-certfile "$T/ca/issuing.pem" -out "$T/receipt"
verify_json 'S1: a receipt is read' 0 --trust "$T/ca/issuing.pem" -i "$T/receipt"
is 'S1: and is called one' "$(outcome 0 receipt)" "['note']"
is 'S1: for that message' "$(identifier_of receipt)" "$identifier"

points_of python3 "$SOURCE/tests/conformance/rows_ess.py" "$T"

# ---- Protected parts among others ----

{
	from && printf 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=outer\n\n--outer\nContent-Type: text/plain\n\nBefore it.\n--outer\n'
	cat "$T/signed.eml"
	printf -- '--outer\nContent-Type: multipart/mixed; boundary=inner\n\n--inner\n'
	cat "$T/inner"
	printf -- '--inner--\n--outer--\n'
} >"$T/mixed"
told 'M11: a signed part among others is no signed mail' 1 'its part 2 \(multipart/signed\) is protected by itself' smime verify -i "$T/mixed"
openssl_sign peer-rsa -- -in "$T/mixed" -out "$T/around"
{ from && cat "$T/around"; } >"$T/message"
verify_json 'M11: a signed mail with protected parts' 0 -i "$T/message"
is 'M11: they are named, and are no layers' "$(json "$T/out" "d['errant'], len(d['layers'])")" \
	"([{'part': '2', 'form': 'multipart/signed'}, {'part': '3.1', 'form': 'application/pkcs7-mime'}], 1)"
cp "$T/message" "$T/errant"
{ from && encrypt_for_bob -in "$T/signed.eml"; } >"$T/message"

# ---- The JSON is what smime(1) says ----

cat >"$T/fields.py" <<'PY'
import json, re, sys

def names(value):
    if isinstance(value, dict):
        return set(value).union(*map(names, value.values()))
    return set().union(*map(names, value)) if isinstance(value, list) else set()

page, reports = open(sys.argv[1]).read(), sys.argv[2:]
text = page[page.index('*verify*, *decrypt*\n'):]
documented = set(re.findall(r'_([a-z_]+)_', text[:text.index('\n# ')]))
printed = set().union(*(names(json.load(open(report))) for report in reports))
print('documented, not printed:', *sorted(documented - printed))
print('printed, not documented:', *sorted(printed - documented))
PY
fields=() # of every kind of layer
report_of() { # COMMAND...
	smime "$@" --json >"$T/fields.${#fields[@]}" 2>/dev/null
	fields+=("$T/fields.${#fields[@]}")
}
report_of verify -i "$T/outside"
report_of verify -i "$T/errant"
report_of verify --cms -i "$T/bad"
report_of decrypt -i "$T/message" -o "$T/plain"
{ from && cat "$T/wrapped"; } >"$T/message"
report_of verify -i "$T/message"
{ printf 'HP-Outer: Subject: [...]\n' && sed 's/^Content-Type: .*/&; hp=cipher/' "$T/mail"; } >"$T/payload"
{ from && encrypt_for_bob -in "$T/payload"; } >"$T/message"
report_of decrypt -i "$T/message" -o "$T/plain"
# CompressedData (RFC 3274) around the signed message, in a mail.
python3 - "$T/signed.eml" >"$T/compressed" <<'PY'
import base64, sys, zlib

def tlv(tag, *parts):
    body = b''.join(parts)
    size = b'%c' % len(body) if len(body) < 128 else b'\x82' + len(body).to_bytes(2, 'big')
    return bytes([tag]) + size + body

oid = lambda text: bytes.fromhex(text)
content = open(sys.argv[1], 'rb').read().replace(b'\n', b'\r\n')
data = tlv(0x30, oid('06092a864886f70d010701'), tlv(0xa0, tlv(4, zlib.compress(content))))
compressed = tlv(0x30, tlv(2, b'\0'), tlv(0x30, oid('060b2a864886f70d0109100308')), data)
print('Content-Type: application/pkcs7-mime; smime-type=compressed-data; name=smime.p7z\nContent-Transfer-Encoding: base64\n')
print(base64.encodebytes(tlv(0x30, oid('060b2a864886f70d0109100109'), tlv(0xa0, compressed))).decode(), end='')
PY
{ from && cat "$T/compressed"; } >"$T/message"
report_of verify -i "$T/message"
openssl crl2pkcs7 -nocrl -certfile "$T/ca/issuing.pem" -outform DER >"$T/certificates"
report_of verify --cms -i "$T/certificates"
is 'the fields of reports are those that smime(1) names' "$(python3 "$T/fields.py" "$SOURCE/docs/smime.1.scd" "${fields[@]}")" \
	$'documented, not printed:\nprinted, not documented:'
is 'every kind of layer was among them' "$(python3 -c 'import json, sys; print(*sorted({l["kind"] for f in sys.argv[1:] for l in json.load(open(f))["layers"]}))' "${fields[@]}")" \
	'certificates compressed encrypted signed'
done_testing
