/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options that verify and decrypt share, from texts to what libsmime takes.
 */
#include <string.h>

#include "opening-options.h"

/* strptime() takes the 30th of February, and timegm() makes the 2nd of March of it, in its argument too. */
static bool is_real(struct tm tm, time_t *ret_time) {
	int day = tm.tm_mday;

	*ret_time = timegm(&tm);
	return *ret_time > 0 && tm.tm_mday == day;
}

/* A day, or a second of it; always UTC, so that a command means the same everywhere. */
bool cli_parse_time(const char *text, time_t *ret_time) {
	static const char *const formats[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S" };

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, formats[i], &tm);

		if (!end || *end)
			continue;
		return is_real(tm, ret_time);
	}
	return false;
}

/* Whoever gives a CRL wants it to be looked at. */
static bool parse_revocation(const struct opening_args *args, enum smime_revocation *ret_mode) {
	static const char *const names[] = {
		[SMIME_REVOCATION_OFF] = "off",
		[SMIME_REVOCATION_SOFT] = "soft",
		[SMIME_REVOCATION_HARD] = "hard",
	};

	*ret_mode = args->crls.count > 0 ? SMIME_REVOCATION_SOFT : SMIME_REVOCATION_OFF;
	for (size_t i = 0; args->revocation && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(args->revocation, names[i]) == 0) {
			*ret_mode = (enum smime_revocation)i;
			return true;
		}
	return !args->revocation;
}

int opening_options(struct cli *cli, const struct opening_args *args, struct smime_verify_options *ret_options) {
	*ret_options = (struct smime_verify_options){
		.from = args->from,
		.trust = args->trust.items,
		.trust_count = args->trust.count,
		.crls = args->crls.items,
		.crl_count = args->crls.count,
		.cms = args->cms,
	};
	if (args->at && !cli_parse_time(args->at, &ret_options->at))
		return cli_usage(cli, "--at %s: no time; write 2026-11-24 or 2026-11-24T12:00:00Z", args->at);
	if (!parse_revocation(args, &ret_options->revocation))
		return cli_usage(cli, "--revocation %s: it is off, soft or hard", args->revocation);
	if (args->detached && !args->cms)
		return cli_usage(cli, "--detached-content is for --cms; a mail brings its content along");
	return 0;
}
