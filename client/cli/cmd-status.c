/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime status: the agent, its modules and its tokens.
 */
#include "cli.h"

static const char *const state_names[] = {
	[SMIME_TOKEN_STARTING] = "starting",
	[SMIME_TOKEN_READY] = "ready",
	[SMIME_TOKEN_FAILED] = "failed",
};
static const struct {
	const char *name, *text;
} pins[] = {
	[SMIME_PIN_OK] = { "ok", "" },
	[SMIME_PIN_LOW] = { "low", "" },
	[SMIME_PIN_FINAL] = { "final", "; ONE try of the PIN is left" },
	[SMIME_PIN_BLOCKED] = { "blocked", "; the PIN is BLOCKED, `smime pin unblock` sets a new one" },
	[SMIME_PIN_UNSET] = { "unset", "; no PIN is set yet" },
};

static const char *const reader_states[] = {
	[SMIME_READER_EMPTY] = "empty",
	[SMIME_READER_CARD] = "card",
	[SMIME_READER_MUTE] = "mute",
};
static const char *const reader_texts[] = {
	[SMIME_READER_EMPTY] = "no card",
	[SMIME_READER_CARD] = "a card",
	[SMIME_READER_MUTE] = "a card that does not answer; is it the right way round?",
};

static json_t *json_token(const struct smime_token *token) {
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:b, s:I, s:I, s:o, s:I, s:I}", "id", cli_json_text(token->id),
		"label", cli_json_text(token->label), "manufacturer", cli_json_text(token->manufacturer), "model",
		cli_json_text(token->model), "serial", cli_json_text(token->serial), "module", cli_json_text(token->module), "slot",
		cli_json_text(token->slot), "state", state_names[token->state], "pin", pins[token->pin].name, "unlocked", token->unlocked,
		"keys", (json_int_t)token->keys, "queued", (json_int_t)token->queued, "fault", cli_json_text(token->fault), "tries_lost",
		(json_int_t)token->tries_lost, "tries_left", (json_int_t)token->tries_left);
}

static json_t *json_module(const struct smime_module *module) {
	return json_pack("{s:o, s:I, s:o}", "path", cli_json_text(module->path), "tokens", (json_int_t)module->tokens, "fault",
		cli_json_text(module->fault));
}

static json_t *json_reader(const struct smime_reader *reader) {
	return json_pack("{s:o, s:s}", "name", cli_json_text(reader->name), "state", reader_states[reader->state]);
}

static json_t *json_prompt(const struct smime_prompt *prompt) {
	return json_pack("{s:o, s:o, s:o}", "token", cli_json_text(prompt->token_id), "label", cli_json_text(prompt->token_label), "text",
		cli_json_text(prompt->text));
}

static json_t *json_status(const struct smime_status *status) {
	json_t *readers = json_array(), *modules = json_array(), *tokens = json_array(), *line = json_array();

	for (size_t i = 0; i < status->reader_count; i++)
		cli_json_append(&readers, json_reader(&status->readers[i]));
	for (size_t i = 0; i < status->module_count; i++)
		cli_json_append(&modules, json_module(&status->modules[i]));
	for (size_t i = 0; i < status->token_count; i++)
		cli_json_append(&tokens, json_token(&status->tokens[i]));
	for (size_t i = 0; i < status->line_count; i++)
		cli_json_append(&line, json_prompt(&status->line[i]));
	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "agent_version",
		cli_json_text(status->agent_version), "socket", cli_json_text(status->socket), "pid", (json_int_t)status->pid, "clients",
		(json_int_t)status->clients, "prompts", (json_int_t)status->prompts, "reader_fault", cli_json_text(status->reader_fault),
		"readers", readers, "modules", modules, "tokens", tokens, "prompt_line", line, "audit_directory",
		cli_json_text(status->audit_directory), "audit_fault", cli_json_text(status->audit_fault), "rules_read",
		status->rules_read ? cli_json_time(status->rules_read) : json_null());
}

static void print_token(const struct cli *cli, const struct smime_token *token) {
	cli_print("token   %s (%s, serial number %s)", token->label, token->model, token->serial);
	if (token->state == SMIME_TOKEN_FAILED)
		cli_print("        failed: %s", token->fault);
	else
		cli_print("        %s, %s, %u key%s%s", state_names[token->state], token->unlocked ? "unlocked" : "locked", token->keys,
			token->keys == 1 ? "" : "s", pins[token->pin].text);
	if (token->tries_left > 0 && (token->tries_lost > 0 || token->pin == SMIME_PIN_LOW))
		cli_print("        a try of the PIN was lost: tries left at most %u", token->tries_left);
	if (token->queued > 0)
		cli_print("        %u operation%s waiting or under way", token->queued, token->queued == 1 ? "" : "s");
	if (cli->verbose) {
		cli_print("        manufacturer %s, id %s", token->manufacturer, token->id);
		cli_print("        in %s, through %s", token->slot, token->module);
	}
}

static void print_prompt(const struct smime_prompt *prompt, size_t place) {
	char where[32] = "shown";

	if (place > 0)
		(void)snprintf(where, sizeof(where), "%zu before it", place);
	cli_print("prompt  for token %s, %s", prompt->token_label, where);
	cli_print("        %s", prompt->text);
}

static int print_status(struct cli *cli, const struct smime_status *status) {
	cli_print("agent   smime-agent %s, process %u, on %s", status->agent_version, status->pid, status->socket);
	if (status->prompts > 0)
		cli_print("        %u prompt%s shown or waiting", status->prompts, status->prompts == 1 ? "" : "s");
	for (size_t i = 0; i < status->line_count; i++)
		print_prompt(&status->line[i], i);
	if (cli->verbose)
		cli_print("        %u client%s connected", status->clients, status->clients == 1 ? "" : "s");
	if (status->audit_fault)
		cli_print("log     %s", status->audit_fault);
	else if (cli->verbose && status->audit_directory)
		cli_print("log     %s", status->audit_directory);
	for (size_t i = 0; i < status->reader_count; i++)
		cli_print("reader  %s: %s", status->readers[i].name, reader_texts[status->readers[i].state]);
	if (*status->reader_fault)
		cli_print("readers %s", status->reader_fault);
	for (size_t i = 0; i < status->module_count; i++) {
		const struct smime_module *module = &status->modules[i];
		cli_print("module  %s: %u token%s", module->path, module->tokens, module->tokens == 1 ? "" : "s");
		if (*module->fault)
			cli_print("        %s", module->fault);
	}
	for (size_t i = 0; i < status->token_count; i++)
		print_token(cli, &status->tokens[i]);
	return cli_flush(cli);
}

static int run(struct cli *cli, void *args) {
	struct smime_status *status = NULL;
	int r = smime_status(cli->smime, &status);

	if (r < 0)
		return cli_failed(cli, r);
	int code = cli->json ? cli_json_print(cli, json_status(status)) : print_status(cli, status);
	(void)smime_status_free(status);
	return code;
}

const struct cli_command cmd_status = {
	.name = "status",
	.summary = "the agent, its modules and tokens, locked or not",
	.usage = "[-v] [--json]",
	.operand = CLI_OPERAND_NONE,
	.run = run,
};
