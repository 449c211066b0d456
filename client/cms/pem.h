/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CMS in PEM (RFC 7468 9): a sink that writes the armour and base64 in lines of 64 columns.
 */
#ifndef CMS_PEM_H
#define CMS_PEM_H

#include "client/stream/sink.h"

/* The end of the last line comes with sink_finish(). `next` and the label (NULL: "CMS") are borrowed. -SMIME_E_NO_MEMORY. */
int sink_pem(struct sink *next, const char *label, struct sink **ret_sink);

#endif
