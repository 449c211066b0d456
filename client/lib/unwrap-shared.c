/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encrypted layers and shared secrets; see unwrap-shared.h.
 */
#include "unwrap-shared.h"

#include "unwrap.h"

static int try_one(const struct layer *layer, const struct enveloped *enveloped, size_t index, const struct shared_secrets *secrets,
	struct source **ret_content, uint64_t *ret_len) {
	_cleanup_(source_unrefp) struct source *content = NULL;
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;
	int r = enveloped_shared_key(enveloped, index, secrets, &cek);

	if (r == 0)
		r = enveloped_content(layer->cms, enveloped, &cek, &content);
	if (r == 0)
		r = source_measure(content, ret_len);
	if (r == 0)
		*ret_content = TAKE(content);
	return r;
}

/* Of several failures that of a secret that does not fit is told. */
static int try_all(const struct layer *layer, const struct enveloped *enveloped, const struct shared_secrets *secrets, size_t *ret_index,
	struct source **ret_content, uint64_t *ret_len) {
	int r, first = 1;

	for (size_t i = 0; i < enveloped->shared_count; i++) {
		r = try_one(layer, enveloped, i, secrets, ret_content, ret_len);
		if (r == 0)
			*ret_index = i;
		if (r == 0 ||
			(r < 0 && r != -SMIME_E_INTEGRITY && r != -SMIME_E_UNSUPPORTED && r != -SMIME_E_MALFORMED &&
				r != -SMIME_E_TOO_LARGE))
			return r;
		if (r == -SMIME_E_INTEGRITY || (r < 0 && first == 1))
			first = r;
	}
	return first;
}

static int say(struct smime *s, int r) {
	switch (r) {
	case -SMIME_E_INTEGRITY:
		return smime_fail(s, r, "the content can't be decrypted or was changed: perhaps with another password or key");
	case -SMIME_E_UNSUPPORTED:
		return smime_fail(s, r, "the content's key is encrypted to the password or key in a way that is not supported");
	case -SMIME_E_TOO_LARGE:
		return smime_fail(
			s, r, "the message wants more work of a password than %d iterations of PBKDF2", SHARED_PBKDF2_ITERATIONS_MAX);
	default:
		return smime_fail_at(s, r, "the encrypted content");
	}
}

int unwrap_shared(struct opening *opening, const struct layer *layer, struct enveloped *enveloped, const struct shared_secrets *secrets,
	struct opened *ret_opened) {
	_cleanup_(opened_clear) struct opened opened = { .content = NULL };
	uint64_t len = 0;
	size_t index = 0;
	bool kek;
	int r = try_all(layer, enveloped, secrets, &index, &opened.content, &len);

	if (r != 0)
		return r < 0 ? say(opening->s, r) : r;
	kek = enveloped->shared[index].kind == SHARED_KEK;
	r = unwrap_report(opening, enveloped, kek ? secrets->kek.len : 0, &opened.layer);
	if (r < 0)
		return r;
	opened.layer->key_encryption = kek ? "kek" : "password";
	opened.layer->octets = len;
	opened.type = TAKE(enveloped->content_type);
	*ret_opened = opened;
	opened = (struct opened){ .content = NULL };
	return 0;
}

int unwrap_shared_lacking(struct smime *s, const struct enveloped *enveloped) {
	bool password = false, kek = false;

	for (size_t i = 0; i < enveloped->shared_count; i++) {
		password |= enveloped->shared[i].kind == SHARED_PASSWORD;
		kek |= enveloped->shared[i].kind == SHARED_KEK;
	}
	if (password)
		return smime_want(s, smime_fail(s, SMIME_E_NOT_RECIPIENT, "the message is encrypted with a password: name a file with it"),
			SMIME_WANTED_PASSWORD);
	if (kek)
		return smime_want(s,
			smime_fail(s, SMIME_E_NOT_RECIPIENT, "the message is encrypted with a key that is shared: name its file"),
			SMIME_WANTED_SHARED_KEY);
	return 1;
}
