/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The name of a reader, as PC/SC has it and as the slots of PKCS#11 modules show it.
 */
#ifndef WIRE_READER_NAME_H
#define WIRE_READER_NAME_H

#include <stdbool.h>

/*
 * Whether a slot of this description is that of this reader. Of a name PKCS#11 keeps 64 octets (2.40 3.2, CK_SLOT_INFO), in which a
 * character may be cut off, and blanks at the end can't be told from padding; OpenSC writes three dots in place of the last three
 * when there is more. Either text may be as a module or pcscd gave it, or clean as messages have it.
 */
bool reader_name_is_slot(const char *reader, const char *description);

#endif
