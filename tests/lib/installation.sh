# SPDX-License-Identifier: LGPL-2.1-or-later
#
# An installation of its own for tests of set-ups, to be sourced after lib.sh: the programs in $bin, their files in $documents, and nothing
# of the build in PATH but the agent.

# What the machine and whoever runs the tests have set for git is no matter.
unset XDG_STATE_HOME GIT_DIR GIT_WORK_TREE GIT_CONFIG_GLOBAL GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS GIT_COMMITTER_EMAIL EMAIL
export GIT_CONFIG_NOSYSTEM=1
bin=$T/root/bin documents=$T/root/share/doc/smime-agent
mkdir -p "$bin" "$documents"
cp "$SMIME_BUILD"/client/{cli/smime,git/smime-git,mutt/smime-mutt} "$bin/"
cp "$SOURCE"/docs/{mutt,neomutt}.rc "$documents/"
PATH=$bin:$(tr : '\n' <<<"$PATH" | grep -v "^$SMIME_BUILD/client/" | paste -sd :)
smime() { "$bin/smime" "$@"; }
