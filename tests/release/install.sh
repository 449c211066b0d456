#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `meson install` lays down works where it is: programs that find each other, a library that a stranger's program links.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
mail alice@example.org bob@example.org >"$T/mail"
root=$T/root # the prefix is fixed when the build is set up
holds 'it is set up with a prefix of its own' meson setup "$T/build" "$SOURCE" --prefix "$root" -Dtests=disabled
holds 'it builds without the unit tests' meson compile -C "$T/build"
holds 'it installs' meson install -C "$T/build" --no-rebuild
for file in bin/smime bin/smime-git bin/smime-mutt share/doc/smime-agent/mutt.rc share/doc/smime-agent/neomutt.rc bin/smime-agent libexec/smime-agent/smime-token include/smime/smime.h include/smime/error.h \
	lib/systemd/user/smime-agent.socket lib/systemd/user/smime-agent.service lib/systemd/system/smime-agent-system.socket \
	lib/systemd/system/smime-agent-system.service lib/sysusers.d/smime-agent.conf lib/udev/rules.d/70-smime-agent.rules; do
	holds "$file is there" [ -f "$root/$file" ]
done
for file in man/man1/smime.1 man/man3/libsmime.3 man/man8/smime-token.8 bash-completion/completions/smime zsh/site-functions/_smime \
	fish/vendor_completions.d/smime-agent.fish doc/smime-agent/guide.md; do
	holds "share/$file is there" [ -f "$root/share/$file" ]
done
is 'nothing is installed outside the prefix' "$(meson introspect --installed "$T/build" | python3 -c '
import json, sys
print([path for path in json.load(sys.stdin).values() if not path.startswith(sys.argv[1] + "/")])' "$root")" '[]'
pc=$(find "$root" -name libsmime.pc)
holds 'libsmime.pc is there' [ -f "$pc" ]
for file in "$root"/bin/* "$root"/libexec/smime-agent/* "$(dirname "$(dirname "$pc")")/libsmime.so.0"; do
	fails "$(basename "$file") looks for no library in the build directory" grep -E 'R(UN)?PATH' <(readelf -d "$file")
done

# Only the installed programs from here on.
PATH=$root/bin:$(tr : '\n' <<<"$PATH" | grep -vF "$SMIME_BUILD" | paste -sd :)
LD_LIBRARY_PATH=$(dirname "$(dirname "$pc")") PKG_CONFIG_PATH=$(dirname "$pc")
export LD_LIBRARY_PATH PKG_CONFIG_PATH
is 'smime is the installed one' "$(command -v smime)" "$root/bin/smime"
agent_start
check 'a mail is signed' 0 smime sign -i "$T/mail" -o "$T/signed"
if [ "$(id -u)" = 0 ]; then
	# Beside the one that serves there may be one that looks for tokens, and ends when it has.
	token_programs() { for pid in $(pgrep -P "$(pgrep -d, -P "$agent_pid")" smime-token); do readlink "/proc/$pid/exe"; done | sort -u; }
	is 'by the installed smime-token' "$(token_programs)" "$root/libexec/smime-agent/smime-token"
else
	skip 'by the installed smime-token' 'only root may look at a process that nobody may look at'
fi

# The library.
is 'libsmime.pc has the version' "$(pkg-config --modversion libsmime)" "$(smime --version | cut -d' ' -f2)"
eval "flags=($(pkg-config --cflags --libs libsmime))"
holds 'the example builds with nothing but pkg-config' cc -Wall -Wextra -Werror -o "$T/example" "$SOURCE/docs/example.c" "${flags[@]}"
check 'it verifies' 0 sh -c '"$1" <"$2"' - "$T/example" "$T/signed"
prints 'and says who signed' '^CN=Alice,O=Demonstration: good'
sed 's/this is the text/this is a text/' "$T/signed" >"$T/changed"
check 'a changed mail' 1 sh -c '"$1" <"$2"' - "$T/example" "$T/changed"
prints 'is not good' ': not good'
holds 'the header is C++ too' clang++ -Wall -Wextra -Werror -fsyntax-only -I "$root/include" -x c++ - <<<'#include <smime/smime.h>'
agent_stop

mkdir -p "$HOME/.config/smime-agent"
cp "$T/agent.yaml" "$HOME/.config/smime-agent/"

# The units, as they were installed.
unit=$root/lib/systemd/user/smime-agent.service
check 'systemd-analyze verifies them' 0 systemd-analyze --user verify --man=no "$unit" "${unit%.service}.socket"
is 'and warns of nothing' "$(cat "$T/err" "$T/out")" ''
mv "$root/bin/smime-agent" "$root/bin/moved"
run systemd-analyze --user verify --man=no "$unit"
says 'as it does of a program that is not there' "$root/bin/smime-agent"
mv "$root/bin/moved" "$root/bin/smime-agent"
points_of python3 "$SOURCE/tests/lib/as-service.py" "$unit" "$T/service.sock" "$T"

# A client starts the agent itself, where it was installed.
unset SMIME_AGENT_SOCK
check 'a client starts the installed agent by itself, which knows its tokens from the first answer on' 0 smime unlock demo
check 'and signs' 0 smime sign -i "$T/mail" -o "$T/signed"
agent_pid=$(json <(smime status --json) 'd["pid"]')
started+=("$agent_pid")
is 'on the default socket' "$(json <(smime status --json) 'd["socket"]')" "$XDG_RUNTIME_DIR/smime-agent/agent.sock"
kill "$agent_pid"
if await ended "$agent_pid"; then pass 'it ends when asked'; else fail 'it ends when asked'; fi
agent_pid=
printf 'modulse: []\n' >"$HOME/.config/smime-agent/agent.yaml"
check 'an agent that does not start' 3 smime sign -i "$T/mail"
says 'is told with its reason' 'agent\.yaml:[0-9]+:[0-9]+.*modulse'
one_line 'in one line'
check 'which it does not with --no-autostart' 3 smime sign --no-autostart -i "$T/mail"
done_testing
