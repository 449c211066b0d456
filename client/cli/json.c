/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON values from what libsmime gives, and the document of a run.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

json_t *cli_json_text(const char *text) {
	json_t *value = text ? json_string(text) : json_null();
	char *copy;

	if (value)
		return value;
	/* Not UTF-8: what a certificate holds can be anything. */
	copy = smime_printable(strdup(text));
	value = copy ? json_string(copy) : NULL;
	free(copy);
	return value;
}

void cli_json_append(json_t **array, json_t *value) {
	if (*array && json_array_append_new(*array, value) == 0)
		return;
	if (!*array)
		json_decref(value);
	json_decref(*array);
	*array = NULL;
}

json_t *cli_json_texts(const char *const *texts) {
	json_t *array = json_array();

	for (size_t i = 0; array && texts && texts[i]; i++)
		cli_json_append(&array, cli_json_text(texts[i]));
	return array;
}

json_t *cli_json_time(time_t t) {
	char text[CLI_TIME_BYTES];
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return json_null();
	return json_string(text);
}

int cli_json_print(struct cli *cli, json_t *document) {
	if (!document) {
		/* Nor would there be any for a document that says so. */
		cli->json_printed = true;
		return cli_fail(cli, SMIME_E_NO_MEMORY, "out of memory");
	}
	/* Programs get what there is, but in ASCII: standard output may be a terminal, which obeys more than C0. */
	bool in_line = cli->command && cli->command->json_lines;
	int r = json_dumpf(document, stdout, (in_line ? JSON_COMPACT : JSON_INDENT(2)) | JSON_ENSURE_ASCII);
	json_decref(document);
	cli->json_printed = true;
	if (r < 0 || putchar('\n') == EOF)
		return cli_output_failed(cli);
	return cli_flush(cli);
}

int cli_json_done(struct cli *cli, const char *result) {
	return cli_json_print(cli,
		json_pack("{s:s, s:s, s:i, s:O}", "command", cli->command->name, "result", result, "exit_code", 0, "warnings",
			cli->warnings));
}
