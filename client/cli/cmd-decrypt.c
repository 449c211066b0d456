/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime decrypt: opens a mail, as deep as its layers go, and says what each layer was worth.
 */
#include "opening-options.h"
#include "report-print.h"

struct args {
	struct opening_args opening;
	bool require_signature, one_layer;
	const char *password_file, *kek, *kek_id;
};

static const struct cli_option options[] = {
	{ "require-signature", 0, CLI_FLAG, offsetof(struct args, require_signature), NULL, "fail unless a good signature is inside" },
	{ "one-layer", 0, CLI_FLAG, offsetof(struct args, one_layer), NULL, "open one layer and leave what is inside as it is" },
	{ "password-file", 0, CLI_TEXT, offsetof(struct args, password_file), "FILE", "open with a password: the first line of FILE" },
	{ "kek", 0, CLI_TEXT, offsetof(struct args, kek), "FILE", "open with an AES key: FILE has its 16, 24 or 32 octets" },
	{ "kek-id", 0, CLI_TEXT, offsetof(struct args, kek_id), "HEX", "with --kek: only where the key is called so" },
	OPENING_OPTIONS(struct args),
};

static int decrypt(struct cli *cli, const struct smime_decrypt_options *decrypt_options, int in, struct cli_output *output) {
	struct smime_report *report = NULL;
	int code, r;

	cli_progress_begin(cli);
	r = smime_decrypt(cli->smime, in, cli_output_fd(output), decrypt_options, &report);
	cli_progress_end();
	code = r == 0 ? cli_output_commit(cli, output) : 0;
	if (code == 0)
		code = report_tell(cli, r, "the message was decrypted", report, false);
	smime_report_free(report);
	return code;
}

static int run(struct cli *cli, void *data) {
	const struct args *args = data;
	struct smime_decrypt_options decrypt_options = {
		.require_signature = args->require_signature,
		.one_layer = args->one_layer,
		.password_file = args->password_file,
		.kek_file = args->kek,
		.kek_id = args->kek_id,
	};
	__attribute__((cleanup(cli_input_close))) int in = -1;
	__attribute__((cleanup(cli_output_freep))) struct cli_output *output = NULL;
	int code = opening_options(cli, &args->opening, &decrypt_options.verify);

	if (code == 0)
		code = cli_output_check_json(cli);
	if (code == 0)
		code = cli_input_open(cli, &in);
	if (code == 0)
		code = cli_output_open(cli, &output);
	return code != 0 ? code : decrypt(cli, &decrypt_options, in, output);
}

const struct cli_command cmd_decrypt = {
	.name = "decrypt",
	.summary = "open an encrypted mail",
	.usage = "[--require-signature] [--one-layer] [--password-file FILE] [--kek FILE [--kek-id HEX]] [--from ADDR] [--trust FILE]... "
		 "[--crl FILE]... [--revocation MODE] [--at TIME] "
		 "[--cms] [-o FILE] [FILE]",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.args_size = sizeof(struct args),
	.operand = CLI_OPERAND_INPUT,
	.run = run,
};
