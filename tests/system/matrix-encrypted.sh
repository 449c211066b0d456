#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Encrypted messages in forms that others write or should not: what becomes of them here, and what other programs make of them.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/conformance/peers.sh"
fixture people
agent_start

points_of python3 "$SOURCE/tests/conformance/matrix_encrypted.py" "$T"
peers_start "$T/ca/root.pem"
printf 'What is in it.\n%.0s' {1..5} >"$T/content"
for message in "$T"/G-*; do
	note "peers of G ${message##*/G-}: $(peers_decrypt "$message" "$T/content")"
done
done_testing
