/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading options with getopt_long, from the tables of the command and of what all commands share.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

enum { OPTIONS_MAX = 48, LONG_BASE = 256 };

#define COMMON(name, letter, kind, member, value, help) \
	{ name, letter, kind, offsetof(struct cli, member), value, help }
const struct cli_option options_common[] = {
	COMMON("input", 'i', CLI_TEXT, input, "FILE", "read FILE instead of standard input"),
	COMMON("output", 'o', CLI_TEXT, output, "FILE", "write FILE, whole or not at all, instead of standard output"),
	COMMON("socket", 0, CLI_TEXT, socket, "PATH", "the agent's socket"),
	COMMON("no-autostart", 0, CLI_FLAG, no_autostart, NULL, "do not start the agent when none answers"),
	COMMON("json", 0, CLI_FLAG, json, NULL, "JSON on standard output"),
	COMMON("quiet", 'q', CLI_FLAG, quiet, NULL, "failures only"),
	COMMON("verbose", 'v', CLI_FLAG, verbose, NULL, "more detail"),
	COMMON("help", 'h', CLI_FLAG, help, NULL, "this text"),
};
const size_t options_common_count = sizeof(options_common) / sizeof(options_common[0]);

/* One table for getopt: the command's options first, the common ones behind; a long option's value is its place in it. */
struct parser {
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 2];
	const struct cli_option *options[OPTIONS_MAX];
	size_t count;
};

static void add(struct parser *parser, const struct cli_option *options, size_t count) {
	size_t len = strlen(parser->shorts);

	for (size_t i = 0; i < count && parser->count < OPTIONS_MAX; i++) {
		int has_value = options[i].kind == CLI_FLAG ? no_argument : required_argument;
		parser->longs[parser->count] = (struct option){ options[i].name, has_value, NULL, LONG_BASE + (int)parser->count };
		parser->options[parser->count++] = &options[i];
		if (options[i].letter)
			parser->shorts[len++] = options[i].letter;
		if (options[i].letter && has_value == required_argument)
			parser->shorts[len++] = ':';
	}
}

/* The place of what getopt found; parser->count when it is none of ours. */
static size_t place_of(const struct parser *parser, int c) {
	if (c >= LONG_BASE)
		return (size_t)(c - LONG_BASE);
	for (size_t i = 0; i < parser->count; i++)
		if (c != 0 && parser->options[i]->letter == c)
			return i;
	return parser->count;
}

static int append(struct cli_list *list, const char *value) {
	const char **items = reallocarray(list->items, list->count + 1, sizeof(*items));

	if (!items)
		return -SMIME_E_NO_MEMORY;
	list->items = items;
	list->items[list->count++] = value;
	return 0;
}

static int store(const struct cli_option *option, void *args, const char *value) {
	void *field = (char *)args + option->offset;

	if (option->kind == CLI_LIST)
		return append(field, value);
	if (option->kind == CLI_TEXT)
		*(const char **)field = value;
	else
		*(bool *)field = true;
	return 0;
}

static int refuse(struct cli *cli, int c, char **argv) {
	bool has_letter = optopt > 0 && optopt < LONG_BASE;

	if (c == ':' && has_letter)
		return cli_usage(cli, "the option -%c needs a value", optopt);
	if (c == ':')
		return cli_usage(cli, "the option %s needs a value", argv[optind - 1]);
	if (optopt >= LONG_BASE)
		return cli_usage(cli, "%s: this option takes no value", argv[optind - 1]);
	if (has_letter)
		return cli_usage(cli, "unknown option -%c", optopt);
	return cli_usage(cli, "unknown option %s", argv[optind - 1]);
}

static int check_common(struct cli *cli) {
	if (cli->input && cli->command->operand != CLI_OPERAND_INPUT)
		return cli_usage(cli, "smime %s reads no input", cli->command->name);
	return 0;
}

/* Mostly a variable of a script that is not set: what it was to name is not to be guessed. */
static int refuse_empty(struct cli *cli, const struct cli_option *option) {
	return cli_usage(cli, "the value of --%s is empty", option->name);
}

/* Finds it in the command's own list, so that it can be compared by pointer. */
static int take_verb(struct cli *cli, int argc, char **argv) {
	const char *const *verb = cli->command->verbs;

	if (!verb)
		return 0;
	if (optind == argc)
		return cli_usage(cli, "say what to do");
	while (*verb && strcmp(*verb, argv[optind]) != 0)
		verb++;
	if (!*verb)
		return cli_usage(cli, "there is no 'smime %s %s'", cli->command->name, argv[optind]);
	cli->verb = *verb;
	optind++;
	return 0;
}

static int take_operand(struct cli *cli, int argc, char **argv) {
	if (optind == argc)
		return 0;
	for (int i = optind; i < argc; i++)
		if (!*argv[i])
			return cli_usage(cli, "an argument is empty");
	if (cli->command->operand == CLI_OPERAND_NONE)
		return cli_usage(cli, "unexpected argument '%s'", argv[optind]);
	if (cli->command->operand == CLI_OPERAND_FILES) {
		cli->files = (const char *const *)argv + optind;
		cli->file_count = (size_t)(argc - optind);
		return 0;
	}
	if (argc - optind > 1)
		return cli_usage(cli, "unexpected argument '%s'", argv[optind + 1]);
	if (cli->command->operand == CLI_OPERAND_TOKEN)
		cli->token = argv[optind];
	else if (cli->command->operand == CLI_OPERAND_WORD)
		cli->word = argv[optind];
	else if (cli->input)
		return cli_usage(cli, "the input is given twice: '%s' and '%s'", cli->input, argv[optind]);
	else
		cli->input = argv[optind];
	return 0;
}

int options_parse(struct cli *cli, int argc, char **argv, void *args) {
	struct parser parser = { .shorts = ":" };
	int c;

	add(&parser, cli->command->options, cli->command->option_count);
	add(&parser, options_common, options_common_count);
	opterr = 0;
	optind = 0; /* a new scan: there was one before in a test */
	while ((c = getopt_long(argc, argv, parser.shorts, parser.longs, NULL)) != -1) {
		size_t i = c == '?' || c == ':' ? parser.count : place_of(&parser, c);
		if (i >= parser.count)
			return refuse(cli, c, argv);
		if (parser.options[i]->kind != CLI_FLAG && !*optarg)
			return refuse_empty(cli, parser.options[i]);
		if (store(parser.options[i], i < cli->command->option_count ? args : (void *)cli, optarg) < 0)
			return cli_fail(cli, SMIME_E_NO_MEMORY, "out of memory");
	}
	c = check_common(cli);
	if (c == 0 && !cli->help)
		c = take_verb(cli, argc, argv);
	return c == 0 ? take_operand(cli, argc, argv) : c;
}

void options_clear(const struct cli_command *command, void *args) {
	for (size_t i = 0; args && i < command->option_count; i++)
		if (command->options[i].kind == CLI_LIST)
			free(((struct cli_list *)(void *)((char *)args + command->options[i].offset))->items);
}
