# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Real git with smime-git, for scripts that have read lib.sh:
#
#   git_setup alice@example.org      # of this committer, in $T/repository, which becomes the working directory
#   git commit -S ..
#
# Nothing of the person's own configuration is read.

command -v git >/dev/null || skip_all 'git is not installed'

unset "${!GIT_@}"
export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_EDITOR=true GIT_PAGER=cat

git_setup() { # ADDRESS
	git config --global init.defaultBranch main
	git config --global user.name 'A. Committer'
	git config --global user.email "$1"
	git config --global gpg.format x509
	git config --global gpg.x509.program smime-git
	git config --global advice.detachedHead false
	git init -q "$T/repository" && cd "$T/repository" || bail 'git makes no repository'
}

# A commit of its own file; signed where the options or the configuration say so.
git_commit() { # NAME [OPTION...]
	local name=$1
	shift
	printf '%s\n' "$name" >"$name" && git add "$name" && git commit -q -m "the commit $name" "$@"
}

# What %G? and its like say of an object.
git_says() { git log -1 --format="$1" "${2:-HEAD}"; } # FORMAT [REVISION]

# The commit again with another text and the old signature: its name.
git_forge() { # REVISION SED-EXPRESSION
	git cat-file commit "$1" | sed "$2" | git hash-object -t commit -w --stdin
}

sha1_of() { openssl x509 -in "$T/$1.pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g'; } # NAME: as gpgsm has it
