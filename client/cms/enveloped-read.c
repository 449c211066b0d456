/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scanning EnvelopedData (RFC 5652 6.1) and AuthEnvelopedData (RFC 5083 2.1): everything but the content is read and
 * checked, the ciphertext is passed over.
 *
 * What stands behind the ciphertext (attributes, tag) is known afterwards, so that decrypting can authenticate.
 */
#include "enveloped.h"

#include <openssl/err.h>

#include "content-info.h"
#include "enveloped-walk.h"
#include "match.h"
#include "recipient-read.h"
#include "smime/error.h"

enum {
	TAG_AUTH_ATTRIBUTES = 1,
	TAG_UNPROTECTED_ATTRIBUTES = 1,
	TAG_UNAUTH_ATTRIBUTES = 2,
	MAC_MIN_BYTES = 12,
};

static void certificates_freep(STACK_OF(X509) **certificates) {
	sk_X509_pop_free(*certificates, X509_free);
}

struct enveloped *enveloped_free(struct enveloped *enveloped) {
	if (!enveloped)
		return NULL;
	ASN1_OBJECT_free(enveloped->content_type);
	X509_ALGOR_free(enveloped->algorithm);
	for (size_t i = 0; i < enveloped->match_count; i++)
		match_clear(&enveloped->matches[i]);
	for (size_t i = 0; i < enveloped->shared_count; i++)
		shared_info_clear(&enveloped->shared[i]);
	free(enveloped->auth_attributes);
	free(enveloped);
	return NULL;
}

int enveloped_enter(struct ber *ber, bool *ret_authenticated) {
	_cleanup_(asn1_object_freep) ASN1_OBJECT *type = NULL;
	bool authenticated;
	uint64_t version;
	int r;

	r = content_info_enter(ber, &type);
	if (r < 0)
		return r;
	authenticated = cms_object_is(type, OID_AUTH_ENVELOPED_DATA);
	if (!authenticated && !cms_object_is(type, OID_ENVELOPED_DATA))
		return -SMIME_E_NOT_CMS;
	r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SEQUENCE);
	if (r < 0)
		return r;
	/* Not judged: it follows from the fields, and RFC 5652 lets readers be lenient. */
	r = ber_integer(ber, &version);
	if (r == 0)
		*ret_authenticated = authenticated;
	return r;
}

int enveloped_octets_begin(struct ber *ber, struct ber_octets *ret_octets) {
	int r = content_next_is(ber, BER_CONTEXT, 0);

	if (r <= 0)
		return r < 0 ? r : -SMIME_E_UNSUPPORTED;
	return ber_octets_begin(ber, BER_CONTEXT, 0, ret_octets);
}

static int read_recipients(struct ber *ber, const struct own *own, struct enveloped *enveloped) {
	_cleanup_(certificates_freep) STACK_OF(X509) *originators = sk_X509_new_null();
	int r;

	if (!originators)
		return -SMIME_E_NO_MEMORY;
	r = recipient_read_originators(ber, originators);
	return r < 0 ? r : recipient_read_all(ber, own, originators, enveloped);
}

static int read_encrypted_content(struct ber *ber, struct enveloped *enveloped) {
	struct ber_octets octets;
	uint64_t len;
	int r;

	r = ber_enter(ber, BER_UNIVERSAL, CMS_TAG_SEQUENCE);
	if (r < 0)
		return r;
	r = content_object(ber, &enveloped->content_type);
	if (r < 0)
		return r;
	r = content_algorithm(ber, &enveloped->algorithm);
	if (r < 0)
		return r;
	r = cms_cipher_read(enveloped->algorithm, enveloped->authenticated, &enveloped->cipher);
	if (r < 0)
		return r;
	r = enveloped_octets_begin(ber, &octets);
	if (r < 0)
		return r;
	r = ber_octets_skip(ber, &octets, &len);
	return r < 0 ? r : ber_close(ber);
}

/* RFC 5652 11.1 and RFC 5083 2.1: the content's type is among the attributes, if it is not id-data. */
static int check_content_type(STACK_OF(X509_ATTRIBUTE) *attributes, const ASN1_OBJECT *type) {
	const ASN1_TYPE *value;
	int r;

	r = cms_attribute_single(attributes, OID_CONTENT_TYPE, &value);
	if (r < 0)
		return r;
	if (r == 1)
		return cms_object_is(type, OID_DATA) ? 0 : -SMIME_E_MALFORMED;
	return value->type == V_ASN1_OBJECT && OBJ_cmp(value->value.object, type) == 0 ? 0 : -SMIME_E_MALFORMED;
}

/*
 * authAttrs [1]. What is authenticated is not the octets sent but, by RFC 5083 2.2, a separate DER encoding with the tag of
 * a SET OF: so it is made here, whatever form the message has.
 */
static int read_auth_attributes(struct ber *ber, struct enveloped *enveloped) {
	_cleanup_(attributes_freep) STACK_OF(X509_ATTRIBUTE) *attributes = NULL;
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r;

	r = content_next_is(ber, BER_CONTEXT, TAG_AUTH_ATTRIBUTES);
	if (r < 0)
		return r;
	if (r == 0)
		return cms_object_is(enveloped->content_type, OID_DATA) ? 0 : -SMIME_E_MALFORMED;
	r = ber_collect(ber, ENVELOPED_ATTRIBUTES_MAX_BYTES, &data, &len);
	if (r != 0)
		return r < 0 ? r : -SMIME_E_TOO_LARGE;
	data[0] = V_ASN1_SET | V_ASN1_CONSTRUCTED;
	r = cms_parse((struct bytes){ data, len }, cms_attributes_it(), &attributes);
	if (r < 0)
		return r;
	r = check_content_type(attributes, enveloped->content_type);
	if (r < 0)
		return r;
	return cms_attributes_der(attributes, &enveloped->auth_attributes, &enveloped->auth_attributes_len);
}

/* The tag, exactly as long as the algorithm's parameters say: a shorter one would be easier to forge (RFC 5084 3.2). */
static int read_mac(struct ber *ber, struct enveloped *enveloped) {
	uint8_t mac[sizeof(enveloped->mac) + 1];
	struct ber_octets octets;
	ssize_t n;
	int r;

	r = ber_octets_begin(ber, BER_UNIVERSAL, CMS_TAG_OCTET_STRING, &octets);
	if (r < 0)
		return r;
	n = ber_octets_read(ber, &octets, mac, sizeof(mac));
	if (n < 0)
		return (int)n;
	if ((size_t)n != enveloped->cipher.tag_len || n < MAC_MIN_BYTES || (size_t)n > sizeof(enveloped->mac))
		return -SMIME_E_MALFORMED;
	memcpy(enveloped->mac, mac, (size_t)n);
	enveloped->mac_len = (size_t)n;
	return 0;
}

/* Attributes that nothing protects say nothing. */
static int skip_attributes(struct ber *ber, uint32_t tag) {
	int r = content_next_is(ber, BER_CONTEXT, tag);

	return r == 1 ? ber_skip(ber) : r;
}

static int read_back(struct ber *ber, struct enveloped *enveloped) {
	int r;

	if (!enveloped->authenticated)
		return skip_attributes(ber, TAG_UNPROTECTED_ATTRIBUTES);
	r = read_auth_attributes(ber, enveloped);
	if (r < 0)
		return r;
	r = read_mac(ber, enveloped);
	return r < 0 ? r : skip_attributes(ber, TAG_UNAUTH_ATTRIBUTES);
}

static int scan(struct ber *ber, const struct own *own, struct enveloped *enveloped) {
	int r;

	r = enveloped_enter(ber, &enveloped->authenticated);
	if (r < 0)
		return r;
	r = read_recipients(ber, own, enveloped);
	if (r < 0)
		return r;
	r = read_encrypted_content(ber, enveloped);
	if (r < 0)
		return r;
	r = read_back(ber, enveloped);
	return r < 0 ? r : content_info_close(ber);
}

int enveloped_scan(
	struct source *cms, X509 *const *certificates, size_t certificate_count, size_t present, struct enveloped **ret_enveloped) {
	_cleanup_(enveloped_freep) struct enveloped *enveloped = calloc(1, sizeof(*enveloped));
	_cleanup_(reader_closep) struct reader *in = NULL;
	_cleanup_(own_freep) struct own *own = NULL;
	struct ber ber;
	int r;

	if (!enveloped)
		return -SMIME_E_NO_MEMORY;
	r = own_new(certificates, certificate_count, present, &own);
	if (r < 0)
		return r;
	r = source_open(cms, &in);
	if (r < 0)
		return r;
	ber_init(&ber, in);
	r = scan(&ber, own, enveloped);
	if (r < 0)
		return r;
	*ret_enveloped = TAKE(enveloped);
	return 0;
}

int enveloped_shared_key(const struct enveloped *enveloped, size_t index, const struct shared_secrets *secrets, struct secret *ret_cek) {
	_cleanup_(secret_clear) struct secret cek = SECRET_EMPTY;
	size_t len = enveloped->cipher.key_len;
	int r;

	r = shared_decrypt(secrets, &enveloped->shared[index], len, &cek);
	if (r != 0 || !enveloped->cipher.derived)
		return r != 0 ? r : secret_set(ret_cek, cek.data, cek.len);
	/* RFC 9709: what the RecipientInfo holds is then not the content-encryption key yet. */
	r = secret_alloc(ret_cek, len);
	return r < 0 ? r : cms_cek_derive(enveloped->algorithm, cek.data, len, ret_cek->data);
}
