/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-mutt sign: $smime_sign_command, which makes the signature of a multipart/signed.
 *
 * The digest is the one that mutt names, since mutt writes its name into the mail; so a key that wants another one is refused. On success
 * standard error stays empty.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mutt.h"

/* mutt may have an identifier of its own for the key; the certificate of that name then says whose it is. */
static int key_of_certificate(struct mutt *mutt, char **ret_key) {
	struct smime_certificates *certificates = NULL;
	const char *path = mutt->args.certificate;

	if (!path || access(path, R_OK) < 0)
		return 0;
	if (smime_certificates(mutt->smime, path, &certificates) < 0)
		return 0;
	if (certificates->count > 0)
		*ret_key = strdup(certificates->certificates[0].fingerprint);
	(void)smime_certificates_free(certificates);
	return 0;
}

static int sign(struct mutt *mutt, int in, const char *key) {
	struct smime_sign_options options = {
		.key = key,
		.digest = mutt->args.digest,
		.cms = true,
		.detached = true,
	};
	int r = smime_sign(mutt->smime, in, STDOUT_FILENO, &options);

	if (r == 0)
		return 0;
	mutt_discard_output(mutt);
	if (r == -SMIME_E_KEY_AMBIGUOUS && !key)
		return mutt_fail(mutt, r, "name one of your keys in $smime_default_key: %s", smime_message(mutt->smime));
	return mutt_failed(mutt, r);
}

int mutt_sign(struct mutt *mutt) {
	__attribute__((cleanup(mutt_closep))) int in = -1;
	const char *name = mutt->args.key ? mutt_basename(mutt->args.key) : "default";
	char *key = NULL;
	int code;

	mutt_discard_passphrase();
	code = mutt_open_canonical(mutt, mutt->args.operands[0], &in);
	if (code == 0 && !mutt_is_default(name))
		code = key_of_certificate(mutt, &key);
	if (code == 0)
		code = sign(mutt, in, key ? key : mutt_is_default(name) ? NULL : name);
	free(key);
	return code;
}
