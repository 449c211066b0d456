#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Heads of the audit log in the journal: a log whose end was cut off with all that could tell of it is still found out. A journald of
# the test's own, in a mount namespace, so that the machine's journal is left alone.
journald=/lib/systemd/systemd-journald
[ -x "$journald" ] || journald=/usr/lib/systemd/systemd-journald
if [ -z "${AUDIT_JOURNAL_INSIDE:-}" ] && [ -x "$journald" ] && unshare --mount --propagation private mount -t tmpfs tmpfs /run 2>/dev/null; then
	AUDIT_JOURNAL_INSIDE=1 exec unshare --mount --propagation private bash "$0" "$@"
fi
. "$(dirname "$0")/../lib/lib.sh"
[ -n "${AUDIT_JOURNAL_INSIDE:-}" ] || skip_all 'no journald, or nobody may give it a /run of its own here'
command -v journalctl >/dev/null || skip_all 'no journalctl'
mount -t tmpfs tmpfs /run && (umask 022 && mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log/journal) || bail 'mount'
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nForwardToWall=no\n' >/run/systemd/journald.conf.d/test.conf
"$journald" >"$T/journald" 2>&1 3>&- &
started+=("$!")
await test -S /run/systemd/journal/socket || skip_all "journald does not start here: $(tail -n 1 "$T/journald")"

fixture people
audit=$HOME/.local/state/smime-agent/audit log=$HOME/.local/state/smime-agent/audit/audit.jsonl
mail alice@example.org bob@example.org >"$T/mail"
sign() { smime sign -i "$T/mail" -o "$T/signed"; }
told_of() { journalctl -q -o cat "SMIME_AUDIT_SEQ=$1" | grep -q "audit log $id: record $1, head"; } # NUMBER
verify() { smime audit verify --journal --key "$T/key" "$@"; }
configure 'audit: {}'
agent_start
check 'alice signs' 0 sign
mv "$audit/verification-key" "$T/key"
id=$(sed -n 's/^log=//p' "$audit/state")
holds 'the head is in the journal soon' await told_of 2
check 'a second time' 0 sign
agent_stop
last=$(($(wc -l <"$log") - 1))
holds 'so is that of the end' await told_of "$last"
check 'the log fits the journal' 0 verify --json
is 'it was compared' "$(json "$T/out" "d['findings'], d['faults']")" '([], 0)'

cp -Rp "$audit" "$T/copy"
back() { rm -rf "$audit" && cp -Rp "$T/copy" "$audit"; }
sed -i '$d' "$log"
rm "$audit/state"
check 'a log that was cut off, with the state' 0 smime audit verify --key "$T/key"
prints 'looks well without the journal, but for a note' 'state can.t be read: whether the end .* was not checked'
check 'not with it' 1 verify
prints 'which knows what is missing' "audit.jsonl:$last: record $last is missing behind this line: the journal knows of it"
back
rm -rf "$audit"
agent_start
check 'a log that was thrown away' 0 sign
agent_stop
check 'is another one' 1 smime audit verify --key "$T/key"
prints 'of which the key is not' "record 0 .*the key is another log's"
back
mv "$log" "$T/whole"
head -n 3 "$T/whole" >"$log"
python3 - "$log" <<'END'
import hashlib, json, sys
lines = open(sys.argv[1]).read().splitlines()
lines[2] = lines[2].replace('"ok"', '"no"')
open(sys.argv[1], 'w').write('\n'.join(lines) + '\n')
END
rm "$audit/state"
check 'a record that was changed, without the key' 1 smime audit verify --journal
prints 'has another hash in the journal, if it was a head' 'the journal (knows of|has another hash)'
back
mischief() { printf 'MESSAGE=mischief\nSMIME_AUDIT_LOG=%s\nSMIME_AUDIT_SEQ=99\nSMIME_AUDIT_HEAD=%064d\n' "$id" 0; }
mischief | setpriv --reuid 65534 --clear-groups logger --journald 2>"$T/err" || bail "nobody else writes to the journal: $(cat "$T/err")"
holds 'another user can write there' await eval 'journalctl -q -o cat SMIME_AUDIT_SEQ=99 | grep -q mischief'
check 'what somebody else writes to the journal counts for nothing' 0 verify
done_testing
