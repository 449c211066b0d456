/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The small leaves of CMS that the token process and the client share: SignerInfo, RecipientInfo, signed attributes and
 * algorithm parameters, as OpenSSL ASN.1 templates (RFC 5652, 5035, 6211, 5753, 4055, 8551), with the object identifiers
 * that OpenSSL 3.0 has no name for.
 *
 * Works on small pieces in memory only. Never sees content, never holds a key.
 */
#ifndef CMS_LEAF_H
#define CMS_LEAF_H

#include <stdbool.h>

#include <openssl/asn1t.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "agent/wire/base.h"

/* Object identifiers in dotted form. cms_object() makes an ASN1_OBJECT that the caller frees. */
#define OID_DATA "1.2.840.113549.1.7.1"
#define OID_SIGNED_DATA "1.2.840.113549.1.7.2"
#define OID_ENVELOPED_DATA "1.2.840.113549.1.7.3"
#define OID_AUTH_ENVELOPED_DATA "1.2.840.113549.1.9.16.1.23"
#define OID_COMPRESSED_DATA "1.2.840.113549.1.9.16.1.9"
#define OID_CONTENT_TYPE "1.2.840.113549.1.9.3"
#define OID_MESSAGE_DIGEST "1.2.840.113549.1.9.4"
#define OID_SIGNING_TIME "1.2.840.113549.1.9.5"
#define OID_SMIME_CAPABILITIES "1.2.840.113549.1.9.15"
#define OID_SIGNING_CERTIFICATE "1.2.840.113549.1.9.16.2.12"
#define OID_SIGNING_CERTIFICATE_V2 "1.2.840.113549.1.9.16.2.47"
#define OID_ENCRYPTION_KEY_PREFERENCE "1.2.840.113549.1.9.16.2.11"
#define OID_ALGORITHM_PROTECTION "1.2.840.113549.1.9.52"

ASN1_OBJECT *cms_object(const char *dotted);
bool cms_object_is(const ASN1_OBJECT *object, const char *dotted);

/* RFC 5652 10.2.4 */
struct cms_issuer_serial {
	X509_NAME *issuer;
	ASN1_INTEGER *serial;
};

/* RFC 5652 5.3: CHOICE */
enum { CMS_SID_ISSUER_SERIAL = 0, CMS_SID_KEY_ID = 1 };
struct cms_signer_identifier {
	int type;
	union {
		struct cms_issuer_serial *issuer_serial;
		ASN1_OCTET_STRING *key_id;
	};
};

/*
 * RFC 5652 5.3. signed_attributes keeps its elements, but not the received octets: a verifier takes those from
 * cms_signed_attributes_raw(), since what was signed is what was sent.
 */
struct cms_signer_info {
	int32_t version;
	struct cms_signer_identifier *sid;
	X509_ALGOR *digest_algorithm;
	STACK_OF(X509_ATTRIBUTE) *signed_attributes; /* OPTIONAL */
	X509_ALGOR *signature_algorithm;
	ASN1_OCTET_STRING *signature;
	STACK_OF(X509_ATTRIBUTE) *unsigned_attributes; /* OPTIONAL */
};

/* RFC 5652 6.2.1 */
struct cms_key_trans {
	int32_t version;
	struct cms_signer_identifier *rid; /* the same CHOICE */
	X509_ALGOR *key_encryption;
	ASN1_OCTET_STRING *encrypted_key;
};

/* RFC 5652 6.2.2; 6.2.3 has the same as KEKIdentifier */
struct cms_recipient_key_id {
	ASN1_OCTET_STRING *key_id;
	ASN1_GENERALIZEDTIME *date; /* OPTIONAL */
	ASN1_TYPE *other;           /* OPTIONAL SEQUENCE */
};
enum { CMS_RID_ISSUER_SERIAL = 0, CMS_RID_KEY_ID = 1 };
struct cms_agree_recipient {
	int type;
	union {
		struct cms_issuer_serial *issuer_serial;
		struct cms_recipient_key_id *key_id;
	};
};
struct cms_encrypted_key {
	struct cms_agree_recipient *rid;
	ASN1_OCTET_STRING *encrypted_key;
};
enum { CMS_ORIGINATOR_ISSUER_SERIAL = 0, CMS_ORIGINATOR_KEY_ID = 1, CMS_ORIGINATOR_KEY = 2 };
struct cms_originator_key {
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *public_key;
};
struct cms_originator {
	int type;
	union {
		struct cms_issuer_serial *issuer_serial;
		ASN1_OCTET_STRING *key_id;
		struct cms_originator_key *key;
	};
};
struct cms_key_agree {
	int32_t version;
	struct cms_originator *originator;
	ASN1_OCTET_STRING *ukm;     /* OPTIONAL */
	X509_ALGOR *key_encryption; /* its parameter is the key wrap AlgorithmIdentifier */
	STACK_OF(cms_encrypted_key) *recipients;
};

/*
 * RFC 5652 6.2: CHOICE. Alternatives that are not read here (kek, password, other: their type is CMS_RECIPIENT_OTHER or more)
 * keep their whole encoding.
 */
enum { CMS_RECIPIENT_KEY_TRANS = 0, CMS_RECIPIENT_KEY_AGREE = 1, CMS_RECIPIENT_OTHER = 2 };
struct cms_recipient_info {
	int type;
	union {
		struct cms_key_trans *key_trans;
		struct cms_key_agree *key_agree;
		ASN1_STRING *other;
	};
};

/* RFC 6211 2 */
struct cms_algorithm_protection {
	X509_ALGOR *digest;
	X509_ALGOR *signature; /* [1] OPTIONAL */
	X509_ALGOR *mac;       /* [2] OPTIONAL */
};

/* RFC 5084 3.2 */
struct cms_gcm_parameters {
	ASN1_OCTET_STRING *nonce;
	ASN1_INTEGER *icv_len; /* OPTIONAL: DEFAULT 12 */
};

typedef struct cms_encrypted_key cms_encrypted_key; /* STACK_OF() needs names of one word */
DEFINE_STACK_OF(cms_encrypted_key)

const ASN1_ITEM *cms_recipient_key_id_it(void);

#define CMS_DECLARE(type)                                  \
	struct type *type##_new(void);                     \
	void type##_free(struct type *value);              \
	const ASN1_ITEM *type##_it(void);                  \
	static inline void type##_freep(struct type **p) { \
		type##_free(*p);                           \
	}
/* Where its template is. */
#define CMS_DEFINE_NEW_AND_FREE(type)                             \
	struct type *type##_new(void) {                           \
		return (struct type *)ASN1_item_new(type##_it()); \
	}                                                         \
	void type##_free(struct type *value) {                    \
		ASN1_item_free((ASN1_VALUE *)value, type##_it()); \
	}
CMS_DECLARE(cms_issuer_serial)
CMS_DECLARE(cms_signer_info)
CMS_DECLARE(cms_key_trans)
CMS_DECLARE(cms_originator_key)
CMS_DECLARE(cms_originator)
CMS_DECLARE(cms_key_agree)
CMS_DECLARE(cms_encrypted_key)
CMS_DECLARE(cms_recipient_info)
CMS_DECLARE(cms_algorithm_protection)
CMS_DECLARE(cms_gcm_parameters)

/*
 * One value from DER or BER (small, in memory); the whole input must be used. Returns 0, -SMIME_E_MALFORMED.
 * cms_der() gives its DER; *ret_der is the caller's to free(). Returns 0, -SMIME_E_NO_MEMORY.
 */
int cms_parse(struct bytes ber, const ASN1_ITEM *item, void *ret_value);
int cms_der(const void *value, const ASN1_ITEM *item, uint8_t **ret_der, size_t *ret_len);

/* SET OF Attribute: for cms_parse(). attributes_freep() is for cleanup attributes. */
const ASN1_ITEM *cms_attributes_it(void);
static inline void attributes_freep(STACK_OF(X509_ATTRIBUTE) **attributes) {
	sk_X509_ATTRIBUTE_pop_free(*attributes, X509_ATTRIBUTE_free);
}

/* DER of signed attributes as they are hashed: tag 31 SET OF, sorted (RFC 5652 5.4). For a signer. */
int cms_attributes_der(STACK_OF(X509_ATTRIBUTE) *attributes, uint8_t **ret_der, size_t *ret_len);

/*
 * For a verifier: the octets of signedAttrs [0] of a SignerInfo in DER or BER, as received, with the tag changed to 31.
 * *ret_der NULL when there are none. *ret_sorted: whether they are DER (definite, sorted). Returns 0, -SMIME_E_MALFORMED.
 */
int cms_signed_attributes_raw(struct bytes signer_info, uint8_t **ret_der, size_t *ret_len, bool *ret_sorted);

/* Adds an attribute with one value, given as DER of any type. Returns 0, -SMIME_E_NO_MEMORY. */
int cms_attribute_push(STACK_OF(X509_ATTRIBUTE) *attributes, const char *oid, struct bytes value);

/*
 * The only value of the only attribute of this type, which stays the attribute's. Returns 0; 1 when there is no such attribute;
 * -SMIME_E_MALFORMED for several attributes or not exactly one value.
 */
int cms_attribute_single(STACK_OF(X509_ATTRIBUTE) *attributes, const char *oid, const ASN1_TYPE **ret_value);

/*
 * AlgorithmIdentifiers, made new (the caller frees), NULL when memory is short.
 * Digests have absent parameters, RSA v1.5 has NULL, ECDSA and EdDSA absent, PSS {md, MGF1 md, salt = length of md}.
 */
X509_ALGOR *cms_algorithm(int nid); /* NULL for RSA v1.5, absent parameters otherwise */
X509_ALGOR *cms_algorithm_pss(const EVP_MD *md);
DEFINE_CLEANUP(X509_ALGOR *, algorithm_freep, X509_ALGOR_free)

/* The digest that an OID names (SHA-1, SHA-2, MD5 for legacy reading), or NULL. Parameters absent or NULL are both accepted. */
const EVP_MD *cms_digest(const ASN1_OBJECT *algorithm);

/* A cipher for content, as it is written. */
enum { CMS_TAG_BYTES = 16 };
enum cms_cipher_mode { CMS_MODE_CBC, CMS_MODE_GCM, CMS_MODE_CHACHA };
struct cms_cipher_kind {
	const char *name; /* as on the command line: "aes256-cbc"; "des-ede3-cbc", which is only read */
	const char *oid;
	const EVP_CIPHER *(*cipher)(void);
	enum cms_cipher_mode mode;
	size_t key_len, iv_len; /* GCM is read with other nonces too */
	bool weak;              /* 3DES */
};

/* NULL: there is none of this name. */
const struct cms_cipher_kind *cms_cipher_named(const char *name);

/*
 * Its AlgorithmIdentifier (RFC 3565, 5084, 8103) with this IV of kind->iv_len octets, for a tag of CMS_TAG_BYTES. `derived`:
 * inside id-alg-cek-hkdf-sha256 (RFC 9709). NULL: no memory.
 */
X509_ALGOR *cms_cipher_algorithm(const struct cms_cipher_kind *kind, const uint8_t *iv, bool derived);

/* What a content-encryption AlgorithmIdentifier asks for. */
struct cms_cipher {
	const EVP_CIPHER *cipher;
	enum cms_cipher_mode mode;
	size_t key_len;
	uint8_t iv[64];
	size_t iv_len;
	size_t tag_len;   /* GCM: 12 to 16, from aes-ICVlen (default 12); ChaCha20-Poly1305: 16 */
	bool weak;        /* 3DES */
	bool derived;     /* RFC 9709: the algorithm stands inside id-alg-cek-hkdf-sha256, cms_cek_derive() makes its key */
	const char *name; /* "aes256-cbc" .. as on the command line; "des-ede3-cbc" */
};

/*
 * Reads a content-encryption algorithm and checks that it may stand in this content type: CBC in EnvelopedData, GCM and
 * ChaCha20-Poly1305 in AuthEnvelopedData, nothing across. -SMIME_E_UNSUPPORTED, -SMIME_E_MALFORMED.
 */
int cms_cipher_read(const X509_ALGOR *algorithm, bool authenticated, struct cms_cipher *ret_cipher);

/*
 * RFC 9709: the content-encryption key of the inner algorithm from the key that came in the RecipientInfo, both `len` octets.
 * Done where the RecipientInfo is opened. -SMIME_E_UNSUPPORTED for any other algorithm, -SMIME_E_NO_MEMORY.
 */
int cms_cek_derive(const X509_ALGOR *content_encryption, const uint8_t *key, size_t len, uint8_t *ret_cek);

/* Key derivation: that of ANSI X9.63 (SEC 1 3.6.1), which has no salt, or HKDF (RFC 5869), whose salt may be {NULL, 0}. -SMIME_E_NO_MEMORY. */
enum cms_kdf_kind { CMS_KDF_X963, CMS_KDF_HKDF };
struct cms_kdf_input {
	struct bytes key, salt, info;
};
int cms_kdf(enum cms_kdf_kind kind, const EVP_MD *md, const struct cms_kdf_input *input, uint8_t *ret_out, size_t len);

/* What dhSinglePass-*-scheme (RFC 5753 7.1.4, RFC 8418 8) and its key wrap ask for. -SMIME_E_UNSUPPORTED, -SMIME_E_MALFORMED. */
struct cms_agreement {
	enum cms_kdf_kind kdf;
	const EVP_MD *md;
	const EVP_CIPHER *wrap;
	X509_ALGOR *wrap_algorithm; /* the caller frees */
	size_t kek_len;
};
int cms_agreement_read(const X509_ALGOR *key_encryption, struct cms_agreement *ret_agreement);

/*
 * The other way round: what is sent to a key of this type (EVP_PKEY_EC, _X25519, _X448) around a content-encryption key of this length,
 * with its AlgorithmIdentifier, which the caller frees, too. -SMIME_E_NO_MEMORY.
 */
int cms_agreement_make(int key_type, size_t cek_len, struct cms_agreement *ret_agreement, X509_ALGOR **ret_algorithm);

/* The key-encryption key, of kek_len octets, from the shared secret, over ECC-CMS-SharedInfo (RFC 5753 7.2, RFC 8418 2). `ukm` may be NULL. */
int cms_agreement_kek(const struct cms_agreement *agreement, struct bytes z, const ASN1_OCTET_STRING *ukm, uint8_t *ret_kek);

/*
 * Whether a certificate is the one that an identifier names: issuerAndSerial, or subjectKeyIdentifier (the extension, or SHA-1
 * of the public key where it has none, as Outlook 2010 writes it).
 */
bool cms_issuer_serial_is(const struct cms_issuer_serial *name, const X509 *certificate);
bool cms_key_id_is(const ASN1_OCTET_STRING *key_id, const X509 *certificate);

/* That subjectKeyIdentifier; the caller frees it. NULL when the public key can't be read or memory is short. */
ASN1_OCTET_STRING *cms_key_id(const X509 *certificate);

#endif
