#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Revocation by the CRLs that are given: of the signer, of the CA above, too old, of somebody else.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
mail alice@example.org bob@example.org >"$T/mail"
agent_start
check 'a mail is signed' 0 smime sign -i "$T/mail" -o "$T/signed"

# A CRL of root or issuing: crl NAME CA DAYS [CERTIFICATE-TO-REVOKE...]
crl() {
	local name=$1 ca=$2 days=$3 certificate
	shift 3
	: >"$T/index"
	printf '01\n' >"$T/number"
	printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ncrlnumber=%s\ndefault_md=sha256\n' "$T/index" "$T/number" >"$T/crl.cnf"
	for certificate in "$@"; do
		demo_quiet openssl ca -config "$T/crl.cnf" -cert "$T/ca/$ca.pem" -keyfile "$T/ca/$ca.key" -revoke "$certificate" -crl_reason keyCompromise
	done
	demo_quiet openssl ca -config "$T/crl.cnf" -cert "$T/ca/$ca.pem" -keyfile "$T/ca/$ca.key" -gencrl -crldays "$days" -out "$T/$name.crl"
}
crl root root 30
crl issuing issuing 30
crl bob issuing 30 "$T/bob.pem"
crl alice issuing 30 "$T/alice.pem"
crl ca root 30 "$T/ca/issuing.pem"
openssl crl -in "$T/root.crl" -outform DER -out "$T/root.der"

revocation() { # DESCRIPTION CODE OUTCOME PATTERN ARGUMENT...
	local description=$1 code=$2 outcome=$3 pattern=$4
	shift 4
	check "$description" "$code" smime verify --json "$@" "$T/signed"
	cp "$T/out" "$T/report"
	is "$description: the check" "$(json "$T/report" "[c['outcome'] for c in d['layers'][0]['signers'][0]['checks'] if c['name'] == 'revocation']")" "['$outcome']"
	like "$description: its reason" "$(json "$T/report" "[c['text'] for c in d['layers'][0]['signers'][0]['checks'] if c['name'] == 'revocation']")" "$pattern"
}
both=(--crl "$T/issuing.crl" --crl "$T/root.der")
revocation 'nobody asks' 0 note 'nobody asked'
revocation 'current CRLs of every CA' 0 good 'not revoked' "${both[@]}"
revocation 'the same with hard' 0 good 'not revoked' --revocation hard "${both[@]}"
revocation 'somebody else was revoked' 0 good 'not revoked' --crl "$T/bob.crl" --crl "$T/root.crl"
revocation 'the signer was revoked' 1 bad 'CN=Alice.*was revoked on 20.*wrong hands' --crl "$T/alice.crl" --crl "$T/root.crl"
revocation 'the signer was revoked, and nothing is known of the CA' 1 bad 'CN=Alice.*was revoked' --crl "$T/alice.crl"
revocation 'the CA was revoked' 1 bad 'Issuing CA.*was revoked' --crl "$T/issuing.crl" --crl "$T/ca.crl"
revocation 'no CRL of the signer' 0 unknown 'no CRL of CN=Demonstration Issuing CA' --crl "$T/root.crl"
revocation 'no CRL of the signer, with hard' 1 bad 'no CRL of' --revocation hard --crl "$T/root.crl"
revocation 'no CRL at all, with soft' 0 unknown 'no CRL of' --revocation soft
revocation 'no CRL at all, with hard' 1 bad 'no CRL of' --revocation hard
revocation 'CRLs that are too old' 0 unknown 'too old' --at "$(date -u -d '+40 days' +%F)" "${both[@]}"
revocation 'CRLs that are too old, with hard' 1 bad 'too old' --revocation hard --at "$(date -u -d '+40 days' +%F)" "${both[@]}"
python3 - "$T/alice.crl" "$T/forged.crl" <<'END'
import base64, sys
lines = open(sys.argv[1]).read().split('\n')
der = bytearray(base64.b64decode(''.join(line for line in lines if '-' not in line)))
der[-1] ^= 1 # of the signature
text = base64.encodebytes(bytes(der)).decode()
open(sys.argv[2], 'w').write('-----BEGIN X509 CRL-----\n' + text + '-----END X509 CRL-----\n')
END
revocation 'a CRL with a bad signature' 0 unknown 'signature' --crl "$T/forged.crl" --crl "$T/root.crl"
openssl cms -sign -binary -nodetach -in "$T/mail" -signer "$T/peer-ec.pem" -inkey "$T/peer-ec.key" -certfile "$T/ca/issuing.pem" -outform DER -out "$T/cms"
crl peer issuing 30 "$T/peer-ec.pem"
# OpenSSL's command line can't put CRLs into CMS: [1] goes in front of the SignerInfos.
python3 - "$T/cms" "$T/peer.crl" "$T/with-crl" <<'END'
import base64, sys
def length(n): return bytes([n]) if n < 128 else (lambda b: bytes([128 + len(b)]) + b)(n.to_bytes((n.bit_length() + 7) // 8, 'big'))
def tlv(tag, body): return bytes([tag]) + length(len(body)) + body
def parse(data):
    items, at = [], 0
    while at < len(data):
        n, head = data[at + 1], 2
        if n >= 128: head, n = 2 + n - 128, int.from_bytes(data[at + 2:at + 2 + n - 128], 'big')
        items.append((data[at], data[at + head:at + head + n]))
        at += head + n
    return items
cms = open(sys.argv[1], 'rb').read()
crl = base64.b64decode(''.join(line for line in open(sys.argv[2]).read().split('\n') if '-' not in line))
oid, (_, wrapped) = parse(parse(cms)[0][1])
fields = parse(parse(wrapped)[0][1])
body = b''.join(tlv(*field) for field in fields[:-1]) + tlv(0xa1, crl) + tlv(*fields[-1])
open(sys.argv[3], 'wb').write(tlv(0x30, tlv(*oid) + tlv(0xa0, tlv(0x30, body))))
END
holds 'OpenSSL reads a message that brings a CRL' openssl cms -verify -inform DER -in "$T/with-crl" -CAfile "$T/ca/root.pem" -out /dev/null
check 'nobody asks for it' 0 smime verify --cms "$T/with-crl"
check 'a CRL that came with the message counts' 1 smime verify --cms --revocation soft "$T/with-crl"
says 'and revokes' 'CN=peer-ec.*was revoked'
check 'decrypt takes CRLs as well' 0 smime encrypt --sign -r bob@example.org -i "$T/mail" -o "$T/encrypted"
check 'and a revoked signer is not good' 1 smime decrypt --require-signature --crl "$T/alice.crl" --crl "$T/root.crl" -o "$T/never" "$T/encrypted"
check 'a file that is no CRL' 6 smime verify --crl "$T/mail" "$T/signed"
says 'is named' "$T/mail holds no CRL"
check 'a file that is not there' 7 smime verify --crl "$T/nosuch" "$T/signed"
check 'a mode that is none' 2 smime verify --revocation maybe "$T/signed"
done_testing
