/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime keys: every key, its certificates, and why it can't be used if it can't.
 */
#include "cli.h"

static json_t *json_certificate(const struct smime_certificate *certificate) {
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "fingerprint", cli_json_text(certificate->fingerprint), "subject",
		cli_json_text(certificate->subject), "issuer", cli_json_text(certificate->issuer), "serial", cli_json_text(certificate->serial),
		"addresses", cli_json_texts(certificate->addresses), "not_before", cli_json_time(certificate->not_before), "not_after",
		cli_json_time(certificate->not_after), "cannot_sign", cli_json_text(certificate->cannot_sign), "cannot_encrypt",
		cli_json_text(certificate->cannot_encrypt));
}

static json_t *json_key(const struct smime_key *key) {
	json_t *certificates = json_array();

	for (size_t i = 0; i < key->certificate_count; i++)
		(void)json_array_append_new(certificates, json_certificate(&key->certificates[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:o}", "fingerprint", cli_json_text(key->fingerprint), "label",
		cli_json_text(key->label), "uri", cli_json_text(key->uri), "token_label", cli_json_text(key->token_label), "token_serial",
		cli_json_text(key->token_serial), "token_id", cli_json_text(key->token_id), "algorithm", cli_json_text(key->algorithm), "can_sign",
		key->can_sign, "can_decrypt", key->can_decrypt, "seen", key->seen, "always_authenticate", key->always_authenticate, "certificates",
		certificates);
}

static void print_certificate(const struct smime_certificate *certificate) {
	char from[CLI_TIME_BYTES], until[CLI_TIME_BYTES];

	cli_print("    certificate %s\n", certificate->subject);
	for (size_t i = 0; certificate->addresses[i]; i++)
		cli_print("        address     %s\n", certificate->addresses[i]);
	cli_print("        valid       %s to %s\n", cli_time(certificate->not_before, from), cli_time(certificate->not_after, until));
	if (certificate->cannot_sign)
		cli_print("        can't sign: the certificate %s\n", certificate->cannot_sign);
	if (certificate->cannot_encrypt)
		cli_print("        can't be encrypted to: the certificate %s\n", certificate->cannot_encrypt);
}

static void print_key(const struct smime_key *key) {
	cli_print("%s  %s  \"%s\" on token \"%s\"\n", key->fingerprint, key->algorithm, key->label, key->token_label);
	cli_print("    %s%s%s%s%s\n", key->can_sign ? "signs" : "does not sign", key->can_decrypt ? ", decrypts" : ", does not decrypt",
		key->seen ? "" : " (as far as it can be seen before the login)", key->always_authenticate ? ", wants the PIN each time" : "",
		key->certificate_count == 0 ? "; no certificate: name its file under certificates: in agent.yaml" : "");
	for (size_t i = 0; i < key->certificate_count; i++)
		print_certificate(&key->certificates[i]);
}

static int print_all(struct cli *cli, const struct smime_keys *keys) {
	if (cli->json) {
		json_t *array = json_array();
		for (size_t i = 0; i < keys->count; i++)
			(void)json_array_append_new(array, json_key(&keys->keys[i]));
		return cli_json_print(cli, json_pack("{s:o}", "keys", array));
	}
	for (size_t i = 0; i < keys->count; i++)
		print_key(&keys->keys[i]);
	if (keys->count == 0)
		cli_note(cli, "no keys: no token is present, or none that holds a key or a certificate; smime status tells more");
	return cli_flush(cli);
}

static int run(struct cli *cli, void *args) {
	struct smime_keys *keys = NULL;
	int r = smime_keys(cli->smime, &keys);

	if (r < 0)
		return cli_failed(cli, r);
	int code = print_all(cli, keys);
	(void)smime_keys_free(keys);
	return code;
}

const struct cli_command cmd_keys = {
	.name = "keys",
	.summary = "every key and its certificates, and why it can't be used if it can't",
	.usage = "[--json]",
	.operand = CLI_OPERAND_NONE,
	.run = run,
};
