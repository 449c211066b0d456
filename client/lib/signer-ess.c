/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enhanced security services among a signer's attributes (RFC 2634): receipts, labels, hints, mailing lists. They are told and
 * never acted on: no receipt is ever made here, and whether a label keeps somebody out is for whoever knows its policy.
 *
 * What can't be read is a warning: it changes nothing about whose signature it is.
 */
#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "describe.h"
#include "signer-checks.h"

#define OID_RECEIPT_REQUEST "1.2.840.113549.1.9.16.2.1"
#define OID_SECURITY_LABEL "1.2.840.113549.1.9.16.2.2"
#define OID_EXPANSION_HISTORY "1.2.840.113549.1.9.16.2.3"
#define OID_CONTENT_HINTS "1.2.840.113549.1.9.16.2.4"
#define OID_SIGNATURE_DIGEST "1.2.840.113549.1.9.16.2.5"
#define OID_CONTENT_IDENTIFIER "1.2.840.113549.1.9.16.2.7"
#define OID_EQUIVALENT_LABELS "1.2.840.113549.1.9.16.2.9"
#define OID_CONTENT_REFERENCE "1.2.840.113549.1.9.16.2.10"
#define OID_MULTIPLE_SIGNATURES "1.2.840.113549.1.9.16.2.51"

enum {
	RECEIPT_MAX_BYTES = 16 * 1024,
	SHOWN_MAX_BYTES = 64,         /* of an identifier */
	BEGIN_BYTES = 16,             /* of a signature: enough to know it by */
	PRIVACY_MARK_MAX_BYTES = 512, /* RFC 2634 3.2: 128 characters */
	NAMES_SHOWN_MAX = 4,
	EXPANSIONS_MAX = 64, /* RFC 2634 4.2 */
	OTHERS_SHOWN_MAX = 16,
	OID_TEXT_MAX_BYTES = 80,
};

/* RFC 2634 2.8 */
struct ess_receipt {
	int32_t version;
	ASN1_OBJECT *content_type;
	ASN1_OCTET_STRING *identifier;
	ASN1_OCTET_STRING *signature;
};

ASN1_SEQUENCE(ess_receipt) = {
	ASN1_EMBED(struct ess_receipt, version, INT32),
	ASN1_SIMPLE(struct ess_receipt, content_type, ASN1_OBJECT),
	ASN1_SIMPLE(struct ess_receipt, identifier, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct ess_receipt, signature, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct ess_receipt, ess_receipt)

/* RFC 2634 2.9 */
struct ess_hints {
	ASN1_UTF8STRING *description; /* OPTIONAL */
	ASN1_OBJECT *content_type;
};

ASN1_SEQUENCE(ess_hints) = {
	ASN1_OPT(struct ess_hints, description, ASN1_UTF8STRING),
	ASN1_SIMPLE(struct ess_hints, content_type, ASN1_OBJECT),
} static_ASN1_SEQUENCE_END_name(struct ess_hints, ess_hints)

/* RFC 2634 4.2 */
typedef struct ess_expansion {
	ASN1_TYPE *list;
	ASN1_GENERALIZEDTIME *time;
	ASN1_TYPE *policy; /* OPTIONAL */
} ess_expansion;
DEFINE_STACK_OF(ess_expansion)

ASN1_SEQUENCE(ess_expansion) = {
	ASN1_SIMPLE(struct ess_expansion, list, ASN1_ANY),
	ASN1_SIMPLE(struct ess_expansion, time, ASN1_GENERALIZEDTIME),
	ASN1_OPT(struct ess_expansion, policy, ASN1_ANY),
} static_ASN1_SEQUENCE_END_name(struct ess_expansion, ess_expansion)

ASN1_ITEM_TEMPLATE(ess_expansions) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, expansions, ess_expansion)
	static_ASN1_ITEM_TEMPLATE_END(ess_expansions)

/* RFC 2634 3.2: a SET whose members are told apart by their types. */
ASN1_ITEM_TEMPLATE(ess_label) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_OF, 0, members, ASN1_ANY)
	static_ASN1_ITEM_TEMPLATE_END(ess_label)

/* What is looked at and where it is told. */
struct scene {
	const struct signer *signer;
	struct report *report;
	struct smime_signer *out;
};

static void tell(const struct scene *s, enum report_name name, enum smime_outcome outcome, const char *text) {
	report_check(s->report, s->out, name, outcome, "%s", text);
}

static void unreadable(const struct scene *s, enum report_name name, const char *what) {
	report_check(s->report, s->out, name, SMIME_WARNING, "%s can't be read", what);
}

/* The value of an attribute that may be there once. Returns 1 when there is nothing to look at; what can't be read is told. */
static int value_of(const struct scene *s, const char *oid, int type, enum report_name name, const char *what, struct bytes *ret_value) {
	const ASN1_TYPE *value;
	int r = cms_attribute_single(s->signer->info->signed_attributes, oid, &value);

	if (r == 1)
		return 1;
	if (r < 0 || value->type != type) {
		unreadable(s, name, what);
		return 1;
	}
	*ret_value =
		(struct bytes){ ASN1_STRING_get0_data(value->value.asn1_string), (size_t)ASN1_STRING_length(value->value.asn1_string) };
	return 0;
}

static const char *hex_of(const struct scene *s, struct bytes octets) {
	return arena_hex(report_arena(s->report), octets.data, octets.len < SHOWN_MAX_BYTES ? octets.len : SHOWN_MAX_BYTES);
}

static struct bytes string_bytes(const ASN1_STRING *string) {
	return (struct bytes){ ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string) };
}

static const char *object_text(const struct scene *s, const ASN1_OBJECT *object) {
	char text[OID_TEXT_MAX_BYTES] = "";

	if (OBJ_obj2txt(text, sizeof(text), object, 0) <= 0)
		ERR_clear_error();
	return arena_text(report_arena(s->report), text);
}

/* ---- Receipts ---- */

/* The addresses that receipts should go to: what they are is the signer's claim. */
static const char *names_text(const struct scene *s, STACK_OF(GENERAL_NAMES) *lists) {
	struct arena *arena = report_arena(s->report);
	const char *text = "";
	int i, shown = 0;

	for (i = 0; i < sk_GENERAL_NAMES_num(lists); i++) {
		const GENERAL_NAMES *names = sk_GENERAL_NAMES_value(lists, i);
		int n;

		for (n = 0; n < sk_GENERAL_NAME_num(names) && shown < NAMES_SHOWN_MAX; n++) {
			const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, n);

			if (name->type != GEN_EMAIL || !text)
				continue;
			text = arena_printf(arena, "%s%s%.*s", text, shown++ ? ", " : "", ASN1_STRING_length(name->d.rfc822Name),
				(const char *)ASN1_STRING_get0_data(name->d.rfc822Name));
		}
	}
	return text && *text ? text : "somebody whom it does not name by address";
}

static void tell_request(const struct scene *s, CMS_ReceiptRequest *request) {
	STACK_OF(GENERAL_NAMES) *from = NULL, *to = NULL;
	ASN1_STRING *identifier = NULL;
	const char *who;
	int all = 0;

	CMS_ReceiptRequest_get0_values(request, &identifier, &all, &from, &to);
	who = from ? "those that it names" : all == 0 ? "everybody" : all == 1 ? "whom the sender sent it to" : "nobody in particular";
	report_check(s->report, s->out, REPORT_RECEIPT_REQUEST, SMIME_NOTE,
		"the signer asks %s for a signed receipt to %s (content identifier %s); none is sent", who, names_text(s, to),
		hex_of(s, string_bytes(identifier)));
}

static void check_receipt_request(const struct scene *s, bool is_receipt) {
	CMS_ReceiptRequest *request = NULL;
	struct bytes value;

	if (value_of(s, OID_RECEIPT_REQUEST, V_ASN1_SEQUENCE, REPORT_RECEIPT_REQUEST, "the request for a receipt", &value) != 0)
		return;
	if (cms_parse(value, ASN1_ITEM_rptr(CMS_ReceiptRequest), &request) < 0)
		unreadable(s, REPORT_RECEIPT_REQUEST, "the request for a receipt");
	else if (is_receipt)
		tell(s, REPORT_RECEIPT_REQUEST, SMIME_WARNING, "a receipt asks for a receipt, which RFC 2634 forbids");
	else
		tell_request(s, request);
	CMS_ReceiptRequest_free(request);
}

static int collect(struct source *content, struct sink **ret_memory) {
	_cleanup_(sink_freep) struct sink *memory = NULL;
	int r = sink_to_memory(RECEIPT_MAX_BYTES, &memory);

	if (r == 0)
		r = sink_copy(memory, content);
	if (r == 0)
		*ret_memory = TAKE(memory);
	return r;
}

static void receipt_freep(struct ess_receipt **receipt) {
	ASN1_item_free((ASN1_VALUE *)*receipt, ess_receipt_it());
}

static size_t begin_len(const ASN1_STRING *signature) {
	size_t len = (size_t)ASN1_STRING_length(signature);

	return len < BEGIN_BYTES ? len : BEGIN_BYTES;
}

static int check_receipt(const struct scene *s, struct source *content) {
	_cleanup_(sink_freep) struct sink *memory = NULL;
	_cleanup_(receipt_freep) struct ess_receipt *receipt = NULL;
	int r = content ? collect(content, &memory) : -SMIME_E_MALFORMED;

	if (r == 0)
		r = cms_parse(sink_memory(memory), ess_receipt_it(), &receipt);
	if (r == -SMIME_E_MALFORMED || r == -SMIME_E_TOO_LARGE) {
		unreadable(s, REPORT_RECEIPT, "the receipt");
		return 0;
	}
	if (r < 0)
		return r;
	report_check(s->report, s->out, REPORT_RECEIPT, SMIME_NOTE,
		"a receipt: the signer says that he has verified the message with the content identifier %s, whose signature begins with "
		"%s",
		hex_of(s, string_bytes(receipt->identifier)),
		arena_hex(report_arena(s->report), ASN1_STRING_get0_data(receipt->signature), begin_len(receipt->signature)));
	return 0;
}

/* ---- Labels ---- */

struct label {
	const ASN1_OBJECT *policy;
	long classification; /* -1: none */
	const ASN1_STRING *mark;
	bool categories;
	bool strange;
};

static void label_add(struct label *label, const ASN1_TYPE *member) {
	if (member->type == V_ASN1_OBJECT && !label->policy)
		label->policy = member->value.object;
	else if (member->type == V_ASN1_INTEGER && label->classification < 0 && ASN1_STRING_length(member->value.integer) <= 2)
		label->classification = ASN1_INTEGER_get(member->value.integer);
	else if ((member->type == V_ASN1_PRINTABLESTRING || member->type == V_ASN1_UTF8STRING) && !label->mark)
		label->mark = member->value.asn1_string;
	else if (member->type == V_ASN1_SET && !label->categories)
		label->categories = true;
	else
		label->strange = true;
}

static const char *classification_text(const struct scene *s, long classification) {
	static const char *const names[] = { "unmarked", "unclassified", "restricted", "confidential", "secret", "top secret" };

	if (classification < 0)
		return "no classification";
	if ((size_t)classification < ELEMENTSOF(names))
		return names[classification];
	return arena_printf(report_arena(s->report), "classification %ld of that policy", classification);
}

static void tell_label(const struct scene *s, const struct label *label) {
	int len = label->mark ? ASN1_STRING_length(label->mark) : 0;

	report_check(s->report, s->out, REPORT_SECURITY_LABEL, SMIME_NOTE, "%s under the policy %s%s%.*s%s%s",
		classification_text(s, label->classification), object_text(s, label->policy), len ? ", marked \"" : "",
		len < PRIVACY_MARK_MAX_BYTES ? len : PRIVACY_MARK_MAX_BYTES, len ? (const char *)ASN1_STRING_get0_data(label->mark) : "",
		len ? "\"" : "", label->categories ? ", with categories" : "");
}

static void check_label(const struct scene *s) {
	STACK_OF(ASN1_TYPE) *members = NULL;
	struct label label = { .classification = -1 };
	struct bytes value;
	int i, r;

	if (value_of(s, OID_SECURITY_LABEL, V_ASN1_SET, REPORT_SECURITY_LABEL, "the security label", &value) != 0)
		return;
	r = cms_parse(value, ess_label_it(), &members);
	for (i = 0; r == 0 && i < sk_ASN1_TYPE_num(members); i++)
		label_add(&label, sk_ASN1_TYPE_value(members, i));
	if (r < 0 || !label.policy || label.strange)
		unreadable(s, REPORT_SECURITY_LABEL, "the security label");
	else
		tell_label(s, &label);
	sk_ASN1_TYPE_pop_free(members, ASN1_TYPE_free);
}

/* ---- Hints and mailing lists ---- */

static void check_hints(const struct scene *s) {
	struct ess_hints *hints = NULL;
	struct bytes value;

	if (value_of(s, OID_CONTENT_IDENTIFIER, V_ASN1_OCTET_STRING, REPORT_CONTENT_HINTS, "the content identifier", &value) == 0)
		report_check(s->report, s->out, REPORT_CONTENT_HINTS, SMIME_NOTE, "content identifier %s", hex_of(s, value));
	if (value_of(s, OID_CONTENT_HINTS, V_ASN1_SEQUENCE, REPORT_CONTENT_HINTS, "the hints about the content", &value) != 0)
		return;
	if (cms_parse(value, ess_hints_it(), &hints) < 0)
		unreadable(s, REPORT_CONTENT_HINTS, "the hints about the content");
	else
		report_check(s->report, s->out, REPORT_CONTENT_HINTS, SMIME_NOTE, "said to be %s%s%.*s",
			object_text(s, hints->content_type), hints->description ? ": " : "",
			hints->description && ASN1_STRING_length(hints->description) < PRIVACY_MARK_MAX_BYTES ?
				ASN1_STRING_length(hints->description) :
				0,
			hints->description ? (const char *)ASN1_STRING_get0_data(hints->description) : "");
	ASN1_item_free((ASN1_VALUE *)hints, ess_hints_it());
}

static void expansion_free(ess_expansion *expansion) {
	ASN1_item_free((ASN1_VALUE *)expansion, ess_expansion_it());
}

static void check_expansions(const struct scene *s) {
	STACK_OF(ess_expansion) *expansions = NULL;
	struct bytes value;
	int count;

	if (value_of(s, OID_EXPANSION_HISTORY, V_ASN1_SEQUENCE, REPORT_MAILING_LIST, "the history of mailing lists", &value) != 0)
		return;
	count = cms_parse(value, ess_expansions_it(), &expansions) == 0 ? sk_ess_expansion_num(expansions) : 0;
	if (count < 1 || count > EXPANSIONS_MAX)
		unreadable(s, REPORT_MAILING_LIST, "the history of mailing lists");
	else
		report_check(s->report, s->out, REPORT_MAILING_LIST, SMIME_NOTE, "passed on by %d mailing list%s, the last time on %s",
			count, count == 1 ? "" : "s",
			describe_date(report_arena(s->report), sk_ess_expansion_value(expansions, count - 1)->time));
	sk_ess_expansion_pop_free(expansions, expansion_free);
}

/* ---- All of them ---- */

static bool is_one_of(const ASN1_OBJECT *type, const char *const *oids) {
	for (; *oids; oids++)
		if (cms_object_is(type, *oids))
			return true;
	return false;
}

/* Attributes that nobody here knows: they may be anything, and nothing depends on them. */
static void check_others(const struct scene *s) {
	static const char *const known[] = { OID_CONTENT_TYPE, OID_MESSAGE_DIGEST, OID_SIGNING_TIME, OID_SMIME_CAPABILITIES,
		OID_SIGNING_CERTIFICATE, OID_SIGNING_CERTIFICATE_V2, OID_ENCRYPTION_KEY_PREFERENCE, OID_MICROSOFT_KEY_PREFERENCE,
		OID_ALGORITHM_PROTECTION, OID_RECEIPT_REQUEST, OID_SECURITY_LABEL, OID_EXPANSION_HISTORY, OID_CONTENT_HINTS,
		OID_SIGNATURE_DIGEST, OID_CONTENT_IDENTIFIER, OID_EQUIVALENT_LABELS, OID_CONTENT_REFERENCE, OID_MULTIPLE_SIGNATURES, NULL };
	STACK_OF(X509_ATTRIBUTE) *attributes = s->signer->info->signed_attributes;
	const char *text = NULL;
	int i, count = 0;

	for (i = 0; i < sk_X509_ATTRIBUTE_num(attributes); i++) {
		const ASN1_OBJECT *type = X509_ATTRIBUTE_get0_object(sk_X509_ATTRIBUTE_value(attributes, i));

		if (!is_one_of(type, known) && count++ < OTHERS_SHOWN_MAX)
			text = arena_printf(report_arena(s->report), "%s%s%s", text ? text : "", text ? ", " : "", object_text(s, type));
	}
	if (count > 0)
		report_check(s->report, s->out, REPORT_OTHER_ATTRIBUTES, SMIME_NOTE, "%s%s", text ? text : "",
			count > OTHERS_SHOWN_MAX ? " and more" : "");
}

/* RFC 2634 1.3.4: without a signature over them they are anybody's. */
static void check_unsigned(const struct scene *s) {
	static const struct {
		const char *oid;
		enum report_name name;
	} signed_only[] = {
		{ OID_RECEIPT_REQUEST, REPORT_RECEIPT_REQUEST },
		{ OID_SECURITY_LABEL, REPORT_SECURITY_LABEL },
		{ OID_EXPANSION_HISTORY, REPORT_MAILING_LIST },
	};
	const ASN1_TYPE *value;

	for (size_t i = 0; i < ELEMENTSOF(signed_only); i++)
		if (cms_attribute_single(s->signer->info->unsigned_attributes, signed_only[i].oid, &value) != 1)
			tell(s, signed_only[i].name, SMIME_WARNING, "there is one that nobody signed; it is not looked at");
}

int signer_check_ess(const struct signer *signer, const struct signer_scene *scene, struct report *report, struct smime_signer *out) {
	struct scene s = { signer, report, out };
	bool is_receipt = cms_object_is(scene->data->content_type, OID_RECEIPT);

	check_unsigned(&s);
	if (!signer->attributes)
		return 0;
	check_receipt_request(&s, is_receipt);
	check_label(&s);
	check_hints(&s);
	check_expansions(&s);
	check_others(&s);
	return is_receipt ? check_receipt(&s, scene->content) : 0;
}

/* The encoding of an attribute's value; empty when there is none. */
static struct bytes encoding_of(const struct signer *signer, const char *oid) {
	const ASN1_TYPE *value;

	if (signer->unusable || cms_attribute_single(signer->info->signed_attributes, oid, &value) != 0 ||
		(value->type != V_ASN1_SEQUENCE && value->type != V_ASN1_SET))
		return (struct bytes){ NULL, 0 };
	return string_bytes(value->value.asn1_string);
}

static bool all_equal(struct signer *const *signers, size_t count, const char *oid) {
	struct bytes first = encoding_of(signers[0], oid);

	for (size_t i = 1; i < count; i++) {
		struct bytes other = encoding_of(signers[i], oid);

		if (other.len != first.len || (first.len > 0 && memcmp(other.data, first.data, first.len) != 0))
			return false;
	}
	return true;
}

void signers_compare_ess(struct signer *const *signers, size_t count, struct report *report, struct smime_layer *layer) {
	bool label, request;

	if (count < 2)
		return;
	label = all_equal(signers, count, OID_SECURITY_LABEL);
	request = all_equal(signers, count, OID_RECEIPT_REQUEST);
	for (size_t i = 0; i < count; i++) {
		struct scene s = { signers[i], report, report_signer(layer, i) };

		if (!label)
			tell(&s, REPORT_SECURITY_LABEL, SMIME_WARNING, "the signers do not all give the same label (RFC 2634 3.1.2)");
		if (!request)
			tell(&s, REPORT_RECEIPT_REQUEST, SMIME_WARNING, "the signers do not all ask for the same receipt (RFC 2634 2.2.1)");
	}
}
