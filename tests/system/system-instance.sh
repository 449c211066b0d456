#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# One agent for several users of a machine: each gets what the rules give it, and sees and disturbs nothing of the others.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/uids.sh"
[ "$(id -u)" = 0 ] || skip_all 'only root can be several users'
fixture people
fixture wide
billing=64102 reports=64103 stranger=64104 operator=64105 interns=64106
uids_programs
printf 'content\n' >"$T/content" && chmod 644 "$T/content"
cp -r "$SOURCE/tests/lib" "$T/lib" && chmod -R a+rX "$T/lib"
export PYTHONPATH=$T/lib

for token in demo wide; do
	demo_key $token spare 70 EC:prime256v1 && demo_certificate spare "Spare of $token" spare@example.org && mv "$T/spare.pem" "$T/spare-$token.pem" &&
		demo_pkcs11 $token --delete-object --type privkey --id 70 && demo_pkcs11 $token --delete-object --type pubkey --id 70 &&
		demo_store $token spare-$token 70 || bail "no certificate without a key on $token"
done

# The PIN as systemd passes it.
export CREDENTIALS_DIRECTORY=$T/credentials
mkdir "$CREDENTIALS_DIRECTORY"
printf '%s\n' "$DEMO_PIN" >"$CREDENTIALS_DIRECTORY/smime-agent.pin"
chmod 400 "$CREDENTIALS_DIRECTORY/smime-agent.pin"
chown -R $AGENT_UID:$AGENT_UID "$CREDENTIALS_DIRECTORY"
system_yaml() { # RULE...
	configure "$(printf 'prompts: no\npin: {credential: smime-agent.pin}\nsocket: {max_clients: 16}\nrules:\n' && printf '  - %s\n' "$@")"
}
unit=smime-t-$$.service
system_yaml "{name: no interns, operation: [sign], client: {gid: $interns}, outcome: deny}" "{name: in a unit, operation: [sign, list], client: {uid: $operator, unit: $unit}, key: {address: alice@example.org}, outcome: allow}" \
	"{name: billing, operation: [sign, decrypt, list], client: {uid: $billing}, key: {address: alice@example.org}, outcome: allow}" \
	"{name: reports, operation: [sign, list], client: {uid: $reports}, key: {address: bob@example.org}, outcome: allow}" \
	"{name: reports are read by people, operation: [decrypt], client: {uid: $reports}, key: {address: bob@example.org}, outcome: ask}" \
	"{name: the agent's own user, operation: [unlock], client: {uid: $AGENT_UID}, outcome: allow}" "{name: operators, operation: [unlock], key: {token: demo}, client: {gid: $operator}, outcome: allow}" \
	'{outcome: deny, text: "ask the administrator"}'
check 'outside of the unit the configuration is good, though the credential is not there' 0 env -u CREDENTIALS_DIRECTORY smime policy check "$T/agent.yaml"
uids_own
told 'but no agent starts' 2 'LoadCredential=smime-agent.pin' env -u CREDENTIALS_DIRECTORY smime-agent --foreground --socket "$T/other.sock" --config "$T/agent.yaml"
mkdir "$T/no-credentials"
told 'nor where systemd has passed others only' 2 'no credential smime-agent.pin' timeout 20 env CREDENTIALS_DIRECTORY="$T/no-credentials" smime-agent --foreground --socket "$T/other.sock" --config "$T/agent.yaml"
uids_agent_start

sign_as() { as "$1" smime sign --cms --detached -k "$2@example.org" -i "$T/content" -o "$T/home-$1/signature"; } # UID NAME
addresses() { as "$1" smime keys --json | python3 -c 'import json, sys; print(*sorted(a for k in json.load(sys.stdin)["keys"] for c in k["certificates"] for a in c["addresses"]))'; }

# ---- Each its own ----

check 'a service signs with its key' 0 sign_as $billing alice
check 'another one with its own' 0 sign_as $reports bob
check 'not with that of the first, of which it knows nothing' 4 sign_as $billing bob
check 'nor the first with its' 4 sign_as $reports alice
cat >"$T/lib/raw.py" <<'PY'
# Requests that libsmime would not make: what comes back, or the code of the error.
import subprocess, sys
from hashlib import sha256
from wire import *
kinds = {R_CERTIFICATE: 'certificate', R_SIGN: 'signed', R_DONE: 'done', R_EVENT: 'event'}
def hash_of(*command):
    return sha256(subprocess.run(command, capture_output=True, check=True).stdout).digest()
what, argument = sys.argv[2:4]
message = {'certificate': lambda: request(2, CERTIFICATE, sequence(octets(hash_of('openssl', 'x509', '-in', argument, '-outform', 'DER')))),
           'sign': lambda: sign(2, hash_of('openssl', 'pkey', '-pubin', '-in', argument, '-outform', 'DER'), bytes(32)),
           'intermediates': lambda: intermediates(2, token=argument), 'unlock': lambda: unlock_token(2, argument), 'lock': lambda: lock_token(2, argument)}[what]()
_, kind, body = Connection(sys.argv[1]).greet().ask(message)
if kind == R_ANCHORS:
    print(*(word for word in ('demo', 'wide') if b'Spare of ' + word.encode() in body))
    sys.exit()
print(kinds[kind] if kind != ERROR else error_code(body))
PY
chmod 644 "$T/lib/raw.py" "$T"/*.pub "$T"/*.pem
raw() { as "$1" python3 "$T/lib/raw.py" "$SMIME_AGENT_SOCK" "$2" "$3"; } # UID REQUEST ARGUMENT
denied=$(sed -nE 's/.*SMIME_E_DENIED = ([0-9]+).*/\1/p' "$SOURCE/include/smime/error.h")
is 'a request by the hash of its key' "$(raw $billing sign "$T/alice.pub")" signed
is 'I9: by that of another one' "$(raw $billing sign "$T/bob.pub")" "$denied"
is 'I9: the other way around' "$(raw $reports sign "$T/alice.pub")" "$denied"
check 'I9: who is in no rule' 3 as $stranger smime status
check 'I9: can do nothing' 3 sign_as $stranger alice
is 'a service sees its key' "$(addresses $billing)" alice@example.org
is 'each sees its own' "$(addresses $reports)" bob@example.org
is 'an operator none' "$(addresses $operator)" ''
mail alice@example.org alice@example.org >"$T/mail" && chmod 644 "$T/mail"
check 'what is encrypted' 0 as $billing smime encrypt -r alice@example.org -i "$T/mail" -o "$T/home-$billing/encrypted"
check 'is decrypted by whose key it is' 0 as $billing smime decrypt -i "$T/home-$billing/encrypted" -o "$T/home-$billing/decrypted"
cp "$T/home-$billing/encrypted" "$T/encrypted" && chmod 644 "$T/encrypted"
fails 'and by nobody else' as $reports smime decrypt -i "$T/encrypted" -o "$T/home-$reports/decrypted"
check 'what is encrypted for bob' 0 as $reports smime encrypt -r bob@example.org -i "$T/mail" -o "$T/home-$reports/encrypted"
told 'what somebody would have to agree to is refused, since nobody is asked' 5 'consent, .*this agent asks nobody' as $reports smime decrypt -i "$T/home-$reports/encrypted" -o "$T/home-$reports/decrypted"

# ---- What others have and do ----

as_json() { as "$1" smime status --json >"$T/status.json" && json "$T/status.json" "$2"; }
is 'the status of a service: its token, with its key' "$(as_json $billing '[(t["label"], t["keys"]) for t in d["tokens"]]')" "[('demo', 1)]"
is 'neither modules nor readers, clients or prompts' "$(as_json $billing '(d["modules"], d["readers"], d["clients"], d["prompts"])')" '([], [], 0, 0)'
is 'an operator sees the token that he may lock' "$(as_json $operator '[(t["label"], t["keys"]) for t in d["tokens"]]')" "[('demo', 0)]"
is 'the own user sees all' "$(as_json $AGENT_UID 'sorted(t["label"] for t in d["tokens"]), len(d["modules"])')" "(['demo', 'wide'], 1)"
told 'nobody else watches' 5 "only the agent's own user may watch" as $billing timeout 20 smime watch
told 'nor asks about the rules' 5 "only the agent's own user" as $billing smime policy explain sign -k alice@example.org
told 'nor has them read again' 5 "only the agent's own user" as $billing smime policy reload
check 'the own user does' 0 as $AGENT_UID smime policy reload
refused() { as $AGENT_UID cat "$T/state/audit/audit.jsonl" | python3 -c 'import json, sys; print(*(r["operation"] for r in map(json.loads, sys.stdin) if r["kind"] == "denied" and r["client"]["uid"] == int(sys.argv[1])))' "$1"; } # UID
like 'all of it is in the log' "$(refused $billing)" 'watch policy-explain policy-reload$'
is 'its certificate' "$(raw $billing certificate "$T/alice.pem")" certificate
like "not that of another one's key" "$(raw $billing certificate "$T/bob.pem")" '^[0-9]+$'
is 'one of no key is for everybody' "$(raw $billing certificate "$T/ca/issuing.pem")" certificate

# ---- Locking ----

check 'a service locks nothing' 5 as $billing smime lock demo
like 'as the log has it' "$(refused $billing)" ' lock$'
check 'who may unlock a token may lock it' 0 as $operator smime lock demo
check 'and unlock it' 0 as $operator smime unlock demo
wide=$(as_json $AGENT_UID '[t["id"] for t in d["tokens"] if t["label"] == "wide"][0]')
is 'not another one' "$(raw $operator unlock "$wide")" "$denied"
is 'nor lock it' "$(raw $operator lock "$wide")" "$denied"
check 'nor every one' 5 as $operator smime lock
check 'after a lock a service goes on by itself' 0 sign_as $billing alice

token_id() { as_json $AGENT_UID "[t['id'] for t in d['tokens'] if t['label'] == '$1'][0]"; } # LABEL
check 'with both tokens unlocked' 0 as $AGENT_UID smime unlock wide
is 'what else is on its token a service is told' "$(raw $billing intermediates "$(token_id demo)")" demo
is 'of one that it can not see nothing' "$(raw $billing intermediates "$(token_id wide)")" ''
is 'but the own user is' "$(raw $AGENT_UID intermediates "$(token_id wide)")" wide

# ---- Groups ----

# Who has a group as a supplementary one can make it the first, or another one in its place.
grouped() { # UID GROUP,... COMMAND...
	setpriv --reuid "$1" --regid "$1" --groups "$2" env HOME="$T/home-$1" XDG_RUNTIME_DIR="$T/home-$1" TMPDIR="$T/home-$1" "${@:3}"
}
as $stranger true
check 'I9: who has the group of a rule that allows among others' 0 grouped $stranger 1,$operator,5 smime unlock demo
check 'I9: and who has not' 3 grouped $stranger 1,2,3 smime unlock demo
bills() { grouped $billing "$1" smime sign --cms --detached -k alice@example.org -i "$T/content" -o "$T/home-$billing/signature"; } # GROUP,...
check 'who has no group of a rule that denies' 0 bills 1,2,3
told 'I9: who has it among others' 5 '"no interns"' bills 1,$interns,5
many=$(seq -s, 70000 70300)
told 'I9: among very many' 5 '"no interns"' bills "$many,$interns"
check 'who has very many others' 0 bills "$many"
setpriv --reuid $AGENT_UID --regid $AGENT_UID --groups "1,$interns" sleep 600 3>&- &
grouped=$!
started+=("$grouped")
is_sleep() { [ "$(readlink "/proc/$grouped/exe")" = "$(realpath "$(command -v sleep)")" ]; }
holds 'a process with the group' await is_sleep
check 'can be asked about' 0 as $AGENT_UID smime policy explain sign --pid $grouped
prints 'by the same rule' 'deny: rule "no interns"'
prints 'its groups are told' "uid $AGENT_UID, gid $AGENT_UID, groups 1 $interns, unit"
kill $grouped

# ---- Shares ----

cat >"$T/lib/crowd.py" <<'PY'
import sys
from wire import *
held, greeted = [], 0
for _ in range(int(sys.argv[2])):
    held.append(c := Connection(sys.argv[1]))
    try:
        c.greet()
        greeted += 1
    except (OSError, EOFError):
        pass
print(greeted, flush=True)
sys.stdin.read()
PY
chmod 644 "$T/lib/crowd.py"
mkfifo "$T/crowd"
as $billing python3 "$T/lib/crowd.py" "$SMIME_AGENT_SOCK" 12 <"$T/crowd" >"$T/greeted" 3>&- &
crowd=$!
started+=("$crowd")
exec 8>"$T/crowd"
await [ -s "$T/greeted" ]
is 'one user has a quarter of the connections' "$(cat "$T/greeted")" 4
check 'others have theirs' 0 sign_as $reports bob
is 'the own user as many as are left' "$(as $AGENT_UID python3 "$T/lib/crowd.py" "$SMIME_AGENT_SOCK" 20 </dev/null)" 12
exec 8>&-
wait "$crowd"

# ---- The unit ----

in_unit() { # UNIT COMMAND...: in the cgroup that systemd would make for it
	local name=$1
	shift
	mkdir -p "$T/cgroup"
	unshare --mount sh -c 'mount -t cgroup2 cgroup2 "$1" && mkdir -p "$1/$2" && echo $$ >"$1/$2/cgroup.procs" || exit 77
		shift 2 && exec "$@"' - "$T/cgroup" "$name" "$@"
}
end_unit() { unshare --mount sh -c 'mount -t cgroup2 cgroup2 "$1" && rmdir "$1/$2"' - "$T/cgroup" "$1" 2>/dev/null; }
in_unit $unit true 2>/dev/null
unit_is_known() { [ "$(in_unit $unit sh -c "setpriv --reuid $AGENT_UID --regid $AGENT_UID --clear-groups env HOME='$T/home-$AGENT_UID' smime policy explain list" 2>/dev/null | grep -c "unit $unit")" = 1 ]; }
sign_in() { # UNIT
	in_unit "$1" setpriv --reuid $operator --regid $operator --clear-groups env HOME="$T/home-$operator" smime sign --cms --detached -k alice@example.org -i "$T/content" -o "$T/home-$operator/signature"
}
if unit_is_known; then
	check 'a user in the unit that its rule names' 0 sign_in $unit
	check 'in another unit' 4 sign_in "other-$unit"
	is 'in none' "$(raw $operator sign "$T/alice.pub")" "$denied"
else
	skip 'the unit of a client' 'this machine lets nobody make cgroups that sd-login reads'
fi
end_unit $unit
end_unit "other-$unit"
agent_stop

# ---- Turns ----

answers "until go pin $DEMO_PIN"
configure "$(printf 'modules: [{path: "%s"}]\nrules:\n  - {client: {uid: %s}, outcome: allow}\n  - {client: {uid: %s}, outcome: allow}' "$DEMO_MODULE" $billing $reports)"
uids_agent_start
cat >"$T/lib/turns.py" <<'PY'
# One user with 48 orders that wait for a PIN, then another one with a single order: how many of the 48 are done before it.
import os, sys
from hashlib import sha256
from wire import *
path, own, many, single, go = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
def connect(uid, name):
    os.seteuid(uid)
    c = Connection(path)
    os.seteuid(0)
    c.ask(request(1, HELLO, sequence(integer(1), utf8(name))))
    return c
watcher, status = connect(own, 'watcher'), connect(own, 'status')
watcher.ask(subscribe(2))
key = dict((label, spki) for spki, label in keys(status))['alice']
crowd = [connect(many, 'many') for _ in range(3)]
for c in crowd:
    for i in range(16):
        c.send(sign(2 + i, key, bytes(32)))
await_queued(status, 48)
last = connect(single, 'single')
last.send(sign(2, key, bytes(32)))
await_queued(status, 49)
open(go, 'w').close()
before = 0
while True:
    fields = parts(parse(watcher.receive()[2])[1])
    text = ' '.join(content.decode() for tag, content in fields if tag == 12)
    if fields[0][1] == b'\x0c' and 'single' in text:
        break
    before += fields[0][1] == b'\x0c'
print(before)
PY
before=$(python3 "$T/lib/turns.py" "$SMIME_AGENT_SOCK" $AGENT_UID $billing $reports "$T/pinentry.d/go")
if [ "${before:-48}" -le 2 ]; then pass 'who has one order does not wait for the 48 of somebody else'; else fail 'who has one order does not wait for the 48 of somebody else' "$before were done before"; fi
agent_stop

# ---- No PIN at all ----

configure "$(printf 'prompts: no\nrules:\n  - {client: {uid: %s}, outcome: allow}' $billing)"
check 'an agent that asks nobody needs no pinentry' 0 sh -c 'sed "s,program: .*,program: /nonexistent/pinentry," "$1" >"$2" && smime-agent --check-config --config "$2"' - "$T/agent.yaml" "$T/other.yaml"
uids_agent_start
told 'what takes a PIN is refused' 4 'needs a PIN, and this agent asks nobody' sign_as $billing alice
agent_stop
configure 'prompts: never'
told 'neither yes nor no' 2 "prompts: 'never' is neither yes nor no" smime-agent --check-config --config "$T/agent.yaml"
configure 'pin: {credential: ../pin}'
told 'a credential that is a path' 2 'no name of a credential' smime-agent --check-config --config "$T/agent.yaml"
configure 'pin: {credential: pin, file: /tmp/pin}'
told 'two places for a PIN' 2 'the PIN is in one of them' smime-agent --check-config --config "$T/agent.yaml"

# ---- What is installed, and the page's examples ----

mkdir "$T/units"
cp "$SOURCE/agent/systemd/smime-agent-system.socket" "$T/units/"
sed "s|^ExecStart=\"[^\"]*\"|ExecStart=\"$T/build/agent/core/smime-agent\"|" "$SMIME_BUILD/agent/systemd/smime-agent-system.service" >"$T/units/smime-agent-system.service"
check 'systemd-analyze verifies the units' 0 systemd-analyze verify --man=no "$T/units/smime-agent-system.socket" "$T/units/smime-agent-system.service"
is 'and warns of nothing about them' "$(cat "$T/err" "$T/out" | grep smime-agent)" ''
check 'systemd-sysusers knows the user' 0 systemd-sysusers --dry-run "$SOURCE/agent/systemd/smime-agent.sysusers"
awk '/^```/ { inside = !inside; if (inside) { n++ }; next } inside { print > (dir "/example" n ".yaml") }' dir="$T" "$SOURCE/docs/smime-agent-system.7.scd"
# The module of a page need not be installed for its rules to be good.
sed -i "s|path: .*|path: $DEMO_MODULE|" "$T"/example?.yaml
for example in "$T"/example?.yaml; do check "$(basename "$example") of smime-agent-system(7) is good" 0 env -u CREDENTIALS_DIRECTORY smime policy check "$example"; done
is 'which are two' "$(ls "$T"/example?.yaml | wc -l)" 2
done_testing
