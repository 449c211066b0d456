/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See folder-index.h: an array of addresses in the form in which they are compared, sorted, each with a certificate.
 */
#include "folder-index.h"

#include <stdlib.h>

#include <smime/error.h>

#include "client/mime/address.h"

enum { ENTRIES_FIRST = 64 };

struct entry {
	char *canonical;
	X509 *certificate; /* referenced */
	size_t place;      /* in the folder's order */
};

struct folder_index {
	struct entry *entries;
	size_t count, room;
};

struct folder_index *folder_index_free(struct folder_index *index) {
	if (!index)
		return NULL;
	for (size_t i = 0; i < index->count; i++) {
		free(index->entries[i].canonical);
		X509_free(index->entries[i].certificate);
	}
	free(index->entries);
	free(index);
	return NULL;
}

static int compare(const void *one, const void *two) {
	const struct entry *a = one, *b = two;
	int r = strcmp(a->canonical, b->canonical);

	return r != 0 ? r : (a->place > b->place) - (a->place < b->place);
}

/* Takes the text over when it succeeds. */
static int add(struct folder_index *index, char **canonical, X509 *certificate) {
	size_t room = index->room > 0 ? 2 * index->room : ENTRIES_FIRST;

	if (index->count == index->room) {
		struct entry *entries = reallocarray(index->entries, room, sizeof(entries[0]));
		if (!entries)
			return -SMIME_E_NO_MEMORY;
		index->entries = entries;
		index->room = room;
	}
	if (X509_up_ref(certificate) != 1)
		return -SMIME_E_NO_MEMORY;
	index->entries[index->count] = (struct entry){ .canonical = *canonical, .certificate = certificate, .place = index->count };
	index->count++;
	*canonical = NULL;
	return 0;
}

static int consider(void *userdata, X509 *certificate) {
	struct addresses addresses = { 0 };
	int r = addresses_of_certificate(certificate, &addresses);

	/* One whose addresses can't be read is nobody's. */
	if (r < 0)
		return r == -SMIME_E_NO_MEMORY ? r : 0;
	for (size_t i = 0; r == 0 && i < addresses.count; i++)
		r = add(userdata, &addresses.canonical[i], certificate);
	addresses_clear(&addresses);
	return r;
}

int folder_index_new(struct folder_index **ret_index) {
	_cleanup_(folder_index_freep) struct folder_index *index = calloc(1, sizeof(*index));
	int r = index ? folder_visit(consider, index) : -SMIME_E_NO_MEMORY;

	if (r < 0)
		return r;
	if (index->count > 0)
		qsort(index->entries, index->count, sizeof(index->entries[0]), compare);
	*ret_index = TAKE(index);
	return 0;
}

/* The first entry whose address is not before this one. */
static size_t lower_bound(const struct folder_index *index, const char *canonical) {
	size_t low = 0, high = index->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(index->entries[middle].canonical, canonical) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int folder_index_visit(const struct folder_index *index, const char *address, folder_visitor visitor, void *userdata) {
	_cleanup_(freep) char *canonical = address_canonical(address);
	int r = canonical ? 0 : -SMIME_E_NO_MEMORY;

	for (size_t i = canonical ? lower_bound(index, canonical) : index->count;
		r == 0 && i < index->count && strcmp(index->entries[i].canonical, canonical) == 0; i++)
		r = visitor(userdata, index->entries[i].certificate);
	return r;
}
