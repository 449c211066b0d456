/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_decrypt(): every layer from the outside in, and what is in the middle.
 *
 * Nothing is written before each encrypted layer was read to its end without a fault and no signature inside was found
 * broken. Who signed, and whether anybody did, is reported; only require_signature makes it decide.
 */
#include "client/mime/compose.h"
#include "header-protection.h"
#include "opening.h"
#include "shared-files.h"
#include "unwrap.h"

/* How far the walk has come. */
struct walk {
	struct opening *opening;
	const struct smime_decrypt_options *options;
	struct keyring *keyring;
	struct shared_secrets secrets;
	struct source *content;     /* what the layers so far hold; NULL: none was opened */
	ASN1_OBJECT *type;          /* of the content */
	struct smime_layer *around; /* the layer that holds it, in the report */
	size_t encrypted;           /* how many layers were decrypted */
	bool broken;                /* a signature does not fit what it is for */
};

static void walk_clear(struct walk *walk) {
	keyring_free(walk->keyring);
	shared_secrets_clear(&walk->secrets);
	source_unref(walk->content);
	ASN1_OBJECT_free(walk->type);
}

/* The content becomes that of a layer that was opened. */
static void advance(struct walk *walk, struct opened *opened) {
	source_unref(walk->content);
	ASN1_OBJECT_free(walk->type);
	walk->content = TAKE(opened->content);
	walk->type = TAKE(opened->type);
	walk->around = opened->layer;
}

/* Mail that was passed on may hold what somebody else can open: it is content then, and its report says so. */
static int leave_closed(struct walk *walk) {
	struct smime_layer *layer;
	int r = opening_add_layer(walk->opening, SMIME_LAYER_ENCRYPTED, "closed", &layer);

	return r < 0 ? r : 1;
}

/* Returns 1 when there is nothing more to open. */
static int open_layer(struct walk *walk, const struct layer *layer) {
	_cleanup_(opened_clear) struct opened opened = { .content = NULL };
	int r;

	switch (layer->kind) {
	case LAYER_ENCRYPTED:
		r = unwrap_layer(walk->opening, layer, &walk->secrets, &walk->keyring, &opened);
		break;
	case LAYER_SIGNED:
		r = opening_signed(walk->opening, layer, &opened);
		break;
	case LAYER_COMPRESSED:
		r = opening_compressed(walk->opening, layer, &opened);
		break;
	default:
		return 1;
	}
	if (r == -SMIME_E_NOT_RECIPIENT && walk->encrypted > 0)
		return leave_closed(walk);
	if (r < 0)
		return r;
	if (layer->kind == LAYER_ENCRYPTED)
		walk->encrypted++;
	else
		walk->broken |= report_layer_broken(opened.layer);
	if (!opened.content)
		return 1; /* certificates only */
	advance(walk, &opened);
	/* Behind a broken signature nothing more is decrypted, once it is known that the message has an encrypted layer. */
	return walk->encrypted > 0 && (walk->broken || walk->options->one_layer);
}

/* Whose fault a layer further in is, and how to get at what is around it. */
static int say_inside(const struct walk *walk, int r) {
	struct smime *s = walk->opening->s;

	if (walk->encrypted == 0 || smime_exit_code(r) != smime_exit_code(SMIME_E_MALFORMED))
		return r;
	return smime_want(s, smime_fail(s, r, "inside the encrypted message: %s", smime_message(s)), SMIME_WANTED_OUTER_LAYER);
}

/* What the layers so far are around. */
static int look_inside(struct walk *walk, struct layer **ret_layer) {
	_cleanup_(layer_freep) struct layer *layer = NULL;
	int r = layer_inside(walk->content, walk->type, !walk->options->verify.cms, &layer);

	if (r < 0)
		return smime_fail_at(walk->opening->s, r, "what is inside the message");
	opening_describe(walk->opening, walk->around, layer);
	if (layer->kind == LAYER_PLAIN && (r = opening_look_inside(walk->opening, walk->around, walk->content)) < 0)
		return r;
	*ret_layer = TAKE(layer);
	return 0;
}

static int open_layers(struct walk *walk) {
	int r = open_layer(walk, walk->opening->layer);

	while (r == 0) {
		_cleanup_(layer_freep) struct layer *layer = NULL;

		r = look_inside(walk, &layer);
		if (r < 0)
			return r;
		r = open_layer(walk, layer);
	}
	return r < 0 ? say_inside(walk, r) : 0;
}

/* What is inside the one layer is left as it is, whatever it is; a payload with header protection is known all the same. */
static int look_at_rest(struct walk *walk) {
	_cleanup_(layer_freep) struct layer *layer = NULL;
	int r = walk->options->one_layer && walk->content ? look_inside(walk, &layer) : 0;

	return r < 0 && smime_exit_code(r) == smime_exit_code(SMIME_E_MALFORMED) ? 0 : r;
}

/* EncryptedData (RFC 5652 8) is encrypted, but with a key that sender and recipient share by other means. */
static int say_not_encrypted(const struct opening *opening) {
	if (opening->layer->kind == LAYER_OTHER && strcmp(opening->layer->type, LN_pkcs7_encrypted) == 0)
		return smime_fail(opening->s, SMIME_E_UNSUPPORTED,
			"the message is encrypted with a key that it names no recipient for (EncryptedData), which is not supported");
	if (opening->layer->kind == LAYER_OTHER)
		return smime_fail(
			opening->s, SMIME_E_NOT_ENCRYPTED, "the message is not encrypted: it is CMS of the type %s", opening->layer->type);
	if (opening->layer->kind == LAYER_COMPRESSED)
		return smime_fail(opening->s, SMIME_E_NOT_ENCRYPTED, "the message is compressed, and nothing inside is encrypted");
	if (opening->layer->kind == LAYER_SIGNED)
		return smime_fail(opening->s, SMIME_E_NOT_ENCRYPTED, "the message is not encrypted, only signed: use smime verify");
	return smime_fail(opening->s, SMIME_E_NOT_ENCRYPTED, "the message is not encrypted");
}

/* Whether somebody's good signature covers all that comes out. */
static bool is_signed_inside(const struct smime_report *report) {
	size_t i = report->layer_count;

	while (i-- > 0 && report->layers[i].kind != SMIME_LAYER_ENCRYPTED)
		if (report->layers[i].kind == SMIME_LAYER_SIGNED && report->layers[i].good)
			return true;
	return false;
}

static int judge(const struct walk *walk, const struct smime_report *report) {
	struct smime *s = walk->opening->s;

	if (walk->broken)
		return smime_fail(s, SMIME_E_SIGNATURE, "a signature inside is bad: %s", report->first_bad);
	if (walk->options->require_signature && !is_signed_inside(report))
		return smime_fail(
			s, SMIME_E_UNAUTHENTICATED, "no good signature is inside%s%s", *report->first_bad ? ": " : "", report->first_bad);
	if (!walk->options->verify.cms && !cms_object_is(walk->type, OID_DATA))
		return smime_fail(s, SMIME_E_UNSUPPORTED, "what is inside is no mail");
	return 0;
}

static int write_message(const struct walk *walk, const struct smime_report *report, enum eol eol, struct sink *sink) {
	const struct entity *outer = walk->opening->layer->entity;
	const struct protected_header *header = &walk->opening->protected;
	bool trusted = false;
	int r;

	if (header->scheme == PROTECTED_NONE)
		return compose_message(sink, outer, walk->content, eol);
	r = header_protection_trusts_from(header, outer, report, &trusted);
	return r < 0 ? r : compose_protected(sink, outer, header, !trusted, eol);
}

static int write_content(const struct walk *walk, const struct smime_report *report, struct sink *sink) {
	const struct entity *outer = walk->opening->layer->entity;
	enum eol eol = outer && !outer->crlf && !walk->options->one_layer ? EOL_LF : EOL_KEEP;

	return outer ? write_message(walk, report, eol, sink) : sink_copy(sink, walk->content);
}

static int release(const struct walk *walk, const struct smime_report *report, int out) {
	_cleanup_(sink_freep) struct sink *sink = NULL;
	int r = sink_to_fd(out, &sink);

	if (r == 0)
		r = write_content(walk, report, sink);
	if (r == 0)
		r = sink_finish(sink);
	return r < 0 ? smime_fail_at(walk->opening->s, r, "writing the decrypted content") : 0;
}

static int decrypt(struct walk *walk, int out, struct smime_report **ret_report) {
	struct smime_report *report;
	int r = open_layers(walk);

	if (r == 0 && walk->encrypted == 0)
		r = say_not_encrypted(walk->opening);
	if (r == 0)
		r = look_at_rest(walk);
	if (r == 0)
		r = report_finish(walk->opening->report, &report);
	if (r < 0)
		return r;
	walk->opening->report = NULL; /* handed over */
	*ret_report = report;
	r = judge(walk, report);
	if (r == 0)
		opening_learn(walk->opening);
	return r < 0 || out < 0 ? r : release(walk, report, out);
}

SMIME_API int smime_decrypt(
	struct smime *smime, int in, int out, const struct smime_decrypt_options *options, struct smime_report **ret_report) {
	_cleanup_(opening_clear) struct opening opening = { .s = smime };
	_cleanup_(walk_clear) struct walk walk = { .opening = &opening };
	struct smime_report *report = NULL;
	int r;

	walk.options = options ? options : &(const struct smime_decrypt_options){ 0 };
	r = shared_files_read(smime, walk.options->password_file, walk.options->kek_file, walk.options->kek_id, false, &walk.secrets);
	if (r == 0)
		r = opening_begin(smime, in, &walk.options->verify, &opening);
	if (r == 0)
		r = decrypt(&walk, out, &report);
	report_give(report, ret_report);
	return r;
}
