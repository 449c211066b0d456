#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a client sends, what it is called and what a rule says are in records of the audit log: none of it keeps a record out of the log.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
export PYTHONPATH=$SOURCE/tests/lib
log=$HOME/.local/state/smime-agent/audit/audit.jsonl
record() { # EXPRESSION: of the records d
	python3 -c 'import json, sys; d = [json.loads(l) for l in open(sys.argv[1])]; print(eval(sys.argv[2]))' "$log" "$1"
}
printf 'content\n' >"$T/content"
sign_as() { "${PROGRAM:-smime}" sign --cms --detached -k "$1@example.org" -i "$T/content" -o "$T/signature"; } # NAME

# A name of a hundred octets and more: where it is cut, a character is.
long="a$(printf 'ä%.0s' {1..80})"
configure "audit: {journal: no}
rules:
  - {name: \"$long\", operation: [sign], key: {address: bob@example.org}, outcome: deny, text: \"a$(printf 'ö%.0s' {1..300})\"}
  - {outcome: allow}"
agent_start

check 'alice signs' 0 sign_as alice
smime keys --json >"$T/keys.json"
alice=$(json "$T/keys.json" "next(k['fingerprint'] for k in d['keys'] if k['label'] == 'alice')")

# ---- Sizes ----

check 'what has another size than the protocol gives it breaks the protocol' 0 python3 - "$SMIME_AGENT_SOCK" "$alice" <<'END'
import sys
from wire import *
alice = bytes.fromhex(sys.argv[2])
info = sequence(oid(AES256_CBC), octets(bytes(16)))
for message in (
    sign(2, bytes(65000), bytes(32)),
    sign(2, bytes(31), bytes(32)),
    sign(2, alice, bytes(65)),
    sign(2, alice, b''),
    sign(2, alice, bytes(32), certificate=bytes(64000)),
    request(2, DECRYPT, sequence(octets(bytes(33)), oid(ENVELOPED), info, octets(b'\x30\x00'))),
    unlock_token(2, '74' * 31),
    lock_token(2, ''),
    request(2, PIN_CHANGE, sequence(explicit(0, octets(bytes(33))))),
    request(2, PIN_UNBLOCK, sequence(explicit(0, octets(bytes(33))))),
    intermediates(2, 0, '74' * 33),
    request(2, EXPLAIN, sequence(integer(0), explicit(0, octets(bytes(64000))), integer(0))),
):
    connection = Connection(sys.argv[1]).greet()
    connection.send(message)
    number, kind, body = connection.receive()
    assert (number, kind, error_code(body)) == (0, ERROR, 802), (message[:20], number, kind, body)
    assert connection.closed()
END
check 'and nothing is wrong with the log' 0 smime status
fails 'status has no line of it' grep -q '^log' "$T/out"
check 'alice signs on' 0 sign_as alice
is 'no record was lost' "$(record "[r for r in d if 'lost' in r]")" '[]'

# ---- Texts ----

mkdir "$T/"$'caf\xe9'
cp "$(command -v smime)" "$T/"$'caf\xe9/smime'
PROGRAM=$T/$'caf\xe9/smime' check 'a program whose path is no UTF-8 signs' 0 sign_as alice
like 'its record has what can be shown' "$(record "d[-2]['client']['executable']")" '/caf\?/smime$'
PROGRAM=$T/$'caf\xe9/smime' check 'or is denied' 5 sign_as bob
is 'which is a record' "$(record "d[-1]['kind'], d[-1]['client']['executable'][-11:]")" "('denied', '/caf?/smime')"
like 'and has the rule, as far as it goes' "$(record "d[-1]['rule']")" "^aä+\\?, .*agent.yaml:[0-9]+\$"
check 'the log verifies' 0 smime audit verify
done_testing
