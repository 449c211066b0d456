/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verifying for git. Validated is now, as gpgsm does: a certificate that has expired since makes EXPKEYSIG of a signature that was good
 * when it was made, as far as the signature's own time can be believed, and git never takes that for a good one.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "git.h"
#include "identity.h"
#include "memory.h"
#include "tell-verdict.h"
#include "tell.h"

enum { HEADER_MAX_BYTES = 16 * 1024 }; /* a commit with many parents; a longer one has no note */

/* git's words before a push certificate (gitprotocol-pack(5)). */
static const char push_certificate[] = "certificate version ";

struct verification {
	struct smime *smime;
	const struct options *options;
	int signature, content; /* in memory */
};

static int read_file(const char *path, int *ret_fd) {
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -SMIME_E_IO : memory_read(fd, ret_fd), error = errno;

	if (fd > STDERR_FILENO)
		(void)close(fd);
	if (r == 0)
		return 0;
	return tell_failure(r, "%s: can't be read: %s", path, -r == SMIME_E_IO ? strerror(error) : smime_strerror(r));
}

static int run(const struct verification *verification, time_t at, struct smime_report **ret_report) {
	const struct options *options = verification->options;
	const struct smime_verify_options verify = {
		.cms = true,
		.detached = true,
		.detached_content = verification->content,
		.trust = options->trust.items,
		.trust_count = options->trust.count,
		.crls = options->crls.items,
		.crl_count = options->crls.count,
		.revocation = options->crls.count > 0 ? SMIME_REVOCATION_SOFT : SMIME_REVOCATION_OFF,
		.at = at,
	};

	if (lseek(verification->signature, 0, SEEK_SET) < 0 || lseek(verification->content, 0, SEEK_SET) < 0)
		return -SMIME_E_IO;
	return smime_verify(verification->smime, verification->signature, -1, &verify, ret_report);
}

/* Whether all is good but that something, a CA perhaps, has expired since the signature was made. */
static bool was_good(const struct verification *verification, const struct smime_signer *signer) {
	struct smime_report *report = NULL;
	int r = run(verification, signer->signing_time, &report);

	(void)smime_report_free(report);
	return r == 0;
}

/*
 * What git tells the hooks of a push is one letter, G for every GOODSIG, without the trust: a stranger, whose certificate may name
 * anybody, must not get that.
 */
static void guard_push(const struct verification *verification, struct verdict *verdict) {
	char head[sizeof(push_certificate) - 1];

	if (verdict->kind == VERDICT_UNTRUSTED && memory_head(verification->content, head, sizeof(head)) == sizeof(head) &&
		memcmp(head, push_certificate, sizeof(head)) == 0) {
		verdict->kind = VERDICT_UNCHECKED;
		verdict->error = VERDICT_ERROR_GENERAL;
	}
}

static void judge(const struct verification *verification, const struct smime_report *report, struct verdict *ret_verdict) {
	time_t now = time(NULL);

	verdict_make(report, now, ret_verdict);
	if (verdict_may_have_expired(ret_verdict, now) && was_good(verification, ret_verdict->signer))
		verdict_expire(ret_verdict);
	guard_push(verification, ret_verdict);
}

static bool names(const struct smime_signer *signer, const char *address) {
	for (size_t i = 0; signer->addresses[i]; i++)
		if (strcasecmp(signer->addresses[i], address) == 0)
			return true;
	return false;
}

/* Anybody who is trusted can sign a commit in which somebody else's name stands: git does not compare them, but people should. */
static void tell_identity(const struct verification *verification, const struct verdict *verdict) {
	char head[HEADER_MAX_BYTES], address[IDENTITY_ADDRESS_BYTES];
	const char *named = identity_address(head, memory_head(verification->content, head, sizeof(head)), address);

	if (verdict->trusted && named && !names(verdict->signer, named))
		tell_line("Note: it is signed for <%s>, whom the certificate does not name", named);
}

/* A signature that can't even be read has a verdict all the same, or git would call the commit unsigned. */
static void fail(const struct verification *verification, int r, struct verdict *ret_verdict) {
	const char *text = smime_message(verification->smime);

	(void)tell_failure(r, "the signature can't be checked: %s", *text ? text : smime_strerror(r));
	verdict_none(ret_verdict);
}

static int verify(const struct verification *verification) {
	struct smime_report *report = NULL;
	struct verdict verdict;
	int r = run(verification, 0, &report), code;

	if (report) {
		judge(verification, report, &verdict);
		tell_verdict(&verdict);
		tell_identity(verification, &verdict);
	} else
		fail(verification, r, &verdict);
	code = tell_verdict_status(verification->options->status_fd, &verdict);
	(void)smime_report_free(report);
	if (code != 0 || verdict.kind == VERDICT_GOOD)
		return code;
	return smime_exit_code(r < 0 ? r : SMIME_E_UNTRUSTED);
}

int git_verify(struct smime *smime, const struct options *options) {
	__attribute__((cleanup(memory_close))) int signature = -1;
	__attribute__((cleanup(memory_close))) int content = -1;
	int code = read_file(options->signature, &signature);

	if (code == 0)
		code = read_file(options->content, &content);
	if (code != 0)
		return code;
	return verify(&(const struct verification){ smime, options, signature, content });
}
