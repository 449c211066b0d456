/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Says who signed the mail on standard input, and whether that is to be believed:
 *
 *   cc -o example example.c $(pkg-config --cflags --libs libsmime) && ./example <mail
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smime/smime.h>

int main(void) {
	struct smime_verify_options options = { 0 };
	struct smime_report *report = NULL;
	struct smime *smime = NULL;
	int r = smime_new(&smime);

	if (r == 0)
		r = smime_verify(smime, STDIN_FILENO, -1, &options, &report);
	if (r < 0)
		fprintf(stderr, "example: %s\n", smime ? smime_message(smime) : smime_strerror(r));
	for (size_t i = 0; report && i < report->layer_count; i++)
		for (size_t j = 0; j < report->layers[i].signer_count; j++) {
			const struct smime_signer *signer = &report->layers[i].signers[j];
			/* The name is whatever a stranger wrote. */
			char *name = smime_printable(strdup(signer->subject ? signer->subject : "unknown"));
			printf("%s: %s\n", name ? name : "", signer->good ? "good" : "not good");
			free(name);
		}
	smime_report_free(report);
	smime_free(smime);
	return smime_exit_code(r);
}
