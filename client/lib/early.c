/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See early.h.
 */
#include "early.h"

#include "smime/error.h"

/* Names of micalg (RFC 8551 3.5.3.2), and those that older programs write. */
static const struct {
	const char *names[2];
	const EVP_MD *(*md)(void);
} known[EARLY_DIGESTS_MAX] = {
	{ { "sha-256", "sha256" }, EVP_sha256 },
	{ { "sha-384", "sha384" }, EVP_sha384 },
	{ { "sha-512", "sha512" }, EVP_sha512 },
};

/* Whether the list, separated by commas, has this name. */
static bool has_name(const char *list, const char *name) {
	static const char separators[] = ", \t";
	size_t len;

	for (list += strspn(list, separators); *list; list += len, list += strspn(list, separators)) {
		len = strcspn(list, separators);
		if (len == strlen(name) && memcmp(list, name, len) == 0)
			return true;
	}
	return false;
}

static int early_write(void *self, const uint8_t *data, size_t len) {
	struct early *early = self;

	for (size_t i = 0; i < early->count; i++)
		sha2_update(&early->sha2[i], data, len);
	return 0;
}

int early_begin(const struct entity *entity, struct early *ret_early) {
	static const struct sink_ops ops = { .write = early_write };
	struct early *early = ret_early;
	int r = 0;

	/* Mail with LF was most likely signed with CRLF, mail with CRLF as it is. */
	*early = (struct early){ .eol = entity->crlf ? EOL_KEEP : EOL_CRLF };
	for (size_t i = 0; r == 0 && entity->micalg && i < ELEMENTSOF(known); i++) {
		if (!has_name(entity->micalg, known[i].names[0]) && !has_name(entity->micalg, known[i].names[1]))
			continue;
		early->mds[early->count] = known[i].md();
		r = sha2_begin(&early->sha2[early->count], early->mds[early->count]);
		early->count++;
	}
	if (r < 0 || early->count == 0)
		return r;
	early->digests = sink_new(&ops, early);
	return early->digests ? sink_eol(early->digests, early->eol, &early->sink) : -SMIME_E_NO_MEMORY;
}

int early_finish(struct early *early, struct early_digests *ret_digests) {
	int r = early->sink ? sink_finish(early->sink) : 0;

	if (r < 0)
		return r;
	ret_digests->eol = early->eol;
	ret_digests->count = early->count;
	for (size_t i = 0; i < early->count; i++) {
		struct signed_digest *digest = &ret_digests->items[i];

		digest->md = early->mds[i];
		digest->len = sha2_end(&early->sha2[i], digest->value);
	}
	return 0;
}

void early_end(struct early *early) {
	early->sink = sink_free(early->sink);
	early->digests = sink_free(early->digests);
}
