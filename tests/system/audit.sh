#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The audit log: what is in it, that each operation of the token is, and that every change of it is found, with its place.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
export FAULTY_CONTROL=$T/control PYTHONPATH=$SOURCE/tests/lib
audit=$HOME/.local/state/smime-agent/audit log=$HOME/.local/state/smime-agent/audit/audit.jsonl
oracle() { python3 "$SOURCE/tests/lib/audit.py" "$@"; }
record() { # EXPRESSION: of the records d, as JSON
	jq_like="import json, sys; d = [json.loads(l) for l in open(sys.argv[1])]; print(eval(sys.argv[2]))"
	python3 -c "$jq_like" "$log" "$1"
}
of_kind() { record "[r for r in d if r['kind'] == '$1'][${2:-0}]$3"; } # KIND INDEX MEMBER
module() { printf 'environment: [FAULTY_CONTROL]\nmodules:\n  - {path: "%s", sessions: 4}\n' "$SMIME_BUILD/tests/module/faulty-module.so"; }

# A PIN that no hash in the log has by chance.
demo_pkcs11 demo --change-pin --new-pin 'no-Hex:ghijk' || bail 'the PIN of the token can not be changed'
DEMO_PIN=no-Hex:ghijk

printf 'C_Sign count\nC_Decrypt count\n' >"$FAULTY_CONTROL"
mail alice@example.org bob@example.org >"$T/mail"
configure "$(module)
audit: {journal: no}"
agent_start

# ---- What is in it ----

check 'alice signs' 0 smime sign -i "$T/mail" -o "$T/signed"
check 'encrypts' 0 smime encrypt -r alice@example.org -i "$T/mail" -o "$T/encrypted"
check 'decrypts' 0 smime decrypt -i "$T/encrypted" -o "$T/out.mail"
check 'and unlocks' 0 smime unlock
smime keys --json >"$T/keys.json"
alice=$(json "$T/keys.json" "next(k['fingerprint'] for k in d['keys'] if k['label'] == 'alice')")
is 'the log is for this user alone' "$(stat -c %a "$audit" "$log" "$audit/state" "$audit/verification-key" | tr '\n' ' ')" '700 600 600 600 '
is 'the operations' "$(record "[r['operation'] for r in d if r['kind'] == 'intent']")" "['sign', 'decrypt', 'unlock']"
is 'each has its result' "$(record "[(r['intent'], r['outcome']['result']) for r in d if r['kind'] == 'result']")" "[(1, 'ok'), (3, 'ok'), (5, 'ok')]"
is 'the key' "$(of_kind intent 0 "['key']")" "$alice"
is 'the certificate' "$(of_kind intent 0 "['certificate']")" "$(openssl x509 -in "$T/alice.pem" -outform DER | sha256sum | cut -d' ' -f1)"
is 'the token' "$(of_kind intent 0 "['token']['label']")" demo
is 'who it was' "$(of_kind intent 0 "['client']['program']")" smime
is 'his user' "$(of_kind intent 0 "['client']['uid']")" "$(id -u)"
like 'his process' "$(of_kind intent 0 "['client']['pid']")" '^[0-9]+$'
is 'the address that he claims' "$(of_kind intent 0 "['from']")" alice@example.org
is 'the rule' "$(of_kind intent 0 "['rule']")" default
like 'the files that it stands in' "$(of_kind intent 0 "['policy']")" '^[0-9a-f]{64}$'
like 'what the process runs' "$(of_kind intent 0 "['client']['executable']")" '/smime$'
is 'the boot' "$(of_kind intent 0 "['boot']")" "$(cat /proc/sys/kernel/random/boot_id)"
like 'the time' "$(of_kind intent 0 "['time']")" "^$(date -u +%Y)-[0-9-]+T[0-9:.]+Z\$"
digest=$(openssl cms -verify -in "$T/signed" -noverify -out /dev/null -print 2>/dev/null; openssl smime -pk7out -in "$T/signed" |
	openssl asn1parse | grep -A3 messageDigest | sed -n 's/.*OCTET STRING.*DUMP\]:\(.*\)/\1/p' | tr 'A-F' 'a-f')
is 'the digest is the one that was signed' "$(of_kind intent 0 "['digest']['value']")" "$digest"
is 'the cipher' "$(of_kind intent 1 "['cipher']")" aes-256-cbc
like 'the recipient' "$(of_kind intent 1 "['recipient_info']")" '^[0-9a-f]{64}$'
fails 'no PIN is in it' grep -q "$DEMO_PIN" "$log"

# ---- What is refused, fails or is given up ----

check 'the agent refuses a key that it does not have' 0 python3 - "$SMIME_AGENT_SOCK" <<'END'
import sys
from wire import *
c = Connection(sys.argv[1]).greet()
assert error_code(c.ask(sign(2, b'\7' * 32, b'\1' * 32))[2]) == 410
END
is 'which is a record' "$(of_kind denied 0 "['outcome']['code'], d[-1]['key'][:4], d[-1]['client']['program']")" "(410, '0707', 'wire.py')"
printf 'C_Sign fails 30\nC_Decrypt count\n' >"$FAULTY_CONTROL"
check 'a token that fails' 4 smime sign -i "$T/mail" -o "$T/failed"
is 'is a result' "$(of_kind result -1 "['outcome']['code']")" 402
printf 'C_Sign count\nC_Sign slow 500\nC_Decrypt count\n' >"$FAULTY_CONTROL"
check 'a client that goes while the token works' 0 python3 - "$SMIME_AGENT_SOCK" "$alice" "$FAULTY_CONTROL.log" <<'END'
import sys, time
from wire import *
before = open(sys.argv[3]).read().count('C_Sign')
c = Connection(sys.argv[1]).greet()
c.send(sign(2, bytes.fromhex(sys.argv[2]), b'\1' * 32))
while open(sys.argv[3]).read().count('C_Sign') == before:
    time.sleep(0.01)
c.close()
END
results_are_there() { [ "$(oracle counts "$audit" | awk '{ print $1 - $2 }')" = 0 ]; }
holds 'its signature has a result all the same' await results_are_there
is 'which is that it was made' "$(of_kind result -1 "['outcome']['result']")" ok

# ---- Every operation of the token ----

printf 'C_Sign count\nC_Decrypt count\n' >"$FAULTY_CONTROL"
# With a disk that takes its time, so that operations meet at it however fast it is.
strace -f -qq -p "$agent_pid" -e trace=fdatasync -e inject=fdatasync:delay_enter=100000 -o "$T/strace" 2>/dev/null 3>&- &
tracer=$!
started+=("$tracer")
slow=no
! await_trace "$tracer" "$agent_pid" || slow=yes
burst=$(oracle burst "$SMIME_AGENT_SOCK" "$alice" 8 3)
is 'eight clients at a time get their signatures' "$burst" '384 384'
end_process "$tracer"
for i in 1 2 3; do check "decryption $i" 0 smime decrypt -i "$T/encrypted" -o "$T/out.mail"; done
agent_stop
operations=$(grep -cE '^C_(Sign|Decrypt)$' "$FAULTY_CONTROL.log")
read -r intents results good strange denied < <(oracle counts "$audit")
is 'what the module has counted has its good results, but for the unlock' "$good" $((operations + 1))
is 'and every intent has one' "$intents" "$results"
is 'no result is of no intent' "$strange" 0
read -r written syncs < <(of_kind end 0 "['records'], d[-1]['syncs']" | tr -d '(),')
is 'the end counts the records' "$written" "$(wc -l <"$log")"
if [ $slow = no ]; then skip 'operations at a time share a write to the disk' 'nobody may trace here'; elif [ "$syncs" -lt $((intents / 2)) ]; then pass 'operations at a time share a write to the disk'; else fail 'operations at a time share a write to the disk' "$syncs for $intents"; fi

# ---- Nothing was changed ----

points_of oracle check "$audit" "$audit/verification-key"
check 'the log verifies' 0 smime audit verify
prints 'with its key beside it, which is no good place' 'still lies beside the log.*is whole: [0-9]+ records, MACs checked, 0 unknown'
check 'one of its files by its name' 0 smime audit verify "$log"
prints 'has the key beside it, too' 'still lies beside the log.*MACs checked'
check 'and from within its directory' 0 env -C "$audit" smime audit verify audit.jsonl
prints 'likewise' 'still lies beside the log.*MACs checked'
mv "$audit/verification-key" "$T/key"
check 'without its key' 0 smime audit verify
prints 'the MACs are not checked, and it says so' 'MACs were not checked.*MACs not checked'
check 'with it from elsewhere' 0 smime audit verify --json --key "$T/key"
is 'they are' "$(json "$T/out" "d['macs_checked'], d['result'], d['faults'], d['findings']")" "(True, 'whole', 0, [])"
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$T/other"
check "another log's key" 1 smime audit verify --key "$T/other"
prints 'is found out' "audit.jsonl:1: record 0 .*the key is another log's"
told 'what is no key' 7 'no verification key' smime audit verify --key "$T/mail"
told 'a log that is not there' 7 'No such file' smime audit verify "$T/nothing"
check 'what is no log at all' 1 smime audit verify "$T/mail"
prints 'is not called whole' 'fault +[^ ].*/mail: there is no record in it.*not whole: 1 fault in 0 records'
check 'nor is what is empty' 1 smime audit verify /dev/null
check 'to show it' 0 smime audit show "$T/mail"
says 'is told to be nothing' "$(wc -l <"$T/mail") lines are not shown, being no records"
check 'a time for verify' 2 smime audit verify --since 2026-01-01
says 'is wrong usage' 'a log is verified whole'
check 'a key for show' 2 smime audit show --key "$T/key"

# ---- Something was ----

last=$(wc -l <"$log")
change() { # DESCRIPTION PLACE-AND-WORDS COMMAND...: with the key, then without
	local description=$1 expected=$2
	shift 2
	rm -rf "$T/copy" && cp -R "$audit" "$T/copy"
	(cd "$T/copy" && "$@") || bail "could not change it: $*"
	check "$description" 1 smime audit verify -q --key "$T/key" "$T/copy"
	prints "$description: its place" "$expected"
	check "$description, without the key" 1 smime audit verify -q "$T/copy"
	prints "$description, without the key: its place" "$expected"
}
change 'a record that was changed' 'audit.jsonl:6: record 5 was changed' sed -i '6s/unlock/decrypt/' audit.jsonl
change 'a time that was changed' 'audit.jsonl:3: record 2 was changed' sed -i '3s/"time":"2/"time":"3/' audit.jsonl
change 'a record that was dropped' 'audit.jsonl:5: record 4 is missing' sed -i 5d audit.jsonl
change 'several that were' 'audit.jsonl:5: records 4 to 7 are missing' sed -i 5,8d audit.jsonl
change 'two that were swapped' 'audit.jsonl:6: record 4 is here in the place of record 6' sed -i '5{h;d};6G' audit.jsonl
change 'one that was doubled' 'audit.jsonl:6: record 4 is here in the place of record 5' sed -i 5p audit.jsonl
change 'the first that was dropped' 'audit.jsonl:1: record 0 is missing' sed -i 1d audit.jsonl
change 'the end that was cut off' "audit.jsonl:$((last - 5)): records $((last - 5)) to $((last - 1)) are missing behind" sed -i "$((last - 4)),\$d" audit.jsonl
change 'the last that was changed' "audit.jsonl:$last: record $((last - 1)) was changed" sed -i "${last}s/\"end\"/\"eNd\"/" audit.jsonl
change 'an old one at the end' "audit.jsonl:$((last + 1)): record 8 is here in the place of record $last" sh -c 'sed -n 9p audit.jsonl >>audit.jsonl'
change 'a record that is no JSON any more' 'audit.jsonl:9: [0-9]+ octets that are no record' sed -i '9s/{//' audit.jsonl
change 'a line that was put in' 'audit.jsonl:10: [0-9]+ octets that are no record' sed -i '9a nothing' audit.jsonl
change 'all of it, with the state' 'there is no record in it' sh -c ': >audit.jsonl && rm state'
change 'everything but the state' 'records 0 to [0-9]+ are missing behind' sh -c ': >audit.jsonl'
change 'a member that is there twice' 'audit.jsonl:3: [0-9]+ octets that are no record' sed -i '3s/"kind":"result"/"kind":"intent","kind":"result"/' audit.jsonl
# Somebody who makes the chain of hashes anew from a record on, and the state with it, is found by whoever has the key.
forge() {
	python3 - <<'END'
import hashlib, json
lines = open('audit.jsonl').read().splitlines()
lines[5] = lines[5].replace('unlock', 'lock')
for i in range(6, len(lines)):
    lines[i] = lines[i].replace(json.loads(lines[i])['prev'], hashlib.sha256(lines[i - 1].encode()).hexdigest())
open('audit.jsonl', 'w').write('\n'.join(lines) + '\n')
state = open('state').read()
head = state.split('head=')[1][:64]
open('state', 'w').write(state.replace(head, hashlib.sha256(lines[-1].encode()).hexdigest()))
END
}
rm -rf "$T/copy" && cp -R "$audit" "$T/copy" && (cd "$T/copy" && forge)
check 'a chain that was made anew, without the key' 0 smime audit verify -q "$T/copy"
check 'with the key' 1 smime audit verify -q --key "$T/key" "$T/copy"
prints 'its place' 'audit.jsonl:6: record 5 was changed'
# Nor is it of use to set the state back to what was left, since keys can't be turned back.
set_back() { # RECORDS [KEY]: so many are left, none with a result to come, and a state that fits them
	python3 - "$1" "${2:-}" <<'END'
import hashlib, os, re, sys
count = int(sys.argv[1])
lines = open('audit.jsonl').read().splitlines()[:count]
open('audit.jsonl', 'w').write(''.join(line + '\n' for line in lines))
state = open('state').read().split('sum=')[0]
state = re.sub('seq=[0-9]+', 'seq=%020d' % count, state)
state = re.sub('head=[0-9a-f]+', 'head=' + (hashlib.sha256(lines[-1].encode()).hexdigest() if lines else '0' * 64), state)
if sys.argv[2] == 'made':
    state = re.sub('key=[0-9a-f]+', 'key=' + os.urandom(32).hex(), state)
open('state', 'w').write(state + 'sum=' + hashlib.sha256(state.encode()).hexdigest() + '\n')
END
}
for kept in 0 3 $((last - 1)); do
	for state in kept made; do
		rm -rf "$T/copy" && cp -R "$audit" "$T/copy" && (cd "$T/copy" && set_back $kept $state)
		check "cut off behind $kept records, with the state set back and its key $state: without the verification key" 0 smime audit verify -q "$T/copy"
		check 'with it' 1 smime audit verify -q --key "$T/key" "$T/copy"
		prints 'it is found out' "another key than that of record $kept:"
	done
done
# A state that is late, as a crash leaves it, is none that was set back.
for behind in 1 2; do
	rm -rf "$T/copy" && cp -R "$audit" "$T/copy" && (cd "$T/copy" && python3 - "$T/key" $((last - behind)) <<'END'
import hashlib, re, sys
key, count = bytes.fromhex(open(sys.argv[1]).read().strip()), int(sys.argv[2])
for _ in range(count):
    key = hashlib.sha256(b'smime-agent audit key\0' + key).digest()
lines = open('audit.jsonl').read().splitlines()
state = open('state').read().split('sum=')[0]
for name, value in ('seq', '%020d' % count), ('head', hashlib.sha256(lines[count - 1].encode()).hexdigest()), ('key', key.hex()):
    state = re.sub(name + '=[0-9a-f]+', name + '=' + value, state)
open('state', 'w').write(state + 'sum=' + hashlib.sha256(state.encode()).hexdigest() + '\n')
END
	)
	check "a state that is $behind records late" 0 smime audit verify -q --key "$T/key" "$T/copy"
done

# ---- What the agent makes of a log that was changed ----

sed -i "$((last - 1)),\$d" "$log"
agent_start
check 'it goes on behind records that are gone' 0 smime sign -i "$T/mail" -o "$T/signed"
agent_stop
check 'which shows for ever' 1 smime audit verify --key "$T/key"
prints 'at its place' "audit.jsonl:$((last - 1)): records $((last - 2)) to $((last - 1)) are missing before"
is 'and the agent has said it' "$(of_kind start 1 "['missing']")" "{'from': $((last - 2)), 'to': $((last - 1))}"

# ---- show ----

check 'show' 0 smime audit show
prints 'who did what with which key' "1  20[0-9T:-]+  intent    sign by smime \(process [0-9]+, user $(id -u)\), key ${alice:0:16}, token demo, as alice@example.org"
prints 'and what came of it' '2  20[0-9T:-]+  result    of 1: ok'
prints 'when an agent began to write' "0  20[0-9T:-]+  start     smime-agent [0-9.]+ \(process [0-9]+\), after nothing"
prints 'what it found missing then' "start     smime-agent [^;]*; missing: records $((last - 2)) to $((last - 1))"
prints 'and that it ended in order' 'end       [0-9]+ written, [0-9]+ waits for the disk'
is 'each in a line of its own' "$(wc -l <"$T/out")" "$(wc -l <"$log")"
check 'from a time on' 0 smime audit show --since 2100-01-01
is 'there is nothing' "$(cat "$T/out")" ''
{ sed 3q "$log" && printf 'nothing\n'; } >"$T/torn"
check 'with a line that is no record' 0 smime audit show "$T/torn"
is 'the records are shown' "$(wc -l <"$T/out")" 3
says 'and what is left out is told' '1 line is not shown, being no records'
check 'as JSON' 0 smime audit show --json
is 'all records, one a line' "$(python3 -c 'import json, sys; print(sum(json.loads(l)["seq"] >= 0 for l in sys.stdin))' <"$T/out")" "$(wc -l <"$log")"
done_testing
