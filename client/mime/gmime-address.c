/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GMime's address parser behind dlopen(), see gmime-address.h. Types and prototypes are those of GMime's own headers.
 *
 * Must never be given more than a capped field: GMime recurses over groups and knows no limits.
 */
#include "gmime-address.h"

#include <dlfcn.h>
#include <pthread.h>

#include <gmime/gmime.h>

#include "addr-spec.h"
#include "smime/error.h"

#define GMIME_FUNCTIONS(F)                   \
	F(g_mime_init)                       \
	F(g_free)                            \
	F(g_mime_utils_header_decode_text)   \
	F(g_object_unref)                    \
	F(g_type_check_instance_is_a)        \
	F(internet_address_list_parse)       \
	F(internet_address_list_length)      \
	F(internet_address_list_get_address) \
	F(internet_address_mailbox_get_type) \
	F(internet_address_mailbox_get_addr) \
	F(internet_address_group_get_type)   \
	F(internet_address_group_get_members)

#define DECLARE_FUNCTION(name) __typeof__(&name) name;
struct gmime {
	bool loaded;
	GMIME_FUNCTIONS(DECLARE_FUNCTION)
};

/* Written once, by load(); a library that registers types can't be unloaded, so there is nothing to give back. */
static struct gmime gmime;
static pthread_once_t gmime_once = PTHREAD_ONCE_INIT;

static void load(void) {
	void *library = dlopen("libgmime-3.0.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	bool complete = library != NULL;

	if (!library)
		return;
#define LOAD_FUNCTION(name)                                                    \
	gmime.name = (__typeof__(gmime.name))(uintptr_t)dlsym(library, #name); \
	complete = complete && gmime.name != NULL;
	GMIME_FUNCTIONS(LOAD_FUNCTION)
	if (complete)
		gmime.g_mime_init();
	gmime.loaded = complete;
}

static void list_unrefp(InternetAddressList **list) {
	if (*list)
		gmime.g_object_unref(*list);
}

static int add_mailbox(InternetAddress *address, struct addresses *addresses) {
	const char *text = gmime.internet_address_mailbox_get_addr((InternetAddressMailbox *)address);
	struct bytes spec = { (const uint8_t *)text, text ? strlen(text) : 0 };

	/* A name without a domain, or what is no address in UTF-8. Without it the list would say something else. */
	if (!addr_spec_is_valid(spec))
		return -SMIME_E_MALFORMED;
	return addr_spec_add(addresses, spec, ADDRESS_LIST_MAX);
}

static bool is_a(InternetAddress *address, GType type) {
	return gmime.g_type_check_instance_is_a((GTypeInstance *)address, type);
}

/* The mailboxes of a list; groups inside are left out unless `groups` says what to do with their members. */
static int add_list(
	InternetAddressList *list, struct addresses *addresses, int (*groups)(InternetAddressList *members, struct addresses *addresses)) {
	int count = gmime.internet_address_list_length(list), r = 0;

	for (int i = 0; i < count && r >= 0; i++) {
		InternetAddress *address = gmime.internet_address_list_get_address(list, i);

		if (is_a(address, gmime.internet_address_mailbox_get_type()))
			r = add_mailbox(address, addresses);
		else if (groups && is_a(address, gmime.internet_address_group_get_type()))
			r = groups(gmime.internet_address_group_get_members((InternetAddressGroup *)address), addresses);
	}
	return r;
}

static int add_members(InternetAddressList *members, struct addresses *addresses) {
	return add_list(members, addresses, NULL);
}

int gmime_address_parse(const char *text, struct addresses *ret_addresses) {
	_cleanup_(addresses_clear) struct addresses addresses = { 0 };
	_cleanup_(list_unrefp) InternetAddressList *list = NULL;
	int r;

	if (pthread_once(&gmime_once, load) != 0 || !gmime.loaded)
		return -SMIME_E_INTERNAL;
	list = gmime.internet_address_list_parse(NULL, text);
	r = list ? add_list(list, &addresses, add_members) : 0;
	if (r < 0)
		return r;
	*ret_addresses = addresses;
	addresses = (struct addresses){ 0 };
	return 0;
}

int gmime_decode_text(const char *text, char **ret_decoded) {
	char *decoded, *copy;

	if (pthread_once(&gmime_once, load) != 0 || !gmime.loaded)
		return -SMIME_E_INTERNAL;
	decoded = gmime.g_mime_utils_header_decode_text(NULL, text);
	copy = decoded ? strdup(decoded) : NULL;
	gmime.g_free(decoded);
	if (!copy)
		return -SMIME_E_NO_MEMORY;
	*ret_decoded = copy;
	return 0;
}
