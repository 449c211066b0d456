/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options that verify and decrypt share.
 */
#ifndef CLI_OPENING_OPTIONS_H
#define CLI_OPENING_OPTIONS_H

#include "cli.h"

struct opening_args {
	const char *from, *at, *revocation, *detached;
	struct cli_list trust, crls;
	bool cms;
};

/* Rows of struct cli_option for a structure `type` whose member `opening` is a struct opening_args. */
#define OPENING_OPTIONS(type)                                                                                                              \
	{ "from", 0, CLI_TEXT, offsetof(type, opening.from), "ADDR", "expect this signer instead of the mail's From" },                    \
		{ "trust", 0, CLI_LIST, offsetof(type, opening.trust), "FILE", "trust these certificates too (PEM or DER)" },              \
		{ "crl", 0, CLI_LIST, offsetof(type, opening.crls), "FILE", "a list of revoked certificates (PEM or DER)" },               \
		{ "revocation", 0, CLI_TEXT, offsetof(type, opening.revocation), "MODE",                                                   \
			"off, soft or hard: what no CRL is known for is accepted with soft, which --crl implies" },                        \
		{ "at", 0, CLI_TEXT, offsetof(type, opening.at), "TIME", "validate at this time: 2026-11-24, or 2026-11-24T12:00:00Z" }, { \
		"cms", 0, CLI_FLAG, offsetof(type, opening.cms), NULL, "the input is CMS (DER, BER or PEM), no mail"                       \
	}

/* Turns arguments into options of libsmime. Returns 0, or 2 after telling what is wrong. */
int opening_options(struct cli *cli, const struct opening_args *args, struct smime_verify_options *ret_options);

#endif
