/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime lock, smime unlock: end a token's login, or begin one now.
 */
#include "cli.h"

static int tell(struct cli *cli, int r, const char *done) {
	if (r < 0)
		return cli_failed(cli, r);
	if (cli->json)
		return cli_json_done(cli, done);
	return 0;
}

static int run_lock(struct cli *cli, void *args) {
	return tell(cli, smime_lock(cli->smime, cli->token), "locked");
}

static int run_unlock(struct cli *cli, void *args) {
	return tell(cli, smime_unlock(cli->smime, cli->token), "unlocked");
}

const struct cli_command cmd_lock = {
	.name = "lock",
	.summary = "forget the PIN and end the token's session; every token when none is named",
	.usage = "[TOKEN]",
	.operand = CLI_OPERAND_TOKEN,
	.run = run_lock,
};

const struct cli_command cmd_unlock = {
	.name = "unlock",
	.summary = "ask for the PIN now",
	.usage = "[TOKEN]",
	.operand = CLI_OPERAND_TOKEN,
	.run = run_unlock,
};
