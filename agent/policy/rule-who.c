/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which keys and which clients a rule is about, from its text.
 */
#include "rule-take.h"

#include <ctype.h>
#include <grp.h>
#include <pwd.h>

#include <openssl/objects.h>

#include <smime/error.h>

#include "agent/wire/base.h"
#include "agent/wire/limits.h"

enum { FINGERPRINT_MIN_DIGITS = 16 }; /* so that no second key is meant */

static void lower(char *text) {
	for (; text && *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static int take_lower(char **target, const char *text) {
	int r = rule_take(target, text);

	lower(*target);
	return r;
}

/* ---- key ---- */

/* An OID by its digits or by OpenSSL's name for it, kept as digits. */
static int take_oid(char **target, const char *part, const char *text, struct rule_fault *ret_fault) {
	enum { OID_MAX_BYTES = 128 };
	char digits[OID_MAX_BYTES];
	ASN1_OBJECT *object;
	int len;

	if (!text)
		return 0;
	object = OBJ_txt2obj(text, 0);
	len = object ? OBJ_obj2txt(digits, sizeof(digits), object, 1) : 0;
	ASN1_OBJECT_free(object);
	if (len <= 0 || len >= (int)sizeof(digits))
		return rule_refuse(ret_fault, "key", part, "'%.100s' is no object identifier", text);
	return rule_take(target, digits);
}

static int take_fingerprint(struct rule_key *key, const char *text, struct rule_fault *ret_fault) {
	int r = take_lower(&key->fingerprint, text);

	if (r < 0 || !text)
		return r;
	size_t len = strlen(key->fingerprint);
	if (len < FINGERPRINT_MIN_DIGITS || len > 2 * (size_t)WIRE_FINGERPRINT_BYTES || strspn(key->fingerprint, "0123456789abcdef") != len)
		return rule_refuse(ret_fault, "key", "fingerprint",
			"'%.100s' is no fingerprint of a key, or less than %d hex digits of one; `smime keys` shows them", text,
			FINGERPRINT_MIN_DIGITS);
	return 0;
}

static int take_evidence(struct rule_key *key, const char *text, struct rule_fault *ret_fault) {
	int level = text ? rule_find_evidence(text) : 0;

	if (level < 0)
		return rule_refuse(
			ret_fault, "key", "evidence", "'%.100s' is none of software, claimed, enrolled, ca-policy, attested", text);
	if (text)
		key->evidence = rule_number((unsigned)level);
	return 0;
}

static int take_uri(struct rule_key *key, const char *text, struct rule_fault *ret_fault) {
	if (text && !(key->uri = rule_uri_parse(text)))
		return rule_refuse(ret_fault, "key", "uri", "'%.200s' is no PKCS #11 URI of a private key (RFC 7512)", text);
	return 0;
}

int rule_take_key(struct rule_key *key, const struct rule_text_key *text, struct rule_fault *ret_fault) {
	int r;

	if (!text)
		return 0;
	r = take_fingerprint(key, text->fingerprint, ret_fault);
	if (r == 0)
		r = take_lower(&key->address, text->address);
	if (r == 0)
		r = rule_take_pattern(&key->issuer, text->issuer, ",+\"<>;#= 0123456789ABCDEF");
	if (r == 0)
		r = rule_take(&key->token, text->token);
	if (r == 0)
		r = take_uri(key, text->uri, ret_fault);
	if (r == 0)
		r = take_oid(&key->policy, "policy", text->policy, ret_fault);
	if (r == 0)
		r = take_oid(&key->eku, "eku", text->eku, ret_fault);
	if (r == 0)
		r = take_oid(&key->template_, "template", text->template_, ret_fault);
	return r < 0 ? r : take_evidence(key, text->evidence, ret_fault);
}

/* ---- client ---- */

static int parse_id(const char *text, unsigned *ret_id) {
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end || n >= UINT32_MAX)
		return -SMIME_E_USAGE;
	*ret_id = (unsigned)n;
	return 0;
}

static int take_uid(struct rule_client *client, const char *text, struct rule_fault *ret_fault) {
	const struct passwd *user;
	unsigned id = 0;

	if (!text)
		return 0;
	if (parse_id(text, &id) < 0) {
		user = getpwnam(text);
		if (!user)
			return rule_refuse(ret_fault, "client", "uid", "there is no user '%.100s'", text);
		id = user->pw_uid;
	}
	client->uid = rule_number(id);
	return 0;
}

static int take_gid(struct rule_client *client, const char *text, struct rule_fault *ret_fault) {
	const struct group *group;
	unsigned id = 0;

	if (!text)
		return 0;
	if (parse_id(text, &id) < 0) {
		group = getgrnam(text);
		if (!group)
			return rule_refuse(ret_fault, "client", "gid", "there is no group '%.100s'", text);
		id = group->gr_gid;
	}
	client->gid = rule_number(id);
	return 0;
}

static int take_remote(struct rule_client *client, const char *text, struct rule_fault *ret_fault) {
	bool remote = false;

	if (text && rule_take_choice(text, &remote) < 0)
		return rule_refuse(ret_fault, "client", "remote", "'%.100s' is neither yes nor no", text);
	if (text)
		client->remote = rule_number(remote);
	return 0;
}

int rule_take_client(struct rule_client *client, const struct rule_text_client *text, struct rule_fault *ret_fault) {
	int r;

	if (!text)
		return 0;
	r = take_uid(client, text->uid, ret_fault);
	if (r == 0)
		r = take_gid(client, text->gid, ret_fault);
	if (r == 0)
		r = rule_take_pattern(&client->unit, text->unit, "x");
	if (r == 0)
		r = rule_take(&client->label, text->label);
	if (r == 0)
		r = rule_take(&client->executable, text->executable);
	if (r == 0 && client->executable && *client->executable != '/')
		r = rule_refuse(ret_fault, "client", "executable", "'%.200s' must be an absolute path", client->executable);
	return r < 0 ? r : take_remote(client, text->remote, ret_fault);
}
