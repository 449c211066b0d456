/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime status: the agent, its modules and its tokens.
 */
#include "cli.h"

static const char *const states[] = { "starting", "ready", "failed" };
static const char *const pins[] = { "ok", "low", "final", "blocked", "unset" };
static const char *const pin_texts[] = {
	"", "; a wrong PIN was entered before", "; ONE try is left", "; the PIN is BLOCKED", "; no PIN is set",
};

static json_t *json_token(const struct smime_token *token) {
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:b, s:i, s:i, s:o}", "id", cli_json_text(token->id), "label",
		cli_json_text(token->label), "manufacturer", cli_json_text(token->manufacturer), "model", cli_json_text(token->model), "serial",
		cli_json_text(token->serial), "module", cli_json_text(token->module), "state", states[token->state], "pin", pins[token->pin],
		"unlocked", token->unlocked, "keys", (int)token->keys, "queued", (int)token->queued, "fault", cli_json_text(token->fault));
}

static json_t *json_status(const struct smime_status *status) {
	json_t *modules = json_array(), *tokens = json_array();

	for (size_t i = 0; i < status->module_count; i++)
		(void)json_array_append_new(modules, json_pack("{s:o, s:i, s:o}", "path", cli_json_text(status->modules[i].path), "tokens",
			(int)status->modules[i].tokens, "fault", cli_json_text(status->modules[i].fault)));
	for (size_t i = 0; i < status->token_count; i++)
		(void)json_array_append_new(tokens, json_token(&status->tokens[i]));
	return json_pack("{s:s, s:o, s:i, s:i, s:i, s:o, s:o}", "agent_version", status->agent_version, "socket", cli_json_text(status->socket),
		"pid", (int)status->pid, "clients", (int)status->clients, "prompts", (int)status->prompts, "modules", modules, "tokens", tokens);
}

static void print_token(const struct smime_token *token) {
	cli_print("token \"%s\" (%s, serial number %s)\n", token->label, token->model, token->serial);
	if (token->state == SMIME_TOKEN_FAILED)
		cli_print("    failed: %s\n", token->fault);
	else
		cli_print("    %s, %s, %u keys%s\n", states[token->state], token->unlocked ? "unlocked" : "locked", token->keys, pin_texts[token->pin]);
}

static int run(struct cli *cli, void *args) {
	struct smime_status *status = NULL;
	int r = smime_status(cli->smime, &status);
	int code = 0;

	if (r < 0)
		return cli_failed(cli, r);
	if (cli->json) {
		code = cli_json_print(cli, json_status(status));
	} else {
		cli_print("smime-agent %s, process %u, on %s\n", status->agent_version, status->pid, status->socket);
		if (status->prompts > 0)
			cli_print("PIN prompts shown or waiting: %u\n", status->prompts);
		for (size_t i = 0; i < status->module_count; i++) {
			cli_print("module %s: %u token%s\n", status->modules[i].path, status->modules[i].tokens, status->modules[i].tokens == 1 ? "" : "s");
			if (*status->modules[i].fault)
				cli_print("    %s\n", status->modules[i].fault);
		}
		for (size_t i = 0; i < status->token_count; i++)
			print_token(&status->tokens[i]);
		code = cli_flush(cli);
	}
	(void)smime_status_free(status);
	return code;
}

const struct cli_command cmd_status = {
	.name = "status",
	.summary = "the agent, its modules and tokens, locked or not",
	.usage = "[--json]",
	.operand = CLI_OPERAND_NONE,
	.run = run,
};
