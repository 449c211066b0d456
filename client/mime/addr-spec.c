/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * addr-specs as octets, see addr-spec.h. Must never let a NUL or a control character into an address: what stands behind
 * it would be compared by one reader and not by another.
 */
#include "addr-spec.h"

#include <dlfcn.h>
#include <pthread.h>

#include <openssl/asn1.h>

#include "ascii.h"
#include "smime/error.h"

/* No domain of 253 ASCII characters has more in UTF-8. */
enum { DOMAIN_MAX_BYTES = 4 * 253 };

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

static int reserve(struct addresses *addresses, size_t more) {
	char **items, **canonical;

	items = reallocarray(addresses->items, addresses->count + more, sizeof(*items));
	if (!items)
		return -SMIME_E_NO_MEMORY;
	addresses->items = items;
	canonical = reallocarray(addresses->canonical, addresses->count + more, sizeof(*canonical));
	if (!canonical)
		return -SMIME_E_NO_MEMORY;
	addresses->canonical = canonical;
	return 0;
}

int addr_spec_add(struct addresses *addresses, struct bytes text, size_t max) {
	_cleanup_(freep) char *copy = NULL, *canonical = NULL;
	int r;

	if (addresses->count >= max)
		return -SMIME_E_TOO_LARGE;
	r = reserve(addresses, 1);
	if (r < 0)
		return r;
	copy = copy_text(text.data, text.len);
	canonical = copy ? address_canonical(copy) : NULL;
	if (!canonical)
		return -SMIME_E_NO_MEMORY;
	addresses->items[addresses->count] = TAKE(copy);
	addresses->canonical[addresses->count++] = TAKE(canonical);
	return 0;
}

int addresses_append(struct addresses *to, struct addresses *from) {
	int r = from->count > 0 ? reserve(to, from->count) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < from->count; i++) {
		to->items[to->count] = TAKE(from->items[i]);
		to->canonical[to->count++] = TAKE(from->canonical[i]);
	}
	addresses_clear(from);
	return 0;
}

void addresses_clear(struct addresses *addresses) {
	for (size_t i = 0; i < addresses->count; i++) {
		free(addresses->items[i]);
		free(addresses->canonical[i]);
	}
	free(addresses->items);
	free(addresses->canonical);
	*addresses = (struct addresses){ 0 };
}

/* libidn2's ABI (idn2.h), of which nothing else is used; so its headers need not be there. */
enum { IDN2_NFC = 1, IDN2_NONTRANSITIONAL_TR46 = 8 };
struct idn2 {
	int (*to_ascii)(const char *input, char **output, int flags);
	void (*free)(void *ptr);
};

/* Written once, by load(), and kept: it takes longer to load than to use. */
static struct idn2 idn2;
static pthread_once_t idn2_once = PTHREAD_ONCE_INIT;

static void load(void) {
	void *library = dlopen("libidn2.so.0", RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return;
	idn2.to_ascii = (__typeof__(idn2.to_ascii))dlsym(library, "idn2_to_ascii_8z");
	idn2.free = (__typeof__(idn2.free))dlsym(library, "idn2_free");
}

/*
 * A domain with its U-labels as A-labels (IDNA 2008), through libidn2 if this system has it; a copy as it is if not, or if
 * it is no domain that IDNA allows: then it equals nothing but itself.
 */
static char *domain_to_ascii(const char *domain) {
	size_t len = strlen(domain);
	char *converted = NULL, *copy;

	if (len > DOMAIN_MAX_BYTES || addr_spec_is_ascii((struct bytes){ (const uint8_t *)domain, len }))
		return strdup(domain);
	if (pthread_once(&idn2_once, load) != 0 || !idn2.to_ascii || !idn2.free ||
		idn2.to_ascii(domain, &converted, IDN2_NFC | IDN2_NONTRANSITIONAL_TR46) != 0)
		return strdup(domain);
	/* The mapping knows an "@" of another width, which would move the end of the local part. */
	copy = strdup(strchr(converted, '@') ? domain : converted);
	idn2.free(converted);
	return copy;
}

char *address_canonical(const char *address) {
	const char *at = strrchr(address, '@');
	size_t local_len = at ? (size_t)(at + 1 - address) : 0;
	_cleanup_(freep) char *domain = domain_to_ascii(address + local_len);
	char *canonical = domain ? malloc(local_len + strlen(domain) + 1) : NULL;

	if (!canonical)
		return NULL;
	memcpy(canonical, address, local_len);
	strcpy(canonical + local_len, domain);
	ascii_lower_text(canonical);
	return canonical;
}
