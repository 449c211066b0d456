/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Both names are brought into one form; see reader-name.h.
 */
#include "reader-name.h"

#include <string.h>

#include "text.h"

enum { SLOT_DESCRIPTION_BYTES = 64 };

#define MORE "..."

struct shown {
	char text[SLOT_DESCRIPTION_BYTES];
	size_t len;
};

/* The first octets of a name with what a module puts behind them. */
static struct shown show(const char *name, size_t max, const char *behind) {
	struct shown shown;
	char cut[SLOT_DESCRIPTION_BYTES + 1] = "";

	(void)strncat(cut, name, max);
	(void)strncat(cut, behind, SLOT_DESCRIPTION_BYTES - strlen(cut));
	shown.len = text_clean(cut, shown.text, sizeof(shown.text));
	while (shown.len > 0 && shown.text[shown.len - 1] == ' ')
		shown.len--;
	return shown;
}

static bool equal(struct shown a, struct shown b) {
	return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

bool reader_name_is_slot(const char *reader, const char *description) {
	struct shown slot = show(description, SLOT_DESCRIPTION_BYTES, "");

	return equal(slot, show(reader, SLOT_DESCRIPTION_BYTES, "")) ||
		(strlen(reader) > SLOT_DESCRIPTION_BYTES && equal(slot, show(reader, SLOT_DESCRIPTION_BYTES - strlen(MORE), MORE)));
}
