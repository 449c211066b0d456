/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EnvelopedData (RFC 5652 6) and AuthEnvelopedData (RFC 5083) as a stream: finding the recipients, decrypting with a
 * content-encryption key that the agent unwrapped, encrypting.
 *
 * Never releases plaintext of AuthEnvelopedData before a whole pass has checked its tag (RFC 5083 2).
 */
#ifndef CMS_ENVELOPED_H
#define CMS_ENVELOPED_H

#include <openssl/x509.h>

#include "agent/cms/leaf.h"
#include "agent/wire/secret.h"
#include "client/stream/sink.h"
#include "client/stream/source.h"
#include "shared.h"

enum {
	ENVELOPED_RECIPIENTS_MAX = 100000,
	ENVELOPED_RECIPIENT_MAX_BYTES =
		4 * 1024 * 1024, /* one RecipientInfo as it stands: a KeyAgreeRecipientInfo may hold thousands of keys */
	ENVELOPED_ATTRIBUTES_MAX_BYTES = 256 * 1024,
	ENVELOPED_MATCHES_MAX = 4,
};

/* A RecipientInfo that may be opened by a key of the agent. */
struct enveloped_match {
	size_t certificate;      /* index in the certificates given to enveloped_scan() */
	uint8_t *recipient_info; /* DER; of a KeyAgreeRecipientInfo with the own RecipientEncryptedKey only */
	size_t recipient_info_len;
	uint8_t *originator; /* DER of the certificate that names the originator, or NULL */
	size_t originator_len;
	int rank; /* lower is tried first: issuerAndSerial before key id, present before absent, ECDH before OAEP before v1.5 */
};

struct enveloped {
	bool authenticated;        /* AuthEnvelopedData */
	ASN1_OBJECT *content_type; /* of the encrypted content */
	X509_ALGOR *algorithm;     /* content encryption */
	struct cms_cipher cipher;
	size_t recipients;                                     /* how many there are in all, counting each RecipientEncryptedKey */
	struct enveloped_match matches[ENVELOPED_MATCHES_MAX]; /* sorted by rank */
	size_t match_count;
	struct shared_info shared[SHARED_INFOS_MAX]; /* those for a password or a key-encryption key, in their order */
	size_t shared_count;
	uint8_t *auth_attributes; /* DER with tag 31: additional authenticated data; NULL when there are none */
	size_t auth_attributes_len;
	uint8_t mac[16];
	size_t mac_len;
};

/*
 * Reads the whole structure in one pass, without decrypting, and picks the RecipientInfos that name one of
 * `certificates` (borrowed during the call), of which the first `present` are on tokens that are there. -SMIME_E_NOT_CMS when it
 * is another type; -SMIME_E_UNSUPPORTED, -SMIME_E_MALFORMED, -SMIME_E_TRUNCATED, -SMIME_E_TOO_LARGE.
 */
int enveloped_scan(
	struct source *cms, X509 *const *certificates, size_t certificate_count, size_t present, struct enveloped **ret_enveloped);

/* The content-encryption algorithm, whatever it is; the caller frees it. Errors as above, and those of reading. */
int enveloped_algorithm(struct source *cms, X509_ALGOR **ret_algorithm);

/*
 * For a scan that took all certificates for present: the token of this one is not there after all, so that its matches come later.
 * Tells the same order as a scan that knew, where fewer than ENVELOPED_MATCHES_MAX were found.
 */
void enveloped_defer(struct enveloped *enveloped, size_t certificate);
struct enveloped *enveloped_free(struct enveloped *enveloped); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct enveloped *, enveloped_freep, enveloped_free)

/*
 * The content-encryption key out of enveloped->shared[index]. Returns 0, 1 when `secrets` has nothing for it, and errors of
 * shared_decrypt().
 */
int enveloped_shared_key(const struct enveloped *enveloped, size_t index, const struct shared_secrets *secrets, struct secret *ret_cek);

/*
 * Has OpenSSL look the content's cipher up, which takes it a third of a millisecond the first time: for whoever has to wait for the key
 * anyway. enveloped_content() needs nothing of it.
 */
void enveloped_prepare(const struct enveloped *enveloped);

/*
 * The decrypted content as a source: each pass decrypts anew and ends with -SMIME_E_INTEGRITY when the tag, the CBC padding
 * or the length is wrong. `cms` is referenced, what it needs of `enveloped` and `cek` is copied (the key to the secure heap).
 * Whoever releases what a pass yields must have read one pass to its end before: source_check().
 */
int enveloped_content(struct source *cms, const struct enveloped *enveloped, const struct secret *cek, struct source **ret_content);

struct enveloped_recipient {
	X509 *certificate; /* borrowed */
	bool oaep;         /* RSAES-OAEP (SHA-256, MGF1-SHA-256) for an RSA key; a key that is id-RSAES-OAEP gets it anyway */
};

/* What is to be encrypted how, and for whom. */
struct enveloped_writing {
	const char *cipher; /* as cms_cipher_named() knows it */
	bool derived;       /* CEK-HKDF-SHA256 (RFC 9709) around it */
	const struct enveloped_recipient *recipients;
	size_t recipient_count;
	const struct shared_secrets *shared; /* each that is set gets a RecipientInfo; NULL: none */
};

/*
 * Encrypts `content` for the recipients, in one pass: RSA v1.5 or OAEP; ECDH ephemeral-static with
 * dhSinglePass-stdDH-sha256kdf and an AES wrap of the content key's size for EC. GCM and ChaCha20-Poly1305 make
 * AuthEnvelopedData (nonce 12, tag 16), CBC EnvelopedData; BER of indefinite length. -SMIME_E_UNSUPPORTED for a key of another
 * kind, -SMIME_E_USAGE for another cipher or nobody to encrypt for.
 */
int enveloped_write(struct sink *sink, struct source *content, const struct enveloped_writing *writing);

/* What a CMS message is, from its first bytes: a content type's OID in *ret_type (the caller frees). DER, BER. -SMIME_E_NOT_CMS. */
int cms_sniff(struct source *cms, ASN1_OBJECT **ret_type);

/* CMS in PEM, DER or BER, found out by looking: the source of its binary form. */
int cms_open(struct source *input, struct source **ret_cms);

#endif
