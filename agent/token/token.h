/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one token that a process serves: its slot, what the core told about it, its inventory, and who is logged in. Shared by
 * the threads; each thread has a session of its own.
 *
 * Never outlives the token's insertion: a token that went away is an error to every thread, and the core ends the process.
 */
#ifndef TOKEN_TOKEN_H
#define TOKEN_TOKEN_H

#include <stdatomic.h>

#include "agent/wire/secret.h"
#include "exchange.h"
#include "inventory.h"

struct grants;

enum { TOKEN_STORE_MAX_MS = 400 };

struct token {
	struct cryptoki *module;
	CK_SLOT_ID slot;
	struct wire_token *name;
	CK_TOKEN_INFO identity; /* what the slot said when the token was opened */
	uint64_t opened_us;     /* CLOCK_BOOTTIME */
	const struct wire_setup *setup;
	struct exchange *exchange;
	CK_MECHANISM_TYPE *mechanisms;
	size_t mechanisms_count; /* 0: unknown, everything is tried */
	struct claims_slot claims;
	struct token_certificates certificates;
	STACK_OF(X509) *configured;

	pthread_rwlock_t sessions_lock; /* read: an order uses a session; write: all of them are closed and the others wait */
	unsigned sessions_closed;       /* how often that was */

	pthread_mutex_t login_lock; /* one login or prompt at a time; guards the five below, and certificates */
	bool login_required;
	bool unlocked;
	struct secret pin; /* kept after a login, for another one when a program reset the card, and for grants */
	bool pin_file_failed;
	unsigned fresh_wrong; /* PINs that were typed while it was logged in, and were others, in a row */
	struct grants *grants;
	atomic_bool unlisted; /* the inventory is an old one, since a listing failed */

	pthread_mutex_t store_lock; /* held while the module may write to the token, which the process does not end in */
	atomic_bool ending;         /* who has held it goes on with nothing */

	pthread_mutex_t inventory_lock;
	struct inventory *inventory;
};

/*
 * Opens the module, finds the token and takes its inventory. `setup` and `exchange` must outlive the token. Errors of
 * discover_token() and inventory_make(), and -SMIME_E_PROTOCOL for a setup without its secret; the token is then clear.
 * Else ended with token_clear().
 */
int token_open(const struct wire_setup *setup, struct exchange *exchange, struct token *token, struct fault *fault);
void token_clear(struct token *token);

/*
 * What the slot says now. -SMIME_E_TOKEN_GONE when it is empty or holds another token than the one that was opened, whatever its
 * label is; errors of cryptoki_fault().
 */
int token_look(const struct token *token, CK_TOKEN_INFO *ret_info, struct fault *fault);

/*
 * Around a call in which the module may write to its token: logins and new PINs, for which SoftHSM writes the token's file anew. One that ended in
 * the middle of it would leave no token.
 */
void token_store_begin(struct token *token);
void token_store_end(struct token *token);

/*
 * For a process that ends: no such call begins any more, the one that is under way is waited for, at most for TOKEN_STORE_MAX_MS, and its thread
 * does nothing behind it.
 */
void token_store_stop(struct token *token);

/* Microseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps. */
uint64_t token_now_us(void);

/* The present inventory, as a reference of the caller's. */
struct inventory *token_inventory(struct token *token);

/*
 * The handle of a key now. Those of private objects end with each login (PKCS#11 2.40, 5.6, C_Logout), so what the inventory
 * had when an operation began may be void in the middle of it.
 */
CK_OBJECT_HANDLE token_key_handle(struct token *token, const struct inventory_key *key);

/* Lists the objects again, with what the session can see now. login_lock held, or no thread running yet. */
int token_list(struct token *token, CK_SESSION_HANDLE session, struct fault *fault);

/* Lists them after all when that failed after a login, and tells the core. Errors of token_list() and token_report(). */
int token_catch_up(struct token *token, CK_SESSION_HANDLE session, struct fault *fault);

/* Tells the core the inventory and the state of the PIN. login_lock held, or no thread running yet. Errors of wire_send(). */
int token_report(struct token *token);

bool token_has_mechanism(const struct token *token, CK_MECHANISM_TYPE type);

/* The label of the token, or its serial number when it has none. */
const char *token_label(const struct token *token);

#endif
