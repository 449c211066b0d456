/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See consent-text.h. The token process puts the paragraphs below its token's name into the one line that pinentry takes, which is cut at its
 * end; so what is sure is short and comes first, and nobody can push it out of sight by what he claims.
 */
#include "consent-text.h"

#include <stdio.h>

#include <openssl/err.h>
#include <smime/error.h>

#include "agent/wire/limits.h"
#include "facts.h"

struct piece {
	char text[CONSENT_TEXT_MAX_BYTES + sizeof("...")];
};

/* In quotation marks, which it must not close; both ends are kept of what is too long. What is cut in the middle of a character is cleaned. */
static struct piece quoted(const char *text, size_t max) {
	size_t len = strlen(text), half = max / 2;
	struct piece piece;

	if (len <= max)
		(void)snprintf(piece.text, sizeof(piece.text), "%s", text);
	else
		(void)snprintf(piece.text, sizeof(piece.text), "%.*s...%s", (int)half, text, text + len - half);
	for (char *p = piece.text; *p; p++)
		if (*p == '"')
			*p = '\'';
	return piece;
}

static int add(STACK_OF(ASN1_UTF8STRING) *paragraphs, const char *text) {
	ASN1_UTF8STRING *paragraph = ASN1_UTF8STRING_new();

	if (paragraph && wire_set_text(&paragraph, text) == 0 && sk_ASN1_UTF8STRING_push(paragraphs, paragraph) > 0)
		return 0;
	ASN1_UTF8STRING_free(paragraph);
	return -SMIME_E_NO_MEMORY;
}

/* ---- What is sure ---- */

static struct piece subject_of(struct bytes der) {
	const uint8_t *p = der.data;
	X509 *certificate = d2i_X509(NULL, &p, (long)der.len);
	BIO *bio = certificate ? BIO_new(BIO_s_mem()) : NULL;
	struct piece piece = { "" };
	char *text = NULL;

	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0 &&
		BIO_write(bio, "", 1) == 1 && BIO_get_mem_data(bio, &text) > 0)
		piece = quoted(text, CONSENT_TEXT_MAX_BYTES);
	ERR_clear_error();
	(void)BIO_free(bio);
	X509_free(certificate);
	return piece;
}

/* An address of letters, digits and what mostly stands between them. */
static bool is_plain(const char *address) {
	return address[strspn(address, "abcdefghijklmnopqrstuvwxyz0123456789.@+-_")] == '\0';
}

static int add_operation(
	const struct agent *agent, const struct verdict *verdict, const char *what, STACK_OF(ASN1_UTF8STRING) *paragraphs) {
	const struct policy_certificate *facts = verdict->certificate.data ? facts_of(agent->facts, verdict->certificate) : NULL;
	const char *address = facts ? facts->addresses[0] : NULL;
	char text[WIRE_TEXT_MAX_BYTES], whom[200] = " no certificate";

	if (!verdict->found) {
		(void)snprintf(text, sizeof(text), "To %s.", what);
		return add(paragraphs, text);
	}
	/* Nobody has verified the certificate here: what could be read as more than an address stands in quotation marks like anything else. */
	if (address && is_plain(address))
		(void)snprintf(whom, sizeof(whom), " a certificate of %s", quoted(address, CONSENT_TEXT_MAX_BYTES).text);
	else if (address)
		(void)snprintf(whom, sizeof(whom), " a certificate of \"%s\"", quoted(address, CONSENT_TEXT_MAX_BYTES).text);
	else if (verdict->certificate.data)
		(void)snprintf(whom, sizeof(whom), " a certificate of \"%s\"", subject_of(verdict->certificate).text);
	(void)snprintf(text, sizeof(text), "To %s, with the key \"%s\", which has%s.", what,
		quoted(wire_text(verdict->found->label), CONSENT_NAME_MAX_BYTES).text, whom);
	return add(paragraphs, text);
}

static void say_often(const struct policy_ask *ask, char *text, size_t size) {
	unsigned long long seconds = ask->within_us / 1000000;

	if (ask->count == 1)
		(void)snprintf(text, size, "A yes is for this once.");
	else if (ask->count == 0)
		(void)snprintf(text, size, "A yes holds until the token is locked.");
	else if (seconds % 60 == 0)
		(void)snprintf(text, size, "A yes is for %u operations in %llu min.", ask->count, seconds / 60);
	else
		(void)snprintf(text, size, "A yes is for %u operations in %llu s.", ask->count, seconds);
}

static int add_client(const struct peer *peer, const struct verdict *verdict, STACK_OF(ASN1_UTF8STRING) *paragraphs) {
	static const char *const remote[] = {
		[POLICY_NO] = "", [POLICY_YES] = ", FOR ANOTHER MACHINE (remote)", [POLICY_DONT_KNOW] = ", perhaps for another machine"
	};
	char text[WIRE_TEXT_MAX_BYTES], often[100];

	say_often(verdict->decision.ask, often, sizeof(often));
	(void)snprintf(text, sizeof(text), "Sure: process %d of user %u asks%s. %s", (int)peer->identity.pid, (unsigned)peer->identity.uid,
		remote[verdict->now->remote], often);
	return add(paragraphs, text);
}

/* ---- What is less so ---- */

/* In one paragraph with the label of a security module, where there is one. */
static int add_unit(const struct peer *peer, const struct verdict *verdict, STACK_OF(ASN1_UTF8STRING) *paragraphs) {
	char text[WIRE_TEXT_MAX_BYTES];
	const char *unit = verdict->now->unit, *label = identity_label(&peer->identity, verdict->now);

	if (!unit || !*unit)
		(void)snprintf(text, sizeof(text), unit ? "It runs in no systemd unit." : "Its systemd unit is not known.");
	else
		(void)snprintf(text, sizeof(text), "As sure as the user's own processes are: it is in the unit \"%s\".",
			quoted(unit, CONSENT_NAME_MAX_BYTES).text);
	if (label && *label) {
		size_t len = strlen(text);

		(void)snprintf(text + len, sizeof(text) - len, " It is labelled \"%s\".", quoted(label, CONSENT_NAME_MAX_BYTES).text);
	}
	return add(paragraphs, text);
}

static int add_executable(const struct verdict *verdict, STACK_OF(ASN1_UTF8STRING) *paragraphs) {
	char text[WIRE_TEXT_MAX_BYTES];

	if (!verdict->now->executable)
		return add(paragraphs, "Which program it runs is not known.");
	(void)snprintf(text, sizeof(text), "Not sure, since any program can look so: it runs \"%s\".",
		quoted(verdict->now->executable, CONSENT_TEXT_MAX_BYTES).text);
	return add(paragraphs, text);
}

/* ---- What is claimed ---- */

struct claims {
	const ASN1_UTF8STRING *from, *recipients, *subject;
};

static struct claims claims_of(const struct wire_request_body *body) {
	if (body->type == WIRE_SIGN)
		return (struct claims){ body->sign->from, body->sign->recipients, body->sign->subject };
	if (body->type == WIRE_DECRYPT)
		return (struct claims){ body->decrypt->from, body->decrypt->recipients, body->decrypt->subject };
	return (struct claims){ NULL, NULL, NULL };
}

static void append_claim(char *text, size_t size, const char *name, const ASN1_UTF8STRING *claim, size_t max) {
	size_t len = strlen(text);

	if (claim && *wire_text(claim))
		(void)snprintf(text + len, size - len, ", %s \"%s\"", name, quoted(wire_text(claim), max).text);
}

static int add_claims(const struct peer *peer, const struct wire_request *wire, STACK_OF(ASN1_UTF8STRING) *paragraphs) {
	struct claims claims = claims_of(wire->body);
	char text[WIRE_TEXT_MAX_BYTES];

	(void)snprintf(text, sizeof(text), "The program claims: name \"%s\"",
		quoted(wire_text(peer->hello->program), CONSENT_NAME_MAX_BYTES).text);
	append_claim(text, sizeof(text), "from", claims.from, CONSENT_TEXT_MAX_BYTES);
	append_claim(text, sizeof(text), "to", claims.recipients, CONSENT_TEXT_MAX_BYTES);
	append_claim(text, sizeof(text), "subject", claims.subject, CONSENT_TEXT_MAX_BYTES);
	return add(paragraphs, text);
}

int consent_text(const struct peer *peer, const struct wire_request *wire, const struct verdict *verdict, const char *what,
	STACK_OF(ASN1_UTF8STRING) **ret_paragraphs) {
	STACK_OF(ASN1_UTF8STRING) *paragraphs = sk_ASN1_UTF8STRING_new_null();
	int r = paragraphs ? add_operation(peer->agent, verdict, what, paragraphs) : -SMIME_E_NO_MEMORY;

	if (r == 0)
		r = add_client(peer, verdict, paragraphs);
	if (r == 0)
		r = add_unit(peer, verdict, paragraphs);
	if (r == 0)
		r = add_executable(verdict, paragraphs);
	if (r == 0)
		r = add_claims(peer, wire, paragraphs);
	if (r < 0) {
		sk_ASN1_UTF8STRING_pop_free(paragraphs, ASN1_UTF8STRING_free);
		return r;
	}
	*ret_paragraphs = paragraphs;
	return 0;
}
