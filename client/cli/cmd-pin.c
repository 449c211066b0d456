/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime pin change, smime pin unblock. The agent asks for every PIN; none passes through here.
 */
#include "cli.h"

static const char change[] = "change", unblock[] = "unblock";
static const char *const verbs[] = { change, unblock, NULL };

static int run(struct cli *cli, void *args) {
	int r = cli->verb == change ? smime_pin_change(cli->smime, cli->token) : smime_pin_unblock(cli->smime, cli->token);

	if (r < 0)
		return cli_failed(cli, r);
	return cli->json ? cli_json_done(cli, cli->verb == change ? "changed" : "unblocked") : 0;
}

const struct cli_command cmd_pin = {
	.name = "pin",
	.summary = "change the PIN, or set a new one with the PUK",
	.usage = "change|unblock [TOKEN]",
	.verbs = verbs,
	.operand = CLI_OPERAND_TOKEN,
	.run = run,
};
