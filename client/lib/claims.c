/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See claims.h. The header was read already; GMime is loaded only where there is an encoded word.
 */
#include "claims.h"

#include "client/mime/gmime-address.h"

/* Blanks and folds become one blank each. */
static void unfold(struct bytes body, char *text, size_t size) {
	size_t len = 0;

	for (size_t i = 0; i < body.len && len + 1 < size; i++) {
		char c = (char)body.data[i];
		bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';

		if (!blank)
			text[len++] = c;
		else if (len > 0 && text[len - 1] != ' ')
			text[len++] = ' ';
	}
	while (len > 0 && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
}

char *claim_of(const struct entity *entity, const char *name) {
	const struct field *field = entity ? entity_field(entity, name, NULL) : NULL;
	char text[4 * CLAIM_MAX_BYTES], *decoded = NULL; /* an octet of an encoded word takes three at most, and its frame some */

	if (!field)
		return NULL;
	unfold(field->body, text, sizeof(text));
	if (!strstr(text, "=?") || gmime_decode_text(text, &decoded) < 0)
		decoded = strdup(text);
	if (decoded && strlen(decoded) > CLAIM_MAX_BYTES)
		decoded[CLAIM_MAX_BYTES] = '\0';
	return decoded;
}
