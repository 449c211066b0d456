/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_agent_certificates(): what the agent has beside the certificates of its keys, each once.
 */
#include <time.h>

#include "describe.h"
#include "sent.h"

struct certificates_object {
	struct smime_certificates certificates; /* first: its address is the object's */
	struct arena arena;
};

static void stack_free(STACK_OF(X509) *stack) {
	sk_X509_pop_free(stack, X509_free);
}
DEFINE_CLEANUP(STACK_OF(X509) *, stack_freep, stack_free)

static bool is_of_key(const struct keyring *keyring, const X509 *certificate) {
	for (size_t i = 0; i < keyring->count; i++)
		for (size_t n = 0; n < keyring->keys[i].certificate_count; n++)
			if (X509_cmp(keyring->keys[i].certificates[n], certificate) == 0)
				return true;
	return false;
}

/* What every token has too comes once for each of them. */
static bool was_before(STACK_OF(X509) *all, int index) {
	for (int i = 0; i < index; i++)
		if (X509_cmp(sk_X509_value(all, i), sk_X509_value(all, index)) == 0)
			return true;
	return false;
}

static struct smime_certificates *describe(const struct keyring *keyring, STACK_OF(X509) *all) {
	struct certificates_object *object = calloc(1, sizeof(*object));
	int count = sk_X509_num(all);
	struct smime_certificate *out = object ? arena_alloc(&object->arena, (size_t)count, sizeof(*out)) : NULL;
	size_t used = 0;

	for (int i = 0; out && i < count; i++)
		if (!was_before(all, i) && !is_of_key(keyring, sk_X509_value(all, i)))
			describe_certificate(&object->arena, sk_X509_value(all, i), NULL, time(NULL), &out[used++]);
	if (!object || arena_failed(&object->arena))
		return smime_certificates_free(object ? &object->certificates : NULL);
	object->certificates = (struct smime_certificates){ out, used };
	return &object->certificates;
}

static int take_tokens(struct smime *s, const struct keyring *keyring, STACK_OF(X509) *all) {
	const STACK_OF(wire_token_status) *tokens = keyring->status->body->status->tokens;
	int r = sent_take_all(s, NULL, all);

	for (int i = 0; r == 0 && i < sk_wire_token_status_num(tokens); i++)
		r = sent_take_all(s, sk_wire_token_status_value(tokens, i)->token->id, all);
	return r;
}

SMIME_API int smime_agent_certificates(struct smime *s, struct smime_certificates **ret_certificates) {
	_cleanup_(keyring_freep) struct keyring *keyring = NULL;
	_cleanup_(stack_freep) STACK_OF(X509) *all = sk_X509_new_null();
	int r = all ? keyring_fetch(s, &keyring) : smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");

	if (r == 0)
		r = take_tokens(s, keyring, all);
	if (r < 0)
		return r;
	*ret_certificates = describe(keyring, all);
	return *ret_certificates ? 0 : smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
}
