/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What OpenSSL sets up when a process first uses it.
 */
#ifndef CLI_START_H
#define CLI_START_H

/*
 * To be called before anything else of OpenSSL: without its configuration file, without names for what nothing here asks for by name, and
 * without tidying up at the end.
 */
void start_openssl(void);

#endif
