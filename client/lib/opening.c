/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The beginning of verifying and decrypting, and signed layers.
 *
 * The exact octets of a signed part are what is hashed. Only when they do not match, the same with line ends changed is
 * tried, since mail is stored with other line ends than it was signed with; that is reported.
 */
#include "opening.h"

#include <openssl/err.h>

#include "header-protection.h"
#include "input.h"
#include "parts.h"
#include "signer.h"

struct signers {
	struct signer *items[SIGNED_SIGNERS_MAX];
	size_t count;
};

void opened_clear(struct opened *opened) {
	opened->content = source_unref(opened->content);
	ASN1_OBJECT_free(opened->type);
	*opened = (struct opened){ 0 };
}

void opening_clear(struct opening *opening) {
	lessons_clear(&opening->lessons);
	opening->layer = layer_free(opening->layer);
	opening->detached = source_unref(opening->detached);
	opening->input = source_unref(opening->input);
	opening->trust = trust_free(opening->trust);
	opening->report = report_free(opening->report);
	sender_clear(&opening->sender);
	protected_clear(&opening->protected);
}

static int look(struct opening *opening) {
	struct smime *s = opening->s;
	int r = opening->options->cms ? layer_of_cms(opening->input, &opening->layer) : layer_of_entity(opening->input, &opening->layer);

	switch (r) {
	case -SMIME_E_NOT_MAIL:
		return smime_want(
			s, smime_fail(s, SMIME_E_NOT_MAIL, "the input is no mail: it does not begin with a header"), SMIME_WANTED_CMS);
	case -SMIME_E_NOT_CMS:
		return smime_fail(s, SMIME_E_NOT_CMS,
			opening->options->cms ? "the input is no CMS, neither PEM nor DER nor BER" :
						"the mail says that it is S/MIME, but its body is no CMS");
	case -SMIME_E_TRUNCATED:
		return smime_fail(s, SMIME_E_TRUNCATED, "the message is cut off: its end is missing");
	default:
		if (r < 0)
			return opening->options->cms ? smime_fail_at(s, r, "the CMS") : input_fail_at(s, r, "the mail");
		return 0;
	}
}

static int read_sender(struct opening *opening) {
	const char *from = opening->options->from;
	int r = 0;

	if (from && (r = sender_expect(from, &opening->sender)) == -SMIME_E_MALFORMED)
		return smime_fail(opening->s, SMIME_E_USAGE, "'%s' is no address to expect", from);
	if (!from && opening->layer->entity)
		r = sender_read(opening->layer->entity, &opening->sender);
	if (r < 0)
		return smime_fail_at(opening->s, r, "the addresses of the mail's header");
	sender_report(&opening->sender, opening->report);
	return 0;
}

static int open_sources(struct opening *opening, int in) {
	int r = source_from_fd(in, &opening->input);

	if (r < 0)
		return smime_fail_at(opening->s, r, "reading the input");
	if (!opening->options->cms || !opening->options->detached)
		return 0;
	r = source_from_fd(opening->options->detached_content, &opening->detached);
	return r < 0 ? smime_fail_at(opening->s, r, "reading the detached content") : 0;
}

static int check_options(struct smime *s, const struct smime_verify_options *options) {
	if (options->detached && !options->cms)
		return smime_fail(s, SMIME_E_USAGE, "detached signatures are a form of CMS; a mail has its content inside");
	return 0;
}

int opening_begin(struct smime *s, int in, const struct smime_verify_options *options, struct opening *ret_opening) {
	int r = check_options(s, options);

	*ret_opening = (struct opening){ .s = s, .options = options };
	if (r < 0)
		return r;
	r = report_new(&ret_opening->report);
	if (r < 0)
		return smime_fail_at(s, r, "the report");
	r = trust_new(s, options, &ret_opening->trust);
	if (r < 0)
		return r;
	r = open_sources(ret_opening, in);
	if (r == 0)
		r = input_check_not_empty(s, ret_opening->input, options->cms);
	if (r == 0)
		r = look(ret_opening);
	return r < 0 ? r : read_sender(ret_opening);
}

int opening_add_layer(struct opening *opening, enum smime_layer_kind kind, const char *form, struct smime_layer **ret_layer) {
	struct smime_layer *layer = report_add_layer(opening->report, kind, form);

	if (!layer)
		return smime_fail(opening->s, SMIME_E_TOO_LARGE, "the message has more than %d layers of protection", REPORT_LAYERS_MAX);
	*ret_layer = layer;
	return 0;
}

void opening_learn(const struct opening *opening) {
	if (opening->options->at == 0)
		lessons_keep(&opening->lessons, time(NULL));
}

static void signers_clear(struct signers *signers) {
	size_t i;

	for (i = 0; i < signers->count; i++)
		(void)signer_free(signers->items[i]);
}

/* A signer's digest may be missing in the list at the front of SignedData: then it is hashed by a pass of its own. */
static int signers_read(struct signed_data *data, struct signers *signers) {
	size_t i;
	int r;

	for (i = 0; i < data->signer_count; i++) {
		const EVP_MD *md;

		r = signer_read((struct bytes){ data->signers[i].data, data->signers[i].len }, &signers->items[i]);
		if (r < 0)
			return r;
		signers->count++;
		md = signer_digest(signers->items[i]);
		if (md && (r = signed_add_digest(data, md)) < 0)
			return r;
	}
	return 0;
}

static bool any_matches(const struct signers *signers, const struct signer_scene *scene) {
	size_t i;

	for (i = 0; i < signers->count; i++)
		if (signer_matches(signers->items[i], scene))
			return true;
	return false;
}

/* Hashed with the line ends that the content was most likely signed with; the second guess costs one more pass. */
static int hash_part(const struct layer *layer, const struct signers *signers, struct signer_scene *scene) {
	int r;

	scene->eol = layer->digests.eol;
	r = signed_take_digests(scene->data, layer->digests.items, layer->digests.count);
	if (r == 1)
		r = signed_hash(scene->data, scene->content, scene->eol);
	if (r < 0 || any_matches(signers, scene))
		return r;
	scene->eol = scene->eol == EOL_KEEP ? EOL_CRLF : EOL_KEEP;
	return signed_hash(scene->data, scene->content, scene->eol);
}

static bool has_all_digests(const struct signed_data *data) {
	size_t i;

	for (i = 0; i < data->digest_count; i++)
		if (data->digests[i].len == 0)
			return false;
	return true;
}

/* Finds the content and hashes it; embedded content was hashed while it was read, with what was listed. */
static int find_content(const struct opening *opening, const struct layer *layer, const struct signers *signers, struct signer_scene *scene,
	struct source **ret_content) {
	struct source *given = layer->content ? layer->content : layer == opening->layer ? opening->detached : NULL;
	int r = 0;

	if (given) {
		*ret_content = scene->content = source_ref(given);
		scene->twice = scene->data->has_content;
		return layer->content ? hash_part(layer, signers, scene) : signed_hash(scene->data, given, EOL_KEEP);
	}
	if (!scene->data->has_content)
		return 0;
	r = signed_content(layer->cms, ret_content);
	scene->content = *ret_content;
	return r < 0 || has_all_digests(scene->data) ? r : signed_hash(scene->data, scene->content, EOL_KEEP);
}

/* What the signed content says itself about who it is from (RFC 9788): *ret_sender has none stated when it says nothing. */
static int read_protected(
	const struct opening *opening, const struct signed_data *data, struct source *content, struct sender *ret_sender) {
	_cleanup_(entity_freep) struct entity *entity = NULL;
	int r;

	if (opening->options->cms || opening->options->from || !content || !cms_object_is(data->content_type, OID_DATA))
		return 0;
	r = entity_read(content, &entity);
	if (r == -SMIME_E_NOT_MAIL || r == -SMIME_E_TOO_LARGE)
		return 0;
	return r < 0 || !entity_field(entity, "From", NULL) ? r : sender_read(entity, ret_sender);
}

static const char *form_of(const struct layer *layer, const struct signed_data *data) {
	if (layer->content)
		return "multipart/signed";
	return data->signer_count > 0 || data->has_content ? "signed-data" : "certs-only";
}

static int check_signers(
	struct opening *opening, const struct signers *signers, const struct signer_scene *scene, struct smime_layer *layer) {
	size_t i;
	int r = report_add_signers(opening->report, layer, signers->count);

	for (i = 0; r == 0 && i < signers->count; i++) {
		r = signer_check(signers->items[i], scene, opening->report, report_signer(layer, i));
		if (r == 0)
			lessons_note(&opening->lessons, signers->items[i], scene->data, report_signer(layer, i));
	}
	if (r == 0)
		signers_compare_ess(signers->items, signers->count, opening->report, layer);
	return r < 0 ? smime_fail_at(opening->s, r, "checking the signature") : 0;
}

/* A signature without content, where none was given beside it. */
static int check_content_exists(const struct opening *opening, const struct signed_data *data, const struct source *content) {
	if (content || data->signer_count == 0)
		return 0;
	if (opening->options->cms)
		return smime_want(opening->s,
			smime_fail(opening->s, SMIME_E_USAGE, "the signature is detached: name the file with its content"),
			SMIME_WANTED_CONTENT);
	return smime_fail(opening->s, SMIME_E_MALFORMED, "the mail holds a signature, but not the content it is for");
}

void opening_describe(struct opening *opening, struct smime_layer *outer, const struct layer *inner) {
	static const char *const names[] = {
		[LAYER_PLAIN] = "content",
		[LAYER_SIGNED] = "signed-data",
		[LAYER_ENCRYPTED] = "enveloped-data",
		[LAYER_COMPRESSED] = "compressed-data",
	};

	if (inner->entity)
		outer->content = arena_text(report_arena(opening->report), inner->entity->type);
	else
		outer->content = inner->kind == LAYER_OTHER ? arena_text(report_arena(opening->report), inner->type) : names[inner->kind];
}

static void add_part(void *userdata, const struct part *part) {
	report_part(userdata, part->place, part->type, part->name);
	if (part->errant)
		report_errant(userdata, part->place, part->type);
}

/* What is inside of the layer `around`. */
static int find_parts(struct opening *opening, const struct smime_layer *around, struct source *content) {
	int r = parts_find(content, add_part, opening->report);

	if (r == 1 || (r == 0 && around->octets > PARTS_LOOK_MAX_BYTES))
		report_parts_left_out(opening->report);
	return r < 0 ? r : 0;
}

int opening_look_inside(struct opening *opening, const struct smime_layer *around, struct source *content) {
	const struct entity *outer = opening->layer->entity;
	int r = 0;

	if (opening->options->cms || !outer)
		return 0;
	r = protected_read(content, outer, &opening->protected);
	if (r == 0)
		r = header_protection_report(&opening->protected, outer, opening->report);
	if (r == 0)
		r = find_parts(opening, around, content);
	return r < 0 ? smime_fail_at(opening->s, r, "what is inside the message") : 0;
}

int opening_signed(struct opening *opening, const struct layer *layer, struct opened *ret_opened) {
	_cleanup_(signed_freep) struct signed_data *data = NULL;
	_cleanup_(signers_clear) struct signers signers = { .count = 0 };
	_cleanup_(sender_clear) struct sender protected = { .stated = false };
	_cleanup_(opened_clear) struct opened opened = { .content = NULL };
	struct signer_scene scene = {
		.trust = opening->trust, .sender = &opening->sender, .eol = EOL_KEEP, .mail = !opening->options->cms
	};
	int r = signed_read(layer->cms, &data);

	if (r == 0)
		r = signers_read(data, &signers);
	if (r < 0)
		return smime_fail_at(opening->s, r, "the signature");
	scene.data = data;
	r = find_content(opening, layer, &signers, &scene, &opened.content);
	if (r == 0)
		r = read_protected(opening, data, opened.content, &protected);
	if (r < 0)
		return smime_fail_at(opening->s, r, "the signed content");
	scene.protected = protected.stated || protected.fault ? &protected : NULL;
	r = check_content_exists(opening, data, opened.content);
	if (r == 0)
		r = opening_add_layer(opening, data->signer_count > 0 ? SMIME_LAYER_SIGNED : SMIME_LAYER_CERTIFICATES, form_of(layer, data),
			&opened.layer);
	if (r == 0)
		report_certificates(opening->report, opened.layer, data->certificates);
	if (r == 0)
		r = check_signers(opening, &signers, &scene, opened.layer);
	if (r < 0)
		return r;
	opened.layer->outside = layer->outside;
	opened.layer->outside_octets = layer->outside_len;
	opened.layer->octets = layer->content ? layer->content_len : data->content_len;
	opened.layer->canonicalized = layer->content && scene.eol == EOL_CRLF && any_matches(&signers, &scene);
	opened.type = TAKE(data->content_type);
	*ret_opened = opened;
	opened = (struct opened){ .content = NULL };
	return 0;
}
