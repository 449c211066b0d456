/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chains of one's own certificates: whether they lead to somebody who is trusted, and whether who gets a mail finds the same way
 * with what is sent along.
 */
#include "probe.h"

#define AREA "chain"

static const char to_add[] = "put it on the token, or name its file under `certificates:` in agent.yaml";

static bool is_intermediate(const struct smime_chain *chain, size_t index) {
	return index > 0 && index + 1 < chain->link_count;
}

static const struct smime_link *not_sent(const struct smime_chain *chain) {
	for (size_t i = 0; i < chain->link_count; i++)
		if (is_intermediate(chain, i) && !chain->links[i].sent)
			return &chain->links[i];
	return NULL;
}

static const struct smime_link *ends_first(const struct smime_chain *chain) {
	const struct smime_link *first = NULL;

	for (size_t i = 0; i < chain->link_count; i++)
		if (is_intermediate(chain, i) && (!first || chain->links[i].not_after < first->not_after))
			first = &chain->links[i];
	return first;
}

static void examine_trusted(struct doctor *doctor, const struct smime_chain *chain, const char *name) {
	const struct smime_link *unsent = not_sent(chain), *first = ends_first(chain);
	char date[DOCTOR_DATE_BYTES];

	if (unsent)
		doctor_warning(doctor, AREA, to_add,
			"the certificate of %s is not sent with mail by %s, so that who gets it may not find the chain", unsent->subject,
			name);
	else if (first && doctor_ends_soon(doctor, first->not_after))
		doctor_warning(doctor, AREA, "get the new certificate of that authority, which who issued yours has",
			"the certificate of %s in the chain of %s ends on %s", first->subject, name, doctor_date(first->not_after, date));
	else
		doctor_good(doctor, AREA, "that of %s %s", name, chain->text);
}

/* Whose authority's authority is not known here may be known elsewhere: that one is a root in most cases. */
static void examine_untrusted(struct doctor *doctor, const struct smime_chain *chain, const char *name) {
	const char *root = chain->stranger ? chain->stranger : chain->link_count > 1 ? chain->missing : NULL;

	if (root)
		doctor_warning(doctor, AREA, "if it is your organisation's root, name its file under `trust:` in agent.yaml",
			"the chain of %s leads to %s, which is not trusted here", name, root);
	else if (chain->missing)
		doctor_fault(doctor, SMIME_E_UNTRUSTED, AREA, to_add, "the chain of %s breaks off: the certificate of %s is missing", name,
			chain->missing);
	else
		doctor_fault(doctor, SMIME_E_UNTRUSTED, AREA, "ask who issued the certificate", "the chain of %s is no good: %s", name,
			chain->text);
}

/* False: there is no use in asking for the next one. */
static bool examine_certificate(struct doctor *doctor, const struct smime_certificate *certificate, const char *name) {
	const struct smime_der der = { certificate->der, certificate->der_len };
	struct smime_chain *chain = NULL;
	int r = smime_check_certificate(doctor->smime, &der, NULL, &chain);

	if (r < 0)
		doctor_warning(doctor, AREA, NULL, "the chain of %s can't be looked at: %s", name, smime_message(doctor->smime));
	else if (chain->trusted)
		examine_trusted(doctor, chain, name);
	else
		examine_untrusted(doctor, chain, name);
	(void)smime_chain_free(chain);
	return r == 0;
}

void doctor_chains(struct doctor *doctor) {
	char name[DOCTOR_NAME_BYTES];
	bool go_on = doctor->keys && doctor_is_same_version(doctor);

	for (size_t i = 0; go_on && i < doctor->keys->count; i++) {
		const struct smime_certificate *certificate = doctor_certificate(doctor, &doctor->keys->keys[i]);
		if (certificate && !(certificate->cannot_sign && certificate->cannot_encrypt))
			go_on = examine_certificate(doctor, certificate, doctor_key(doctor, &doctor->keys->keys[i], name));
	}
}
