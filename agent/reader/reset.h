/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resetting a card. Whoever was logged in on it, through whatever program, is so no more: a card keeps its login when the
 * program that logged in logs out or is killed.
 */
#ifndef READER_RESET_H
#define READER_RESET_H

#include <stddef.h>

enum {
	RESET_SHARING_MAX_MS = 2000, /* how long another program's exclusive hold of the card is waited for */
	RESET_STEP_MS = 20,
};

/*
 * Resets the card in the reader that messages call so; blocks as long as pcscd does. Returns 0, also when there is no card or no reader
 * any more; -SMIME_E_TOKEN_FAULT with words.
 */
int reset_card(const char *reader, char *text, size_t size);

#endif
