/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-mutt decrypt, verify and verify-opaque: what mutt runs to read a message.
 *
 * "Verification successful" is the first line only when everything is good, since mutt shows a signature as good for that line. The report
 * behind it is for the person, in mutt's pager.
 */
#include <unistd.h>

#include "mutt.h"

static int tell(struct mutt *mutt, int r, const struct smime_report *report) {
	int code = 0;

	if (r < 0)
		code = mutt_failed(mutt, r);
	else
		mutt_line(STDERR_FILENO, "Verification successful");
	if (report)
		mutt_report(report);
	return code;
}

int mutt_decrypt(struct mutt *mutt) {
	__attribute__((cleanup(mutt_closep))) int in = -1;
	struct smime_decrypt_options options = { .verify = { .cms = true }, .one_layer = true };
	struct smime_report *report = NULL;

	mutt_discard_passphrase();
	int code = mutt_open(mutt, mutt->args.operands[0], &in);
	if (code != 0)
		return code;
	int r = smime_decrypt(mutt->smime, in, STDOUT_FILENO, &options, &report);
	if (r < 0) {
		mutt_discard_output(mutt);
		code = mutt_failed(mutt, r);
	} else if (report)
		mutt_report(report);
	(void)smime_report_free(report);
	return code;
}

int mutt_verify(struct mutt *mutt) {
	__attribute__((cleanup(mutt_closep))) int in = -1;
	__attribute__((cleanup(mutt_closep))) int content = -1;
	struct smime_verify_options options = { .cms = true, .detached = true };
	struct smime_report *report = NULL;
	int code = mutt_open(mutt, mutt->args.operands[0], &in);

	if (code == 0)
		code = mutt_open(mutt, mutt->args.operands[1], &content);
	if (code != 0)
		return code;
	options.detached_content = content;
	int r = smime_verify(mutt->smime, in, -1, &options, &report);
	code = tell(mutt, r, report);
	(void)smime_report_free(report);
	return code;
}

int mutt_verify_opaque(struct mutt *mutt) {
	__attribute__((cleanup(mutt_closep))) int in = -1;
	struct smime_verify_options options = { .cms = true, .release_untrusted = true };
	struct smime_report *report = NULL;
	int code = mutt_open(mutt, mutt->args.operands[0], &in);

	if (code != 0)
		return code;
	int r = smime_verify(mutt->smime, in, STDOUT_FILENO, &options, &report);
	code = tell(mutt, r, report);
	(void)smime_report_free(report);
	return code;
}
