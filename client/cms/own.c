/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The index behind own.h: a sorted array, since a person has tens of certificates at most.
 */
#include "own.h"

#include <stdlib.h>

#include <openssl/err.h>

#include "agent/cms/leaf.h"
#include "smime/error.h"

enum {
	OWN_KEY_BYTES = 32, /* what is compared of a name; serials have 20 */
	OWN_KEYS_PER_CERTIFICATE = 2,
};

struct own_key {
	bool key_id;
	size_t len; /* of the whole name */
	uint8_t value[OWN_KEY_BYTES];
	size_t certificate;
};

struct own {
	X509 *const *certificates;
	size_t count, present, key_count;
	struct own_key keys[];
};

static struct own_key make_key(struct own_name name, size_t certificate) {
	struct own_key key = { .key_id = name.key_id, .len = name.value.len, .certificate = certificate };

	if (name.value.len > 0)
		memcpy(key.value, name.value.data, name.value.len < OWN_KEY_BYTES ? name.value.len : OWN_KEY_BYTES);
	return key;
}

static int compare_names(const struct own_key *a, const struct own_key *b) {
	if (a->key_id != b->key_id)
		return a->key_id ? 1 : -1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->value, b->value, OWN_KEY_BYTES);
}

static int compare_keys(const void *one, const void *two) {
	const struct own_key *a = one, *b = two;
	int r = compare_names(a, b);

	return r != 0 ? r : (a->certificate > b->certificate) - (a->certificate < b->certificate);
}

int own_serial_name(const ASN1_INTEGER *serial, uint8_t **ret_der, struct own_name *ret_name) {
	const unsigned char *contents;
	unsigned char *der = NULL;
	int len = i2d_ASN1_INTEGER(serial, &der), tag, class;
	long contents_len;

	if (len <= 0) {
		ERR_clear_error();
		return -SMIME_E_NO_MEMORY;
	}
	contents = der;
	(void)ASN1_get_object(&contents, &contents_len, &tag, &class, len);
	*ret_der = der;
	*ret_name = (struct own_name){ .key_id = false, .value = { contents, (size_t)contents_len } };
	return 0;
}

static int add_serial(struct own *own, size_t certificate) {
	_cleanup_(freep) uint8_t *der = NULL;
	struct own_name name;
	int r = own_serial_name(X509_get0_serialNumber(own->certificates[certificate]), &der, &name);

	if (r == 0)
		own->keys[own->key_count++] = make_key(name, certificate);
	return r;
}

static void add_key_id(struct own *own, size_t certificate) {
	ASN1_OCTET_STRING *id = cms_key_id(own->certificates[certificate]);

	if (id)
		own->keys[own->key_count++] = make_key(own_key_id_name(id), certificate);
	ASN1_OCTET_STRING_free(id);
}

int own_new(X509 *const *certificates, size_t count, size_t present, struct own **ret_own) {
	_cleanup_(own_freep) struct own *own = calloc(1, sizeof(*own) + count * OWN_KEYS_PER_CERTIFICATE * sizeof(own->keys[0]));
	int r;

	if (!own)
		return -SMIME_E_NO_MEMORY;
	own->certificates = certificates;
	own->count = count;
	own->present = present;
	for (size_t i = 0; i < count; i++) {
		r = add_serial(own, i);
		if (r < 0)
			return r;
		add_key_id(own, i);
	}
	qsort(own->keys, own->key_count, sizeof(own->keys[0]), compare_keys);
	*ret_own = TAKE(own);
	return 0;
}

struct own *own_free(struct own *own) {
	free(own);
	return NULL;
}

/* The first key that is not less than `wanted`. */
static size_t lower_bound(const struct own *own, const struct own_key *wanted) {
	size_t low = 0, high = own->key_count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (compare_names(&own->keys[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int own_find(const struct own *own, struct own_name name, size_t *iterator, size_t *ret_certificate) {
	struct own_key wanted = make_key(name, 0);
	size_t at = lower_bound(own, &wanted) + *iterator;

	if (at >= own->key_count || compare_names(&own->keys[at], &wanted) != 0)
		return 1;
	(*iterator)++;
	*ret_certificate = own->keys[at].certificate;
	return 0;
}

X509 *own_certificate(const struct own *own, size_t certificate) {
	return own->certificates[certificate];
}

size_t own_count(const struct own *own) {
	return own->count;
}

bool own_is_present(const struct own *own, size_t certificate) {
	return certificate < own->present;
}
