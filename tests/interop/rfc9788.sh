#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The example messages of RFC 9788, as far as they are there: FILE.eml is one that Alice of RFC 9216 has signed, *-rfc8551hp.eml has its header
# protected by wrapping, the others by hp="clear".
. "$(dirname "$0")/../lib/lib.sh"
V=$VECTORS/rfc9788
root=$VECTORS/rfc9216/3.1_rsa-certification-authority-root-certificate.crt.pem
[ -d "$V" ] && [ -e "$root" ] || skip_all "the examples of RFC 9788 and RFC 9216 are not in $VECTORS"

for message in "$V"/*.eml; do
	name=$(basename "$message" .eml)
	case $name in
	*-rfc8551hp) scheme=message/rfc822 ;;
	*) scheme=clear ;;
	esac
	check "M10: $name is verified" 0 smime verify --json --trust "$root" -i "$message" -o "$T/payload.$name"
	is "M10: $name has its header signed" "$(json "$T/out" "d['summary'], d['header_protection'], d['from_mismatch'], all(f['signed'] and not f['encrypted'] and not f['differs'] for f in d['header'])")" \
		"('signed', '$scheme', False, True)"
	is "M10: $name says so in its subject" "$(json "$T/out" "[f['value'] for f in d['header'] if f['name'] == 'Subject'][0]")" "$name"
	sed '0,/^Subject: .*/s//Subject: Another/' "$message" >"$T/changed"
	check "M10: $name with another subject outside" 0 smime verify --json --trust "$root" -i "$T/changed"
	is "M10: $name: it is told" "$(json "$T/out" "[(f['name'], f['outside'], f['value']) for f in d['header'] if f['differs']]")" "[('Subject', 'Another', '$name')]"
	sed '0,/^From: .*/s//From: mallory@smime.example/' "$message" >"$T/changed"
	check "M10: $name with another From outside" 1 smime verify --json --trust "$root" -i "$T/changed"
done
done_testing
