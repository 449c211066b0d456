/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-token: the process that holds one token, or looks for tokens and modules, or asks a person, as its first order says. The core starts it
 * with its socket as descriptor 3; `smime-token --modules` prints the modules of p11-kit's configuration for people.
 *
 * It starts no program, opens no network connection of its own, and ends when its socket does.
 */
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <openssl/crypto.h>

#include "agent/sandbox/sandbox.h"
#include "confine.h"
#include "discover.h"
#include "follow.h"
#include "modules.h"
#include "opensc.h"
#include "question.h"
#include "serve.h"
#include "smime/error.h"

enum { TOKEN_SOCKET_FD = 3 };

static int list_modules(STACK_OF(wire_module) **ret_modules) {
	char user[PATH_MAX];
	struct modules_places places = modules_default_places(user, sizeof(user));

	return modules_list(&places, ret_modules);
}

static int print_modules(void) {
	STACK_OF(wire_module) *modules = NULL;

	if (list_modules(&modules) < 0)
		return 8;
	for (int i = 0; i < sk_wire_module_num(modules); i++)
		(void)puts(wire_text(sk_wire_module_value(modules, i)->path));
	sk_wire_module_pop_free(modules, wire_module_free);
	return fflush(stdout) == 0 ? 0 : 7;
}

static int report_modules(struct exchange *exchange) {
	struct wire_report *report = wire_report_make(0, WIRE_REPORT_MODULES);
	int r = report ? 0 : -SMIME_E_NO_MEMORY;

	if (r == 0) {
		sk_wire_module_pop_free(report->body->modules, wire_module_free);
		report->body->modules = NULL;
		r = list_modules(&report->body->modules);
	}
	if (r == 0)
		r = exchange_send(exchange, report);
	wire_report_free(report);
	return r;
}

static int is_pcsclite(struct dl_phdr_info *library, size_t size, void *unused) {
	return strstr(library->dlpi_name, "/libpcsclite") != NULL;
}

/* A module that has loaded pcsc-lite's library for itself works through pcscd, whatever its name. */
static bool works_through_pcscd(void) {
	return dl_iterate_phdr(is_pcsclite, NULL) != 0;
}

static int report_tokens(const struct wire_setup *setup, struct exchange *exchange, struct fault *fault) {
	struct wire_report *report = wire_report_make(0, WIRE_REPORT_TOKENS);
	struct cryptoki *module = NULL;
	STACK_OF(wire_token) *tokens = NULL;
	int r = report ? cryptoki_open(wire_text(setup->module), wire_text(setup->init_reserved), &module, fault) : -SMIME_E_NO_MEMORY;

	if (r == 0)
		r = discover_tokens(module, &tokens, fault);
	if (r == 0) {
		sk_wire_token_pop_free(report->body->found->tokens, wire_token_free);
		report->body->found->tokens = tokens;
		report->body->found->pcsc = works_through_pcscd() ? 0xff : 0;
		r = exchange_send(exchange, report);
	}
	wire_report_free(report);
	cryptoki_close(module);
	return r;
}

/* What somebody sees who lists processes. One that serves a token keeps its program's name. */
static void take_name(uint32_t role) {
	static const char *const names[] = {
		[WIRE_ROLE_MODULES] = "smime-modules",
		[WIRE_ROLE_SCAN] = "smime-scan",
		[WIRE_ROLE_FOLLOW] = "smime-follow",
		[WIRE_ROLE_ASK] = "smime-ask",
	};

	if (role < ELEMENTSOF(names) && names[role])
		(void)prctl(PR_SET_NAME, names[role]);
}

static int act(const struct wire_setup *setup, struct exchange *exchange, struct fault *fault) {
	int r;

	take_name(setup->role);
	r = opensc_configure(setup, fault);
	if (r == 0)
		r = confine(setup, fault);
	if (r < 0)
		return r;
	switch (setup->role) {
	case WIRE_ROLE_MODULES:
		return report_modules(exchange);
	case WIRE_ROLE_SCAN:
		return report_tokens(setup, exchange, fault);
	case WIRE_ROLE_SERVE:
		return serve(setup, exchange, fault);
	case WIRE_ROLE_FOLLOW:
		return follow_module(setup, exchange, fault);
	case WIRE_ROLE_ASK:
		return ask_question(setup, exchange, fault);
	default:
		return -SMIME_E_PROTOCOL;
	}
}

/* Nobody but root reads this process's memory or gets a core file of it, and no module writes PINs or data to a log of its own. */
static void harden(void) {
	static const char *const traces[] = { "OPENSC_DEBUG", "PKCS11SPY", "PKCS11SPY_OUTPUT", "P11_KIT_DEBUG", "ASSUAN_DEBUG",
		"PCSCLITE_DEBUG", "SOFTHSM2_DEBUG", "DBUS_SESSION_BUS_ADDRESS" };

	for (size_t i = 0; i < ELEMENTSOF(traces); i++)
		(void)unsetenv(traces[i]);
	sandbox_harden();
	secret_heap_init();
	secret_heap_keep_from_children(); /* a module may fork */
}

static void close_socket(void) {
	(void)close(TOKEN_SOCKET_FD);
}

/* What a module forks or starts has no say with the core. */
static void keep_socket(void) {
	(void)fcntl(TOKEN_SOCKET_FD, F_SETFD, FD_CLOEXEC);
	(void)pthread_atfork(NULL, NULL, close_socket);
}

int main(int argc, char **argv) {
	struct wire_order *order = NULL;
	struct exchange exchange;
	struct fault fault = { "" };
	struct sockaddr address;
	socklen_t len = sizeof(address);

	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (argc == 2 && strcmp(argv[1], "--modules") == 0)
		return print_modules();
	if (argc != 1 || getsockname(TOKEN_SOCKET_FD, &address, &len) < 0) {
		(void)fputs("smime-token: is started by smime-agent; for people there is `smime-token --modules`\n", stderr);
		return 2;
	}
	/* A pinentry that has gone, or the core, shows as an error of the write. */
	(void)signal(SIGPIPE, SIG_IGN);
	harden();
	keep_socket();
	exchange_init(&exchange, TOKEN_SOCKET_FD);
	if (wire_receive(TOKEN_SOCKET_FD, wire_order_it(), &order, NULL) != 0 || order->body->type != WIRE_ORDER_SETUP)
		return 1;
	int r = act(order->body->setup, &exchange, &fault);
	if (r < 0)
		(void)exchange_send_error(&exchange, 0, r, &fault);
	wire_order_free(order);
	/* Modules run code of their own at exit, some of which waits for a card. */
	_exit(r < 0);
}
