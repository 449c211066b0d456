/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime policy: whether the rules are good, what they say of an operation, and that they are to be read again.
 */
#include <errno.h>
#include <stdlib.h>

#include "cli.h"

struct args {
	const char *key, *pid, *from;
};

static const struct cli_option options[] = {
	{ "key", 'k', CLI_TEXT, offsetof(struct args, key), "KEY", "explain: with which key" },
	{ "pid", 0, CLI_TEXT, offsetof(struct args, pid), "PID", "explain: asked by this process; default: this one" },
	{ "from", 0, CLI_TEXT, offsetof(struct args, from), "ADDR", "explain: the address that would be claimed" },
};

static const char check[] = "check", explain[] = "explain", reload[] = "reload";
static const char *const verbs[] = { check, explain, reload, NULL };
static const char *const outcomes[] = {
	[SMIME_POLICY_ALLOW] = "allow",
	[SMIME_POLICY_ASK] = "ask",
	[SMIME_POLICY_DENY] = "deny",
};

static int parse_pid(struct cli *cli, const char *text, unsigned *ret_pid) {
	char *end;
	long pid;

	errno = 0;
	pid = text ? strtol(text, &end, 10) : 0;
	if (text && (errno || *end || pid <= 0 || pid > INT32_MAX))
		return cli_usage(cli, "--pid: '%s' is no process id", text);
	*ret_pid = (unsigned)pid;
	return 0;
}

static json_t *json_explanation(const struct smime_explanation *of) {
	return json_pack("{s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:b}", "outcome", outcomes[of->outcome], "rule", cli_json_text(of->rule),
		"file", cli_json_text(*of->file ? of->file : NULL), "line", (json_int_t)of->line, "text",
		cli_json_text(*of->text ? of->text : NULL), "client", cli_json_text(of->client), "key",
		cli_json_text(*of->key ? of->key : NULL), "policy", cli_json_text(*of->policy ? of->policy : NULL), "fresh_pin",
		of->fresh_pin);
}

static int print_explanation(struct cli *cli, const struct smime_explanation *of) {
	if (*of->file)
		cli_print("%s: rule \"%s\", %s:%u", outcomes[of->outcome], of->rule, of->file, of->line);
	else
		cli_print("%s: no rule applies, so what holds without rules does", outcomes[of->outcome]);
	if (of->fresh_pin)
		cli_print("pin     typed for each operation");
	if (*of->text)
		cli_print("text    %s", of->text);
	cli_print("client  %s", of->client);
	if (*of->key)
		cli_print("key     %s", of->key);
	return cli_flush(cli);
}

static int run_explain(struct cli *cli, const struct args *args) {
	struct smime_explanation *explanation = NULL;
	unsigned pid = 0;
	int code, r;

	if (!cli->word)
		return cli_usage(cli, "say which operation: sign, decrypt, raw-sign, raw-decrypt, derive, unlock or list");
	code = parse_pid(cli, args->pid, &pid);
	if (code != 0)
		return code;
	r = smime_policy_explain(cli->smime, cli->word, args->key, args->from, pid, &explanation);
	if (r < 0)
		return cli_failed(cli, r);
	code = cli->json ? cli_json_print(cli, json_explanation(explanation)) : print_explanation(cli, explanation);
	(void)smime_explanation_free(explanation);
	return code;
}

static int run(struct cli *cli, void *data) {
	const struct args *args = data;
	int r;

	if (cli->verb == explain)
		return run_explain(cli, args);
	if (args->key || args->pid || args->from)
		return cli_usage(cli, "these options are for smime policy explain");
	if (cli->verb == reload && cli->word)
		return cli_usage(cli, "unexpected argument '%s'", cli->word);
	r = cli->verb == reload ? smime_policy_reload(cli->smime) : smime_policy_check(cli->smime, cli->word);
	if (r < 0)
		return cli_failed(cli, r);
	if (cli->json)
		return cli_json_done(cli, cli->verb == reload ? "reloaded" : "good");
	cli_note(cli, cli->verb == reload ? "the rules were read again" : "the configuration is good");
	return 0;
}

const struct cli_command cmd_policy = {
	.name = "policy",
	.summary = "check the rules, explain what they say, have them read again",
	.usage = "check [FILE] | explain OPERATION [-k KEY] [--from ADDR] [--pid PID] | reload",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.args_size = sizeof(struct args),
	.verbs = verbs,
	.operand = CLI_OPERAND_WORD,
	.run = run,
};
