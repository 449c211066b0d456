#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# From a fresh Debian 12 to a signed, encrypted, decrypted and verified mail: docs/quickstart.sh [--keep]
#
# Installs what is missing (apt), builds, makes a software token with the keys of Alice (RSA-2048) and Bob (P-256) and
# certificates of a demonstration CA, starts an agent and goes through the four operations, each step with its result. Cleans
# up afterwards; with --keep the agent and the token stay, and the environment to use them is printed.
# Touches nothing outside the build directory and a temporary one, but for the packages.

set -eu -o pipefail
umask 077

keep=no
case ${1:-} in
'') ;;
--keep) keep=yes ;;
*) printf 'usage: docs/quickstart.sh [--keep]\n' >&2 && exit 2 ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
source=$(dirname "$here")
. "$here/demo-token.sh"

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || step() { printf '\n%s\n' "$*"; }
show() { sed 's/^/    /' "$@"; }
die() { printf 'quickstart.sh: %s\n' "$*" >&2 && exit 1; }

# Shows a command as it would be typed, runs it, and shows what it says.
try() {
	printf '  $ %s\n' "$(printf '%q ' "$@" | sed "s|$DEMO/||g; s/ \$//")"
	"$@" 2>&1 | show
}

# ---- Packages, build ----

step 'Packages'
bash "$here/install-packages.sh" build demo
printf '    everything needed is installed\n'

step 'Build'
build=$source/build
[ -w "$source" ] && { [ ! -e "$build" ] || [ -w "$build" ]; } || build=${TMPDIR:-/tmp}/smime-agent-build-$(id -u)
if [ ! -e "$build/build.ninja" ]; then
	demo_quiet meson setup "$build" "$source" || die 'meson setup failed; its messages are above'
fi
targets=(agent/core/smime-agent agent/token/smime-token agent/reader/smime-reader client/cli/smime:executable)
demo_quiet meson compile -C "$build" "${targets[@]}" || die 'the build failed; its messages are above'
printf '    %s\n' "$build"
PATH=$build/client/cli:$build/agent/core:$PATH
export PATH

# ---- A place of its own ----

DEMO=$(mktemp -d "${TMPDIR:-/tmp}/smime-demo.XXXXXX")
export DEMO
# An agent of the person's own may be running: its configuration, log and records are not this one's.
export XDG_CONFIG_HOME=$DEMO/config XDG_STATE_HOME=$DEMO/state XDG_CACHE_HOME=$DEMO/cache
mkdir "$XDG_CONFIG_HOME" "$XDG_STATE_HOME" "$XDG_CACHE_HOME"
agent_pid=

finish() {
	[ -z "$agent_pid" ] || kill "$agent_pid" 2>/dev/null || :
	[ -z "$agent_pid" ] || wait "$agent_pid" 2>/dev/null || :
	rm -rf "$DEMO"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step 'A token with two keys, and certificates of a demonstration CA'
demo_tokens
demo_ca
demo_token demo
demo_key demo alice 01 rsa:2048
demo_certificate alice 'Alice Demo' alice@example.org
demo_store demo alice 01
demo_key demo bob 02 EC:prime256v1
demo_certificate bob 'Bob Demo' bob@example.org digitalSignature,keyAgreement
demo_store demo bob 02
printf '    SoftHSM token "demo": RSA-2048 for alice@example.org, P-256 for bob@example.org; both keys made on the token\n'

step 'The agent'
cd "$DEMO"
printf '%s' "$DEMO_PIN" >pin
cat >agent.yaml <<END
modules:
  - path: $DEMO_MODULE
    sessions: 2
certificates:                # intermediates, so that recipients can build the chain
  - path: $DEMO/ca/issuing.pem
trust: [$DEMO/ca/root.pem]
pin:
  file: $DEMO/pin            # people use pinentry; this demonstration asks nobody
END
export SMIME_AGENT_SOCK=$DEMO/agent.sock
smime-agent --foreground --socket "$SMIME_AGENT_SOCK" --config "$DEMO/agent.yaml" >agent.log 2>&1 </dev/null &
agent_pid=$!
answers() { smime status >/dev/null 2>&1; }
for _ in $(seq 1200); do
	! answers || break
	kill -0 "$agent_pid" 2>/dev/null || die "the agent did not start: $(cat agent.log)"
	sleep 0.05
done
answers || die 'the agent did not open its socket in a minute'
try smime status
try smime keys

# ---- Mail ----

step 'A mail from Alice to Bob: two languages, one attachment'
openssl rand -out minutes.bin 3000
{
	printf '%s\n' 'From: Alice <alice@example.org>' 'To: Bob <bob@example.org>' 'Subject: Minutes' 'Date: Tue, 24 Nov 2026 09:00:00 +0100' \
		'Message-ID: <minutes@example.org>' 'MIME-Version: 1.0' 'Content-Type: multipart/mixed; boundary="parts"' '' \
		'--parts' 'Content-Type: text/plain; charset=utf-8' 'Content-Transfer-Encoding: 8bit' '' \
		'Grüße aus Zürich – the minutes are attached.' '' \
		'--parts' 'Content-Type: application/octet-stream; name="minutes.bin"' 'Content-Transfer-Encoding: base64' \
		'Content-Disposition: attachment; filename="minutes.bin"' ''
	openssl base64 -in minutes.bin
	printf '%s\n' '--parts--'
} >mail.eml
show <(head -n 16 mail.eml)
printf '    ...\n'

step 'Sign as Alice: the key follows from the From address'
try smime sign -i mail.eml -o signed.eml
show <(grep -m 3 -A 2 -i '^content-type:' signed.eml | head -n 3)

step 'Verify, with smime and with OpenSSL'
try smime verify -i signed.eml
try openssl cms -verify -in signed.eml -CAfile ca/root.pem -out /dev/null

step 'Sign as Alice and encrypt for Bob; a copy stays readable for Alice'
try smime encrypt --sign -r bob@example.org -i mail.eml -o encrypted.eml
show <(sed '/^$/q' encrypted.eml)

step 'Decrypt with a key on the token, and verify what is inside'
try smime decrypt -i encrypted.eml -o decrypted.eml

step 'What came out is what went in: the attachment octet by octet, the text in its 7-bit form'
attachment() { sed -n '/filename="minutes.bin"/,/^--/p' "$1" | tr -d '\r' | grep -x '[A-Za-z0-9+/=]\+' | openssl base64 -d; }
attachment decrypted.eml >after.bin
cmp minutes.bin after.bin || die 'the attachment differs'
grep -q 'Gr=C3=BC=C3=9Fe aus Z=C3=BCrich' decrypted.eml || die 'the text differs'
show <(openssl dgst -sha256 -r minutes.bin after.bin)

step 'One changed octet is found'
sed 's/the minutes are/the minutes ane/' signed.eml >changed.eml
if smime verify -i changed.eml >report 2>&1; then die 'a changed mail was accepted'; fi
show report

if [ "$keep" = yes ]; then
	trap - EXIT INT TERM HUP
	disown "$agent_pid"
	step 'The agent and the token stay. To use them:'
	printf '    export PATH=%q:%q:"$PATH"\n' "$build/client/cli" "$build/agent/core"
	for name in SMIME_AGENT_SOCK SOFTHSM2_CONF XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME; do printf '    export %s=%q\n' "$name" "${!name}"; done
	printf '    cd %q\n' "$DEMO"
	# Until it has ended, it may write there.
	printf '  The PIN is %s. To end it:\n    kill %d && until rm -rf %q; do sleep 0.1; done\n' "$DEMO_PIN" "$agent_pid" "$DEMO"
else
	step 'Done; everything is removed again (docs/quickstart.sh --keep leaves it running)'
fi
