/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * addr-specs as octets, see addr-spec.h. Must never let a NUL or a control character into an address: what stands behind
 * it would be compared by one reader and not by another.
 */
#include "addr-spec.h"

#include <dlfcn.h>

#include <openssl/asn1.h>

#include "smime/error.h"

bool addr_spec_is_ascii(struct bytes text) {
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] > 127)
			return false;
	return true;
}

bool addr_spec_is_valid(struct bytes text) {
	const uint8_t *at = text.len ? memrchr(text.data, '@', text.len) : NULL;
	unsigned long c;
	int n;

	if (!at || at == text.data || at + 1 == text.data + text.len)
		return false;
	for (size_t i = 0; i < text.len; i += (size_t)n) {
		size_t left = text.len - i;

		n = UTF8_getc(text.data + i, left < 6 ? (int)left : 6, &c);
		if (n <= 0 || c < ' ' || (c >= 127 && c < 160) || c == 0xfeff || c > 0x10ffff)
			return false;
	}
	return true;
}

int addr_spec_add(struct addresses *addresses, struct bytes text, size_t max) {
	char **grown, *copy;

	if (addresses->count >= max)
		return -SMIME_E_TOO_LARGE;
	grown = reallocarray(addresses->items, addresses->count + 1, sizeof(*grown));
	if (!grown)
		return -SMIME_E_NO_MEMORY;
	addresses->items = grown;
	copy = copy_text(text.data, text.len);
	if (!copy)
		return -SMIME_E_NO_MEMORY;
	addresses->items[addresses->count++] = copy;
	return 0;
}

void addresses_clear(struct addresses *addresses) {
	for (size_t i = 0; i < addresses->count; i++)
		free(addresses->items[i]);
	free(addresses->items);
	*addresses = (struct addresses){ 0 };
}

char *addr_spec_domain_to_ascii(const char *domain) {
	/* libidn2's ABI (idn2.h), of which nothing else is used; so its headers need not be there. */
	enum { IDN2_NFC = 1, IDN2_NONTRANSITIONAL_TR46 = 8 };
	int (*to_ascii)(const char *input, char **output, int flags);
	void (*idn_free)(void *ptr);
	char *converted = NULL, *copy;
	void *library;

	if (addr_spec_is_ascii((struct bytes){ (const uint8_t *)domain, strlen(domain) }))
		return strdup(domain);
	/* Never closed: it costs nothing to keep, and much to load for each comparison. */
	library = dlopen("libidn2.so.0", RTLD_NOW | RTLD_LOCAL);
	to_ascii = library ? (__typeof__(to_ascii))dlsym(library, "idn2_to_ascii_8z") : NULL;
	idn_free = library ? (__typeof__(idn_free))dlsym(library, "idn2_free") : NULL;
	if (!to_ascii || !idn_free || to_ascii(domain, &converted, IDN2_NFC | IDN2_NONTRANSITIONAL_TR46) != 0)
		return strdup(domain);
	copy = strdup(converted);
	idn_free(converted);
	return copy;
}
