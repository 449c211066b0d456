/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Serving one token: orders come in on the socket, threads with a session each work on them, reports go out.
 */
#ifndef TOKEN_SERVE_H
#define TOKEN_SERVE_H

#include "exchange.h"

enum { SERVE_SESSIONS_MAX = 64 };

/*
 * Opens the token, tells its inventory, and serves until the core closes the socket. Does not return once it has begun;
 * errors of token_open() before.
 */
int serve(const struct wire_setup *setup, struct exchange *exchange, struct fault *fault);

#endif
