/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Serving one token: orders come in on the socket, threads with a session each work on them, reports go out.
 */
#ifndef TOKEN_SERVE_H
#define TOKEN_SERVE_H

#include "exchange.h"

enum { SERVE_SESSIONS_MAX = 64 };

/*
 * Opens the token, tells its inventory, and serves until the core closes the socket. Returns 0, or the error with which it could
 * not begin (reported already).
 */
int serve(const struct wire_setup *setup, struct exchange *exchange);

#endif
