/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime encrypt: a mail, or with --cms any bytes, for one or several recipients; signed first with --sign.
 */
#include "cli.h"

struct args {
	struct cli_list recipients;
	const char *key, *cipher, *digest, *password_file, *kek, *kek_id;
	bool sign, triple_wrap, header_protection, oaep, no_self, cms, pem, pss;
};

#define OPTION(name, letter, kind, member, value, help) \
	{ name, letter, kind, offsetof(struct args, member), value, help }
static const struct cli_option options[] = {
	OPTION("recipient", 'r', CLI_LIST, recipients, "WHO", "certificate file or address; once for each recipient"),
	OPTION("sign", 0, CLI_FLAG, sign, NULL, "sign first"),
	OPTION("triple-wrap", 0, CLI_FLAG, triple_wrap, NULL, "sign first, and once more what is encrypted"),
	OPTION("header-protection", 0, CLI_FLAG, header_protection, NULL,
		"the mail's header inside, without its subject outside (RFC 9788)"),
	OPTION("key", 'k', CLI_TEXT, key, "KEY", "with --sign: the key to sign with"),
	OPTION("digest", 0, CLI_TEXT, digest, "NAME", "with --sign: sha256, sha384 or sha512"),
	OPTION("pss", 0, CLI_FLAG, pss, NULL, "with --sign: RSASSA-PSS"),
	OPTION("cipher", 0, CLI_TEXT, cipher, "NAME",
		"aes256-cbc, aes192-cbc, aes128-cbc, aes256-gcm, aes128-gcm, chacha20-poly1305; default: by what recipients read"),
	OPTION("oaep", 0, CLI_FLAG, oaep, NULL, "RSAES-OAEP for RSA recipients"),
	OPTION("password-file", 0, CLI_TEXT, password_file, "FILE", "with a password too: the first line of FILE"),
	OPTION("kek", 0, CLI_TEXT, kek, "FILE", "with an AES key too: FILE has its 16, 24 or 32 octets"),
	OPTION("kek-id", 0, CLI_TEXT, kek_id, "HEX", "with --kek: what the key is called"),
	OPTION("no-self", 0, CLI_FLAG, no_self, NULL, "no copy for the sender"),
	OPTION("cms", 0, CLI_FLAG, cms, NULL, "no mail: any bytes in, CMS out"),
	OPTION("pem", 0, CLI_FLAG, pem, NULL, "with --cms: PEM"),
};

/* What is no warning. */
static void tell(void *userdata, const char *text) {
	struct cli *cli = userdata;

	cli_note(cli, "%s", text);
}

static int encrypt(struct cli *cli, const struct args *args, int in, struct cli_output *output) {
	struct smime_sign_options sign_options = {
		.key = args->key,
		.digest = args->digest,
		.pss = args->pss,
		.cms = args->cms,
		.warn = cli_warn,
		.userdata = cli,
	};
	struct smime_encrypt_options encrypt_options = {
		.recipients = args->recipients.items,
		.recipient_count = args->recipients.count,
		.cipher = args->cipher,
		.oaep = args->oaep,
		.no_self = args->no_self,
		.password_file = args->password_file,
		.kek_file = args->kek,
		.kek_id = args->kek_id,
		.header_protection = args->header_protection,
		.triple_wrap = args->triple_wrap,
		.sign = args->sign || args->triple_wrap ? &sign_options : NULL,
		.cms = args->cms,
		.pem = args->pem,
		.warn = cli_warn,
		.tell = cli->verbose ? tell : NULL,
		.userdata = cli,
	};

	cli_progress_begin(cli);
	int r = smime_encrypt(cli->smime, in, cli_output_fd(output), &encrypt_options);
	cli_progress_end();
	if (r < 0)
		return cli_failed(cli, r);
	int code = cli_output_commit(cli, output);
	return code == 0 && cli->json ? cli_json_done(cli, "encrypted") : code;
}

static int run(struct cli *cli, void *data) {
	const struct args *args = data;
	__attribute__((cleanup(cli_input_close))) int in = -1;
	__attribute__((cleanup(cli_output_freep))) struct cli_output *output = NULL;

	if (args->recipients.count == 0 && !args->password_file && !args->kek)
		return cli_usage(cli, "no recipient; name one with -r");
	if ((args->key || args->digest || args->pss) && !args->sign && !args->triple_wrap)
		return cli_usage(cli, "-k, --digest and --pss say how to sign; add --sign");
	int code = cli_output_check_json(cli);
	if (code == 0)
		code = cli_input_open(cli, &in);
	if (code == 0)
		code = cli_output_open(cli, &output);
	return code == 0 ? encrypt(cli, args, in, output) : code;
}

const struct cli_command cmd_encrypt = {
	.name = "encrypt",
	.summary = "encrypt a mail",
	.usage = "-r WHO [-r WHO ...] [--password-file FILE] [--kek FILE [--kek-id HEX]] [--sign|--triple-wrap [-k KEY]] "
		 "[--header-protection] [--cipher NAME] [--oaep] "
		 "[--no-self] [--cms [--pem]] [-o FILE] [FILE]",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.args_size = sizeof(struct args),
	.operand = CLI_OPERAND_INPUT,
	.run = run,
};
