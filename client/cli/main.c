/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime: finds the command, reads its options into the structure that the command declared, and runs it.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cli.h"

enum { OPTIONS_MAX = 48, LETTER_BASE = 256 };

static const struct cli_command *const commands[] = {
	&cmd_status, &cmd_keys, &cmd_sign, &cmd_encrypt, &cmd_decrypt, &cmd_verify, &cmd_unlock, &cmd_lock,
};

struct common {
	const char *socket, *input, *output;
	bool json, quiet, verbose, no_autostart, help;
};

#define COMMON(name, letter, kind, member, value, text) { name, letter, kind, offsetof(struct common, member), value, text }
static const struct cli_option common_options[] = {
	COMMON("input", 'i', CLI_TEXT, input, "FILE", "read FILE instead of standard input"),
	COMMON("output", 'o', CLI_TEXT, output, "FILE", "write FILE, whole or not at all, instead of standard output"),
	COMMON("socket", 0, CLI_TEXT, socket, "PATH", "the agent's socket"),
	COMMON("no-autostart", 0, CLI_FLAG, no_autostart, NULL, "do not start the agent when none answers"),
	COMMON("json", 0, CLI_FLAG, json, NULL, "one JSON document on standard output"),
	COMMON("quiet", 'q', CLI_FLAG, quiet, NULL, "failures only"),
	COMMON("verbose", 'v', CLI_FLAG, verbose, NULL, "more detail"),
	COMMON("help", 'h', CLI_FLAG, help, NULL, "this text"),
};
enum { COMMON_COUNT = sizeof(common_options) / sizeof(common_options[0]) };

/* ---- Help ---- */

static void print_options(const struct cli_option *options, size_t count) {
	for (size_t i = 0; i < count; i++) {
		char left[64];
		(void)snprintf(left, sizeof(left), "%s%c%s--%s%s%s", options[i].letter ? "-" : " ", options[i].letter ? options[i].letter : ' ',
			options[i].letter ? ", " : "  ", options[i].name, options[i].value ? " " : "", options[i].value ? options[i].value : "");
		(void)printf("  %-30s %s\n", left, options[i].help);
	}
}

static void print_command_help(const struct cli_command *command) {
	(void)printf("usage: smime %s %s\n\n%s\n", command->name, command->usage, command->summary);
	if (command->option_count > 0)
		(void)printf("\n");
	print_options(command->options, command->option_count);
	(void)printf("\n");
	print_options(common_options, COMMON_COUNT);
}

static void print_help(void) {
	(void)printf("usage: smime COMMAND [OPTIONS] [FILE]\n\nSigns, encrypts, decrypts and verifies mail with keys that stay in a token.\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		(void)printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	(void)printf("\nsmime help COMMAND tells about one of them.\n");
}

static const struct cli_command *find_command(const char *name) {
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int help(struct cli *cli, const char *name) {
	const struct cli_command *command = name ? find_command(name) : NULL;

	if (name && !command)
		return cli_usage(cli, "there is no command '%s'", name);
	if (command)
		print_command_help(command);
	else
		print_help();
	return cli_flush(cli);
}

/* ---- Options ---- */

static int store(const struct cli_option *option, void *args, const char *value) {
	void *field = (char *)args + option->offset;
	struct cli_list *list = field;
	const char **items;

	switch (option->kind) {
	case CLI_FLAG:
		*(bool *)field = true;
		return 0;
	case CLI_TEXT:
		*(const char **)field = value;
		return 0;
	case CLI_LIST:
		items = reallocarray(list->items, list->count + 1, sizeof(*items));
		if (!items)
			return -SMIME_E_NO_MEMORY;
		list->items = items;
		list->items[list->count++] = value;
		return 0;
	}
	return 0;
}

/* One table for getopt: the command's options first, the common ones behind; a long option's value is its place in it. */
struct parser {
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 2];
	const struct cli_option *options[OPTIONS_MAX];
	size_t count;
};

static void parser_add(struct parser *parser, const struct cli_option *options, size_t count) {
	size_t len = strlen(parser->shorts);

	for (size_t i = 0; i < count && parser->count < OPTIONS_MAX; i++) {
		int has_value = options[i].kind == CLI_FLAG ? no_argument : required_argument;
		parser->longs[parser->count] = (struct option){ options[i].name, has_value, NULL, LETTER_BASE + (int)parser->count };
		parser->options[parser->count++] = &options[i];
		if (options[i].letter)
			parser->shorts[len++] = options[i].letter;
		if (options[i].letter && has_value)
			parser->shorts[len++] = ':';
	}
}

static size_t parser_index(const struct parser *parser, int c) {
	if (c >= LETTER_BASE)
		return (size_t)(c - LETTER_BASE);
	for (size_t i = 0; i < parser->count; i++)
		if (parser->options[i]->letter == c)
			return i;
	return parser->count;
}

static int parse(struct cli *cli, int argc, char **argv, struct common *common, void *args) {
	struct parser parser = { .shorts = "" };
	int c;

	parser_add(&parser, cli->command->options, cli->command->option_count);
	parser_add(&parser, common_options, COMMON_COUNT);
	opterr = 0;
	while ((c = getopt_long(argc, argv, parser.shorts, parser.longs, NULL)) != -1) {
		size_t i = parser_index(&parser, c);
		if (i >= parser.count && optopt && optopt < LETTER_BASE)
			return cli_usage(cli, "unknown option -%c, or its value is missing", optopt);
		if (i >= parser.count)
			return cli_usage(cli, "unknown option '%s', or its value is missing", argv[optind - 1]);
		if (store(parser.options[i], i < cli->command->option_count ? args : (void *)common, optarg) < 0)
			return cli_fail(cli, SMIME_E_NO_MEMORY, "out of memory");
	}
	return 0;
}

static int take_operand(struct cli *cli, int argc, char **argv) {
	if (optind == argc)
		return 0;
	if (argc - optind > 1 || cli->command->operand == CLI_OPERAND_NONE)
		return cli_usage(cli, "unexpected argument '%s'", argv[argc - optind > 1 ? optind + 1 : optind]);
	if (cli->command->operand == CLI_OPERAND_TOKEN)
		cli->token = argv[optind];
	else if (cli->input)
		return cli_usage(cli, "the input is given twice: '%s' and '%s'", cli->input, argv[optind]);
	else
		cli->input = argv[optind];
	return 0;
}

static int make_context(struct cli *cli) {
	int r = smime_new(&cli->smime);

	if (r == 0 && cli->socket)
		r = smime_set_socket(cli->smime, cli->socket);
	if (r < 0)
		return cli_fail(cli, r, "%s", smime_strerror(r));
	smime_set_autostart(cli->smime, !cli->no_autostart);
	return 0;
}

static int run(struct cli *cli, int argc, char **argv) {
	struct common common = { 0 };
	void *args = calloc(1, cli->command->args_size + 1);
	int code = args ? parse(cli, argc, argv, &common, args) : cli_fail(cli, SMIME_E_NO_MEMORY, "out of memory");

	cli->socket = common.socket;
	cli->input = common.input;
	cli->output = common.output;
	cli->json = common.json;
	cli->quiet = common.quiet;
	cli->verbose = common.verbose;
	cli->no_autostart = common.no_autostart;
	if (code == 0 && common.help)
		code = help(cli, cli->command->name);
	else if (code == 0 && (code = take_operand(cli, argc, argv)) == 0 && (code = make_context(cli)) == 0)
		code = cli->command->run(cli, args);
	cli->smime = smime_free(cli->smime);
	free(args);
	return code;
}

int main(int argc, char **argv) {
	struct cli cli = { 0 };

	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		return cli_usage(&cli, "no command given");
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("smime %s\n", SMIME_VERSION);
		return cli_flush(&cli);
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(&cli, argc > 2 ? argv[2] : NULL);
	cli.command = find_command(argv[1]);
	if (!cli.command)
		return cli_usage(&cli, "there is no command '%s'", argv[1]);
	return run(&cli, argc - 1, argv + 1);
}
