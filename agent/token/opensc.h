/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A configuration of OpenSC for this process alone, in place of /etc/opensc/opensc.conf: it leaves every other reader alone, since a
 * frozen card in one of them would hold up this process, and ends its connections with a reset of the card.
 *
 * Other modules don't read it.
 */
#ifndef TOKEN_OPENSC_H
#define TOKEN_OPENSC_H

#include "agent/wire/message.h"
#include "fault.h"

/*
 * Sets $OPENSC_CONF; to be called before the module is initialised and while there is one thread. What OpenSC can't read it goes
 * without, and says nothing, so that is found out here: -SMIME_E_INTERNAL.
 */
int opensc_configure(const struct wire_setup *setup, struct fault *fault);

#endif
