#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Example messages of RFC 9788: some are here, others are read where they are. FILE.eml is one that Alice of RFC 9216 has signed;
# *-enc-* is encrypted to Bob as well, *-rfc8551hp has its header protected by wrapping, the others by `hp`.
. "$(dirname "$0")/../lib/lib.sh"
V=$VECTORS/rfc9216
root=$V/3.1_rsa-certification-authority-root-certificate.crt.pem
[ -e "$root" ] || skip_all "the examples of RFC 9216 are not in $VECTORS"

# Bob's key for decryption.
export DEMO=$T
cp "$V"/5.3_*.crt.pem "$T/bob.pem"
demo_tokens && demo_token bob && demo_import bob bob 01 "$V"/5.4_*.key.pem && demo_store bob bob 01 || bail "Bob's key could not be imported"
configure "$(printf 'trust: ["%s"]\ncertificates: []' "$root")"
agent_start

open() { # MAIL OUTPUT: as whoever got it
	case $name in
	*-enc-*) smime decrypt --json --require-signature -i "$1" -o "$2" ;;
	*) smime verify --json --trust "$root" -i "$1" -o "$2" ;;
	esac
}

for message in "$SOURCE/tests/interop/rfc9788"/*.eml "$VECTORS"/rfc9788/*.eml; do
	[ -e "$message" ] || continue
	name=$(basename "$message" .eml) summary=signed outside=$name secret='[]'
	case $name in
	*-enc-*) scheme=cipher summary=signed-and-encrypted outside='[...]' secret="['Subject', 'From', 'To', 'Date']" ;;
	*-rfc8551hp) scheme=message/rfc822 ;;
	*) scheme=clear ;;
	esac
	check "M10: $name is opened" 0 open "$message" "$T/payload.$name"
	is "M10: $name has its header protected" "$(json "$T/out" "d['summary'], d['header_protection'], d['from_mismatch']")" "('$summary', '$scheme', False)"
	is "M10: $name says so in its subject" "$(json "$T/out" "[(f['value'], f['outside'], f['signed']) for f in d['header'] if f['name'] == 'Subject']")" "[('$name', '$outside', True)]"
	is "M10: $name has all of it signed, and this encrypted" "$(json "$T/out" "all(f['signed'] for f in d['header']), [f['name'] for f in d['header'] if f['encrypted']]")" "(True, $secret)"
	sed '0,/^Subject: .*/s//Subject: Another/' "$message" >"$T/changed"
	check "M10: $name with another subject outside" 0 open "$T/changed" "$T/payload"
	is "M10: $name: it is told" "$(json "$T/out" "[(f['name'], f['outside'], f['value']) for f in d['header'] if f['differs'] and not (f['encrypted'] and f['name'] != 'Subject')]")" "[('Subject', 'Another', '$name')]"
	sed '0,/^From: .*/s//From: mallory@smime.example/' "$message" >"$T/changed"
	check "M10: $name with another From outside" 1 open "$T/changed" "$T/payload"
done
agent_stop
done_testing
