/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is said to people: failures, notes and usage on standard error, plain results on standard output.
 *
 * What is formatted may come from a mail or a certificate: every text passes smime_printable() on its way to a terminal.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args) {
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		return NULL;
	return smime_printable(text);
}

static const char *command_name(const struct cli *cli) {
	return cli->command ? cli->command->name : NULL;
}

static void tell(const struct cli *cli, const char *text) {
	const char *name = command_name(cli);

	fprintf(stderr, "smime%s%s: %s\n", name ? " " : "", name ? name : "", text ? text : "out of memory");
}

/* With --json a failure is a document as well, unless the command has printed its own. */
static void tell_json(struct cli *cli, int code, const char *text) {
	if (cli->json && !cli->json_printed && cli->standard_output >= 0) {
		(void)fflush(stdout);
		(void)dup2(cli->standard_output, STDOUT_FILENO);
	}
	if (cli->json && !cli->json_printed)
		(void)cli_json_print(cli,
			json_pack("{s:o, s:{s:i, s:i, s:o}}", "command", cli_json_text(command_name(cli)), "error", "code", abs(code),
				"exit_code", smime_exit_code(code), "message", cli_json_text(text)));
}

int cli_fail(struct cli *cli, int code, const char *format, ...) {
	va_list args;

	va_start(args, format);
	char *text = format_text(format, args);
	va_end(args);
	cli_progress_end();
	cli->failed = true;
	tell(cli, text);
	tell_json(cli, code, text);
	free(text);
	return smime_exit_code(code);
}

/* What libsmime could be told with an option of this command. */
static const struct hint {
	const char *option, *text;
} hints[] = {
	[SMIME_WANTED_NOTHING] = { NULL, "" },
	[SMIME_WANTED_KEY] = { "key", " (-k KEY)" },
	[SMIME_WANTED_CMS] = { "cms", " (--cms is for what is none)" },
	[SMIME_WANTED_CONTENT] = { "detached-content", " (--detached-content FILE)" },
	[SMIME_WANTED_TRUST] = { "trust", " (--trust FILE)" },
	[SMIME_WANTED_CRL] = { "crl", " (--crl FILE)" },
	[SMIME_WANTED_PASSWORD] = { "password-file", " (--password-file FILE)" },
	[SMIME_WANTED_SHARED_KEY] = { "kek", " (--kek FILE)" },
	[SMIME_WANTED_CERTIFICATE] = { "recipient", " (-r FILE)" },
	[SMIME_WANTED_OUTER_LAYER] = { "one-layer", " (--one-layer writes what is inside as it is)" },
};

static const char *hint(const struct cli *cli) {
	const struct hint *of = &hints[smime_wanted(cli->smime)];

	for (size_t i = 0; of->option && i < cli->command->option_count; i++)
		if (strcmp(cli->command->options[i].name, of->option) == 0)
			return of->text;
	return "";
}

int cli_failed(struct cli *cli, int r) {
	const char *text = smime_message(cli->smime);

	return cli_fail(cli, r, "%s%s", *text ? text : smime_strerror(r), hint(cli));
}

int cli_usage(struct cli *cli, const char *format, ...) {
	va_list args;

	va_start(args, format);
	char *text = format_text(format, args);
	va_end(args);
	cli->failed = true;
	tell(cli, text);
	if (cli->command)
		fprintf(stderr, "usage: smime %s %s\n", cli->command->name, cli->command->usage);
	else
		fprintf(stderr, "usage: smime COMMAND [OPTIONS] [FILE]   (smime help lists the commands)\n");
	tell_json(cli, SMIME_E_USAGE, text);
	free(text);
	return smime_exit_code(SMIME_E_USAGE);
}

void cli_note(struct cli *cli, const char *format, ...) {
	va_list args;

	if (cli->quiet)
		return;
	va_start(args, format);
	char *text = format_text(format, args);
	va_end(args);
	cli_progress_clear();
	tell(cli, text);
	free(text);
}

void cli_warn(void *userdata, const char *text) {
	struct cli *cli = userdata;

	cli_note(cli, "%s", text);
	(void)json_array_append_new(cli->warnings, cli_json_text(text));
}

/* A line of a result is missing, for want of memory: cli_flush() tells. */
static bool incomplete;

void cli_vprint(FILE *out, const char *format, va_list args) {
	char *text = format_text(format, args);

	fprintf(out, "%s\n", text ? text : "out of memory");
	incomplete = incomplete || (!text && out == stdout);
	free(text);
}

void cli_print(const char *format, ...) {
	va_list args;

	va_start(args, format);
	cli_vprint(stdout, format, args);
	va_end(args);
}

int cli_flush(struct cli *cli) {
	if (incomplete)
		return cli_fail(cli, SMIME_E_NO_MEMORY, "out of memory");
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return cli_output_failed(cli);
}

int cli_output_failed(struct cli *cli) {
	return cli_fail(cli, SMIME_E_IO, "%s: %s", cli->standard_output >= 0 ? cli->output : "standard output", strerror(errno));
}

const char *cli_time(time_t t, char buffer[CLI_TIME_BYTES]) {
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(buffer, CLI_TIME_BYTES, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		return "an impossible time";
	return buffer;
}
