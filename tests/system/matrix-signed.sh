#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Detached signatures with one thing the matter each: what becomes of them here, and what other programs make of them.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/conformance/peers.sh"
fixture people
agent_start

points_of python3 "$SOURCE/tests/conformance/matrix_signed.py" "$T"
peers_start "$T/rows-root.pem"
for content in "$T"/V-*.content; do
	message=${content%.content}
	note "peers of V ${message##*/V-}: $(peers_verify "$message" "$content")"
done
done_testing
