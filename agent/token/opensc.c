/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration is a file in memory; see opensc.h and opensc.conf(5).
 */
#include "opensc.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "smime/error.h"

enum { CONFIGURATION_MAX_BYTES = 32 * 1024 };

struct text {
	char data[CONFIGURATION_MAX_BYTES];
	size_t len;
};

static void add(struct text *text, const char *part) {
	size_t len = strlen(part);

	if (text->len + len < sizeof(text->data)) {
		memcpy(text->data + text->len, part, len + 1);
		text->len += len;
	}
}

/*
 * OpenSC ignores every reader whose name has an ignored one in it, so one that is part of the own reader's name can't be ignored;
 * nor can one that would end the quotes.
 */
static bool can_be_ignored(const char *name, const char *own) {
	return *name && !strpbrk(name, "\"\\") && !strstr(own, name);
}

static void add_ignored(struct text *text, const struct wire_setup *setup) {
	const char *before = "ignored_readers = \"";
	int i;

	for (i = 0; i < sk_ASN1_UTF8STRING_num(setup->other_readers); i++) {
		const char *name = wire_text(sk_ASN1_UTF8STRING_value(setup->other_readers, i));

		if (!can_be_ignored(name, wire_text(setup->reader)))
			continue;
		add(text, before);
		add(text, name);
		before = "\", \"";
	}
	if (strcmp(before, "\", \"") == 0)
		add(text, "\";\n");
}

static void compose(struct text *text, const struct wire_setup *setup) {
	text->len = 0;
	add(text, "app default {\nreader_driver pcsc { disconnect_action = reset; }\n");
	add_ignored(text, setup);
	/* A PIN that it remembers it would send by itself, past the record of tries. */
	add(text, "framework pkcs15 { use_pin_caching = false; }\n}\n");
	/* Without the style it unblocks no PIN at all. */
	add(text, "app opensc-pkcs11 { pkcs11 {\nuser_pin_unblock_style = set_pin_in_unlogged_session;\n");
	if (setup->exclusive)
		add(text, "lock_login = true;\n");
	add(text, "} }\n");
}

static bool reads_as(const char *path, const struct text *text) {
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char data[CONFIGURATION_MAX_BYTES];

	return fd >= 0 && read(fd, data, sizeof(data)) == (ssize_t)text->len && memcmp(data, text->data, text->len) == 0;
}

int opensc_configure(const struct wire_setup *setup, struct fault *fault) {
	/* It stays open for as long as the process: OpenSC may read it again. */
	int fd = memfd_create("opensc.conf", MFD_CLOEXEC);
	struct text text;
	char path[64];

	compose(&text, setup);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len || !reads_as(path, &text) || setenv("OPENSC_CONF", path, 1) < 0)
		return fault_set(fault, SMIME_E_INTERNAL, "the configuration for OpenSC can't be made; is /proc there?");
	return 0;
}
