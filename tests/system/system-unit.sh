#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The system's unit under a real systemd, here a user manager: its options but for the user, the PIN as a credential, and reload.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/systemd.sh"
fixture people
# Whose characters no number of an invocation has.
demo_pkcs11 demo --change-pin --new-pin SeekAndFindMe-4711 || bail 'the PIN can not be changed'
DEMO_PIN=SeekAndFindMe-4711
mail alice@example.org bob@example.org >"$T/mail"
units_make
export SMIME_AGENT_SOCK=$XDG_RUNTIME_DIR/system.sock
configure "$(printf 'prompts: no\npin: {credential: smime-agent.pin}\nrules:\n  - {operation: [sign, list], outcome: allow}\n  - {outcome: deny}')"
printf '%s\n' "$DEMO_PIN" >"$T/pin"
sed "s|^ListenStream=.*|ListenStream=$SMIME_AGENT_SOCK|" "$SOURCE/agent/systemd/smime-agent-system.socket" >"$T/units/smime-agent-system.socket"
# A user manager can give no other user and has no capabilities to take.
sed -e "s|^ExecStart=.*|ExecStart=\"$SMIME_BUILD/agent/core/smime-agent\" --foreground --config \"$T/agent.yaml\"|" -e '/^User=/d; /^CapabilityBoundingSet=/d' \
	-e "s|^LoadCredential=.*|&:$T/pin|" "$SMIME_BUILD/agent/systemd/smime-agent-system.service" >"$T/units/smime-agent-system.service"
printf '[Service]\nStandardError=append:%s\n' "$T/agent.log" >"$T/log.conf"
mkdir "$T/units/smime-agent-system.service.d" && mv "$T/log.conf" "$T/units/smime-agent-system.service.d/"
manager_start || { note "$(tail -n 3 "$T/manager.log")" && skip 'the unit under a user manager' 'none can be started here' && done_testing; }
check 'the socket' 0 user start smime-agent-system.socket
is 'is for everybody' "$(stat -c %a "$SMIME_AGENT_SOCK")" 666
check 'the first client signs, and nobody is asked for the PIN' 0 smime sign -i "$T/mail" -o "$T/signed"
environ=/proc/$(user show -P MainPID smime-agent-system.service)/environ
holds 'which is a credential' grep -zq '^CREDENTIALS_DIRECTORY=' "$environ"
fails 'and in no environment' grep -zq "$DEMO_PIN" "$environ"
check 'what no rule allows' 5 smime unlock
sed -i 's/\[sign, list\]/[sign, list, unlock]/' "$T/agent.yaml"
check 'reload' 0 user reload smime-agent-system.service
unlocks() { smime unlock; }
holds 'has the rules read again' await unlocks
manager_stop
done_testing
