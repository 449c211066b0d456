/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands of `smime-mutt` share: arguments, messages, files.
 *
 * mutt and neomutt take every octet on standard error of a signature for a failure, and look at the first line alone of a verification:
 * nothing may be written there but where the command's contract says so.
 */
#ifndef MUTT_MUTT_H
#define MUTT_MUTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <smime/smime.h>

enum {
	MUTT_RECIPIENTS_MAX = 1000,
	MUTT_OPERANDS_MAX = 2,
	MUTT_ID_DIGITS =
		16, /* of a certificate's fingerprint, as its name in mutt: short, since mutt has little room for all of a message */
	MUTT_MESSAGE_MAX_BYTES = 2048,
};

struct mutt_args {
	const char *key, *certificate, *digest, *cipher;        /* NULL: not given */
	const char *keys_folder, *certificates_folder, *socket; /* NULL: the usual ones */
	const char *recipients;                                 /* paths, a blank between them, as mutt writes %c */
	const char *operands[MUTT_OPERANDS_MAX];                /* as many as the command wants */
};

struct mutt {
	struct smime *smime;
	const char *command; /* its name; NULL: none yet */
	struct mutt_args args;
	off_t output_begin;                /* what was in the output's file before */
	int output_error;                  /* why mutt_print() could not write a line; 0: it could */
	char told[MUTT_MESSAGE_MAX_BYTES]; /* the line of the last failure */
};

/* ---- The commands: each returns the exit code, and has told what failed ---- */

int mutt_sign(struct mutt *mutt);
int mutt_encrypt(struct mutt *mutt);
int mutt_decrypt(struct mutt *mutt);
int mutt_verify(struct mutt *mutt);
int mutt_verify_opaque(struct mutt *mutt);
int mutt_pk7out(struct mutt *mutt);
int mutt_get_cert(struct mutt *mutt);
int mutt_get_signer_cert(struct mutt *mutt);
int mutt_get_cert_email(struct mutt *mutt);
int mutt_import(struct mutt *mutt);
int mutt_keys(struct mutt *mutt);

/* ---- Messages: one line on standard error ---- */

/* Tells a failure and returns the exit code of `code` (enum smime_error, either sign). */
int mutt_fail(struct mutt *mutt, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Tells a failure of libsmime with its own message, and returns its exit code. */
int mutt_failed(struct mutt *mutt, int r);

/* Whether a file holds the failure of a step before, instead of what that would have made; then it is told again. */
bool mutt_was_told(struct mutt *mutt, FILE *in);

/* A line for people on a stream. What is formatted passes smime_printable(). */
void mutt_line(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same on standard output. A failure to write it is the command's in the end, unless it has another one. */
void mutt_print(struct mutt *mutt, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What was said of each layer of a message, on standard error, for mutt's pager. */
void mutt_report(const struct smime_report *report);

/* ---- Files ---- */

/* Opens a file to read. Returns 0 or the exit code of a failure that was told. */
int mutt_open(struct mutt *mutt, const char *path, int *ret_fd);
void mutt_closep(int *fd); /* for cleanup attributes */

/* Opens a text with its line ends made CRLF, as S/MIME protects it. Returns 0 or the exit code of a failure that was told. */
int mutt_open_canonical(struct mutt *mutt, const char *path, int *ret_fd);

/*
 * mutt hands a passphrase to the commands that need a private key, and asks the person for it after it has started them. It is read to
 * its end, so that no other prompt opens meanwhile, and thrown away.
 */
void mutt_discard_passphrase(void);

/* What a failure may have left in the output is no output: mutt would take it for one. */
void mutt_discard_output(const struct mutt *mutt);

/* The last part of a path. */
const char *mutt_basename(const char *path);

/* Whether this is what mutt has as a key that stands for the person's only one. */
bool mutt_is_default(const char *name);

#endif
