#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Recipients of encrypted messages in every form, row by row of tests/conformance/rows.txt; and the forms that are written.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
agent_start

points_of python3 "$SOURCE/tests/conformance/rows_recipients.py" "$T"

# ---- What is written ----

mail alice@example.org bob@example.org >"$T/mail"
check 'C24: key transport and key agreement are written' 0 smime encrypt --cms --no-self -r alice@example.org -r bob@example.org -i "$T/mail" -o "$T/message"
openssl cms -cmsout -print -inform DER -in "$T/message" -out "$T/print"
is 'C25: by issuer and serial number, in versions 0 and 3, with an ephemeral key' \
	"$(grep -oE 'd\.(ktri|kari)|version: [0-9]|d\.(issuerAndSerialNumber|subjectKeyIdentifier|rKeyId|originatorKey)|ukm: <ABSENT>' "$T/print" | tr '\n' ' ')" \
	'version: 2 d.ktri version: 0 d.issuerAndSerialNumber d.kari version: 3 d.originatorKey ukm: <ABSENT> d.issuerAndSerialNumber '
done_testing
