/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys of agent.yaml that say what vouches for a key being in hardware. They are an administrator's: what a user wrote would let
 * him vouch for himself.
 */
#ifndef CONFIG_EVIDENCE_H
#define CONFIG_EVIDENCE_H

#include "config.h"
#include "file.h"

/* Each takes over one key that the file has. Certificates are read at once. -SMIME_E_USAGE with *ret_message; -SMIME_E_NO_MEMORY. */
int config_take_enrolled(struct config *config, const char *file, const struct config_file *raw, char **ret_message);
int config_take_hardware_policies(struct config *config, const char *file, const struct config_file *raw, char **ret_message);
int config_take_attestation_roots(struct config *config, const char *file, const struct config_file *raw, char **ret_message);
int config_take_attestations(struct config *config, const char *file, const struct config_file *raw, char **ret_message);
int config_take_attestation_firmware(struct config *config, const char *file, const struct config_file *raw, char **ret_message);

#endif
