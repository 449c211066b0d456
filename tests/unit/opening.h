/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates and signed messages made in the process, right ones and ones that break a single rule, for the tests of what
 * opens messages. Everything is built here from octets up, so that no rule of libsmime can hide in the builder.
 */
#ifndef TESTS_OPENING_H
#define TESTS_OPENING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <smime/smime.h>

#include "agent/cms/leaf.h"

/* ---- Octets ---- */

struct buf {
	uint8_t *data;
	size_t len;
};

__attribute__((unused)) static void buf_add(struct buf *buf, const void *data, size_t len) {
	buf->data = realloc(buf->data, buf->len + len + 1);
	assert_non_null(buf->data);
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

__attribute__((unused)) static void buf_text(struct buf *buf, const char *text) {
	buf_add(buf, text, strlen(text));
}

__attribute__((unused)) static void buf_clear(struct buf *buf) {
	free(buf->data);
	*buf = (struct buf){ 0 };
}

/* Appends a DER element around `contents`, which is cleared. */
__attribute__((unused)) static void buf_tlv(struct buf *buf, uint8_t tag, struct buf *contents) {
	uint8_t head[6] = { tag };
	size_t n = 1, len = contents->len;

	if (len < 128)
		head[n++] = (uint8_t)len;
	else if (len < 256) {
		head[n++] = 0x81;
		head[n++] = (uint8_t)len;
	} else if (len < 65536) {
		head[n++] = 0x82;
		head[n++] = (uint8_t)(len >> 8);
		head[n++] = (uint8_t)len;
	} else {
		head[n++] = 0x83;
		head[n++] = (uint8_t)(len >> 16);
		head[n++] = (uint8_t)(len >> 8);
		head[n++] = (uint8_t)len;
	}
	buf_add(buf, head, n);
	if (contents->len)
		buf_add(buf, contents->data, contents->len);
	buf_clear(contents);
}

__attribute__((unused)) static void buf_item(struct buf *buf, const void *value, const ASN1_ITEM *item) {
	uint8_t *der = NULL;
	int len = ASN1_item_i2d((const ASN1_VALUE *)value, &der, item);

	assert_true(len > 0);
	buf_add(buf, der, (size_t)len);
	OPENSSL_free(der);
}

__attribute__((unused)) static void buf_oid(struct buf *buf, const char *oid) {
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	uint8_t *der = NULL;
	int len = i2d_ASN1_OBJECT(object, &der);

	assert_true(len > 0);
	buf_add(buf, der, (size_t)len);
	OPENSSL_free(der);
	ASN1_OBJECT_free(object);
}

/* ---- Keys and certificates ---- */

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
};

struct extension {
	int nid;
	const char *value;
};

static const struct extension ca_extensions[] = {
	{ NID_basic_constraints, "critical,CA:TRUE" },
	{ NID_key_usage, "critical,keyCertSign,cRLSign" },
	{ NID_subject_key_identifier, "hash" },
	{ 0, NULL },
};

static const struct extension alice_extensions[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_key_usage, "critical,digitalSignature" },
	{ NID_ext_key_usage, "emailProtection" },
	{ NID_subject_alt_name, "email:alice@example.org" },
	{ NID_subject_key_identifier, "hash" },
	{ 0, NULL },
};

enum { DAY = 24 * 60 * 60 };

struct certificate_plan {
	const char *name;
	const struct identity *issuer; /* NULL: self-signed */
	const struct extension *extensions;
	long serial;
	int from_days, to_days; /* relative to now; both 0: -1 to 365 */
	const EVP_MD *md;       /* NULL: SHA-256, or none for Ed25519 */
};

__attribute__((unused)) static X509 *certificate_make(EVP_PKEY *key, const struct certificate_plan *plan) {
	X509 *certificate = X509_new();
	X509 *issuer = plan->issuer ? plan->issuer->certificate : certificate;
	EVP_PKEY *signer = plan->issuer ? plan->issuer->key : key;
	X509_NAME *name = X509_get_subject_name(certificate);
	const struct extension *row;
	X509V3_CTX context;

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), plan->serial ? plan->serial : 1);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)plan->name, -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
	X509_time_adj_ex(X509_getm_notBefore(certificate), plan->from_days || plan->to_days ? plan->from_days : -1, 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(certificate), plan->from_days || plan->to_days ? plan->to_days : 365, 0, NULL);
	X509_set_pubkey(certificate, key);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	for (row = plan->extensions; row && row->nid; row++) {
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, row->nid, row->value);

		assert_non_null(extension);
		X509_add_ext(certificate, extension, -1);
		X509_EXTENSION_free(extension);
	}
	if (EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519)
		assert_true(X509_sign(certificate, signer, NULL) > 0);
	else
		assert_true(X509_sign(certificate, signer, plan->md ? plan->md : EVP_sha256()) > 0);
	return certificate;
}

__attribute__((unused)) static struct identity identity_make(EVP_PKEY *key, const struct certificate_plan *plan) {
	return (struct identity){ key, certificate_make(key, plan) };
}

__attribute__((unused)) static void identity_clear(struct identity *identity) {
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
	*identity = (struct identity){ 0 };
}

/* ---- SignedData ---- */

/* What differs from a message as it should be; all zero is a right one. */
struct recipe {
	const struct identity *signer;
	const char *content;
	size_t content_len; /* 0: up to the zero byte */
	bool detached;
	const EVP_MD *md;                   /* digestAlgorithm and what is hashed; NULL: SHA-256 */
	const EVP_MD *attribute_md;         /* what the attributes are hashed with; NULL: the same */
	int signature_nid;                  /* 0: rsaEncryption, ecdsa-with-SHA256 or Ed25519 by the key */
	X509_ALGOR *signature_algorithm;    /* instead of signature_nid */
	int pss_salt;                       /* != 0: sign with PSS and this salt */
	const char *content_type;           /* eContentType, NULL: id-data */
	const char *attribute_content_type; /* what the attribute says, NULL: the same */
	bool no_attributes, no_content_type, no_digest, second_digest, two_digest_values, second_time, second_capabilities;
	bool generalized_time, unsorted, unsorted_signed_sorted, no_digest_algorithms, key_id, flip_signature, no_certificates;
	int version;                                          /* of the SignerInfo, 0: 1 or 3 */
	const X509_ALGOR *protect_digest, *protect_signature; /* cmsAlgorithmProtection; both: */
	bool protect;
	const X509 *names;           /* signing-certificate-v2 */
	bool names_v1;               /* signing-certificate (SHA-1) instead */
	STACK_OF(X509) *extra;       /* certificates in front of the signer's */
	const struct recipe *second; /* another signer of the same content */
	const struct buf *signature; /* instead of making one */
	const char *extra_oid;       /* one attribute more, with this value in DER */
	const void *extra_value;
	size_t extra_len;
};

__attribute__((unused)) static const EVP_MD *recipe_md(const struct recipe *recipe) {
	if (EVP_PKEY_get_base_id(recipe->signer->key) == EVP_PKEY_ED25519 && !recipe->md)
		return EVP_sha512();
	return recipe->md ? recipe->md : EVP_sha256();
}

static size_t content_len(const struct recipe *recipe) {
	return recipe->content_len ? recipe->content_len : strlen(recipe->content);
}

/* An attribute with these values, which are cleared. */
static void add_attribute(struct buf *list, size_t *count, const char *oid, struct buf *values) {
	struct buf body = { 0 };

	buf_oid(&body, oid);
	buf_tlv(&body, 0x31, values);
	list[*count] = (struct buf){ 0 };
	buf_tlv(&list[(*count)++], 0x30, &body);
}

static struct buf octets(uint8_t tag, const void *data, size_t len) {
	struct buf contents = { 0 }, out = { 0 };

	buf_add(&contents, data, len);
	buf_tlv(&out, tag, &contents);
	return out;
}

static X509_ALGOR *recipe_algorithm(const struct recipe *recipe) {
	int type = EVP_PKEY_get_base_id(recipe->signer->key);

	if (recipe->signature_algorithm)
		return X509_ALGOR_dup(recipe->signature_algorithm);
	if (recipe->pss_salt && !recipe->signature_nid)
		return cms_algorithm_pss(recipe_md(recipe));
	if (recipe->signature_nid)
		return cms_algorithm(recipe->signature_nid);
	if (type == EVP_PKEY_EC)
		return cms_algorithm(NID_ecdsa_with_SHA256);
	if (type == EVP_PKEY_ED25519)
		return cms_algorithm(NID_ED25519);
	return cms_algorithm(NID_rsaEncryption);
}

static int compare_buf(const void *a, const void *b) {
	const struct buf *x = a, *y = b;
	int r = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

	return r ? r : (x->len > y->len) - (x->len < y->len);
}

static int compare_backwards(const void *a, const void *b) {
	return compare_buf(b, a);
}

/* Contents of the SET OF attributes. */
static struct buf attributes_make(const struct recipe *recipe, bool sorted) {
	struct buf list[16], values = { 0 }, out = { 0 };
	const char *type = recipe->attribute_content_type ? recipe->attribute_content_type : recipe->content_type;
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned int len;
	size_t i, count = 0;

	EVP_Digest(recipe->content, content_len(recipe), hash, &len, recipe_md(recipe), NULL);
	if (!recipe->no_content_type) {
		buf_oid(&values, type ? type : OID_DATA);
		add_attribute(list, &count, OID_CONTENT_TYPE, &values);
	}
	for (i = 0; !recipe->no_digest && i < (recipe->second_digest ? 2u : 1u); i++) {
		values = octets(0x04, hash, len);
		if (recipe->two_digest_values) {
			struct buf again = octets(0x04, hash, len);

			buf_add(&values, again.data, again.len);
			buf_clear(&again);
		}
		add_attribute(list, &count, OID_MESSAGE_DIGEST, &values);
	}
	for (i = 0; i < (recipe->second_time ? 2u : 1u); i++) {
		values = recipe->generalized_time ? octets(0x18, "20250101120000Z", 15) : octets(0x17, "260101120000Z", 13);
		add_attribute(list, &count, OID_SIGNING_TIME, &values);
	}
	for (i = 0; i < (recipe->second_capabilities ? 2u : 0u); i++) {
		struct buf empty = { 0 };

		buf_tlv(&values, 0x30, &empty);
		add_attribute(list, &count, OID_SMIME_CAPABILITIES, &values);
	}
	if (recipe->extra_oid) {
		buf_add(&values, recipe->extra_value, recipe->extra_len);
		add_attribute(list, &count, recipe->extra_oid, &values);
	}
	if (recipe->protect) {
		X509_ALGOR *digest = cms_algorithm(EVP_MD_get_type(recipe_md(recipe))), *signature = recipe_algorithm(recipe);
		struct buf body = { 0 };
		size_t at;

		buf_item(&body, recipe->protect_digest ? recipe->protect_digest : digest, ASN1_ITEM_rptr(X509_ALGOR));
		at = body.len;
		buf_item(&body, recipe->protect_signature ? recipe->protect_signature : signature, ASN1_ITEM_rptr(X509_ALGOR));
		body.data[at] = 0xa1;
		buf_tlv(&values, 0x30, &body);
		add_attribute(list, &count, OID_ALGORITHM_PROTECTION, &values);
		X509_ALGOR_free(digest);
		X509_ALGOR_free(signature);
	}
	if (recipe->names) {
		struct buf id = { 0 }, ids = { 0 }, certs = { 0 };

		X509_digest(recipe->names, recipe->names_v1 ? EVP_sha1() : EVP_sha256(), hash, &len);
		id = octets(0x04, hash, len);
		buf_tlv(&ids, 0x30, &id);
		buf_tlv(&certs, 0x30, &ids);
		buf_tlv(&values, 0x30, &certs);
		add_attribute(list, &count, recipe->names_v1 ? OID_SIGNING_CERTIFICATE : OID_SIGNING_CERTIFICATE_V2, &values);
	}
	qsort(list, count, sizeof(list[0]), sorted ? compare_buf : compare_backwards);
	for (i = 0; i < count; i++) {
		buf_add(&out, list[i].data, list[i].len);
		buf_clear(&list[i]);
	}
	return out;
}

/* The key's signature over `data`, or over its digest alone where the algorithm has one. */
static struct buf sign_make(const struct recipe *recipe, const EVP_MD *md, const uint8_t *data, size_t len) {
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context = NULL;
	uint8_t value[1024];
	size_t value_len = sizeof(value);
	struct buf out = { 0 };

	if (EVP_PKEY_get_base_id(recipe->signer->key) == EVP_PKEY_ED25519)
		md = NULL;
	assert_int_equal(EVP_DigestSignInit(context, &key_context, md, NULL, recipe->signer->key), 1);
	if (recipe->pss_salt) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, recipe->pss_salt), 1);
	}
	assert_int_equal(EVP_DigestSign(context, value, &value_len, data, len), 1);
	EVP_MD_CTX_free(context);
	if (recipe->flip_signature)
		value[value_len - 1] ^= 1; /* wherever ECDSA's two numbers meet, this is in one of them */
	buf_add(&out, value, value_len);
	return out;
}

static void add_sid(const struct recipe *recipe, struct buf *out) {
	X509 *certificate = recipe->signer->certificate;
	struct buf body = { 0 };

	if (recipe->key_id) {
		const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(certificate);

		body = octets(0x80, ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id));
		buf_add(out, body.data, body.len);
		buf_clear(&body);
		return;
	}
	buf_item(&body, X509_get_issuer_name(certificate), ASN1_ITEM_rptr(X509_NAME));
	buf_item(&body, X509_get0_serialNumber(certificate), ASN1_ITEM_rptr(ASN1_INTEGER));
	buf_tlv(out, 0x30, &body);
}

static void add_algorithm(struct buf *out, X509_ALGOR *algorithm) {
	buf_item(out, algorithm, ASN1_ITEM_rptr(X509_ALGOR));
	X509_ALGOR_free(algorithm);
}

static struct buf signer_info_make(const struct recipe *recipe) {
	const EVP_MD *md = recipe->attribute_md ? recipe->attribute_md : recipe_md(recipe);
	uint8_t version = (uint8_t)(recipe->version ? recipe->version : recipe->key_id ? 3 : 1);
	struct buf body = { 0 }, signature, part = octets(0x02, &version, 1), out = { 0 };

	buf_add(&body, part.data, part.len);
	buf_clear(&part);
	add_sid(recipe, &body);
	add_algorithm(&body, cms_algorithm(EVP_MD_get_type(recipe_md(recipe))));
	if (recipe->no_attributes)
		signature = sign_make(recipe, md, (const uint8_t *)recipe->content, content_len(recipe));
	else {
		struct buf sent = attributes_make(recipe, !recipe->unsorted);
		struct buf signed_ = attributes_make(recipe, !recipe->unsorted || recipe->unsorted_signed_sorted), set = { 0 };

		buf_tlv(&set, 0x31, &signed_);
		signature = sign_make(recipe, md, set.data, set.len);
		buf_tlv(&body, 0xa0, &sent);
		buf_clear(&set);
	}
	if (recipe->signature) {
		buf_clear(&signature);
		buf_add(&signature, recipe->signature->data, recipe->signature->len);
	}
	add_algorithm(&body, recipe_algorithm(recipe));
	buf_tlv(&body, 0x04, &signature);
	buf_tlv(&out, 0x30, &body);
	return out;
}

/* The whole ContentInfo. */
__attribute__((unused)) static struct buf signed_make(const struct recipe *recipe) {
	struct buf body = { 0 }, set = { 0 }, encapsulated = { 0 }, out = { 0 }, data = { 0 }, explicit = { 0 };
	const struct recipe *each;
	uint8_t version = 1;
	struct buf part = octets(0x02, &version, 1);
	int i;

	buf_add(&body, part.data, part.len);
	buf_clear(&part);
	for (each = recipe; each && !recipe->no_digest_algorithms; each = each->second)
		add_algorithm(&set, cms_algorithm(EVP_MD_get_type(recipe_md(each))));
	buf_tlv(&body, 0x31, &set);
	buf_oid(&encapsulated, recipe->content_type ? recipe->content_type : OID_DATA);
	if (!recipe->detached) {
		buf_add(&data, recipe->content, content_len(recipe));
		buf_tlv(&explicit, 0x04, &data);
		buf_tlv(&encapsulated, 0xa0, &explicit);
	}
	buf_tlv(&body, 0x30, &encapsulated);
	if (!recipe->no_certificates) {
		for (i = 0; i < sk_X509_num(recipe->extra); i++)
			buf_item(&set, sk_X509_value(recipe->extra, i), ASN1_ITEM_rptr(X509));
		for (each = recipe; each; each = each->second)
			buf_item(&set, each->signer->certificate, ASN1_ITEM_rptr(X509));
		buf_tlv(&body, 0xa0, &set);
	}
	for (each = recipe; each; each = each->second) {
		struct buf info = signer_info_make(each);

		buf_add(&set, info.data, info.len);
		buf_clear(&info);
	}
	buf_tlv(&body, 0x31, &set);
	buf_tlv(&explicit, 0x30, &body);
	buf_oid(&data, OID_SIGNED_DATA);
	buf_tlv(&data, 0xa0, &explicit);
	buf_tlv(&out, 0x30, &data);
	return out;
}

/* ---- Verifying ---- */

__attribute__((unused)) static int fd_of(const void *data, size_t len) {
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* A file that is gone with the process: /proc/self/fd/N. */
struct trust_file {
	int fd;
	char path[64];
	const char *list[1];
};

__attribute__((unused)) static void trust_file_make(struct trust_file *file, X509 *const *certificates, size_t count) {
	BIO *memory = BIO_new(BIO_s_mem());
	char *text;
	long len;
	size_t i;

	for (i = 0; i < count; i++)
		PEM_write_bio_X509(memory, certificates[i]);
	len = BIO_get_mem_data(memory, &text);
	file->fd = fd_of(text, (size_t)len);
	BIO_free(memory);
	snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
	file->list[0] = file->path;
}

/* The outcome of the worst check of this name of a signer; -1: there is none. */
__attribute__((unused)) static int outcome_of(const struct smime_signer *signer, const char *name) {
	int worst = -1;
	size_t i;

	for (i = 0; i < signer->check_count; i++)
		if (strcmp(signer->checks[i].name, name) == 0 &&
			(worst < 0 || signer->checks[i].outcome == SMIME_BAD ||
				(worst != SMIME_BAD && (int)signer->checks[i].outcome > worst)))
			worst = (int)signer->checks[i].outcome;
	return worst;
}

/* A context without an agent. */
__attribute__((unused)) static struct smime *context_make(void) {
	struct smime *s = NULL;

	assert_int_equal(smime_new(&s), 0);
	assert_int_equal(smime_set_socket(s, "/proc/nowhere/agent.sock"), 0);
	return s;
}

#endif
