/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-mutt pk7out, get-cert, get-signer-cert and get-cert-email: the certificates of a message, step by step.
 *
 * A message brings any certificates that somebody has put there. Only those of its signers come out, and only when everything about the
 * message is good: what comes out is compared with the sender, or kept as a recipient's certificate.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include "mutt.h"

static void pkcs7_freep(PKCS7 **pkcs7) {
	PKCS7_free(*pkcs7);
}

static void certificates_freep(STACK_OF(X509) **certificates) {
	sk_X509_pop_free(*certificates, X509_free);
}

/* ---- Signers ---- */

static int push(STACK_OF(X509) *certificates, const struct smime_der *der) {
	const uint8_t *octets = der->octets;
	X509 *certificate = d2i_X509(NULL, &octets, (long)der->len);

	if (certificate && sk_X509_push(certificates, certificate) > 0)
		return 0;
	X509_free(certificate);
	return -SMIME_E_NO_MEMORY;
}

/* Those of the outermost signature: it is what mutt has verified, and whose signer it compares with the sender. */
static int push_signers(const struct smime_report *report, STACK_OF(X509) *certificates) {
	const struct smime_layer *layer = NULL;
	int r = 0;

	for (size_t i = 0; !layer && i < report->layer_count; i++)
		if (report->layers[i].kind == SMIME_LAYER_SIGNED)
			layer = &report->layers[i];
	for (size_t i = 0; layer && r == 0 && i < layer->signer_count; i++)
		r = push(certificates, &layer->signers[i].certificate);
	return r;
}

/*
 * mutt loses what a step says when nothing comes out of it, and shows what the last one says: so a failure goes the same way as
 * certificates would, as the line that it is.
 */
static int hand_on(struct mutt *mutt, int code) {
	if (printf("%s\n", mutt->told) < 0 || fflush(stdout) == EOF)
		return smime_exit_code(SMIME_E_IO);
	return code;
}

static int verify(struct mutt *mutt, const char *path, struct smime_report **ret_report) {
	__attribute__((cleanup(mutt_closep))) int in = -1;
	int code = mutt_open(mutt, path, &in);

	if (code != 0)
		return code;
	int r = smime_verify(mutt->smime, in, -1, NULL, ret_report);
	return r < 0 ? mutt_failed(mutt, r) : 0;
}

/* The certificates of the signers of a mail, when everything is good, its From included. */
static int signers_of(struct mutt *mutt, const char *path, STACK_OF(X509) *certificates) {
	struct smime_report *report = NULL;
	int code = verify(mutt, path, &report);

	if (code == 0 && push_signers(report, certificates) < 0)
		code = mutt_fail(mutt, SMIME_E_NO_MEMORY, "out of memory");
	(void)smime_report_free(report);
	return code;
}

/* To which one can encrypt, so that an answer can be. */
static int push_recipients(struct mutt *mutt, const struct smime_report *report, STACK_OF(X509) *certificates) {
	struct smime_certificates *found = NULL;
	int r = smime_signers_certificates(mutt->smime, report, NULL, &found), code = 0;

	if (r < 0)
		return mutt_failed(mutt, r);
	for (size_t i = 0; r == 0 && i < found->count; i++)
		r = push(certificates, &(struct smime_der){ found->certificates[i].der, found->certificates[i].der_len });
	if (r < 0)
		code = mutt_fail(mutt, r, "out of memory");
	else if (found->count == 0)
		code = mutt_fail(mutt, SMIME_E_CERT_UNUSABLE, "the mail is good, but brings no certificate to which one could encrypt");
	(void)smime_certificates_free(found);
	return code;
}

static int recipients_of(struct mutt *mutt, const char *path, STACK_OF(X509) *certificates) {
	struct smime_report *report = NULL;
	int code = verify(mutt, path, &report);

	if (code == 0)
		code = push_recipients(mutt, report, certificates);
	(void)smime_report_free(report);
	return code;
}

/* ---- Writing ---- */

static int write_certificates(struct mutt *mutt, FILE *out, const STACK_OF(X509) *certificates) {
	bool written = true;

	for (int i = 0; written && i < sk_X509_num(certificates); i++)
		written = PEM_write_X509(out, sk_X509_value(certificates, i)) == 1;
	if (fflush(out) == EOF || !written)
		return mutt_fail(mutt, SMIME_E_IO, "writing the certificates: %s", strerror(errno));
	return 0;
}

static PKCS7 *pkcs7_of(const STACK_OF(X509) *certificates) {
	PKCS7 *pkcs7 = PKCS7_new();
	bool made = pkcs7 && PKCS7_set_type(pkcs7, NID_pkcs7_signed) == 1 && PKCS7_content_new(pkcs7, NID_pkcs7_data) == 1 &&
		PKCS7_set_detached(pkcs7, 1) == 1;

	for (int i = 0; made && i < sk_X509_num(certificates); i++)
		made = PKCS7_add_certificate(pkcs7, sk_X509_value(certificates, i)) == 1;
	if (made)
		return pkcs7;
	PKCS7_free(pkcs7);
	return NULL;
}

int mutt_pk7out(struct mutt *mutt) {
	__attribute__((cleanup(certificates_freep))) STACK_OF(X509) *certificates = sk_X509_new_null();
	__attribute__((cleanup(pkcs7_freep))) PKCS7 *pkcs7 = NULL;
	int code = recipients_of(mutt, mutt->args.operands[0], certificates);

	if (code != 0)
		return hand_on(mutt, code);
	pkcs7 = pkcs7_of(certificates);
	if (!pkcs7)
		return mutt_fail(mutt, SMIME_E_NO_MEMORY, "out of memory");
	if (PEM_write_PKCS7(stdout, pkcs7) != 1 || fflush(stdout) == EOF)
		return mutt_fail(mutt, SMIME_E_IO, "writing the certificates: %s", strerror(errno));
	return 0;
}

int mutt_get_cert(struct mutt *mutt) {
	const char *path = mutt->args.operands[0];
	FILE *in = fopen(path, "re");
	__attribute__((cleanup(pkcs7_freep))) PKCS7 *pkcs7 = NULL;

	if (!in)
		return mutt_fail(mutt, SMIME_E_IO, "%s: %s", path, strerror(errno));
	bool failed = mutt_was_told(mutt, in);
	if (!failed)
		pkcs7 = PEM_read_PKCS7(in, NULL, NULL, NULL);
	(void)fclose(in);
	if (failed)
		return hand_on(mutt, smime_exit_code(SMIME_E_UNTRUSTED));
	if (!pkcs7 || !PKCS7_type_is_signed(pkcs7) || !pkcs7->d.sign || sk_X509_num(pkcs7->d.sign->cert) <= 0)
		return mutt_fail(mutt, SMIME_E_MALFORMED, "%s: holds no certificates in PKCS #7", path);
	return write_certificates(mutt, stdout, pkcs7->d.sign->cert);
}

/* The file is mutt's, which has it open: it is written in place. */
int mutt_get_signer_cert(struct mutt *mutt) {
	__attribute__((cleanup(certificates_freep))) STACK_OF(X509) *certificates = sk_X509_new_null();
	int code = signers_of(mutt, mutt->args.operands[0], certificates);

	if (code != 0)
		return code;
	FILE *out = fopen(mutt->args.operands[1], "we");
	if (!out)
		return mutt_fail(mutt, SMIME_E_IO, "%s: %s", mutt->args.operands[1], strerror(errno));
	code = write_certificates(mutt, out, certificates);
	(void)fclose(out);
	return code;
}

/* mutt compares lines, so an address with a line end in it is none; the library has none such. */
int mutt_get_cert_email(struct mutt *mutt) {
	struct smime_certificates *certificates = NULL;
	int r = smime_certificates(mutt->smime, mutt->args.operands[0], &certificates);

	if (r < 0)
		return mutt_failed(mutt, r);
	for (size_t i = 0; i < certificates->count; i++)
		for (size_t n = 0; certificates->certificates[i].addresses[n]; n++)
			mutt_print(mutt, "%s", certificates->certificates[i].addresses[n]);
	(void)smime_certificates_free(certificates);
	return 0;
}
