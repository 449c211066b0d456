#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# smime doctor on the units of systemd, under a real user manager.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/systemd.sh"
. "$SOURCE/tests/lib/findings.sh"

fixture people
answers "pin $DEMO_PIN"
configure
mkdir -p "$HOME/.config/smime-agent"
cp "$T/agent.yaml" "$HOME/.config/smime-agent/"

# Without a manager.
agent_start
examine
finds 'without a user manager there is nothing to mend' note units '(no user manager|no systemd here)'
examine env -u XDG_RUNTIME_DIR
finds 'no directory for the session' note units 'XDG_RUNTIME_DIR is not set'
mends 'is to be had from a session' units '/run/user/'
agent_stop

units_make
manager_start || { note "$(tail -n 3 "$T/manager.log")" && skip 'the units under a user manager' 'none can be started here' && done_testing; }
unset SMIME_AGENT_SOCK
socket=$XDG_RUNTIME_DIR/smime-agent/agent.sock
look() { examine inside "$@"; } # [COMMAND...]: where the manager is

mkdir "$T/aside"
mv "$T"/units/smime-agent.s* "$T/aside/"
user daemon-reload
look
finds 'no units' note units 'smime-agent\.socket is not installed'
mv "$T"/aside/* "$T/units/"
user daemon-reload
end_process "$(json <(smime status --json --no-autostart) 'd["pid"]')"

look env SMIME_AGENT_SOCK=/nonexistent/agent.sock
finds 'units that are not enabled' note units 'smime-agent\.socket is not enabled'
mends 'can be' units 'systemctl --user enable --now smime-agent\.socket'
run user enable smime-agent.socket
look env SMIME_AGENT_SOCK=/nonexistent/agent.sock
finds 'enabled, and not started' warning units 'smime-agent\.socket is enabled, and inactive'
run user start smime-agent.socket
look
finds 'all well' good units 'smime-agent\.socket is active$'
lacks 'nothing of the units is wrong' '^(warning|fault) units '
is 'the agent that answered is that of the service' "$(json <(smime status --json) 'd["pid"]')" "$(service_pid)"
run user disable smime-agent.socket
look
finds 'active but not enabled' good units 'not enabled: not after the next login'
run user enable smime-agent.socket

# A second agent, started by hand.
SMIME_AGENT_SOCK=$T/other.sock
export SMIME_AGENT_SOCK
agent_start
look
finds 'a second agent' warning units "process $agent_pid on $T/other\.sock\) is not that of smime-agent\.socket"
mends 'is to be ended' units 'SMIME_AGENT_SOCK'
agent_stop
unset SMIME_AGENT_SOCK

# A service that fails.
printf 'modulse: []\n' >"$HOME/.config/smime-agent/agent.yaml"
run user stop smime-agent.service
run user start smime-agent.service
holds 'the service has failed' await eval '[ "$(of_service ActiveState)" = failed ]'
look env SMIME_AGENT_SOCK=/nonexistent/agent.sock
finds 'a service that failed' fault units 'smime-agent\.service has failed \(exit-code\)'
mends 'leads to its configuration' units 'smime-agent --check-config.*reset-failed'
run user mask smime-agent.socket
look env SMIME_AGENT_SOCK=/nonexistent/agent.sock
finds 'a masked one' note units 'masked'
cp "$T/agent.yaml" "$HOME/.config/smime-agent/"

# A manager that hangs.
stop_process "$(pgrep -P "$manager_pid" -x systemd)"
begin=$SECONDS
look env SMIME_AGENT_SOCK=/nonexistent/agent.sock
took=$((SECONDS - begin))
kill -CONT "$(pgrep -P "$manager_pid" -x systemd)"
finds 'a manager that hangs' warning units "the user's systemd does not answer"
holds "and does not hang the doctor ($took s)" [ "$took" -le 20 ]
manager_stop
done_testing
