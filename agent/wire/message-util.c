/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encoding and decoding of any message, and access to its fields. What is decoded here has crossed a trust boundary: only
 * the one DER form of a message passes, with clean texts.
 */
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <smime/error.h>

#include "frame.h"
#include "limits.h"
#include "message.h"
#include "text.h"

int wire_encode(const void *message, const ASN1_ITEM *item, uint8_t **ret_der, size_t *ret_len) {
	uint8_t *der = NULL;
	int len = ASN1_item_i2d(message, &der, item);

	if (len <= 0) {
		ERR_clear_error();
		return -SMIME_E_NO_MEMORY;
	}
	if (len > WIRE_FRAME_MAX_BYTES) {
		wire_free_encoded(der, (size_t)len);
		return -SMIME_E_PROTOCOL;
	}
	*ret_der = der;
	*ret_len = (size_t)len;
	return 0;
}

void wire_free_encoded(uint8_t *der, size_t len) {
	if (der)
		OPENSSL_cleanse(der, len);
	free(der);
}

/* OpenSSL keeps any other octet in a BOOLEAN as it came and writes it again; DER has these two (X.690 11.1). */
static bool boolean_is_clean(const uint8_t *content, size_t len) {
	return len == 1 && (*content == 0 || *content == 0xff);
}

static bool primitive_is_clean(int tag, int class, const uint8_t *content, size_t len) {
	if (class == V_ASN1_UNIVERSAL && tag == V_ASN1_BOOLEAN)
		return boolean_is_clean(content, len);
	if (class == V_ASN1_UNIVERSAL && tag == V_ASN1_UTF8STRING)
		return len <= WIRE_TEXT_MAX_BYTES && text_is_clean(content, len);
	return true;
}

/*
 * Walks all elements in the order they stand, stepping into constructed ones. OpenSSL keeps a parameter of type ANY as it
 * came, so the re-encoding does not vouch for what is inside: here each header must be the shortest (X.690 10.1), and each
 * element must end inside the one that it stands in.
 */
static bool elements_are_clean(const uint8_t *p, size_t len) {
	enum { DEPTH_MAX = 32 };
	const uint8_t *ends[DEPTH_MAX] = { p + len };
	size_t depth = 0;

	for (;;) {
		const uint8_t *start = p;
		long content = 0;
		int tag = 0, class = 0, flags;

		if (p == ends[depth]) {
			if (depth-- == 0)
				return true;
			continue;
		}
		flags = ASN1_get_object(&p, &content, &tag, &class, ends[depth] - start);
		if (flags & 0x80 || (flags & 1) || p - start + content != ASN1_object_size(0, (int)content, tag))
			return false;
		if (flags & V_ASN1_CONSTRUCTED) {
			if (++depth == DEPTH_MAX)
				return false;
			ends[depth] = p + content;
			continue;
		}
		if (!primitive_is_clean(tag, class, p, (size_t)content))
			return false;
		p += content;
	}
}

int wire_decode(struct bytes der, const ASN1_ITEM *item, void *ret_message) {
	const uint8_t *p = der.data;
	uint8_t *again = NULL;
	int again_len;

	if (der.len == 0 || der.len > WIRE_FRAME_MAX_BYTES)
		return -SMIME_E_PROTOCOL;
	ASN1_VALUE *message = ASN1_item_d2i(NULL, &p, (long)der.len, item);
	if (!message) {
		ERR_clear_error();
		return -SMIME_E_PROTOCOL;
	}
	again_len = ASN1_item_i2d(message, &again, item);
	bool canonical = again_len > 0 && (size_t)again_len == der.len && CRYPTO_memcmp(again, der.data, der.len) == 0;
	wire_free_encoded(again, again_len > 0 ? (size_t)again_len : 0);
	if (!canonical || !elements_are_clean(der.data, der.len)) {
		ASN1_item_free(message, item);
		ERR_clear_error();
		return -SMIME_E_PROTOCOL;
	}
	*(void **)ret_message = message;
	return 0;
}

/* Accepts one that is OPTIONAL and absent. */
static bool is_fingerprint(const ASN1_OCTET_STRING *field) {
	return !field || wire_octets(field).len == WIRE_FINGERPRINT_BYTES;
}

static bool sign_is_sized(const struct wire_sign *sign) {
	size_t digest = wire_octets(sign->digest).len;

	return is_fingerprint(sign->key) && is_fingerprint(sign->certificate) && digest > 0 && digest <= WIRE_DIGEST_MAX_BYTES;
}

bool wire_request_is_sized(const struct wire_request *request) {
	const struct wire_request_body *body = request->body;

	switch (body->type) {
	case WIRE_SIGN:
		return sign_is_sized(body->sign);
	case WIRE_DECRYPT:
		return is_fingerprint(body->decrypt->key);
	case WIRE_UNLOCK:
		return is_fingerprint(body->unlock->token);
	case WIRE_LOCK:
		return is_fingerprint(body->lock->token);
	case WIRE_PIN_CHANGE:
		return is_fingerprint(body->pin_change->token);
	case WIRE_PIN_UNBLOCK:
		return is_fingerprint(body->pin_unblock->token);
	case WIRE_INTERMEDIATES:
		return is_fingerprint(body->intermediates->token);
	case WIRE_EXPLAIN:
		return is_fingerprint(body->explain->key);
	default:
		return true;
	}
}

int wire_send(int fd, const void *message, const ASN1_ITEM *item, int pass_fd) {
	uint8_t *der = NULL;
	size_t len = 0;
	int r = wire_encode(message, item, &der, &len);

	if (r < 0)
		return r;
	r = frame_write(fd, der, len, pass_fd);
	wire_free_encoded(der, len);
	return r;
}

int wire_send_both(int fd, const void *first, const void *second, const ASN1_ITEM *item) {
	uint8_t *der[2] = { NULL, NULL };
	size_t len[2] = { 0, 0 };
	int r = wire_encode(first, item, &der[0], &len[0]);

	if (r == 0)
		r = wire_encode(second, item, &der[1], &len[1]);
	if (r == 0)
		r = frame_write_both(fd, (struct bytes){ der[0], len[0] }, (struct bytes){ der[1], len[1] });
	wire_free_encoded(der[0], len[0]);
	wire_free_encoded(der[1], len[1]);
	return r;
}

int wire_receive(int fd, const ASN1_ITEM *item, void *ret_message, int *ret_fd) {
	_cleanup_(close_fdp) int passed = -1;
	uint8_t *der = NULL;
	size_t len = 0;
	int r = frame_read(fd, &der, &len, ret_fd ? &passed : NULL);

	if (r != 0)
		return r;
	r = wire_decode((struct bytes){ der, len }, item, ret_message);
	wire_free_encoded(der, len);
	if (r == 0 && ret_fd)
		*ret_fd = take_fd(&passed);
	return r;
}

/* Both string types are ASN1_STRING underneath; `type` tells which to make. */
static int set_string(ASN1_STRING **field, int type, const void *data, size_t len) {
	ASN1_STRING *string = *field ? *field : ASN1_STRING_type_new(type);

	if (!string)
		return -SMIME_E_NO_MEMORY;
	if (!ASN1_STRING_set(string, data ? data : "", (int)len)) {
		if (string != *field)
			ASN1_STRING_free(string);
		return -SMIME_E_NO_MEMORY;
	}
	*field = string;
	return 0;
}

int wire_set_text(ASN1_UTF8STRING **field, const char *text) {
	char clean[WIRE_TEXT_MAX_BYTES];

	/* What a token or a library calls itself may be in any encoding; the other end would refuse the whole message. */
	return text ? set_string(field, V_ASN1_UTF8STRING, clean, text_clean(text, clean, sizeof(clean))) : 0;
}

int wire_set_octets(ASN1_OCTET_STRING **field, const void *data, size_t len) {
	return set_string(field, V_ASN1_OCTET_STRING, data, len);
}

int wire_push_octets(STACK_OF(ASN1_OCTET_STRING) **stack, const void *data, size_t len) {
	ASN1_OCTET_STRING *octets = NULL;

	if (!*stack && !(*stack = sk_ASN1_OCTET_STRING_new_null()))
		return -SMIME_E_NO_MEMORY;
	if (wire_set_octets(&octets, data, len) < 0)
		return -SMIME_E_NO_MEMORY;
	if (!sk_ASN1_OCTET_STRING_push(*stack, octets)) {
		ASN1_OCTET_STRING_free(octets);
		return -SMIME_E_NO_MEMORY;
	}
	return 0;
}

const char *wire_text(const ASN1_UTF8STRING *field) {
	const char *text = field ? (const char *)ASN1_STRING_get0_data(field) : NULL;

	return text ? text : "";
}

struct bytes wire_octets(const ASN1_OCTET_STRING *field) {
	return field ? (struct bytes){ ASN1_STRING_get0_data(field), (size_t)ASN1_STRING_length(field) } : (struct bytes){ NULL, 0 };
}

bool wire_octets_equal(const ASN1_OCTET_STRING *field, const void *data, size_t len) {
	struct bytes octets = wire_octets(field);

	return octets.data && octets.len == len && memcmp(octets.data, data, len) == 0;
}
