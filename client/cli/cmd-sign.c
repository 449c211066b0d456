/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime sign: a mail, or with --cms any bytes.
 */
#include "cli.h"

struct args {
	const char *key, *digest;
	bool pss, opaque, header_protection, cms, detached, pem;
};

#define OPTION(name, letter, kind, member, value, help) \
	{ name, letter, kind, offsetof(struct args, member), value, help }
static const struct cli_option options[] = {
	OPTION("key", 'k', CLI_TEXT, key, "KEY", "address, PKCS#11 URI or fingerprint; default: by the From address"),
	OPTION("opaque", 0, CLI_FLAG, opaque, NULL, "application/pkcs7-mime instead of multipart/signed"),
	OPTION("digest", 0, CLI_TEXT, digest, "NAME", "sha256, sha384 or sha512; default: as the key asks for"),
	OPTION("pss", 0, CLI_FLAG, pss, NULL, "RSASSA-PSS instead of PKCS #1 v1.5"),
	OPTION("header-protection", 0, CLI_FLAG, header_protection, NULL, "sign the mail's header too (RFC 9788)"),
	OPTION("cms", 0, CLI_FLAG, cms, NULL, "no mail: any bytes in, CMS out"),
	OPTION("detached", 0, CLI_FLAG, detached, NULL, "with --cms: without the content"),
	OPTION("pem", 0, CLI_FLAG, pem, NULL, "with --cms: PEM"),
};

static int sign(struct cli *cli, const struct args *args, int in, struct cli_output *output) {
	struct smime_sign_options sign_options = {
		.key = args->key,
		.digest = args->digest,
		.pss = args->pss,
		.opaque = args->opaque,
		.header_protection = args->header_protection,
		.cms = args->cms,
		.detached = args->detached,
		.pem = args->pem,
		.warn = cli_warn,
		.userdata = cli,
	};

	cli_progress_begin(cli);
	int r = smime_sign(cli->smime, in, cli_output_fd(output), &sign_options);
	cli_progress_end();
	if (r < 0)
		return cli_failed(cli, r);
	int code = cli_output_commit(cli, output);
	return code == 0 && cli->json ? cli_json_done(cli, "signed") : code;
}

static int run(struct cli *cli, void *data) {
	__attribute__((cleanup(cli_input_close))) int in = -1;
	__attribute__((cleanup(cli_output_freep))) struct cli_output *output = NULL;
	int code = cli_output_check_json(cli);

	if (code == 0)
		code = cli_input_open(cli, &in);
	if (code == 0)
		code = cli_output_open(cli, &output);
	return code == 0 ? sign(cli, data, in, output) : code;
}

const struct cli_command cmd_sign = {
	.name = "sign",
	.summary = "sign a mail",
	.usage = "[-k KEY] [--opaque] [--digest NAME] [--pss] [--header-protection] [--cms [--detached] [--pem]] [-o FILE] [FILE]",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.args_size = sizeof(struct args),
	.operand = CLI_OPERAND_INPUT,
	.run = run,
};
