/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signing for git: a detached CMS in PEM, and the status line SIG_CREATED, without which git takes the run for a failure.
 *
 * The status is written last: git must never believe in a signature that is not whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "git.h"
#include "key.h"
#include "memory.h"
#include "tell.h"

/* What SIG_CREATED says. */
struct made {
	struct certificate certificate;
	int digest;
	time_t time;
};

static void note_made(void *userdata, const struct smime_made *given) {
	struct made *made = userdata;

	certificate_read(&given->certificate, &made->certificate);
	made->digest = certificate_digest(given->digest);
	made->time = given->signing_time;
}

static int make_signature(struct smime *smime, const char *key, int out, struct made *ret_made) {
	const struct smime_sign_options options = {
		.key = key,
		.cms = true,
		.detached = true,
		.pem = true,
		.pem_label = "SIGNED MESSAGE", /* git knows signatures of X.509 by this line */
		.made = note_made,
		.userdata = ret_made,
	};
	int r = smime_sign(smime, STDIN_FILENO, out, &options);

	return r < 0 ? tell_failed(smime, r) : 0;
}

/* Old versions of git look for SIG_CREATED behind the end of another line. */
static int tell_made(int status, const struct made *made, int signature) {
	int code = tell_status(status, "BEGIN_SIGNING");

	if (code == 0 && memory_write(signature, STDOUT_FILENO) < 0)
		code = tell_failure(SMIME_E_IO, "the signature can't be written: %s", strerror(errno));
	if (code != 0)
		return code;
	return tell_status(status, "SIG_CREATED D %d %d 00 %lld %s", made->certificate.algorithm, made->digest, (long long)made->time,
		made->certificate.fingerprint);
}

int git_sign(struct smime *smime, const struct options *options) {
	__attribute__((cleanup(memory_close))) int signature = -1;
	struct made made = { .digest = 0 };
	char *key = NULL;
	int code = 0;

	if (memory_new(&signature) < 0)
		return tell_failure(SMIME_E_IO, "no memory for the signature: %s", strerror(errno));
	code = key_name(smime, options->key, &key);
	if (code == 0)
		code = make_signature(smime, key, signature, &made);
	free(key);
	return code == 0 ? tell_made(options->status_fd, &made, signature) : code;
}
