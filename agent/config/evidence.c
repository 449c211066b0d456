/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the texts of agent.yaml to what the policy's room judges by; see evidence.h.
 */
#include "evidence.h"

#include <sys/stat.h>

#include "certificates.h"
#include "paths.h"

static void list_freep(STACK_OF(ASN1_OCTET_STRING) **list) {
	sk_ASN1_OCTET_STRING_pop_free(*list, ASN1_OCTET_STRING_free);
}

int config_take_enrolled(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	int r = 0;

	for (unsigned i = 0; r == 0 && i < raw->enrolled_count; i++) {
		r = evidence_enrol(config->evidence, raw->enrolled[i].fingerprint, raw->enrolled[i].serial);
		if (r == -SMIME_E_USAGE)
			r = config_refuse(ret_message,
				"%s: enrolled: fingerprint: '%s' is not the whole fingerprint of a key, 64 hex digits; `smime keys -v` "
				"has the line to write",
				file, raw->enrolled[i].fingerprint);
	}
	return r;
}

/* Who can write what vouches for keys can vouch for his own. A link is as good as the file where it can't be replaced either. */
static int check_writers(const char *file, const char *key, const char *path, char **ret_message) {
	_cleanup_(freep) char *real = realpath(path, NULL), *directory = NULL, *real_directory = NULL;
	struct stat named, st;

	/* That it is not there is said by who reads it. */
	if (!real || lstat(path, &named) < 0 || stat(path, &st) < 0)
		return 0;
	if (!paths_owner_is_ours(&named) || !paths_owner_is_ours(&st) || (st.st_mode & 022) || !paths_are_ours(path, &directory) ||
		!paths_are_ours(real, &real_directory))
		return config_refuse(ret_message,
			"%s: %s: '%s' could have been written by others; file and directories must belong to root or to this user, "
			"and nobody else may write there",
			file, key, path);
	return 0;
}

/* Reads files, whose paths are absolute, for a key of agent.yaml. */
static int load(
	const char *file, const char *key, char *const *paths, size_t count, STACK_OF(ASN1_OCTET_STRING) **list, char **ret_message) {
	for (size_t i = 0; i < count; i++)
		if (*paths[i] != '/')
			return config_refuse(ret_message, "%s: %s: '%s' must be an absolute path", file, key, paths[i]);
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = check_writers(file, key, paths[i], ret_message);
	if (r < 0)
		return r;
	r = certificates_load(list, paths, count, ret_message);
	if (r < 0 && *ret_message) {
		_cleanup_(freep) char *why = TAKE(*ret_message);

		return config_refuse(ret_message, "%s: %s: %s", file, key, why);
	}
	return r;
}

static int take_policy(struct config *config, const char *file, const struct config_file_hardware_policy *policy, char **ret_message) {
	_cleanup_(list_freep) STACK_OF(ASN1_OCTET_STRING) *trust = NULL;
	char *paths[] = { policy->trust };
	int r = load(file, "hardware-policies: trust", paths, 1, &trust, ret_message);

	if (r == 0)
		r = evidence_add_policy(config->evidence, policy->policy, trust);
	if (r == -SMIME_E_USAGE && !*ret_message)
		return config_refuse(ret_message,
			"%s: hardware-policies: policy: '%s' is neither the object identifier of a certificate policy, in dots, nor "
			"qc-sscd",
			file, policy->policy);
	return r;
}

int config_take_hardware_policies(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	int r = 0;

	for (unsigned i = 0; r == 0 && i < raw->hardware_policies_count; i++)
		r = take_policy(config, file, &raw->hardware_policies[i], ret_message);
	return r;
}

int config_take_attestation_roots(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	_cleanup_(list_freep) STACK_OF(ASN1_OCTET_STRING) *roots = NULL;
	int r = load(file, "attestation-roots", raw->attestation_roots, raw->attestation_roots_count, &roots, ret_message);

	return r == 0 ? evidence_add_roots(config->evidence, roots) : r;
}

int config_take_attestations(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	_cleanup_(list_freep) STACK_OF(ASN1_OCTET_STRING) *attestations = NULL;
	int r = load(file, "attestations", raw->attestations, raw->attestations_count, &attestations, ret_message);

	return r == 0 ? evidence_add_attestations(config->evidence, attestations) : r;
}

int config_take_attestation_firmware(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	int r = evidence_set_firmware(config->evidence, raw->attestation_firmware);

	if (r == -SMIME_E_USAGE)
		return config_refuse(ret_message, "%s: attestation-firmware: '%s' is no version; write for example \"5.7.0\"", file,
			raw->attestation_firmware);
	return r;
}
