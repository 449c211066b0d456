/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of a request, as the policy wants to hear it.
 */
#include "judge-internal.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "session.h"

uint64_t judge_boot_us(void) {
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct bytes judge_certificate_of(const struct wire_key *key, const ASN1_OCTET_STRING *named) {
	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(key->certificates); i++) {
		struct bytes der = wire_octets(sk_ASN1_OCTET_STRING_value(key->certificates, i));
		uint8_t sha256[SHA256_DIGEST_LENGTH];

		if (!named)
			return der;
		(void)SHA256(der.data, der.len, sha256);
		if (wire_octets_equal(named, sha256, sizeof(sha256)))
			return der;
	}
	return (struct bytes){ NULL, 0 };
}

/*
 * The certificate that a request names. Where it names none, or names it where only the token process reads it (a RecipientInfo), any of the
 * key's may be meant. One that can't be read, or one too many, leaves all of them unknown.
 */
static size_t describe_certificates(const struct agent *agent, const struct wire_key *key, const ASN1_OCTET_STRING *named,
	struct judge_certificates *ret_certificates) {
	struct bytes der = judge_certificate_of(key, named);
	size_t count = named ? der.data != NULL : (size_t)sk_ASN1_OCTET_STRING_num(key->certificates);

	if (count > ELEMENTSOF(ret_certificates->items))
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (!named)
			der = wire_octets(sk_ASN1_OCTET_STRING_value(key->certificates, (int)i));
		ret_certificates->items[i] = facts_of(agent->facts, der);
		if (!ret_certificates->items[i])
			return 0;
	}
	return count;
}

void judge_describe_key(const struct agent *agent, const struct wire_key *key, const struct worker *worker, const ASN1_OCTET_STRING *named,
	struct judge_certificates *certificates, struct policy_key *ret_key) {
	*ret_key = (struct policy_key){
		.key = key,
		.token = worker_token(worker),
		.certificates = certificates->items,
		.certificate_count = describe_certificates(agent, key, named, certificates),
		.evidence = (enum policy_evidence)key->evidence,
		.touch = key->touch,
	};
	ret_key->unread = ret_key->certificate_count == 0 && (named || sk_ASN1_OCTET_STRING_num(key->certificates) > 0);
}

void judge_describe_client(const struct identity *identity, const struct identity_now *now, struct policy_client *ret_client) {
	*ret_client = (struct policy_client){
		.uid = identity->uid,
		.own_uid = geteuid(),
		.gid = identity->gid,
		.groups = identity->groups,
		.group_count = identity->group_count,
		.groups_unknown = identity->groups_unknown,
		.label = identity_label(identity, now),
		.unit = now->unit,
		.executable = now->executable,
		.remote = now->remote,
	};
}

void judge_describe_signature(const struct wire_sign *sign, struct policy_question *question) {
	const EVP_MD *md = EVP_get_digestbyobj(sign->digest_algorithm);

	question->digest_bits = md ? 8 * (unsigned)EVP_MD_get_size(md) : 0;
	question->from = sign->from ? wire_text(sign->from) : NULL;
}

/* ChaCha20-Poly1305 of RFC 8103 has no name in OpenSSL that leads to a cipher. A key for triple DES is longer than it is strong. */
void judge_describe_decryption(const struct wire_decrypt *decrypt, struct policy_question *question) {
	enum { CHACHA20_BITS = 256, TRIPLE_DES_BITS = 112 };
	char oid[64] = "";
	const ASN1_OBJECT *object = decrypt->content_encryption->algorithm;
	const EVP_CIPHER *cipher = EVP_get_cipherbyobj(object);

	(void)OBJ_obj2txt(oid, sizeof(oid), object, 1);
	question->cipher_bits = cipher ? 8 * (unsigned)EVP_CIPHER_get_key_length(cipher) : 0;
	question->authenticated = cipher && (EVP_CIPHER_get_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER);
	if (OBJ_obj2nid(object) == NID_des_ede3_cbc)
		question->cipher_bits = TRIPLE_DES_BITS;
	if (strcmp(oid, "1.2.840.113549.1.9.16.3.18") == 0) {
		question->cipher_bits = CHACHA20_BITS;
		question->authenticated = true;
	}
}

void judge_describe_moment(const struct agent *agent, struct policy_question *question) {
	question->now = time(NULL);
	question->now_us = judge_boot_us();
	session_state(agent->session, &question->session_active, &question->session_unlocked);
}
