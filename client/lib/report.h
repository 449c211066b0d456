/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filling in a `struct smime_report`: layers from the outside in, their signers, what was checked of each.
 *
 * A failure of memory is remembered and shows in report_finish() alone. Decides nothing but what follows from the checks that
 * were put in: which signers, layers and reports are good.
 */
#ifndef LIB_REPORT_H
#define LIB_REPORT_H

#include <openssl/x509.h>

#include <smime/smime.h>

#include "agent/wire/base.h"
#include "arena.h"

enum {
	REPORT_LAYERS_MAX = 16,        /* real mail has three, published examples ten */
	REPORT_CHECKS_MAX = 40,        /* of one signer: each name, a few of them twice */
	REPORT_ERRANT_MAX = 16,        /* parts that are named */
	REPORT_PARTS_MAX = 100,        /* of the content */
	REPORT_NAME_MAX_BYTES = 255,   /* of the name of a part's file; the rest is cut off */
	REPORT_FIELDS_MAX = 100,       /* of a header */
	REPORT_FIELD_MAX_BYTES = 2048, /* of the text of one; the rest is cut off */
};

/* What is checked, in the order in which it is shown. */
enum report_name {
	REPORT_SIGNATURE,
	REPORT_DIGEST,
	REPORT_ATTRIBUTES,
	REPORT_CERTIFICATE,
	REPORT_CHAIN,
	REPORT_VALIDITY,
	REPORT_KEY_USAGE,
	REPORT_EXTENDED_KEY_USAGE,
	REPORT_ADDRESS,
	REPORT_ALGORITHM,
	REPORT_REVOCATION,
	REPORT_RECEIPT_REQUEST,
	REPORT_SECURITY_LABEL,
	REPORT_CONTENT_HINTS,
	REPORT_MAILING_LIST,
	REPORT_RECEIPT,
	REPORT_OTHER_ATTRIBUTES,
};

struct report;

int report_new(struct report **ret_report);        /* -SMIME_E_NO_MEMORY */
struct report *report_free(struct report *report); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct report *, report_freep, report_free)

struct arena *report_arena(struct report *report);

/* The next layer inwards. NULL when memory is short or REPORT_LAYERS_MAX is reached. */
struct smime_layer *report_add_layer(struct report *report, enum smime_layer_kind kind, const char *form);

/* Gives a layer its signers, all of them empty, to be filled in by report_signer(). -SMIME_E_NO_MEMORY. */
int report_add_signers(struct report *report, struct smime_layer *layer, size_t count);
struct smime_signer *report_signer(struct smime_layer *layer, size_t index);

/* Notes which certificates the message of a layer holds; NULL: none. */
void report_certificates(struct report *report, struct smime_layer *layer, const STACK_OF(X509) *certificates);

/* Says whose certificate it is that a signer signed with. */
void report_certificate(struct report *report, struct smime_signer *signer, X509 *certificate);

/* Adds what was found. */
void report_check(struct report *report, struct smime_signer *signer, enum report_name name, enum smime_outcome outcome, const char *format,
	...) __attribute__((format(printf, 5, 6)));

/* The worst that was found of this signer under this name; SMIME_GOOD when nothing was. */
enum smime_outcome report_worst(const struct smime_signer *signer, enum report_name name);

/* Names a part that is signed or encrypted by itself; what is over REPORT_ERRANT_MAX is left out. */
void report_errant(struct report *report, const char *part, const char *form);

/* Names a part of the innermost content; what is over REPORT_PARTS_MAX is left out, which is said. `name`: of its file, or NULL. */
void report_part(struct report *report, const char *part, const char *form, const char *name);
void report_parts_left_out(struct report *report);

/* Which scheme of header protection there is (a static text), a field of it, and that From inside is somebody else's than outside. */
void report_header_protection(struct report *report, const char *scheme);
void report_field(struct report *report, const struct smime_field *field);
void report_from_mismatch(struct report *report);

/* Whether some signer's signature, digest or attributes are wrong, whoever the signers are: not that they could not be checked. */
bool report_layer_broken(const struct smime_layer *layer);

void report_from(struct report *report, const char *const *addresses); /* NULL-terminated */

/* Orders the checks, draws the conclusions and hands the report over. -SMIME_E_NO_MEMORY; then `report` is still the caller's. */
int report_finish(struct report *report, struct smime_report **ret_report);

/* Hands a report (or NULL) to the caller of the library, or ends it where nobody wants it. */
void report_give(struct smime_report *report, struct smime_report **ret_report);

#endif
