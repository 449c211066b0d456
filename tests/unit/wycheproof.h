/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading Project Wycheproof's vectors. They lie in $SMIME_TEST_VECTORS, or ../shared/vectors beside the source tree; a test of a
 * file that is not there is skipped. Every case of a file must be counted: checked, or left out on purpose.
 */
#ifndef TESTS_WYCHEPROOF_H
#define TESTS_WYCHEPROOF_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <openssl/evp.h>

#include "agent/wire/base.h"
#include "stride.h"

enum verdict { VERDICT_INVALID, VERDICT_ACCEPTABLE, VERDICT_VALID };

struct wycheproof {
	const char *name;
	json_t *root;
	size_t verdicts[3], left_out;
	size_t seen, passed_over; /* where only every n-th is taken */
	long long last;           /* the case being checked */
};

static inline const char *wycheproof_text(const json_t *object, const char *field) {
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

static inline struct wycheproof wycheproof_open(const char *name) {
	struct wycheproof file = { .name = name };
	const char *vectors = getenv("SMIME_TEST_VECTORS");
	char path[1000];

	if (vectors)
		(void)snprintf(path, sizeof(path), "%s/wycheproof/%s.json", vectors, name);
	else
		(void)snprintf(path, sizeof(path), "%.*s/../../../shared/vectors/wycheproof/%s.json",
			(int)(strrchr(__FILE__, '/') - __FILE__), __FILE__, name);
	file.root = json_load_file(path, 0, NULL);
	if (!file.root)
		skip();
	return file;
}

static inline struct bytes unhex(const json_t *object, const char *field) {
	const char *text = wycheproof_text(object, field);
	uint8_t *data = malloc(strlen(text) / 2 + 1);

	for (size_t i = 0; text[2 * i]; i++)
		assert_int_equal(sscanf(text + 2 * i, "%2hhx", &data[i]), 1);
	return (struct bytes){ data, strlen(text) / 2 };
}

static inline void free_bytes(struct bytes *bytes) {
	free((void *)(uintptr_t)bytes->data);
}

/* Begins a case. */
static inline enum verdict wycheproof_verdict(struct wycheproof *file, const json_t *test) {
	const char *result = wycheproof_text(test, "result");
	enum verdict verdict = strcmp(result, "valid") == 0 ? VERDICT_VALID :
		strcmp(result, "acceptable") == 0           ? VERDICT_ACCEPTABLE :
							      VERDICT_INVALID;

	file->last = json_integer_value(json_object_get(test, "tcId"));
	file->verdicts[verdict]++;
	return verdict;
}

/* Takes a case back: the software has no such algorithm. */
static inline void wycheproof_leave_out(struct wycheproof *file, enum verdict verdict) {
	file->verdicts[verdict]--;
	file->left_out++;
}

/* What was decided on the case that was begun last. Either will do for what is merely acceptable. */
static inline void wycheproof_decided(const struct wycheproof *file, enum verdict verdict, bool accepted) {
	if (verdict == VERDICT_ACCEPTABLE || accepted == (verdict == VERDICT_VALID))
		return;
	fail_msg("%s, case %lld: %s", file->name, file->last, accepted ? "accepted, but it is invalid" : "refused, but it is valid");
}

static inline void wycheproof_close(struct wycheproof *file, size_t may_leave_out) {
	size_t checked = file->verdicts[VERDICT_VALID] + file->verdicts[VERDICT_ACCEPTABLE] + file->verdicts[VERDICT_INVALID];

	print_message("# %s: %zu valid, %zu acceptable, %zu invalid, %zu left out\n", file->name, file->verdicts[VERDICT_VALID],
		file->verdicts[VERDICT_ACCEPTABLE], file->verdicts[VERDICT_INVALID], file->left_out);
	assert_int_equal(checked + file->left_out + file->passed_over, json_integer_value(json_object_get(file->root, "numberOfTests")));
	if (file->passed_over == 0)
		assert_int_equal(file->left_out, may_leave_out);
	json_decref(file->root);
}

static inline bool wycheproof_takes(struct wycheproof *file) {
	bool takes = file->seen++ % stride() == 0;

	file->passed_over += !takes;
	return takes;
}

/* For each case: `group` and `test` are set. */
#define wycheproof_foreach(file, i, k, group, test)                               \
	json_array_foreach(json_object_get((file)->root, "testGroups"), i, group) \
		json_array_foreach(json_object_get(group, "tests"), k, test) if (wycheproof_takes(file))

#endif
