/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-mutt import: $smime_import_cert_command, which adds what pk7out and get-cert have let through: to the person's folder of
 * certificates, and to mutt's.
 *
 * A certificate that nobody can encrypt to is told and not added, since it would be in the way of one that can be.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "index.h"

/* mutt hands over what the person has typed where $smime_ask_cert_label is set: one line. */
static void read_label(char *label, size_t size) {
	*label = '\0';
	if (isatty(STDIN_FILENO) || !fgets(label, (int)size, stdin))
		*label = '\0';
	label[strcspn(label, "\r\n")] = '\0';
}

static const char *name_of(const struct smime_certificate *certificate) {
	return certificate->addresses[0] ? certificate->addresses[0] : certificate->subject;
}

static int import_one(struct mutt *mutt, struct index *index, const struct smime_certificate *certificate, const char *label) {
	int r = smime_certificate_keep(mutt->smime, certificate), code;

	if (r < 0)
		return mutt_failed(mutt, r);
	code = index_put_certificate(mutt, index, certificate);
	if (code != 0)
		return code;
	index_add(index, certificate, label);
	mutt_print(mutt, "smime-mutt: the certificate of %s is %s (%.*s)", name_of(certificate), r > 0 ? "known already" : "added",
		MUTT_ID_DIGITS, certificate->fingerprint);
	return 0;
}

static int import_all(struct mutt *mutt, struct index *index, const struct smime_certificates *certificates, const char *label) {
	size_t added = 0;
	int code = 0;

	for (size_t i = 0; code == 0 && i < certificates->count; i++) {
		const struct smime_certificate *certificate = &certificates->certificates[i];

		if (certificate->cannot_encrypt && certificates->count > 1)
			continue;
		if (certificate->cannot_encrypt)
			return mutt_fail(mutt, SMIME_E_CERT_UNUSABLE, "%s was not added, since nobody can encrypt to it: %s",
				name_of(certificate), certificate->cannot_encrypt);
		code = import_one(mutt, index, certificate, label);
		added++;
	}
	if (code == 0 && added == 0)
		return mutt_fail(mutt, SMIME_E_CERT_UNUSABLE, "none of the %zu certificates can be encrypted to", certificates->count);
	return code;
}

/* What pk7out has refused is no certificate, but why. */
static bool was_refused(struct mutt *mutt, const char *path) {
	FILE *in = fopen(path, "re");
	bool refused = in && mutt_was_told(mutt, in);

	if (in)
		(void)fclose(in);
	return refused;
}

int mutt_import(struct mutt *mutt) {
	struct smime_certificates *certificates = NULL;
	__attribute__((cleanup(index_close))) struct index index = { .lock = -1 };
	char label[INDEX_LINE_MAX_BYTES / 4];
	int r, code;

	read_label(label, sizeof(label));
	if (was_refused(mutt, mutt->args.operands[0]))
		return smime_exit_code(SMIME_E_UNTRUSTED);
	r = smime_certificates(mutt->smime, mutt->args.operands[0], &certificates);
	if (r < 0)
		return mutt_failed(mutt, r);
	code = index_open(mutt, mutt->args.certificates_folder, "certificates", &index);
	if (code == 0)
		code = import_all(mutt, &index, certificates, label);
	if (code == 0)
		code = index_write(mutt, &index);
	(void)smime_certificates_free(certificates);
	return code;
}
