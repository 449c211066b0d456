/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding recipients' certificates; see recipients.h. An ambiguous address is an error: encrypting to the wrong person can't
 * be taken back.
 */
#include "recipients.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "agent/cms/suitable.h"
#include "client/mime/address.h"

void recipients_clear(struct recipients *recipients) {
	for (size_t i = 0; i < recipients->count; i++)
		X509_free(recipients->items[i]);
	free(recipients->items);
	*recipients = (struct recipients){ 0 };
}

static int push(struct recipients *recipients, X509 *certificate) {
	for (size_t i = 0; i < recipients->count; i++)
		if (X509_cmp(recipients->items[i], certificate) == 0)
			return 0;
	X509 **items = reallocarray(recipients->items, recipients->count + 1, sizeof(*items));
	if (!items || X509_up_ref(certificate) != 1)
		return -SMIME_E_NO_MEMORY;
	recipients->items = items;
	recipients->items[recipients->count++] = certificate;
	return 0;
}

/* NULL when the file holds no certificate. */
static X509 *read_certificate(const char *path) {
	BIO *file = BIO_new_file(path, "rb");
	X509 *certificate = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;

	if (file && !certificate && BIO_reset(file) == 0)
		certificate = d2i_X509_bio(file, NULL);
	BIO_free(file);
	ERR_clear_error();
	return certificate;
}

static int refuse(struct smime *s, const char *who, int r, const char *why) {
	return smime_fail(s, r == -SMIME_E_CERT_EXPIRED ? SMIME_E_CERT_EXPIRED : SMIME_E_CERT_UNUSABLE, "%s can't be encrypted to: the certificate %s", who, why);
}

static int add_file(struct smime *s, struct recipients *recipients, const char *path, time_t now) {
	X509 *certificate = read_certificate(path);
	const char *why = "";

	if (!certificate)
		return smime_fail(s, SMIME_E_MALFORMED, "%s: holds no certificate in PEM or DER", path);
	int r = cms_suitable_for_encryption(certificate, now, &why);
	r = r < 0 ? refuse(s, path, r, why) : push(recipients, certificate);
	X509_free(certificate);
	return r;
}

/* ---- By address ---- */

/* What was found for an address so far. */
struct search {
	const char *address;
	time_t now;
	struct recipients good;
	int fault;       /* of the last one that matched and can't be used */
	const char *why;
};

static int consider(struct search *search, X509 *certificate) {
	const char *why = "";

	if (!address_in_certificate(search->address, certificate))
		return 0;
	int r = cms_suitable_for_encryption(certificate, search->now, &why);
	if (r == 0)
		return push(&search->good, certificate);
	search->fault = r;
	search->why = why;
	return 0;
}

static int search_keyring(struct search *search, const struct keyring *keyring) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < keyring->count; i++)
		for (size_t k = 0; r == 0 && k < keyring->keys[i].certificate_count; k++)
			r = consider(search, keyring->keys[i].certificates[k]);
	return r;
}

static bool is_certificate_name(const char *name) {
	static const char *const endings[] = { ".pem", ".der", ".crt", ".cer" };
	size_t len = strlen(name);

	for (size_t i = 0; i < ELEMENTSOF(endings); i++)
		if (len > 4 && name[0] != '.' && strcasecmp(name + len - 4, endings[i]) == 0)
			return true;
	return false;
}

static int folder_path(char *path, size_t size) {
	const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	int n = -1;

	if (config && *config == '/')
		n = snprintf(path, size, "%s/smime-agent/certificates", config);
	else if (home && *home == '/')
		n = snprintf(path, size, "%s/.config/smime-agent/certificates", home);
	return n > 0 && (size_t)n < size ? 0 : -SMIME_E_IO;
}

static int search_folder(struct search *search) {
	char folder[PATH_MAX], path[PATH_MAX];
	DIR *directory = folder_path(folder, sizeof(folder)) == 0 ? opendir(folder) : NULL;
	const struct dirent *entry;
	unsigned seen = 0;
	int r = 0;

	while (r == 0 && directory && (entry = readdir(directory)) && seen++ < RECIPIENTS_FOLDER_FILES_MAX) {
		int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		X509 *certificate = is_certificate_name(entry->d_name) && n > 0 && (size_t)n < sizeof(path) ? read_certificate(path) : NULL;
		if (certificate)
			r = consider(search, certificate);
		X509_free(certificate);
	}
	if (directory)
		(void)closedir(directory);
	return r;
}

static X509 *newest(const struct recipients *found) {
	X509 *best = found->count > 0 ? found->items[0] : NULL;

	for (size_t i = 1; i < found->count; i++)
		if (ASN1_TIME_compare(X509_get0_notBefore(found->items[i]), X509_get0_notBefore(best)) > 0)
			best = found->items[i];
	return best;
}

/* Renewals have the same issuer or the same key; anything else might be somebody else. */
static bool all_of_one(const struct recipients *found) {
	for (size_t i = 1; i < found->count; i++) {
		const X509 *a = found->items[0], *b = found->items[i];
		if (X509_NAME_cmp(X509_get_issuer_name(a), X509_get_issuer_name(b)) == 0 && X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0)
			continue;
		if (EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) != 1)
			return false;
	}
	return true;
}

static int take(struct smime *s, struct recipients *recipients, const struct search *search) {
	X509 *best = newest(&search->good);

	if (!best && search->fault)
		return refuse(s, search->address, search->fault, search->why);
	if (!best)
		return smime_fail(s, SMIME_E_NO_CERTIFICATE,
			"no certificate for %s: put it as a .pem file into ~/.config/smime-agent/certificates/, or name the file with -r", search->address);
	if (!all_of_one(&search->good))
		return smime_fail(s, SMIME_E_CERT_AMBIGUOUS, "%zu certificates of different keys are for %s; name the file of one with -r", search->good.count, search->address);
	return push(recipients, best);
}

static int add_address(struct smime *s, struct recipients *recipients, const struct keyring *keyring, const char *address, time_t now) {
	struct search search = { .address = address, .now = now };
	int r = keyring ? search_keyring(&search, keyring) : 0;

	if (r == 0 && search.good.count == 0)
		r = search_folder(&search);
	r = r < 0 ? smime_fail_at(s, r, address) : take(s, recipients, &search);
	recipients_clear(&search.good);
	return r;
}

int recipients_add(struct smime *s, struct recipients *recipients, const struct keyring *keyring, const char *who, time_t now) {
	struct stat st;

	if (stat(who, &st) == 0 && S_ISREG(st.st_mode))
		return add_file(s, recipients, who, now);
	if (!strchr(who, '@') || strchr(who, '/'))
		return smime_fail(s, SMIME_E_NO_CERTIFICATE, "%s is neither a file nor an address", who);
	return add_address(s, recipients, keyring, who, now);
}

int recipients_add_own(struct recipients *recipients, const struct keyring *keyring, const char *address, time_t now) {
	struct search search = { .address = address, .now = now };
	int r = search_keyring(&search, keyring);
	X509 *best = newest(&search.good);

	if (r == 0)
		r = best ? push(recipients, best) : 1;
	recipients_clear(&search.good);
	return r;
}
