/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding recipients' certificates; see recipients.h.
 *
 * Never chooses between two people: what was encrypted to the wrong one can't be taken back.
 */
#include "recipients.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include <openssl/err.h>

#include "agent/cms/suitable.h"
#include "certificate-file.h"
#include "client/mime/address.h"
#include "describe.h"
#include "folder.h"

enum { SLOTS_FIRST = 16 };

void recipients_clear(struct recipients *recipients) {
	for (size_t i = 0; i < recipients->count; i++)
		X509_free(recipients->items[i]);
	free(recipients->items);
	free(recipients->slots);
	folder_index_free(recipients->folder);
	*recipients = (struct recipients){ 0 };
}

/* The certificate's slot, or the empty one where it belongs. There is always one. */
static int find_slot(const struct recipients *recipients, const X509 *certificate, size_t *ret_slot) {
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len;
	size_t slot;

	if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1) {
		ERR_clear_error();
		return -SMIME_E_INTERNAL;
	}
	memcpy(&slot, digest, sizeof(slot));
	for (slot %= recipients->slot_count; recipients->slots[slot] > 0; slot = (slot + 1) % recipients->slot_count)
		if (X509_cmp(recipients->items[recipients->slots[slot] - 1], certificate) == 0)
			break;
	*ret_slot = slot;
	return 0;
}

/* Makes room for one more: half of the slots stay empty. */
static int grow(struct recipients *recipients) {
	size_t slot_count = recipients->slot_count > 0 ? 2 * recipients->slot_count : SLOTS_FIRST, slot;
	X509 **items;
	int r = 0;

	if (recipients->count < recipients->slot_count / 2)
		return 0;
	items = reallocarray(recipients->items, slot_count / 2, sizeof(items[0]));
	if (!items)
		return -SMIME_E_NO_MEMORY;
	recipients->items = items;
	free(recipients->slots);
	recipients->slots = calloc(slot_count, sizeof(recipients->slots[0]));
	recipients->slot_count = recipients->slots ? slot_count : 0;
	if (!recipients->slots)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; r == 0 && i < recipients->count; i++)
		if ((r = find_slot(recipients, items[i], &slot)) == 0)
			recipients->slots[slot] = i + 1;
	return r;
}

static int push(struct recipients *recipients, X509 *certificate) {
	size_t slot;
	int r = grow(recipients);

	if (r == 0)
		r = find_slot(recipients, certificate, &slot);
	if (r < 0 || recipients->slots[slot] > 0)
		return r;
	if (X509_up_ref(certificate) != 1)
		return -SMIME_E_NO_MEMORY;
	recipients->items[recipients->count++] = certificate;
	recipients->slots[slot] = recipients->count;
	return 0;
}

static int refuse(struct smime *s, const char *who, int r, const char *why, const X509 *certificate) {
	struct arena arena = { 0 };
	int code = r == -SMIME_E_CERT_EXPIRED ? SMIME_E_CERT_EXPIRED : SMIME_E_CERT_UNUSABLE;
	const char *from = describe_date(&arena, X509_get0_notBefore(certificate));
	const char *until = describe_date(&arena, X509_get0_notAfter(certificate));

	r = smime_fail(s, code, "%s can't be encrypted to: the certificate %s (valid from %s to %s)", who, why, from ? from : "",
		until ? until : "");
	arena_clear(&arena);
	return r;
}

/* ---- What matches a name ---- */

struct search {
	const char *address; /* NULL: every certificate matches */
	time_t now;
	struct recipients good;
	int refusal; /* of one that matches and can't be used, with .. */
	const char *why;
	X509 *refused;
};

static void search_clear(struct search *search) {
	recipients_clear(&search->good);
	X509_free(search->refused);
	search->refused = NULL;
}

static int consider(void *userdata, X509 *certificate) {
	struct search *search = userdata;
	const char *why = "";

	if (search->address && !address_in_certificate(search->address, certificate))
		return 0;
	int r = cms_suitable_for_encryption(certificate, search->now, &why);
	if (r == 0)
		return push(&search->good, certificate);
	/* Only what would be suitable otherwise is called expired: the answer that helps most. */
	if (search->refusal == 0 || (r == -SMIME_E_CERT_EXPIRED && search->refusal != r)) {
		X509_free(search->refused);
		search->refused = X509_up_ref(certificate) == 1 ? certificate : NULL;
		search->refusal = search->refused ? r : 0;
		search->why = why;
	}
	return 0;
}

static int consider_file(struct search *search, const char *path) {
	STACK_OF(X509) *certificates = NULL;
	int r = certificate_file_read(path, &certificates);

	for (int i = 0; r == 0 && i < sk_X509_num(certificates); i++)
		r = consider(search, sk_X509_value(certificates, i));
	sk_X509_pop_free(certificates, X509_free);
	return r;
}

/* A certificate of an own key that can't decrypt would make a message that nobody reads. */
static int search_keyring(struct search *search, const struct keyring *keyring) {
	int r = 0;

	for (size_t i = 0; keyring && r == 0 && i < keyring->count; i++)
		for (size_t k = 0; keyring->keys[i].wire->can_decrypt && r == 0 && k < keyring->keys[i].certificate_count; k++)
			r = consider(search, keyring->keys[i].certificates[k]);
	return r;
}

/* ---- Choosing ---- */

static X509 *newest(const struct recipients *found) {
	X509 *best = found->count > 0 ? found->items[0] : NULL;

	for (size_t i = 1; i < found->count; i++)
		if (ASN1_TIME_compare(X509_get0_notBefore(found->items[i]), X509_get0_notBefore(best)) > 0)
			best = found->items[i];
	return best;
}

/* A renewal has the same key, or the same names of issuer and subject; anything else might be somebody else's. */
static bool is_renewal(const X509 *a, const X509 *b) {
	return EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1 ||
		(X509_NAME_cmp(X509_get_issuer_name(a), X509_get_issuer_name(b)) == 0 &&
			X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0);
}

static bool all_of_one(const struct recipients *found) {
	bool same = true;

	for (size_t i = 1; same && i < found->count; i++)
		same = is_renewal(found->items[0], found->items[i]);
	ERR_clear_error();
	return same;
}

static int say_ambiguous(struct smime *s, const struct search *search) {
	enum { SHOWN_MAX = 8, DIGITS = 16 };
	struct arena arena = { 0 };
	const char *list = "";

	for (size_t i = 0; list && i < search->good.count && i < SHOWN_MAX; i++) {
		const X509 *certificate = search->good.items[i];
		const char *fingerprint = describe_fingerprint(&arena, certificate);
		const char *subject = describe_name(&arena, X509_get_subject_name(certificate));
		list = arena_printf(
			&arena, "%s%s%.*s (%s)", list, i > 0 ? "; " : "", DIGITS, fingerprint ? fingerprint : "", subject ? subject : "");
	}
	int r = smime_fail(s, SMIME_E_CERT_AMBIGUOUS, "%zu certificates are for %s; name the file of one of them: %s%s", search->good.count,
		search->address, list ? list : "", search->good.count > SHOWN_MAX ? "; .." : "");
	arena_clear(&arena);
	return smime_want(s, r, SMIME_WANTED_CERTIFICATE);
}

static int take(struct smime *s, struct recipients *recipients, const struct search *search) {
	char folder[PATH_MAX];

	if (search->good.count == 0 && search->refusal != 0)
		return refuse(s, search->address, search->refusal, search->why, search->refused);
	if (search->good.count == 0)
		return smime_want(s,
			smime_fail(s, SMIME_E_NO_CERTIFICATE, "no certificate for %s: put one into %s, or name its file", search->address,
				folder_shown(folder)),
			SMIME_WANTED_CERTIFICATE);
	if (!all_of_one(&search->good))
		return say_ambiguous(s, search);
	int r = push(recipients, newest(&search->good));
	return r < 0 ? smime_fail_at(s, r, search->address) : 0;
}

/* ---- Adding ---- */

/* Of several certificates in a file, as exports have them, the first that can be encrypted to is the person's. */
static int add_file(struct smime *s, struct recipients *recipients, const char *path, time_t now) {
	_cleanup_(search_clear) struct search search = { .now = now };
	int r = consider_file(&search, path);

	if (r == -SMIME_E_IO)
		return smime_fail(s, r, "%s: can't be read: %s", path, strerror(errno));
	if (r == -SMIME_E_MALFORMED)
		return smime_fail(s, r, "%s: holds no certificate in PEM or DER", path);
	if (r == 0 && search.good.count == 0)
		return refuse(s, path, search.refusal, search.why, search.refused);
	if (r == 0)
		r = push(recipients, search.good.items[0]);
	return r < 0 ? smime_fail_at(s, r, path) : 0;
}

/* Who looks for one certificate needs no more than that in memory; who looks for another one is likely to go on. */
static int search_folder(struct search *search, struct recipients *recipients) {
	int r = 0;

	if (recipients->visited && !recipients->folder)
		r = folder_index_new(&recipients->folder);
	if (r < 0)
		return r;
	recipients->visited = true;
	return recipients->folder ? folder_index_visit(recipients->folder, search->address, consider, search) :
				    folder_visit(consider, search);
}

static int add_address(struct smime *s, struct recipients *recipients, const struct keyring *keyring, const char *who, time_t now) {
	_cleanup_(freep) char *address = NULL;
	_cleanup_(search_clear) struct search search = { .now = now };
	char folder[PATH_MAX];
	int r = address_read(who, &address);

	if (r == -SMIME_E_MALFORMED)
		return smime_fail(s, SMIME_E_NO_CERTIFICATE, "%s is not one address: name each recipient by itself", who);
	if (r < 0)
		return smime_fail_at(s, r, who);
	search.address = address;
	r = search_keyring(&search, keyring);
	if (r == 0 && search.good.count == 0)
		r = search_folder(&search, recipients);
	if (r == -SMIME_E_IO)
		return smime_fail(s, SMIME_E_IO, "%s: %s can't be read: %s", address, folder_shown(folder), strerror(errno));
	return r < 0 ? smime_fail_at(s, r, address) : take(s, recipients, &search);
}

/* What looks like an address never means a file, lest somebody puts one of that name where the person works. */
static bool is_address(const char *who) {
	return strchr(who, '@') && !strchr(who, '/');
}

bool recipients_is_file(const char *who) {
	struct stat st;

	return !is_address(who) && stat(who, &st) == 0 && !S_ISDIR(st.st_mode);
}

int recipients_check(struct smime *s, const char *who) {
	if (recipients_is_file(who) || is_address(who))
		return 0;
	return smime_fail(s, SMIME_E_NO_CERTIFICATE, "%s is neither a certificate file nor an address", who);
}

int recipients_add(struct smime *s, struct recipients *recipients, const struct keyring *keyring, const char *who, time_t now) {
	return recipients_is_file(who) ? add_file(s, recipients, who, now) : add_address(s, recipients, keyring, who, now);
}

int recipients_add_own(struct recipients *recipients, const struct keyring *keyring, const char *who, time_t now) {
	_cleanup_(freep) char *address = NULL;
	_cleanup_(search_clear) struct search search = { .now = now };
	int r = address_read(who, &address);

	if (r < 0)
		return r == -SMIME_E_MALFORMED ? 1 : r;
	search.address = address;
	r = search_keyring(&search, keyring);
	if (r < 0)
		return r;
	return search.good.count > 0 ? push(recipients, newest(&search.good)) : 1;
}
