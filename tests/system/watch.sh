#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `smime watch` and other subscribers are told, in which form, and that a watcher harms nobody.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
mail alice@example.org bob@example.org >"$T/mail"
export FAULTY_CONTROL=$T/control PYTHONPATH=$SOURCE/tests/lib
printf '\n' >"$FAULTY_CONTROL"
configure "$(printf 'environment: [FAULTY_CONTROL]\nmodules: [{path: "%s"}]' "$SMIME_BUILD/tests/module/faulty-module.so")"
agent_start
check 'the token is there' 0 smime keys

watch_start() { # FILE OPTION...
	smime watch "${@:2}" >"$1" 2>"$1.err" </dev/null 3>&- &
	watcher=$!
	started+=("$watcher")
	await grep -q watching "$1"
}
events() { # FILE EVENT: how many there are
	grep -c "\"event\":\"$2\"" "$1"
}
seen() { [ "$(events "$1" "$2")" -ge "$3" ]; } # FILE EVENT COUNT
last() { # FILE EVENT EXPRESSION: over the last event of this name, e
	python3 -c 'import json, sys
e = [e for e in map(json.loads, open(sys.argv[1])) if e["event"] == sys.argv[2]][-1]; print(eval(sys.argv[3]))' "$@"
}

# A login, an operation and a lock, for programs and for people.
watch_start "$T/events" --json
programs=$watcher
watch_start "$T/lines"
people=$watcher
check 'alice signs' 0 smime sign -i "$T/mail" -o "$T/signed"
check 'lock' 0 smime lock
answers cancel
check 'a prompt that is cancelled' 4 smime unlock
holds 'everything is told' await seen "$T/events" 'done' 2
is 'in the order it happened' "$(python3 -c 'import json, sys
print(*(kind for line in open(sys.argv[1]) if (kind := json.loads(line)["event"]) != "slow"))' "$T/events")" \
	'watching prompt-shown prompt-closed unlocked done locked prompt-shown prompt-closed done'
smime status --json >"$T/status.json"
is 'an event names its token' "$(last "$T/events" unlocked 'e["token"], e["label"]')" "('$(json "$T/status.json" 'd["tokens"][0]["id"]')', 'demo')"
like 'a prompt says who asks for what' "$(last "$T/events" prompt-shown 'e["text"]')" '^smime \(process [0-9]+\) asks to unlock the token$'
is 'every event has the same fields' "$(python3 -c 'import json, sys
print(*sorted({" ".join(sorted(json.loads(line))) for line in open(sys.argv[1])}))' "$T/events")" 'code event label missed place text time token'
is 'an operation that failed says with what' "$(last "$T/events" 'done' 'e["code"]')" 432
like 'and why' "$(last "$T/events" 'done' 'e["text"]')" 'asks to unlock the token: .*cancelled'
like 'people read a line for each' "$(cat "$T/lines")" "UTC  unlocked      demo"$'\n'
holds 'as many as programs' await eval '[ "$(wc -l <"$T/lines")" = "$(wc -l <"$T/events")" ]'

# An operation that takes long while nobody is asked for anything.
answers "pin $DEMO_PIN"
slow=$(events "$T/events" slow)
if soon 500 check 'unlock' 0 smime unlock; then
	is 'what is quick is not called slow' "$(events "$T/events" slow)" "$slow"
else
	skip 'what is quick is not called slow' "the machine was too slow: $took ms went by"
fi
slow=$(events "$T/events" slow)
printf 'C_Sign slow 2500\n' >"$FAULTY_CONTROL" # longer by far than it takes to be slow (WORKER_SLOW_MS)
check 'a signature that takes a while' 0 smime sign -i "$T/mail" -o "$T/signed"
holds 'is told when it is done' await seen "$T/events" 'done' 4
is 'and was told to be slow, once' "$(events "$T/events" slow)" $((slow + 1))
like 'with what to do' "$(last "$T/events" slow 'e["text"]')" 'touch'
printf '\n' >"$FAULTY_CONTROL"
smime lock
answers "late 1.2 pin $DEMO_PIN"
if soon 1700 check 'a person that takes a while' 0 smime unlock; then
	is 'is waited for without the token being called slow' "$(events "$T/events" slow)" $((slow + 1))
else
	skip 'is waited for without the token being called slow' "the machine was too slow: $took ms went by"
fi

# The end.
kill -INT "$programs"
wait "$programs"
is 'interrupted, it ends with 0' $? 0
is 'without a word' "$(cat "$T/events.err")" ''
check 'with a reader that does not read' 0 python3 - <<'END'
import fcntl, os, signal, subprocess, sys, time
reading, writing = os.pipe()
os.write(writing, b'x' * fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ))
process = subprocess.Popen(['smime', 'watch'], stdout=writing)
def blocks():
    with open('/proc/%d/status' % process.pid) as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith('SigBlk')) >> signal.SIGTERM - 1 & 1
while not blocks():
    time.sleep(0.01)
time.sleep(0.5)  # it is at its first event
process.terminate()
try:
    sys.exit(process.wait(timeout=60))
except subprocess.TimeoutExpired:
    process.kill()
    sys.exit('it is not to be ended')
END
check 'where it can print nothing it ends with 7' 7 smime watch -o /dev/full
agent_stop
await ended "$people"
wait "$people"
is "the agent's end is that of who watches" $? 3
like 'in one line that says so' "$(cat "$T/lines.err")" '^smime watch: the agent has ended$'
check 'without an agent' 3 smime watch --json --no-autostart
is 'a failure is a document in one line as well' "$(wc -l <"$T/out") $(json "$T/out" 'd["error"]["exit_code"]')" '1 3'

# The protocol: a second subscription, ids, requests beside it, the limit of requests in flight, a watcher that does not read.
configure
agent_start
check 'unlock' 0 smime unlock
cat >"$T/subscribe.py" <<'END'
import select, sys
from wire import *
path, pid = sys.argv[1], int(sys.argv[2])
connection = Connection(path).greet()
def say(good, text, *details):
    print('%s %s' % ('pass' if good else 'fail', text), *([] if good else ['::'] + [repr(d) for d in details]), flush=True)
def event(body):
    fields = parts(parse(body)[1])
    return int.from_bytes(fields[0][1], 'big'), int.from_bytes(fields[-2][1], 'big')
def memory():
    with open('/proc/%d/status' % pid) as file:
        return next((int(line.split()[1]) for line in file if line.startswith('VmRSS')), 0)
number, kind, body = connection.ask(subscribe(7))
say((number, kind, event(body)[0]) == (7, R_EVENT, 0), 'the first answer says that events are watched', number, kind)
number, kind, body = connection.ask(subscribe(8))
say((number, kind) == (8, ERROR), 'a second subscription is refused', number, kind)
say(connection.ask(status(9))[:2] == (9, R_STATUS), 'other requests are answered beside it')
other = Connection(path).greet()
other.ask(subscribe(7))
say(other.ask(status(7))[:2] == (0, ERROR) and other.closed(), 'its id stays taken')
key = next(key for key, label in keys(connection) if label == 'alice')
connection.send_raw(b''.join(frame(sign(100 + i, key, bytes([i]) * 32)) for i in range(48)))
answers, events = set(), 0
while len(answers) < 48 or events < 48:
    number, kind, body = connection.receive()
    answers |= {number} if kind == R_SIGN else set()
    events += kind == R_EVENT and event(body)[0] == 12
say(True, 'three times as many requests as may be in flight are served beside it')
lazy, busy = Connection(path).greet(), Connection(path).greet()
lazy.ask(subscribe(7))
def load(count):
    for i in range(count // 16):
        busy.send_raw(b''.join(frame(request(100 + k, SIGN, sequence(octets(key), oid(SHA256), octets(b'd' * 31), boolean(False),
                                                                      explicit(1, utf8('f' * 500))))) for k in range(16)))
        for _ in range(16):
            busy.receive()
load(640)
before = memory()
load(1600)
after = memory()
if not sys.argv[3]:
    say(after - before < 512, 'a watcher that does not read costs no more than its limit', before, after)
told = missed = 0
emitted, limit = 2240, time.monotonic() + 30
while told + missed < emitted and time.monotonic() < limit:
    if select.select([lazy.socket], [], [], 0.3)[0]:
        kind, number = event(lazy.receive()[2])
        told += kind == 12
        missed += number if kind == 1 else 0
    else: # it has read all that there was: the count comes before the next event
        load(16)
        emitted += 16
say(told + missed == emitted and missed > 0, 'once it reads it is told how many events it has missed, and goes on', told, missed, emitted)
END
points_of python3 "$T/subscribe.py" "$SMIME_AGENT_SOCK" "$agent_pid" "${SMIME_SANITIZED:-}"
check 'and others are served' 0 smime sign -i "$T/mail" -o "$T/signed"
done_testing
