/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See grants.h. Keys are named in the configuration, so what is open is one small array beside it.
 */
#include "grants.h"

#include <stdio.h>

#include "agent/wire/limits.h"
#include "smime/error.h"

struct grant {
	const struct wire_grant *rule;
	uint32_t left; /* 0: not open */
	bool signing;  /* what the person was told that it is for */
	uint64_t until_us;
};

struct grants {
	struct grant *items;
	int count;
};

int grants_new(const struct wire_setup *setup, struct grants **ret_grants) {
	struct grants *grants = calloc(1, sizeof(*grants));
	int count = sk_wire_grant_num(setup->grants);

	if (!grants)
		return -SMIME_E_NO_MEMORY;
	grants->count = count > 0 ? count : 0;
	grants->items = calloc((size_t)grants->count + 1, sizeof(*grants->items));
	if (!grants->items) {
		(void)grants_free(grants);
		return -SMIME_E_NO_MEMORY;
	}
	for (int i = 0; i < grants->count; i++)
		grants->items[i].rule = sk_wire_grant_value(setup->grants, i);
	*ret_grants = grants;
	return 0;
}

struct grants *grants_free(struct grants *grants) {
	if (grants)
		free(grants->items);
	free(grants);
	return NULL;
}

static bool is_for(const struct grant *grant, const uint8_t spki[WIRE_FINGERPRINT_BYTES]) {
	char hex[2 * WIRE_FINGERPRINT_BYTES + 1];
	const char *prefix = wire_text(grant->rule->key);

	for (size_t i = 0; i < WIRE_FINGERPRINT_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", spki[i]);
	return *prefix && strncmp(hex, prefix, strlen(prefix)) == 0;
}

static struct grant *find(const struct grants *grants, const struct purpose *purpose) {
	for (int i = 0; purpose->spki && i < grants->count; i++)
		if (is_for(&grants->items[i], purpose->spki))
			return &grants->items[i];
	return NULL;
}

/* A length of time in the largest unit that says it without a rest. */
static void add_time(char *words, size_t size, uint32_t seconds) {
	static const struct {
		uint32_t seconds;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	size_t i = 0;

	while (seconds % units[i].seconds != 0)
		i++;
	uint32_t n = seconds / units[i].seconds;
	(void)snprintf(words, size, "%u %s%s", n, units[i].name, n == 1 ? "" : "s");
}

const char *grants_words(const struct grants *grants, const struct purpose *purpose, char words[GRANT_WORDS_BYTES]) {
	const struct grant *grant = find(grants, purpose);
	char time[40];

	words[0] = '\0';
	if (!grant || grant->rule->count < 2)
		return words;
	add_time(time, sizeof(time), grant->rule->within_s);
	(void)snprintf(words, GRANT_WORDS_BYTES, " and for up to %u more %s%s within %s", grant->rule->count - 1,
		purpose->signing ? "signature" : "decryption", grant->rule->count == 2 ? "" : "s", time);
	return words;
}

void grants_open(struct grants *grants, const struct purpose *purpose, uint64_t now_us) {
	struct grant *grant = find(grants, purpose);

	if (!grant)
		return;
	grant->signing = purpose->signing;
	grant->left = grant->rule->count - 1;
	grant->until_us = now_us + (uint64_t)grant->rule->within_s * 1000000;
}

bool grants_use(struct grants *grants, const struct purpose *purpose, uint64_t now_us) {
	struct grant *grant = find(grants, purpose);

	if (!grant || grant->left == 0 || grant->signing != purpose->signing || now_us >= grant->until_us)
		return false;
	grant->left--;
	return true;
}

void grants_end(struct grants *grants) {
	for (int i = 0; i < grants->count; i++)
		grants->items[i].left = 0;
}
