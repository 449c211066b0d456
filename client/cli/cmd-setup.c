/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime setup git|mutt|neomutt: shows what would change in a program's configuration, and changes it, or takes it back, when asked to.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "client/setup/setup.h"

struct args {
	const char *key;
	bool apply, undo, sign_all;
};

static const struct cli_option options[] = {
	{ "apply", 0, CLI_FLAG, offsetof(struct args, apply), NULL, "make the change" },
	{ "undo", 0, CLI_FLAG, offsetof(struct args, undo), NULL, "take back what --apply has changed" },
	{ "key", 'k', CLI_TEXT, offsetof(struct args, key), "KEY", "sign with this key; default: the one that can" },
	{ "sign-all", 0, CLI_FLAG, offsetof(struct args, sign_all), NULL, "git: sign every commit and every tag" },
};

static const char git[] = "git";
static const char *const verbs[] = { git, "mutt", "neomutt", NULL };

static int check(struct cli *cli, const struct args *args) {
	if (args->apply && args->undo)
		return cli_usage(cli, "--apply and --undo are the opposite of each other");
	if (args->undo && (args->key || args->sign_all))
		return cli_usage(cli, "--undo takes back what was made: neither -k nor --sign-all goes with it");
	if (args->sign_all && cli->verb != git)
		return cli_usage(cli, "--sign-all is for git");
	return 0;
}

static const char *outcome(const struct args *args, const struct setup_result *result) {
	if (!result->diff)
		return "nothing-to-do";
	if (args->undo)
		return "undone";
	return args->apply ? "changed" : "would-change";
}

static json_t *json_result(const struct cli *cli, const struct args *args, const struct setup_result *result) {
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:i, s:O}", "command", "setup", "program", cli->verb, "result",
		outcome(args, result), "file", cli_json_text(result->file), "diff", cli_json_text(result->diff), "backup",
		cli_json_text(result->backup), "exit_code", 0, "warnings", cli->warnings);
}

/* As it is, since a person may want to give it to patch(1), but for what a terminal would obey. */
static int print_diff(struct cli *cli, const char *diff) {
	for (const char *at = diff; *at;) {
		size_t len = strcspn(at, "\t\n");
		char *text = smime_printable(strndup(at, len));

		if (!text)
			return cli_fail(cli, SMIME_E_NO_MEMORY, "out of memory");
		(void)printf("%s%.1s", text, at + len);
		free(text);
		at += len + (at[len] ? 1 : 0);
	}
	return 0;
}

static void print_change(const struct cli *cli, const struct args *args, const struct setup_result *result) {
	if (!args->apply && !args->undo) {
		cli_print("`smime setup %s --apply` makes this change; nothing was changed yet", cli->verb);
		return;
	}
	cli_print("%s: %s", result->file, args->undo ? "the change was taken back" : "changed");
	if (result->backup)
		cli_print("as it was before: %s", result->backup);
	if (args->apply)
		cli_print("`smime setup %s --undo` takes it back; `smime doctor` looks whether %s can sign now", cli->verb, cli->verb);
	if (args->apply && cli->verb != git)
		cli_print("next: `smime-mutt keys` makes the keys known to %s", cli->verb);
}

static int print_result(struct cli *cli, const struct args *args, const struct setup_result *result) {
	if (!result->diff) {
		if (!cli->quiet)
			cli_print("%s: nothing to %s, %s", result->file, args->undo ? "take back" : "change",
				args->undo ? "smime setup has changed nothing in it" : "it is set up already");
		return cli_flush(cli);
	}
	int code = cli->quiet && (args->apply || args->undo) ? 0 : print_diff(cli, result->diff);
	if (code == 0 && !cli->quiet)
		print_change(cli, args, result);
	return code == 0 ? cli_flush(cli) : code;
}

static int run(struct cli *cli, void *data) {
	const struct args *args = data;
	const struct setup_options setup_options = { .program = cli->verb,
		.action = args->undo ? SETUP_UNDO :
			args->apply  ? SETUP_APPLY :
				       SETUP_SHOW,
		.key = args->key,
		.sign_all = args->sign_all };
	struct setup_result result = { 0 };
	int code = check(cli, args);

	if (code != 0)
		return code;
	int r = setup_run(cli->smime, &setup_options, &result);
	if (r < 0)
		code = cli_fail(cli, r, "%s", result.message ? result.message : smime_strerror(r));
	else
		code = cli->json ? cli_json_print(cli, json_result(cli, args, &result)) : print_result(cli, args, &result);
	setup_result_clear(&result);
	return code;
}

const struct cli_command cmd_setup = {
	.name = "setup",
	.summary = "set up git, mutt or neomutt: show the change, make it, take it back",
	.usage = "git|mutt|neomutt [--apply|--undo] [-k KEY] [--sign-all] [--json]",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.args_size = sizeof(struct args),
	.verbs = verbs,
	.operand = CLI_OPERAND_NONE,
	.run = run,
};
