#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# neomutt with docs/neomutt.rc on a terminal: mail is signed, encrypted and read, and certificates are taken out of it.
. "$(dirname "$0")/../lib/lib.sh"
PROGRAM=neomutt
. "$SOURCE/tests/lib/mutt.sh"
fixture people
agent_start
mutt_setup 'set smime_default_key="alice@example.org"'
mutt_cases
done_testing
