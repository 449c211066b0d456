#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Signed messages, row by row of tests/conformance/rows.txt: each with messages that keep to it, and with some that do not.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
agent_start

points_of python3 "$SOURCE/tests/conformance/rows_structure.py" "$T"
points_of python3 "$SOURCE/tests/conformance/rows_attributes.py" "$T"

# ---- What is written ----

mail alice@example.org bob@example.org >"$T/mail"
for how in '' '--detached'; do
	check "C2: CMS is signed ${how:-with its content}" 0 smime sign --cms $how -k alice@example.org -i "$T/mail" -o "$T/message"
	openssl cms -cmsout -print -inform DER -in "$T/message" -out "$T/print"
	is 'C2: in version 1' "$(grep -m1 -A1 'd.signedData' "$T/print" | grep -oE 'version: [0-9]')" 'version: 1'
	is 'C3: the signer in version 1, by issuer and serial number' \
		"$(sed -n '/signerInfos/,$p' "$T/print" | grep -oE 'version: [0-9]|d\.(issuerAndSerialNumber|subjectKeyIdentifier)' | tr '\n' ' ')" \
		'version: 1 d.issuerAndSerialNumber '
done
done_testing
