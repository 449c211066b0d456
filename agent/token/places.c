/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See places.h.
 */
#include "places.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent/wire/base.h"

void places_take(struct places *places, char *path) {
	if (path && places->count < PLACES_MAX)
		places->items[places->count++] = path;
	else
		free(path);
}

void places_add(struct places *places, const char *format, ...) {
	va_list arguments;
	char *path;

	va_start(arguments, format);
	int n = vasprintf(&path, format, arguments);
	va_end(arguments);
	places_take(places, n < 0 ? NULL : path);
}

static void places_clear(struct places *places) {
	while (places->count > 0)
		free(places->items[--places->count]);
}

void reach_clear(struct reach *reach) {
	places_clear(&reach->readable);
	places_clear(&reach->writable);
}
