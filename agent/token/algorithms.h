/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What OpenSSL reads certificates and verifies their signatures with, looked up before anything depends on it.
 */
#ifndef TOKEN_ALGORITHMS_H
#define TOKEN_ALGORITHMS_H

/*
 * OpenSSL makes a table of each sort of algorithms when it is first asked for one of them, and never again: what it lacks memory for at
 * that moment is unknown to it from then on, and a certificate that needs it looks like one that can't be read, or is nobody's. So a
 * process makes the tables at its start, and does not go on with one that is not whole. What this OpenSSL does not have at all, or is told
 * not to use, is no reason. 0, -SMIME_E_NO_MEMORY.
 */
int algorithms_load(void);

#endif
