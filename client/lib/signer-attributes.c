/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signed attributes of a SignerInfo (RFC 5652 11, RFC 5035, RFC 6211, RFC 8551 2.5).
 *
 * A mistake that changes what a signature means is bad; one that only breaks a form is a warning.
 */
#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "describe.h"
#include "signer-checks.h"

enum {
	CONFUSED_MAX_BYTES = SIGNED_SIGNER_MAX_BYTES, /* of content that is read whole; hardly anybody signs longer attributes */
	CONFUSED_FRONT_BYTES = 64,                    /* of longer content */
	UTC_TIME_BYTES = sizeof("YYMMDDHHMMSSZ") - 1,
	GENERALIZED_TIME_BYTES = sizeof("YYYYMMDDHHMMSSZ") - 1,
	GENERALIZED_FROM_YEAR = 2050,
	OID_TEXT_MAX_BYTES = 80,
};

/* RFC 5035 4 */
struct ess_issuer_serial {
	GENERAL_NAMES *issuer;
	ASN1_INTEGER *serial;
};

/* RFC 5035 3 and 4: one template reads both versions of ESSCertID. */
typedef struct ess_cert_id {
	X509_ALGOR *hash_algorithm; /* version 2 only; absent: SHA-256 */
	ASN1_OCTET_STRING *hash;
	struct ess_issuer_serial *issuer_serial;
} ess_cert_id;
DEFINE_STACK_OF(ess_cert_id)

struct ess_signing_certificate {
	STACK_OF(ess_cert_id) *certificates;
	STACK_OF(ASN1_TYPE) *policies;
};

ASN1_SEQUENCE(ess_issuer_serial) = {
	ASN1_SEQUENCE_OF(struct ess_issuer_serial, issuer, GENERAL_NAME),
	ASN1_SIMPLE(struct ess_issuer_serial, serial, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END_name(struct ess_issuer_serial, ess_issuer_serial)

ASN1_SEQUENCE(ess_cert_id) = {
	ASN1_OPT(struct ess_cert_id, hash_algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct ess_cert_id, hash, ASN1_OCTET_STRING),
	ASN1_OPT(struct ess_cert_id, issuer_serial, ess_issuer_serial),
} static_ASN1_SEQUENCE_END_name(struct ess_cert_id, ess_cert_id)

ASN1_SEQUENCE(ess_signing_certificate) = {
	ASN1_SEQUENCE_OF(struct ess_signing_certificate, certificates, ess_cert_id),
	ASN1_SEQUENCE_OF_OPT(struct ess_signing_certificate, policies, ASN1_ANY),
} static_ASN1_SEQUENCE_END_name(struct ess_signing_certificate, ess_signing_certificate)

static void ess_freep(struct ess_signing_certificate **ess) {
	ASN1_item_free((ASN1_VALUE *)*ess, ess_signing_certificate_it());
}

/* The only value of the only attribute of this type, which must be of this ASN.1 type. As cms_attribute_single(). */
static int single(const struct signer *signer, const char *oid, int type, const ASN1_STRING **ret_value) {
	const ASN1_TYPE *value;
	int r = cms_attribute_single(signer->info->signed_attributes, oid, &value);

	if (r != 0)
		return r;
	if (value->type != type)
		return -SMIME_E_MALFORMED;
	*ret_value = value->value.asn1_string;
	return 0;
}

static struct bytes string_bytes(const ASN1_STRING *string) {
	return (struct bytes){ ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string) };
}

struct bytes signer_message_digest(const struct signer *signer) {
	const ASN1_STRING *value;

	if (!signer->attributes || single(signer, OID_MESSAGE_DIGEST, V_ASN1_OCTET_STRING, &value) != 0)
		return (struct bytes){ NULL, 0 };
	return string_bytes(value);
}

static void bad(struct report *report, struct smime_signer *out, const char *text) {
	report_check(report, out, REPORT_ATTRIBUTES, SMIME_BAD, "%s", text);
}

static void warn(struct report *report, struct smime_signer *out, const char *text) {
	report_check(report, out, REPORT_ATTRIBUTES, SMIME_WARNING, "%s", text);
}

/*
 * RFC 8551 2.4.1: a mail is of the type id-data. What was signed under another type was meant for something else, whatever its octets
 * may look like to a mail program; except for CMS, of which each layer is judged by itself, and receipts (RFC 2634), which are told.
 */
static bool may_be_in_mail(const ASN1_OBJECT *type) {
	static const char *const types[] = { OID_DATA, OID_SIGNED_DATA, OID_ENVELOPED_DATA, OID_AUTH_ENVELOPED_DATA, OID_COMPRESSED_DATA,
		OID_RECEIPT };

	for (size_t i = 0; i < ELEMENTSOF(types); i++)
		if (cms_object_is(type, types[i]))
			return true;
	return false;
}

static void check_for_mail(const struct signer_scene *scene, struct report *report, struct smime_signer *out) {
	char type[OID_TEXT_MAX_BYTES] = "";

	if (!scene->mail || may_be_in_mail(scene->data->content_type))
		return;
	if (OBJ_obj2txt(type, sizeof(type), scene->data->content_type, 0) <= 0)
		ERR_clear_error();
	report_check(report, out, REPORT_ATTRIBUTES, SMIME_BAD, "what is signed is no mail, but of the type %s", type);
}

/* RFC 5652 11.1 and 5.6 */
static void check_content_type(
	const struct signer *signer, const struct signer_scene *scene, struct report *report, struct smime_signer *out) {
	const ASN1_TYPE *value;
	int r = cms_attribute_single(signer->info->signed_attributes, OID_CONTENT_TYPE, &value);

	if (r != 0 || value->type != V_ASN1_OBJECT)
		bad(report, out, "there is not exactly one content type among the signed attributes");
	else if (OBJ_cmp(value->value.object, scene->data->content_type) != 0)
		bad(report, out, "the signed content type is not that of the content");
}

/* RFC 5652 11.2 */
static void check_message_digest(const struct signer *signer, struct report *report, struct smime_signer *out) {
	if (!signer_message_digest(signer).data)
		bad(report, out, "there is not exactly one message digest among the signed attributes");
}

/* RFC 5652 11.3. The time is what the signer claims: it is shown, nothing is decided by it. */
static void check_signing_time(const struct signer *signer, time_t now, struct report *report, struct smime_signer *out) {
	const ASN1_TYPE *value;
	const ASN1_TIME *time;
	struct tm tm;
	size_t len;
	int r = cms_attribute_single(signer->info->signed_attributes, OID_SIGNING_TIME, &value);

	if (r == 1)
		return;
	if (r < 0 || (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME)) {
		bad(report, out, "there is not exactly one signing time among the signed attributes");
		return;
	}
	time = value->value.asn1_string;
	if (ASN1_TIME_to_tm(time, &tm) != 1) {
		ERR_clear_error();
		bad(report, out, "the signing time can't be read");
		return;
	}
	out->has_signing_time = true;
	out->signing_time = timegm(&tm);
	len = (size_t)ASN1_STRING_length(time);
	if (value->type == V_ASN1_UTCTIME ? len != UTC_TIME_BYTES :
					    len != GENERALIZED_TIME_BYTES || tm.tm_year + 1900 < GENERALIZED_FROM_YEAR)
		warn(report, out, "the signing time is not written as RFC 5652 demands");
	if (out->signing_time > now + 24 * 60 * 60)
		warn(report, out, "the signer's clock says that this was signed in the future");
}

/* RFC 8551 2.5.2: who reads SHOULD refuse other than one list. Which of two would the signer have meant? */
static void check_capabilities(const struct signer *signer, struct report *report, struct smime_signer *out) {
	const ASN1_STRING *value;

	if (single(signer, OID_SMIME_CAPABILITIES, V_ASN1_SEQUENCE, &value) < 0)
		bad(report, out, "there is not exactly one list of capabilities among the signed attributes");
}

/* RFC 6211 */
static void check_protection(const struct signer *signer, struct report *report, struct smime_signer *out) {
	_cleanup_(cms_algorithm_protection_freep) struct cms_algorithm_protection *protection = NULL;
	const ASN1_STRING *value;
	int r = single(signer, OID_ALGORITHM_PROTECTION, V_ASN1_SEQUENCE, &value);

	if (r == 1)
		return;
	if (r == 0)
		r = cms_parse(string_bytes(value), cms_algorithm_protection_it(), &protection);
	if (r < 0 || !protection->signature || protection->mac)
		bad(report, out, "the algorithm protection can't be read");
	else if (!signature_algorithm_equal(protection->digest, signer->info->digest_algorithm) ||
		!signature_algorithm_equal(protection->signature, signer->info->signature_algorithm))
		bad(report, out, "the signer protected other algorithms than those that the message names");
}

/* RFC 5035 4: of a certificate for a key, the issuer is its one directory name. NULL: nothing is said. */
static bool issuer_serial_is(const struct ess_issuer_serial *name, const X509 *certificate) {
	const GENERAL_NAME *issuer;

	if (!name)
		return true;
	issuer = sk_GENERAL_NAME_num(name->issuer) == 1 ? sk_GENERAL_NAME_value(name->issuer, 0) : NULL;
	return issuer && issuer->type == GEN_DIRNAME && X509_NAME_cmp(issuer->d.directoryName, X509_get_issuer_name(certificate)) == 0 &&
		ASN1_INTEGER_cmp(name->serial, X509_get0_serialNumber(certificate)) == 0;
}

/* RFC 5035 3, 4: the first entry names the signer's certificate. */
static int names_certificate(const struct signer *signer, const char *oid, const EVP_MD *otherwise, const X509 *certificate) {
	_cleanup_(ess_freep) struct ess_signing_certificate *ess = NULL;
	uint8_t hash[EVP_MAX_MD_SIZE];
	const ASN1_STRING *value;
	const ess_cert_id *first;
	const EVP_MD *md;
	unsigned int len;
	int r = single(signer, oid, V_ASN1_SEQUENCE, &value);

	if (r == 1)
		return 0;
	if (r == 0)
		r = cms_parse(string_bytes(value), ess_signing_certificate_it(), &ess);
	first = r == 0 ? sk_ess_cert_id_value(ess->certificates, 0) : NULL;
	if (!first)
		return -SMIME_E_MALFORMED;
	md = first->hash_algorithm ? cms_digest(first->hash_algorithm->algorithm) : otherwise;
	if (!md || X509_digest(certificate, md, hash, &len) != 1)
		return -SMIME_E_MALFORMED;
	return (size_t)ASN1_STRING_length(first->hash) == len && memcmp(ASN1_STRING_get0_data(first->hash), hash, len) == 0 &&
			issuer_serial_is(first->issuer_serial, certificate) ?
		1 :
		-SMIME_E_SIGNATURE;
}

int signer_names_certificate(const struct signer *signer, const X509 *certificate) {
	int second, first;

	if (!signer->attributes)
		return 0;
	second = names_certificate(signer, OID_SIGNING_CERTIFICATE_V2, EVP_sha256(), certificate);
	if (second < 0)
		return second;
	first = names_certificate(signer, OID_SIGNING_CERTIFICATE, EVP_sha1(), certificate);
	return first < 0 ? first : first | second;
}

/* Content in the form that was hashed, when that is no more than `max` bytes. 1: it is. */
static int collect(const struct signer_scene *scene, struct source *content, size_t max, struct sink **ret_memory) {
	_cleanup_(sink_freep) struct sink *memory = NULL, *eol = NULL;
	int r = sink_to_memory(max, &memory);

	if (r == 0)
		r = sink_eol(memory, scene->eol, &eol);
	if (r == 0)
		r = sink_copy(eol, content);
	if (r == 0)
		r = sink_finish(eol);
	if (r == -SMIME_E_TOO_LARGE)
		return 1;
	if (r < 0)
		return r;
	*ret_memory = TAKE(memory);
	return 0;
}

/* SET, SEQUENCE, OBJECT IDENTIFIER: nothing else that is worth signing begins so. */
static int begins_as_attributes(const struct signer_scene *scene) {
	static const int tags[] = { V_ASN1_SET, V_ASN1_SEQUENCE, V_ASN1_OBJECT };
	_cleanup_(source_unrefp) struct source *front = NULL;
	_cleanup_(sink_freep) struct sink *memory = NULL;
	bool begins = true;
	int r = source_slice(scene->content, 0, CONFUSED_FRONT_BYTES, &front);

	if (r == 0)
		r = collect(scene, front, 2 * CONFUSED_FRONT_BYTES, &memory); /* when all of it is line ends */
	if (r < 0)
		return r;
	const uint8_t *p = sink_memory(memory).data, *end = p + sink_memory(memory).len;
	for (size_t i = 0; begins && i < ELEMENTSOF(tags); i++) {
		int tag = V_ASN1_UNDEF, class = V_ASN1_UNIVERSAL;
		long len;

		(void)ASN1_get_object(&p, &len, &tag, &class, end - p);
		begins = tag == tags[i] && class == V_ASN1_UNIVERSAL;
	}
	ERR_clear_error(); /* of lengths that go beyond the front */
	return begins;
}

/*
 * A signature over attributes is also one without attributes over the attributes' encoding as content: such content is not
 * what somebody meant to sign. Returns 1 when the content is that.
 */
static int is_confused(const struct signer_scene *scene) {
	_cleanup_(sink_freep) struct sink *memory = NULL;
	_cleanup_(attributes_freep) STACK_OF(X509_ATTRIBUTE) *attributes = NULL;
	const ASN1_TYPE *value;
	int r = scene->content ? collect(scene, scene->content, CONFUSED_MAX_BYTES, &memory) : 0;

	if (r == 1)
		return begins_as_attributes(scene);
	if (r < 0 || !memory)
		return r;
	if (cms_parse(sink_memory(memory), cms_attributes_it(), &attributes) < 0)
		return 0;
	return cms_attribute_single(attributes, OID_CONTENT_TYPE, &value) != 1 ||
		cms_attribute_single(attributes, OID_MESSAGE_DIGEST, &value) != 1;
}

static int check_without(const struct signer_scene *scene, struct report *report, struct smime_signer *out) {
	char type[OID_TEXT_MAX_BYTES] = "";
	int r;

	if (!cms_object_is(scene->data->content_type, OID_DATA)) {
		(void)OBJ_obj2txt(type, sizeof(type), scene->data->content_type, 0);
		report_check(report, out, REPORT_ATTRIBUTES, SMIME_BAD,
			"there are no signed attributes, which the content's type (%s) demands", type);
		return 0;
	}
	r = is_confused(scene);
	if (r < 0)
		return r;
	if (r > 0)
		bad(report, out, "the content is the signed attributes of another message");
	else
		warn(report, out, "there are no signed attributes (an old form of signature)");
	return 0;
}

int signer_check_attributes(
	const struct signer *signer, const struct signer_scene *scene, struct report *report, struct smime_signer *out) {
	size_t before = out->check_count;

	if (!signer->attributes)
		return check_without(scene, report, out);
	check_content_type(signer, scene, report, out);
	check_for_mail(scene, report, out);
	check_message_digest(signer, report, out);
	check_signing_time(signer, trust_time(scene->trust), report, out);
	check_capabilities(signer, report, out);
	check_protection(signer, report, out);
	if (!signer->sorted)
		warn(report, out, "the signed attributes are not in the order of DER");
	if (out->check_count == before)
		report_check(report, out, REPORT_ATTRIBUTES, SMIME_GOOD, "what they say fits the message");
	return 0;
}
