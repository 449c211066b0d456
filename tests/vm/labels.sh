#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Clients under profiles of AppArmor: known by their label, allowed and denied by it, and what becomes of it by exec and with a socket that is passed on.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/vm.sh"
[ "$(cat /sys/module/apparmor/parameters/enabled)" = Y ] || bail 'this kernel has no AppArmor'
fixture people
person lara
log=$(home lara)/pinentry.d/log
asked() { grep -c '^CONFIRM$' "$log"; }
sign() { by lara "${1:-smime}" "${alice[@]}"; } # PROGRAM

# Two programs with a profile each, and one whose profile only complains. What they run inherits it; nothing else is kept from them.
for name in mail web loose; do
	install -m 755 /usr/bin/smime "/usr/local/bin/vm-$name"
	flags=
	[ $name != loose ] || flags=' flags=(complain)'
	printf 'abi <abi/3.0>,\nprofile vm-%s /usr/local/bin/vm-%s%s {\n  file,\n  network,\n  unix,\n  signal,\n  capability,\n}\n' $name $name "$flags" >"$T/vm-$name"
	apparmor_parser -r "$T/vm-$name" || bail "the profile $name can not be loaded"
done

check 'her agent is started by its socket' 0 user_of lara enable --now smime-agent.socket
check 'without rules everybody of hers signs' 0 sign
check 'a confined program too' 0 sign vm-mail

# ---- Explaining ----

check 'what is known of a confined client' 0 by lara vm-mail policy explain sign -k alice@example.org
prints 'is its label, with its mode' 'label vm-mail \(enforce\), executable'
by lara vm-loose policy explain sign >"$T/out"
prints 'complaining is another one' 'label vm-loose \(complain\), executable'
check 'of one that nothing confines' 0 by lara smime policy explain sign
prints 'that it is unconfined' 'label unconfined, executable'
by lara aa-exec -p vm-web sleep 300 &
await pgrep -xu lara sleep >/dev/null
other=$(pgrep -xu lara sleep)
await grep -q vm-web "/proc/$other/attr/current"
check 'of another process' 0 by lara smime policy explain sign --pid "$other"
prints 'what it runs under' 'label vm-web \(enforce\), executable'
kill "$other" && wait 2>/dev/null

# ---- Allowed by a label, and denied by one ----

reload lara '{name: mail alone, operation: [sign], client: {label: "vm-mail (enforce)"}, outcome: allow}' '{name: nobody else, operation: [sign], outcome: deny}'
check 'who has the label signs' 0 sign vm-mail
check 'who has another one does not' 5 sign vm-web
check 'nor who has none' 5 sign
says 'by the rule that comes after' 'nobody else'
is 'the refusal has the label in the log' "$(last_of lara denied 'd["client"]["label"]')" unconfined
check 'explained for one' 0 by lara vm-mail policy explain sign -k alice@example.org
prints 'it is allowed' 'allow: rule "mail alone"'
check 'explained for the other' 0 by lara vm-web policy explain sign -k alice@example.org
prints 'it is denied' 'deny: rule "nobody else"'
sign vm-mail
is 'and the use has its label' "$(last_of lara intent 'd["client"]["label"]')" 'vm-mail (enforce)'

reload lara '{name: not the browser, operation: [sign], client: {label: "vm-web*"}, outcome: deny}'
check 'whom a rule denies by its label is denied' 5 sign vm-web
says 'by that rule' 'not the browser'
check 'others sign' 0 sign vm-mail
check 'who is not confined too' 0 sign

# ---- By exec ----

check 'a program that a confined one becomes keeps its label' 5 by lara aa-exec -p vm-web sh -c "exec smime ${alice[*]}"
says 'and is denied by it' 'not the browser'
check 'also one with a profile of its own' 5 by lara aa-exec -p vm-web sh -c "exec vm-mail ${alice[*]}"
run by lara aa-exec -p vm-web aa-exec -p vm-mail smime "${alice[@]}"
if [ "$code" != 0 ]; then pass 'it can put itself under no other profile'; else fail 'it can put itself under no other profile'; fi
run by lara aa-exec -p vm-web aa-exec -p unconfined smime "${alice[@]}"
if [ "$code" != 0 ]; then pass 'nor under none'; else fail 'nor under none'; fi
run by lara aa-exec -p vm-web sh -c 'echo changeprofile unconfined >/proc/self/attr/current'
if [ "$code" != 0 ]; then pass 'in whatever words'; else fail 'in whatever words'; fi
reload lara '{operation: [sign], client: {label: "vm-mail (enforce)"}, outcome: allow}' '{operation: [sign], outcome: deny}'
check 'who is not confined can put itself under any profile, as smime-policy(5) says' 0 by lara aa-exec -p vm-mail smime "${alice[@]}"
check 'who calls its program like a confined one gains nothing' 5 by lara sh -c "cp /usr/bin/smime ~/vm-mail && exec ~/vm-mail ${alice[*]}"

# ---- A socket that is passed on ----

# Somebody connects and hands the connection to another process, which asks, first while the first one runs, then when it has ended.
mkdir -p "$(home lara)/lib"
cp "$SOURCE"/tests/lib/wire.py "$(home lara)/lib/"
cat >"$(home lara)/lib/pass.py" <<'END'
import os, socket, subprocess, sys, time
sys.path.insert(0, os.path.dirname(sys.argv[0]))
from wire import *
agent = '%s/smime-agent/agent.sock' % os.environ['XDG_RUNTIME_DIR']
if sys.argv[1] == 'connect':
    connection, there = Connection(agent), socket.socket(fileno=0)
    socket.send_fds(there, [b'%d' % os.getpid()], [connection.socket.fileno()])
    there.recv(1)
elif sys.argv[1] == 'ask':
    key = dict((label, spki) for spki, label in keys(Connection(agent).greet()))['alice']
    there = socket.socket(fileno=0)
    pid, fds = socket.recv_fds(there, 20, 1)[:2]
    got = Connection.__new__(Connection)
    got.socket = socket.socket(fileno=fds[0])
    got.socket.settimeout(60)
    got.greet()
    def signed(number):
        return 'signed' if got.ask(sign(number, key, bytes(32)))[1] == R_SIGN else 'refused'
    before = signed(2)
    there.send(b'x')
    while os.path.exists('/proc/%d' % int(pid)):
        time.sleep(0.01)
    print(before, signed(3))
else:
    a, b = socket.socketpair()
    both = [subprocess.Popen(sys.argv[i].split() + ['python3', sys.argv[0], does], stdin=end)
            for i, does, end in ((1, 'connect', a), (2, 'ask', b))]
    a.close()
    b.close()
    for one in both:
        one.wait()
END
chown -R lara: "$(home lara)/lib"
passed() { by lara python3 lib/pass.py "$1" "$2" 2>&1; } # WHO-CONNECTS WHO-ASKS
is 'over the connection of a confined program one is that program, and nobody once it has ended' "$(passed 'aa-exec -p vm-mail' env)" 'signed refused'
is 'a confined program is over the connection of another one not what it is itself' "$(passed env 'aa-exec -p vm-mail')" 'refused refused'
reload lara '{operation: [sign], client: {label: "vm-web*"}, outcome: deny}'
is 'what is denied to who has connected is denied, also when nobody can tell any more who that was' "$(passed 'aa-exec -p vm-web' env)" 'refused refused'
is 'and who hands his connection to a confined program lends it what he may' "$(passed env 'aa-exec -p vm-web')" 'signed refused'

# ---- Consent ----

reload lara '{operation: [sign], outcome: ask, count: 3, within: 10min}'
person_answers lara "pin $DEMO_PIN"
check 'a person is asked about a confined client' 0 sign vm-mail
like 'and told its label' "$(grep '^SETDESC ' "$log")" 'It is labelled "vm-mail \(enforce\)"\.'
check 'a yes for three operations' 0 sign vm-mail
is 'is not asked for again' "$(asked)" 1
check 'but is for this label' 0 sign vm-web
is 'and no other' "$(asked)" 2
like 'which is told' "$(grep '^SETDESC ' "$log" | tail -n 1)" 'It is labelled "vm-web \(enforce\)"\.'

check 'the log is whole' 0 by lara smime audit verify
done_testing
