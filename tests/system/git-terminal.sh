#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Where smime-git has a PIN asked for: on the terminal where git is, though git has none of its streams there.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/git.sh"

command -v script >/dev/null || skip_all 'script (bsdutils) is not installed'
fixture people
agent_start
git_setup alice@example.org

# A command on a terminal of its own, which gives its name first: what the terminal shows goes to $T/shown.
on_terminal() { # COMMAND
	smime lock
	: >"$T/pinentry.d/log"
	SHELL=$BASH TERM=xterm script -qec "tty; $1" "$T/typescript" </dev/null >"$T/shown" 2>&1
}
terminal() { head -n 1 "$T/shown" | tr -d '\r'; }
asked_at() { sed -n "s/^ENV $1=//p" "$T/pinentry.d/log"; } # VARIABLE
commit='git commit -q -S --allow-empty -m text'

on_terminal "$commit"
like 'the test has a terminal' "$(terminal)" '^/dev/(pts/)?[a-z0-9]+$'
is 'the commit is made' "$(git_says %G?)" G
is 'the PIN is asked for on the terminal' "$(asked_at GPG_TTY)" "$(terminal)"
is 'of its kind' "$(asked_at TERM)" xterm
on_terminal "$commit; git rebase -q --root --force-rebase --gpg-sign --keep-empty"
is 'in a rebase too' "$(asked_at GPG_TTY)" "$(terminal)"
is 'once' "$(prompts)" 1
on_terminal "GPG_TTY=/dev/null $commit"
is 'or on another one that GPG_TTY names' "$(asked_at GPG_TTY)" /dev/null
on_terminal "GPG_TTY= $commit"
is 'but not on none' "$(asked_at GPG_TTY)" "$(terminal)"
on_terminal "set -m; $commit & wait \$!"
is 'not from the background, where keys are typed for something else' "$(asked_at GPG_TTY)" ''
on_terminal "setsid -w $commit"
is 'nor where the process has no terminal' "$(asked_at GPG_TTY)" ''
on_terminal "git verify-commit HEAD"
is 'verifying asks nowhere' "$(prompts)" 0
like 'and tells its verdict' "$(cat "$T/shown")" 'gpgsm: Good signature'
cd /
done_testing
