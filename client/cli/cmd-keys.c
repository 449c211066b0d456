/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime keys: every key, its certificates, and why it can't be used if it can't.
 */
#include "cli.h"

static json_t *json_certificate(const struct smime_certificate *certificate) {
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "fingerprint", cli_json_text(certificate->fingerprint),
		"subject", cli_json_text(certificate->subject), "issuer", cli_json_text(certificate->issuer), "serial",
		cli_json_text(certificate->serial), "addresses", cli_json_texts(certificate->addresses), "not_before",
		cli_json_time(certificate->not_before), "key_usage", cli_json_texts(certificate->key_usage), "not_after",
		cli_json_time(certificate->not_after), "cannot_sign", cli_json_text(certificate->cannot_sign), "cannot_encrypt",
		cli_json_text(certificate->cannot_encrypt));
}

static const char no_certificate[] = "it has no certificate; put one on the token, or name its file under certificates: in agent.yaml";

static json_t *json_key(const struct smime_key *key) {
	json_t *certificates = json_array();

	for (size_t i = 0; i < key->certificate_count; i++)
		cli_json_append(&certificates, json_certificate(&key->certificates[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:s, s:o, s:b, s:o, s:o}", "fingerprint",
		cli_json_text(key->fingerprint), "label", cli_json_text(key->label), "uri", cli_json_text(key->uri), "token_label",
		cli_json_text(key->token_label), "token_serial", cli_json_text(key->token_serial), "token_id", cli_json_text(key->token_id),
		"algorithm", cli_json_text(key->algorithm), "can_sign", key->can_sign, "can_decrypt", key->can_decrypt, "seen", key->seen,
		"always_authenticate", key->always_authenticate, "evidence", key->evidence, "evidence_why",
		cli_json_text(key->evidence_why), "touch", key->touch, "cannot_use",
		cli_json_text(key->certificate_count == 0 ? no_certificate : NULL), "certificates", certificates);
}

static json_t *json_keys(const struct smime_keys *keys) {
	json_t *array = json_array();

	for (size_t i = 0; i < keys->count; i++)
		cli_json_append(&array, json_key(&keys->keys[i]));
	return json_pack("{s:o}", "keys", array);
}

static void print_certificate_names(const struct smime_certificate *certificate) {
	cli_print("      issuer     %s", certificate->issuer);
	cli_print("      serial     %s", certificate->serial);
	cli_print("      SHA-256    %s", certificate->fingerprint);
}

static void print_certificate(const struct cli *cli, const struct smime_certificate *certificate) {
	char from[CLI_TIME_BYTES], until[CLI_TIME_BYTES];

	cli_print("    certificate  %s", certificate->subject);
	for (size_t i = 0; certificate->addresses[i]; i++)
		cli_print("      address    %s", certificate->addresses[i]);
	cli_print("      valid      %s to %s", cli_time(certificate->not_before, from), cli_time(certificate->not_after, until));
	if (cli->verbose)
		print_certificate_names(certificate);
	if (certificate->cannot_sign)
		cli_print("      can't sign: %s", certificate->cannot_sign);
	if (certificate->cannot_encrypt)
		cli_print("      can't be encrypted to: %s", certificate->cannot_encrypt);
}

/* As agent.yaml takes it, where each of them is a text in quotation marks. */
static void print_enrolment(const struct smime_key *key) {
	json_t *serial = json_string(key->token_serial);
	char *quoted = serial ? json_dumps(serial, JSON_ENCODE_ANY) : NULL;

	if (quoted)
		cli_print("    to enrol it  - {fingerprint: \"%s\", serial: %s}", key->fingerprint, quoted);
	free(quoted);
	json_decref(serial);
}

static void print_key(const struct cli *cli, const struct smime_key *key) {
	cli_print("%s  %s%s%s", key->fingerprint, key->algorithm, *key->label ? "  " : "", key->label);
	if (*key->token_label || *key->token_serial)
		cli_print("    token        %s (serial number %s)", key->token_label, key->token_serial);
	cli_print("    may          %s%s%s%s", key->can_sign ? "sign" : "not sign", key->can_decrypt ? ", decrypt" : ", not decrypt",
		key->seen ? "" : " (the private key itself shows after the first login)",
		key->always_authenticate ? "; wants the PIN each time" : "");
	cli_print("    evidence     %s: %s", key->evidence, key->evidence_why);
	if (cli->verbose) {
		cli_print("    URI          %s", key->uri);
		print_enrolment(key);
	}
	for (size_t i = 0; i < key->certificate_count; i++)
		print_certificate(cli, &key->certificates[i]);
	if (key->certificate_count == 0)
		cli_print("    can't be used: %s", no_certificate);
}

static int print_keys(struct cli *cli, const struct smime_keys *keys) {
	for (size_t i = 0; i < keys->count; i++)
		print_key(cli, &keys->keys[i]);
	if (keys->count == 0)
		cli_note(cli, "no key: no token is there, or none that holds a key; smime status tells of modules and tokens");
	return cli_flush(cli);
}

static int run(struct cli *cli, void *args) {
	struct smime_keys *keys = NULL;
	int r = smime_keys(cli->smime, &keys);

	if (r < 0)
		return cli_failed(cli, r);
	int code = cli->json ? cli_json_print(cli, json_keys(keys)) : print_keys(cli, keys);
	(void)smime_keys_free(keys);
	return code;
}

const struct cli_command cmd_keys = {
	.name = "keys",
	.summary = "every key and its certificates, and why it can't be used if it can't",
	.usage = "[-v] [--json]",
	.operand = CLI_OPERAND_NONE,
	.run = run,
};
