/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime verify: who signed a mail, and whether that is to be believed.
 *
 * The signed content is written only where -o asks for it, and only when everything is good.
 */
#include <string.h>

#include "opening-options.h"
#include "report-print.h"

struct args {
	struct opening_args opening;
};

static const struct cli_option options[] = {
	OPENING_OPTIONS(struct args),
	{ "detached-content", 0, CLI_TEXT, offsetof(struct args, opening.detached), "FILE",
		"with --cms: what a detached signature is for" },
};

static bool is_stdin(const char *path) {
	return !path || strcmp(path, "-") == 0;
}

static int open_files(struct cli *cli, const struct args *args, int *in, int *detached, struct cli_output **output) {
	int code = cli_input_open(cli, in);

	if (code == 0 && args->opening.detached)
		code = cli_file_open(cli, args->opening.detached, detached);
	if (code == 0 && cli->output)
		code = cli_output_open(cli, output);
	return code;
}

static int verify(struct cli *cli, struct smime_verify_options *verify_options, int in, struct cli_output *output) {
	struct smime_report *report = NULL;
	int code, r;

	cli_progress_begin(cli);
	r = smime_verify(cli->smime, in, output ? cli_output_fd(output) : -1, verify_options, &report);
	cli_progress_end();
	code = r == 0 && output ? cli_output_commit(cli, output) : 0;
	if (code == 0)
		code = report_tell(cli, r, "the signature is good", report, true);
	smime_report_free(report);
	return code;
}

static int run(struct cli *cli, void *data) {
	const struct args *args = data;
	struct smime_verify_options verify_options;
	__attribute__((cleanup(cli_input_close))) int in = -1;
	__attribute__((cleanup(cli_input_close))) int detached = -1;
	__attribute__((cleanup(cli_output_freep))) struct cli_output *output = NULL;
	int code = opening_options(cli, &args->opening, &verify_options);

	if (code == 0 && args->opening.detached && is_stdin(args->opening.detached) && is_stdin(cli->input))
		code = cli_usage(cli, "the signature and its content can't both come from standard input");
	if (code == 0 && cli->output)
		code = cli_output_check_json(cli);
	if (code == 0)
		code = open_files(cli, args, &in, &detached, &output);
	if (code != 0)
		return code;
	verify_options.detached = args->opening.detached;
	verify_options.detached_content = detached;
	return verify(cli, &verify_options, in, output);
}

const struct cli_command cmd_verify = {
	.name = "verify",
	.summary = "check who signed a mail; with -o, write what was signed",
	.usage = "[--from ADDR] [--trust FILE]... [--crl FILE]... [--revocation MODE] [--at TIME] [--cms [--detached-content FILE]] [-o "
		 "FILE] [FILE]",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.args_size = sizeof(struct args),
	.operand = CLI_OPERAND_INPUT,
	.run = run,
};
