/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signed attributes as octets: what a signer hashes, what a verifier hashes, and finding one of them.
 *
 * A verifier hashes what was sent: received attributes are never re-encoded here, only their outer tag is exchanged.
 */
#include "leaf.h"

#include <openssl/err.h>

#include "smime/error.h"

enum { NESTING_MAX = 16 };

ASN1_ITEM_TEMPLATE(cms_attributes) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_ORDER, 0, attributes, X509_ATTRIBUTE)
	ASN1_ITEM_TEMPLATE_END(cms_attributes)

		int cms_attributes_der(STACK_OF(X509_ATTRIBUTE) *attributes, uint8_t **ret_der, size_t *ret_len) {
	return cms_der(attributes, cms_attributes_it(), ret_der, ret_len);
}

/* One header: 0x80 of ASN1_get_object() is an error, its lowest bit an indefinite length, which has `len` 0. */
struct header {
	int tag, class;
	bool constructed, indefinite;
	size_t header_len, len;
};

static int header_read(struct bytes in, struct header *ret) {
	const uint8_t *p = in.data;
	struct header header;
	long len;
	int flags = ASN1_get_object(&p, &len, &header.tag, &header.class, (long)in.len);

	if (flags & 0x80) {
		ERR_clear_error();
		return -SMIME_E_MALFORMED;
	}
	header.constructed = flags & V_ASN1_CONSTRUCTED;
	header.indefinite = flags & 1;
	header.header_len = (size_t)(p - in.data);
	header.len = header.indefinite ? 0 : (size_t)len;
	*ret = header;
	return 0;
}

static struct bytes skip(struct bytes in, size_t len) {
	return (struct bytes){ in.data + len, in.len - len };
}

static bool at_end_of_contents(struct bytes in) {
	return in.len >= 2 && in.data[0] == 0 && in.data[1] == 0;
}

/*
 * The element at the start of `in`: its contents, and the length of the whole. Only values of indefinite length are
 * descended into, and these NESTING_MAX deep at most; no recursion.
 */
static int element_read(struct bytes in, struct header *ret_header, struct bytes *ret_contents, size_t *ret_len) {
	struct header first, header;
	struct bytes rest;
	int depth = 1, r = header_read(in, &first);

	if (r < 0)
		return r;
	rest = skip(in, first.header_len);
	if (!first.indefinite) {
		*ret_header = first;
		*ret_contents = (struct bytes){ rest.data, first.len };
		*ret_len = first.header_len + first.len;
		return 0;
	}
	while (depth > 0) {
		if (at_end_of_contents(rest)) {
			depth--;
			rest = skip(rest, 2);
			continue;
		}
		r = header_read(rest, &header);
		if (r < 0)
			return r;
		if (header.indefinite && ++depth > NESTING_MAX)
			return -SMIME_E_MALFORMED;
		rest = skip(rest, header.header_len + header.len);
	}
	*ret_header = first;
	*ret_len = (size_t)(rest.data - in.data);
	*ret_contents = (struct bytes){ in.data + first.header_len, *ret_len - first.header_len - 2 };
	return 0;
}

/* version, sid and digestAlgorithm stand before signedAttrs. *ret_contents.data NULL: there are no signedAttrs. */
static int find_attributes(struct bytes signer_info, struct bytes *ret_contents) {
	enum { FIELDS_BEFORE = 3 };
	struct bytes in, contents;
	struct header header;
	size_t len;
	int i, r;

	r = element_read(signer_info, &header, &in, &len);
	if (r < 0 || len != signer_info.len || header.tag != V_ASN1_SEQUENCE || header.class != V_ASN1_UNIVERSAL)
		return -SMIME_E_MALFORMED;
	for (i = 0; i <= FIELDS_BEFORE; i++) {
		r = element_read(in, &header, &contents, &len);
		if (r < 0)
			return r;
		in = skip(in, len);
	}
	if (header.tag == 0 && header.class == V_ASN1_CONTEXT_SPECIFIC && header.constructed)
		*ret_contents = contents;
	else
		*ret_contents = (struct bytes){ NULL, 0 };
	return 0;
}

static int wrap_set(struct bytes contents, uint8_t **ret_der, size_t *ret_len) {
	int len = ASN1_object_size(1, (int)contents.len, V_ASN1_SET);
	uint8_t *der, *p;

	if (len <= 0 || !(der = p = malloc((size_t)len)))
		return -SMIME_E_NO_MEMORY;
	ASN1_put_object(&p, 1, (int)contents.len, V_ASN1_SET, V_ASN1_UNIVERSAL);
	memcpy(p, contents.data, contents.len);
	*ret_der = der;
	*ret_len = (size_t)len;
	return 0;
}

/* Whether a SET OF Attribute is its own DER encoding. */
static int is_der(struct bytes set, bool *ret_der) {
	_cleanup_(attributes_freep) STACK_OF(X509_ATTRIBUTE) *attributes = NULL;
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len = 0;
	int r = cms_parse(set, cms_attributes_it(), &attributes);

	if (r < 0)
		return r;
	r = cms_attributes_der(attributes, &der, &len);
	if (r < 0)
		return r;
	*ret_der = len == set.len && memcmp(der, set.data, len) == 0;
	return 0;
}

int cms_signed_attributes_raw(struct bytes signer_info, uint8_t **ret_der, size_t *ret_len, bool *ret_sorted) {
	_cleanup_(freep) uint8_t *der = NULL;
	struct bytes contents;
	size_t len = 0;
	bool sorted = false;
	int r;

	if (!signer_info.data || signer_info.len > INT32_MAX)
		return -SMIME_E_MALFORMED;
	r = find_attributes(signer_info, &contents);
	if (r < 0)
		return r;
	if (contents.data) {
		r = wrap_set(contents, &der, &len);
		if (r == 0)
			r = is_der((struct bytes){ der, len }, &sorted);
		if (r < 0)
			return r;
	}
	*ret_der = TAKE(der);
	*ret_len = len;
	*ret_sorted = sorted;
	return 0;
}

/* X509_ATTRIBUTE is opaque, and its setters know no values of context-specific tags; this has the same encoding. */
struct plain_attribute {
	ASN1_OBJECT *type;
	STACK_OF(ASN1_TYPE) *values;
};

ASN1_SEQUENCE(plain_attribute) = {
	ASN1_SIMPLE(struct plain_attribute, type, ASN1_OBJECT),
	ASN1_SET_OF(struct plain_attribute, values, ASN1_ANY),
} static_ASN1_SEQUENCE_END_name(struct plain_attribute, plain_attribute)

static void plain_attribute_freep(struct plain_attribute **attribute) {
	ASN1_item_free((ASN1_VALUE *)*attribute, plain_attribute_it());
}

static struct plain_attribute *plain_attribute_make(const char *oid, struct bytes value) {
	_cleanup_(plain_attribute_freep) struct plain_attribute *attribute = (struct plain_attribute *)ASN1_item_new(plain_attribute_it());
	const uint8_t *p = value.data;
	ASN1_TYPE *any;

	if (!attribute)
		return NULL;
	ASN1_OBJECT_free(attribute->type);
	attribute->type = cms_object(oid);
	any = attribute->type ? d2i_ASN1_TYPE(NULL, &p, (long)value.len) : NULL;
	if (!any || sk_ASN1_TYPE_push(attribute->values, any) <= 0) {
		ASN1_TYPE_free(any);
		return NULL;
	}
	return TAKE(attribute);
}

int cms_attribute_push(STACK_OF(X509_ATTRIBUTE) *attributes, const char *oid, struct bytes value) {
	_cleanup_(plain_attribute_freep) struct plain_attribute *plain = plain_attribute_make(oid, value);
	_cleanup_(freep) uint8_t *der = NULL;
	X509_ATTRIBUTE *attribute = NULL;
	size_t len = 0;

	if (plain && cms_der(plain, plain_attribute_it(), &der, &len) == 0)
		(void)cms_parse((struct bytes){ der, len }, ASN1_ITEM_rptr(X509_ATTRIBUTE), &attribute);
	if (!attribute || sk_X509_ATTRIBUTE_push(attributes, attribute) <= 0) {
		X509_ATTRIBUTE_free(attribute);
		ERR_clear_error();
		return -SMIME_E_NO_MEMORY;
	}
	return 0;
}

int cms_attribute_single(STACK_OF(X509_ATTRIBUTE) *attributes, const char *oid, const ASN1_TYPE **ret_value) {
	X509_ATTRIBUTE *found = NULL;
	const ASN1_TYPE *value;
	int i;

	for (i = 0; i < sk_X509_ATTRIBUTE_num(attributes); i++) {
		X509_ATTRIBUTE *attribute = sk_X509_ATTRIBUTE_value(attributes, i);

		if (!cms_object_is(X509_ATTRIBUTE_get0_object(attribute), oid))
			continue;
		if (found)
			return -SMIME_E_MALFORMED;
		found = attribute;
	}
	if (!found)
		return 1;
	value = X509_ATTRIBUTE_count(found) == 1 ? X509_ATTRIBUTE_get0_type(found, 0) : NULL;
	if (!value)
		return -SMIME_E_MALFORMED;
	*ret_value = value;
	return 0;
}
