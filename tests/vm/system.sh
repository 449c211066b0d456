#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The system's instance as smime-agent-system(7) has it set up: its user, its PIN as a credential, three users and services with rules, and what its unit takes from it.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/vm.sh"
fixture people
state=/var/lib/smime-agent service=smime-agent-system.service
for name in billing reports stranger; do useradd -m "$name" && printf 'content\n' >"/home/$name/content" && chown "$name:" "/home/$name/content"; done
groupadd invoicing && usermod -a -G invoicing billing
of_service() { systemctl show -P "$1" $service; } # PROPERTY
as() { by "$1" env SMIME_AGENT_SOCK=/run/smime-agent/agent.sock "${@:2}"; } # NAME COMMAND...
sign() { as "$1" smime sign --cms --detached -k "$2@example.org" -i content -o signature; } # NAME KEY
another() { local pid && pid=$(of_service MainPID) && [ "$pid" -gt 1 ] && [ "$pid" != "$1" ]; } # PID: than this one
field() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; } # PID NAME
in_unit() { systemd-run --quiet --wait --pipe --collect --uid="$1" -p "WorkingDirectory=/home/$1" -p Environment=SMIME_AGENT_SOCK=/run/smime-agent/agent.sock --unit="$2" "${@:3}"; } # NAME UNIT COMMAND...
configuration() { # RULE...
	{
		printf 'modules: [{path: "%s", sessions: 2}]\ncertificates: [{path: "/etc/smime-agent/issuing.pem"}]\npin: {credential: smime-agent.pin, idle: 24h, max: 24h}\nprompts: no\nrules:\n' "$DEMO_MODULE"
		printf '  - %s\n' "$@"
	} >/etc/smime-agent/system.yaml
	chmod 644 /etc/smime-agent/system.yaml
}

# ---- Setting it up ----

is 'the user is there' "$(id -un smime-agent) $(getent passwd smime-agent | cut -d: -f6)" "smime-agent $state"
mkdir -p /etc/smime-agent /etc/credstore "$state" && chmod 755 /etc/smime-agent && chmod 700 /etc/credstore
cp "$T/ca/issuing.pem" /etc/smime-agent/ && chmod 644 /etc/smime-agent/issuing.pem
softhsm_of "$state" smime-agent && chown smime-agent: "$state"
configuration '{name: invoices, operation: [sign, list], client: {uid: billing, unit: "invoices.service"}, key: {address: alice@example.org}, outcome: allow}' \
	'{name: reports, operation: [sign, list], client: {uid: reports}, key: {address: bob@example.org}, outcome: allow}' \
	'{name: operators, operation: [unlock], client: {gid: invoicing}, outcome: allow}' '{outcome: deny, text: see the administrator}'
check 'smime policy check likes the file' 0 smime policy check /etc/smime-agent/system.yaml
(umask 077 && printf '%s\n' "$DEMO_PIN" >/etc/credstore/smime-agent.pin)
check 'one command enables it' 0 systemctl enable --now smime-agent-system.socket
is 'the socket is for everybody, and its directory is root'\''s' "$(stat -c '%a %U' /run/smime-agent/agent.sock /run/smime-agent | tr '\n' ' ')" '666 root 755 root '
is 'nothing runs yet' "$(of_service ActiveState)" inactive

# ---- Three users, and units of the system ----

check 'the service that a rule names signs, without a prompt' 0 in_unit billing invoices /usr/bin/smime "${alice[@]}"
pid=$(of_service MainPID)
[ "$pid" -gt 1 ] || bail "there is no agent: $(journalctl -q -o cat -u $service | tail -n 3)"
is 'with the agent that systemd has started' "$(of_service ActiveState) $(of_service StatusText)" 'active Serving'
check 'the same user outside of it' 4 sign billing alice
check 'and in another unit' 4 in_unit billing other /usr/bin/smime "${alice[@]}"
check 'another user with her key' 0 sign reports bob
check 'and not with somebody else'\''s' 4 sign reports alice
check 'who is in no rule is not let in' 3 as stranger smime keys
check 'nor root' 3 env SMIME_AGENT_SOCK=/run/smime-agent/agent.sock smime keys
in_unit billing invoices /usr/bin/smime keys --json >"$T/out"
is 'of keys he sees those that he may list' "$(json "$T/out" '[k["label"] for k in d["keys"]]')" "['alice']"
runuser -u smime-agent -- env HOME=$state SMIME_AGENT_SOCK=/run/smime-agent/agent.sock smime status --json >"$T/out" 2>"$T/err"
is 'its own user sees all' "$(json "$T/out" 'd["pid"], len(d["tokens"])')" "($pid, 1)"

# ---- What the unit gives and takes ----

is 'it runs as its user, who is in no other group' "$(field "$pid" Uid) $(awk '/^Groups:/ { print NF - 1 }' "/proc/$pid/status")" "$(id -u smime-agent) 1"
for p in $pid $(descendants "$pid"); do
	name=$(cat "/proc/$p/comm")
	is "$name has no capability, nor can have one" "$(for set in CapInh CapPrm CapEff CapBnd CapAmb; do field "$p" $set; done | sort -u)" 0000000000000000
	is "$name gains no privileges, leaves no core file" "$(field "$p" NoNewPrivs) $(awk '/^Max core file size/ { print $5, $6 }' "/proc/$p/limits")" '1 0 0'
	is "$name leaves files to nobody else" "$(field "$p" Umask)" 0077
done
cgroup=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
is 'memory and processes have a limit' "$(cat "$cgroup/memory.max") $(cat "$cgroup/pids.max")" '1073741824 1024'
is 'its state is its own' "$(stat -c '%a %U' $state)" '700 smime-agent'
credentials=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^CREDENTIALS_DIRECTORY=//p')
like 'the PIN is a credential' "$credentials" "^/run/credentials/$service\$"
fails 'that others can not read' as billing cat "$credentials/smime-agent.pin"
fails 'and in no environment and no argument' grep -zq "$DEMO_PIN" "/proc/$pid/environ" "/proc/$pid/cmdline"
note "$(systemd-analyze security --no-pager $service 2>/dev/null | tail -n 1)"

# ---- Rules that are read again; ending, dying, hanging ----

sed -i 's/uid: reports/uid: stranger/' /etc/smime-agent/system.yaml
check 'systemctl reload' 0 systemctl reload $service
stranger_signs() { sign stranger bob 2>/dev/null; }
holds 'has the rules read again' await stranger_signs
check 'for everybody' 3 sign reports bob
printf 'rules: [{outcome: perhaps}]\n' >"$T/bad" && cp /etc/smime-agent/system.yaml "$T/good" && cat "$T/bad" >/etc/smime-agent/system.yaml
run systemctl reload $service
check 'a file that is not good changes nothing' 0 sign stranger bob
cat "$T/good" >/etc/smime-agent/system.yaml
is 'it was the same agent all the time' "$(of_service MainPID)" "$pid"
[ "$pid" -gt 1 ] && kill -9 "$pid"
holds 'a killed agent is started anew' await another "$pid"
holds 'and serves' await stranger_signs
pid=$(of_service MainPID)
check 'systemctl kill' 0 systemctl kill --kill-whom=main --signal=SEGV $service
holds 'is no end either' await another "$pid"
holds 'and serves again' await stranger_signs
pid=$(of_service MainPID)
[ "$pid" -gt 1 ] && kill -STOP "$pid"
LIMIT=1200 holds 'one that hangs is replaced' await another "$pid"
check 'systemctl restart' 0 systemctl restart $service
check 'systemctl stop' 0 systemctl stop $service
is 'is no failure' "$(of_service Result) $(of_service ActiveState)" 'success inactive'
is 'and leaves nothing' "$(pgrep -u smime-agent)" ''
check 'the socket starts it again' 0 sign stranger bob
printf 'modulse: []\n' >/etc/smime-agent/system.yaml
run systemctl restart $service
is 'what is refused once is not tried for ever' "$(of_service ActiveState) $(of_service ExecMainStatus)" 'failed 2'
cat "$T/good" >/etc/smime-agent/system.yaml

# ---- The PIN in a drop-in, and nowhere ----

systemctl reset-failed $service smime-agent-system.socket
rm /etc/credstore/smime-agent.pin
mkdir -p /etc/systemd/system/$service.d
printf '[Service]\nSetCredential=smime-agent.pin:%s\n' "$DEMO_PIN" >/etc/systemd/system/$service.d/pin.conf
systemctl daemon-reload
run systemctl restart smime-agent-system.socket $service
check 'with the PIN in a drop-in' 0 sign stranger bob
fails 'which is in no environment either' grep -zq "$DEMO_PIN" "/proc/$(of_service MainPID)/environ"
if systemd-creds has-tpm2 >/dev/null 2>&1 || systemd-creds setup >/dev/null 2>&1; then
	printf '%s' "$DEMO_PIN" | systemd-creds encrypt --with-key=host --name=smime-agent.pin -p - - 2>/dev/null | sed '1i[Service]' >/etc/systemd/system/$service.d/pin.conf
	systemctl daemon-reload
	run systemctl restart $service
	check 'with the PIN encrypted for this machine' 0 sign stranger bob
fi
rm -r /etc/systemd/system/$service.d
systemctl daemon-reload
run systemctl restart $service
check 'without one it does not start' 3 sign stranger bob
like 'and says why' "$(journalctl -q -o cat -u $service | tail -n 20)" 'smime-agent\.pin'
printf '%s\n' "$DEMO_PIN" | install -m 600 /dev/stdin /etc/credstore/smime-agent.pin
systemctl reset-failed $service smime-agent-system.socket
check 'with it' 0 systemctl restart smime-agent-system.socket
check 'it does' 0 sign stranger bob

# ---- The log ----

log=$state/audit
holds 'the log is there' [ -e "$log/audit.jsonl" ]
is 'with who asked, in which unit' "$(grep -h '"intent"' "$log"/audit*.jsonl | head -n 1 | python3 -c 'import json, sys; c = json.loads(sys.stdin.readline())["client"]; print(c["uid"], c["unit"], c["label"])')" "$(id -u billing) invoices.service unconfined"
last=$(tail -n 1 "$log/audit.jsonl" | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["seq"])')
in_journal() { journalctl -q -o cat "_SYSTEMD_UNIT=$service" "SMIME_AUDIT_SEQ=$last" | grep -q .; }
holds 'its heads are in the journal of the system' await in_journal
check 'against which root compares it' 0 smime audit verify --journal "$log"
systemctl stop smime-agent-system.socket $service
done_testing
