/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines of mutt's index of keys or certificates; see index.h.
 *
 * Fields are words without blanks, of which mutt reads the first six; what is not of that shape stays where it is.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "index.h"

struct entry {
	char address[INDEX_LINE_MAX_BYTES], id[INDEX_LINE_MAX_BYTES], label[INDEX_LINE_MAX_BYTES];
};

/* False: it is no entry. */
static bool parse(const char *line, size_t len, struct entry *entry) {
	char copy[INDEX_LINE_MAX_BYTES];
	char *rest = copy;

	if (len >= sizeof(copy))
		return false;
	(void)snprintf(copy, sizeof(copy), "%.*s", (int)len, line);
	const char *address = strtok_r(rest, " \t", &rest), *id = strtok_r(NULL, " \t", &rest), *label = strtok_r(NULL, " \t", &rest);
	if (!address || !id || !label)
		return false;
	(void)snprintf(entry->address, sizeof(entry->address), "%s", address);
	(void)snprintf(entry->id, sizeof(entry->id), "%s", id);
	(void)snprintf(entry->label, sizeof(entry->label), "%s", label);
	return true;
}

static void append(struct index *index, const char *text, size_t len) {
	if (index->len + len + 1 > index->size) {
		char *grown = realloc(index->text, 2 * (index->len + len + 1));
		if (!grown) {
			index->failed = true;
			return;
		}
		index->text = grown;
		index->size = 2 * (index->len + len + 1);
	}
	memcpy(index->text + index->len, text, len);
	index->len += len;
	index->text[index->len] = '\0';
}

/* Takes out the lines that were made here for this certificate. */
static void remove_own(struct index *index, const char *id) {
	char *to = index->text;
	struct entry entry;

	for (char *line = index->text, *next; *line; line = next) {
		size_t len = strcspn(line, "\n");

		next = line + len + (line[len] == '\n');
		if (parse(line, len, &entry) && strcmp(entry.id, id) == 0 && strcmp(entry.label, INDEX_LABEL) == 0)
			continue;
		memmove(to, line, (size_t)(next - line));
		to += next - line;
	}
	*to = '\0';
	index->len = (size_t)(to - index->text);
}

static bool has(const struct index *index, const char *address, const char *id) {
	struct entry entry;

	for (const char *line = index->text; *line;) {
		size_t len = strcspn(line, "\n");

		if (parse(line, len, &entry) && strcmp(entry.id, id) == 0 && strcasecmp(entry.address, address) == 0)
			return true;
		line += len + (line[len] == '\n');
	}
	return false;
}

/* A word of the index: what would end it, or shows as something else, is replaced. */
static void word(char *text) {
	for (smime_printable(text); *text; text++)
		if (isspace((unsigned char)*text))
			*text = '_';
}

static char trust(const struct smime_certificate *certificate) {
	time_t now = time(NULL);

	return certificate->not_before > now || certificate->not_after < now ? 'e' : 't';
}

static const char *purpose(const struct smime_certificate *certificate) {
	if (certificate->cannot_sign && certificate->cannot_encrypt)
		return "-";
	return certificate->cannot_sign ? "e" : certificate->cannot_encrypt ? "s" : "es";
}

static void add_line(
	struct index *index, const struct smime_certificate *certificate, const char *address, const char *id, const char *label) {
	char who[INDEX_LINE_MAX_BYTES / 4], what[INDEX_LINE_MAX_BYTES / 4], line[INDEX_LINE_MAX_BYTES];

	(void)snprintf(who, sizeof(who), "%s", address);
	(void)snprintf(what, sizeof(what), "%s", label);
	word(who);
	word(what);
	if (has(index, who, id))
		return;
	if (index->len > 0 && index->text[index->len - 1] != '\n')
		append(index, "\n", 1);
	int len = snprintf(line, sizeof(line), "%s %s %s ? %c %s\n", who, id, what, trust(certificate), purpose(certificate));
	append(index, line, (size_t)len);
}

/* An expired certificate still opens old mail, so its purposes are those that it had; mutt is told by the trust that it is over. */
void index_add(struct index *index, const struct smime_certificate *certificate, const char *label) {
	char id[MUTT_ID_DIGITS + 1];

	(void)snprintf(id, sizeof(id), "%.*s", MUTT_ID_DIGITS, certificate->fingerprint);
	remove_own(index, id);
	for (size_t i = 0; certificate->addresses[i]; i++)
		add_line(index, certificate, certificate->addresses[i], id, label && *label ? label : INDEX_LABEL);
	if (!certificate->addresses[0])
		add_line(index, certificate, "-", id, label && *label ? label : INDEX_LABEL);
}
