/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a MIME entity (RFC 2045, 2046) or message (RFC 5322): its header, where its body begins, what a multipart/signed
 * consists of. Byte-exact, in constant memory; headers are capped before anything looks at them.
 *
 * Must never report as signed what a boundary of another level or a line's middle pretends to be.
 */
#ifndef MIME_ENTITY_H
#define MIME_ENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "client/stream/sink.h"
#include "client/stream/source.h"

enum {
	ENTITY_HEADER_MAX_BYTES = 256 * 1024, /* one entity's header */
	ENTITY_FIELDS_MAX = 2000,
	ENTITY_BOUNDARY_MAX_BYTES = 200, /* RFC 2046 says 70 */
	ENTITY_DEPTH_MAX = 64,
	ENTITY_PARTS_MAX = 10000,
};

/* A header field as it stands in the message. */
struct field {
	struct bytes raw;  /* the whole field with its folds and its last line end */
	struct bytes name; /* without the colon */
	struct bytes body; /* after the colon, with folds, without the last line end */
};

struct entity {
	uint8_t *header; /* a copy of the header block, with the empty line that ends it if there is one */
	size_t header_len;
	struct field *fields;
	size_t field_count;
	uint64_t body_offset;    /* of the body in the source */
	bool crlf;               /* the header's lines end with CRLF (else LF) */
	char *type;              /* media type in lower case, "text/plain" when absent or unusable */
	char *boundary;          /* multipart's, unquoted and RFC 2231-decoded, else NULL */
	char *protocol;          /* parameter in lower case, else NULL */
	char *micalg;            /* likewise */
	char *name;              /* file name from Content-Type name= or Content-Disposition filename=, as it is, else NULL */
	char *encoding;          /* Content-Transfer-Encoding in lower case, "7bit" when absent */
	char *hp;                /* parameter of Content-Type in lower case (RFC 9788), else NULL */
	char *protected_headers; /* the same of its predecessor */
	bool legacy_display;     /* parameter hp-legacy-display="1" */
	bool duplicate_type;     /* more than one Content-Type field */
	bool ended;              /* the header has the empty line that ends it */
	bool controls;           /* the header holds NUL, or CR that is no part of a line end: programs split it in different ways */
};

/*
 * Reads the header of the entity at the start of `source`. A Unix "From " line in front is skipped. Returns 0;
 * -SMIME_E_NOT_MAIL when the first line is no header field and no empty line; -SMIME_E_TOO_LARGE; errors of reading.
 */
int entity_read(struct source *source, struct entity **ret_entity);
struct entity *entity_free(struct entity *entity); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct entity *, entity_freep, entity_free)

/* The first field of this name (ASCII case ignored), or NULL; `count`, when not NULL, gets how many there are. */
const struct field *entity_field(const struct entity *entity, const char *name, size_t *count);

/*
 * The name of the file that the part is, as mail programs have it: Content-Disposition's filename= before Content-Type's name=. The
 * caller frees it; NULL: none that programs agree on.
 */
int entity_file_name(const struct entity *entity, char **ret_name);

enum entity_kind {
	ENTITY_PLAIN,            /* no S/MIME: also what other programs could read in another way */
	ENTITY_CMS,              /* application/(x-)pkcs7-mime, or octet-stream named *.p7m, *.p7s, *.p7c, *.p7z */
	ENTITY_MULTIPART_SIGNED, /* multipart/signed with protocol application/(x-)pkcs7-signature (RFC 8551 3.5.3) */
};
enum entity_kind entity_kind(const struct entity *entity);

/* Whether a part says that it is a detached signature: application/(x-)pkcs7-signature, or octet-stream named *.p7s (RFC 8551 3.10). */
bool entity_is_signature(const struct entity *entity);

/* The body with its transfer encoding undone (base64, quoted-printable, else as it is). */
int entity_body(const struct entity *entity, struct source *source, struct source **ret_body);

/* The two parts of a multipart/signed, as offsets in the source that the entity was read from. */
struct signed_slices {
	uint64_t content_offset, content_len;     /* RFC 1847 2.1: without the line end that belongs to the delimiter */
	uint64_t signature_offset, signature_len; /* the second body part with its header, which is .. */
	struct source *signature;                 /* .. this: owned; in memory if it is as small as signatures are */
	bool outside;                             /* text before the first or behind the last delimiter */
	uint64_t outside_len;                     /* how many octets are there, blank ones too; 0 without text */
};

void signed_slices_clear(struct signed_slices *slices); /* usable as a cleanup attribute */

/*
 * Finds the parts of a multipart/signed in one pass, and writes the signed one to `content` meanwhile, if that is not NULL:
 * what it got is of use only when this succeeds. Errors of that sink; -SMIME_E_MALFORMED: no parts, one, or more than two, or a
 * second part that is not what entity_is_signature() says; -SMIME_E_TRUNCATED: no end delimiter.
 */
int entity_slice_signed(const struct entity *entity, struct source *source, struct sink *content, struct signed_slices *ret_slices);

#endif
