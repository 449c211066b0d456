/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RecipientInfos (RFC 5652 6.2): which of them are for a key of the agent.
 *
 * Private to this folder.
 */
#ifndef CMS_RECIPIENT_READ_H
#define CMS_RECIPIENT_READ_H

#include "ber.h"
#include "enveloped.h"
#include "own.h"

/* originatorInfo [0], if it comes next: the certificates in it that parse are pushed to `originators`, others ignored. */
int recipient_read_originators(struct ber *ber, STACK_OF(X509) *originators);

/* The SET of RecipientInfos: fills counts and matches of `enveloped`. */
int recipient_read_all(struct ber *ber, const struct own *own, STACK_OF(X509) *originators, struct enveloped *enveloped);

#endif
