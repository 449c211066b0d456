/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages of docs/protocol.asn1 as C structures, and their codec, which is made of OpenSSL's ASN.1 templates.
 *
 * Ownership follows OpenSSL: a decoded message owns everything in it and one X_free() ends it. A message is one whole
 * request or answer; nothing here keeps state. d2i accepts BER, so wire_decode() refuses whatever does not encode to itself.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/asn1t.h>
#include <openssl/x509.h>

#include "base.h"
#include "secret.h"

typedef struct wire_grant wire_grant;
typedef struct wire_key wire_key; /* STACK_OF() needs names of one word */
typedef struct wire_module wire_module;
typedef struct wire_token wire_token;
typedef struct wire_token_status wire_token_status;
typedef struct wire_module_status wire_module_status;
typedef struct wire_reader wire_reader;
typedef struct wire_prompt_status wire_prompt_status;
DEFINE_STACK_OF(wire_grant)
DEFINE_STACK_OF(wire_key)
DEFINE_STACK_OF(wire_module)
DEFINE_STACK_OF(wire_token)
DEFINE_STACK_OF(wire_token_status)
DEFINE_STACK_OF(wire_module_status)
DEFINE_STACK_OF(wire_reader)
DEFINE_STACK_OF(wire_prompt_status)
DEFINE_STACK_OF(ASN1_OCTET_STRING)

/* ---- Parts that several messages share ---- */

/* What a module says of a key and its slot that speaks for hardware; and the one thing that refutes it. */
enum wire_claim {
	WIRE_CLAIM_LOCAL = 1,
	WIRE_CLAIM_SENSITIVE = 2,
	WIRE_CLAIM_ALWAYS_SENSITIVE = 4,
	WIRE_CLAIM_NOT_EXTRACTABLE = 8,
	WIRE_CLAIM_NEVER_EXTRACTABLE = 16,
	WIRE_CLAIM_WITHHELD = 32, /* its private value is not handed out */
	WIRE_CLAIM_HARDWARE_MECHANISM = 64,
	WIRE_CLAIM_HARDWARE_SLOT = 128,
	WIRE_CLAIM_READABLE = 256, /* it would be */
};

enum wire_key_type { WIRE_KEY_RSA = 0, WIRE_KEY_EC = 1, WIRE_KEY_ED25519 = 2, WIRE_KEY_OTHER = 3, WIRE_KEY_XDH = 4 };

/* What a token says of itself. */
struct wire_token {
	ASN1_OCTET_STRING *id; /* SHA-256 of manufacturer, model, serial number and label, each ended by a zero byte */
	ASN1_UTF8STRING *label;
	ASN1_UTF8STRING *manufacturer;
	ASN1_UTF8STRING *model;
	ASN1_UTF8STRING *serial;
	ASN1_UTF8STRING *module; /* path of the PKCS#11 module */
	ASN1_UTF8STRING *slot;   /* description of its slot: for a card the name of its reader, of which PKCS#11 keeps 64 bytes */
};

enum wire_reader_state { WIRE_READER_EMPTY = 0, WIRE_READER_CARD = 1, WIRE_READER_MUTE = 2 };

/* A reader of smart cards, as pcscd tells. */
struct wire_reader {
	ASN1_UTF8STRING *name;
	uint32_t state;  /* enum wire_reader_state */
	uint32_t events; /* how many insertions and removals pcscd has counted: another number is another insertion */
};

struct wire_key {
	ASN1_OCTET_STRING *spki;  /* SHA-256 of the SubjectPublicKeyInfo: the name of the key */
	ASN1_OCTET_STRING *token; /* id of its token */
	ASN1_OCTET_STRING *id;    /* CKA_ID */
	ASN1_UTF8STRING *label;   /* CKA_LABEL */
	uint32_t type;            /* enum wire_key_type */
	uint32_t bits;
	ASN1_BOOLEAN seen;        /* the private key itself was seen, not only its public key or certificate */
	ASN1_BOOLEAN can_sign;    /* as the token says; TRUE while not seen */
	ASN1_BOOLEAN can_decrypt; /* CKA_DECRYPT, or CKA_DERIVE for EC */
	ASN1_BOOLEAN always_authenticate;
	uint32_t claims;               /* enum wire_claim: what speaks for hardware by the module's own word; of a key that was seen */
	uint32_t evidence;             /* enum policy_evidence; this and the next two the core alone sets */
	ASN1_UTF8STRING *evidence_why; /* what vouches for it */
	ASN1_BOOLEAN touch;            /* it was proved that each use takes a touch */
	STACK_OF(ASN1_OCTET_STRING) *certificates; /* DER, newest first; may be empty */
};

/* ---- Requests of clients ---- */

struct wire_hello {
	uint32_t version;
	ASN1_UTF8STRING *program;                                /* what the client calls itself: shown in prompts as its own claim */
	ASN1_UTF8STRING *display, *wayland_display, *xauthority; /* OPTIONAL, for the PIN prompt */
	ASN1_UTF8STRING *tty_name, *tty_type, *lc_ctype, *lc_messages;
	ASN1_NULL *no_prompt; /* OPTIONAL: nobody is to be asked for a PIN */
};

struct wire_list {
	uint32_t offset;
};

struct wire_intermediates {
	uint32_t offset;
	ASN1_OCTET_STRING *token; /* OPTIONAL: id; absent: what the configuration names alone */
};

struct wire_fingerprint {
	ASN1_OCTET_STRING *sha256;
};

struct wire_sign {
	ASN1_OCTET_STRING *key;         /* SPKI hash */
	ASN1_OCTET_STRING *certificate; /* OPTIONAL: SHA-256 of the certificate; absent: the newest valid one */
	ASN1_OBJECT *digest_algorithm;
	ASN1_OCTET_STRING *digest;             /* of the content */
	ASN1_BOOLEAN pss;                      /* RSASSA-PSS instead of v1.5 */
	ASN1_UTF8STRING *from;                 /* OPTIONAL: the address the client says it signs as */
	ASN1_UTF8STRING *recipients, *subject; /* OPTIONAL: claims of the client, for consent and the log */
};

struct wire_decrypt {
	ASN1_OCTET_STRING *key;
	ASN1_OBJECT *content_type; /* id-envelopedData or id-ct-authEnvelopedData */
	X509_ALGOR *content_encryption;
	ASN1_OCTET_STRING *recipient_info;            /* DER, WIRE_RECIPIENT_INFO_MAX_BYTES at most */
	ASN1_OCTET_STRING *originator;                /* OPTIONAL: certificate that a KeyAgreeRecipientInfo names as originator */
	ASN1_UTF8STRING *from, *recipients, *subject; /* OPTIONAL: claims of the client about the mail */
};

struct wire_token_name {
	ASN1_OCTET_STRING *token; /* OPTIONAL: id; absent: every token (lock), the only one (the others) */
};

/* What the policy would say. */
struct wire_explain {
	uint32_t operation;     /* enum policy_operation */
	ASN1_OCTET_STRING *key; /* OPTIONAL */
	uint32_t pid;           /* 0: the client itself */
	ASN1_UTF8STRING *from;  /* OPTIONAL */
};

enum wire_request_type {
	WIRE_HELLO = 0,
	WIRE_LIST = 1,
	WIRE_CERTIFICATE = 2,
	WIRE_SIGN = 3,
	WIRE_DECRYPT = 4,
	WIRE_UNLOCK = 5,
	WIRE_LOCK = 6,
	WIRE_STATUS = 7,
	WIRE_ANCHORS = 8,
	WIRE_SUBSCRIBE = 9,
	WIRE_PIN_CHANGE = 10,
	WIRE_PIN_UNBLOCK = 11,
	WIRE_INTERMEDIATES = 12,
	WIRE_RELOAD = 13,
	WIRE_EXPLAIN = 14,
	WIRE_REQUEST_TYPES
};

struct wire_request_body {
	int type; /* enum wire_request_type */
	union {
		struct wire_hello *hello;
		struct wire_list *list;
		struct wire_fingerprint *certificate;
		struct wire_sign *sign;
		struct wire_decrypt *decrypt;
		struct wire_token_name *unlock;
		struct wire_token_name *lock;
		ASN1_NULL *status;
		struct wire_list *anchors;
		ASN1_NULL *subscribe;
		struct wire_token_name *pin_change;
		struct wire_token_name *pin_unblock;
		struct wire_intermediates *intermediates;
		ASN1_NULL *reload;
		struct wire_explain *explain;
	};
};

struct wire_request {
	uint32_t id; /* chosen by the client, unique among its unanswered requests */
	struct wire_request_body *body;
};

/* ---- Answers to clients ---- */

struct wire_error {
	uint32_t code;         /* enum smime_error */
	ASN1_UTF8STRING *text; /* what failed, on what, what to do; may be empty */
};

struct wire_hello_reply {
	uint32_t version;
	ASN1_UTF8STRING *agent_version;
};

struct wire_list_reply {
	uint32_t total;
	STACK_OF(wire_key) *keys;           /* from the offset asked for; as many as fit WIRE_PAGE_MAX_BYTES */
	STACK_OF(X509_ALGOR) *capabilities; /* OPTIONAL: SMIMECapabilities that this agent's signatures advertise */
};

struct wire_blobs { /* a page of DER certificates */
	uint32_t total;
	STACK_OF(ASN1_OCTET_STRING) *items;
};

struct wire_sign_reply {
	ASN1_OCTET_STRING *signer_info;            /* DER SignerInfo */
	STACK_OF(ASN1_OCTET_STRING) *certificates; /* DER: signer first, then encryption certificate and intermediates */
};

struct wire_decrypt_reply {
	ASN1_OCTET_STRING *cek;
};

enum wire_token_state { WIRE_TOKEN_STARTING = 0, WIRE_TOKEN_READY = 1, WIRE_TOKEN_FAILED = 2 };
enum wire_pin_state { WIRE_PIN_OK = 0, WIRE_PIN_LOW = 1, WIRE_PIN_FINAL = 2, WIRE_PIN_BLOCKED = 3, WIRE_PIN_NONE = 4 };

struct wire_token_status {
	struct wire_token *token;
	uint32_t state; /* enum wire_token_state */
	uint32_t pin;   /* enum wire_pin_state, as the token's flags say */
	ASN1_BOOLEAN unlocked;
	uint32_t keys;
	uint32_t queued;        /* operations waiting or under way */
	ASN1_UTF8STRING *fault; /* why it failed; empty otherwise */
	uint32_t tries_lost;    /* of the PIN, since it was last right: as the record of tries has it */
	uint32_t tries_left;    /* at most */
};

struct wire_module_status {
	ASN1_UTF8STRING *path;
	uint32_t tokens;
	ASN1_UTF8STRING *fault; /* why it can't be used; empty otherwise */
};

struct wire_prompt_status {
	ASN1_OCTET_STRING *token; /* id */
	ASN1_UTF8STRING *label;   /* of the token */
	ASN1_UTF8STRING *text;    /* who asks for what */
};

struct wire_status_reply {
	ASN1_UTF8STRING *agent_version;
	uint32_t pid;
	uint32_t clients;
	uint32_t prompts; /* shown or waiting */
	STACK_OF(wire_module_status) *modules;
	STACK_OF(wire_token_status) *tokens;
	ASN1_UTF8STRING *reader_fault; /* why readers can't be watched; empty otherwise */
	STACK_OF(wire_reader) *readers;
	STACK_OF(wire_prompt_status) *line; /* of prompts: the first is shown, the others wait in this order */
	ASN1_UTF8STRING *pin_program;       /* that asks for PINs */
	ASN1_UTF8STRING *pin_file;          /* that has the PIN instead; NULL: none has */
	ASN1_UTF8STRING *audit_directory;   /* of the log; NULL: none is kept */
	ASN1_UTF8STRING *audit_fault;       /* why it can't be written; NULL: it can */
	ASN1_GENERALIZEDTIME *rules_read;   /* when the rules were read */
};

enum wire_event_kind {
	WIRE_EVENT_WATCHING = 0, /* the subscription stands */
	WIRE_EVENT_MISSED = 1,   /* the client was too slow for `number` events */
	WIRE_EVENT_TOKEN_IN = 2,
	WIRE_EVENT_TOKEN_OUT = 3,
	WIRE_EVENT_READER_IN = 4,
	WIRE_EVENT_READER_OUT = 5,
	WIRE_EVENT_LOCKED = 6,        /* a login has ended, and with it what is known of the PIN */
	WIRE_EVENT_UNLOCKED = 7,      /* a login stands */
	WIRE_EVENT_PROMPT_SHOWN = 8,  /* somebody is asked for a PIN */
	WIRE_EVENT_PROMPT_QUEUED = 9, /* a prompt waits for `number` others; told again when it moves up */
	WIRE_EVENT_PROMPT_CLOSED = 10,
	WIRE_EVENT_SLOW = 11, /* the token has not answered for a while, and perhaps waits to be touched */
	WIRE_EVENT_DONE = 12, /* an order has ended, with `code` */
};

struct wire_event {
	uint32_t kind;            /* enum wire_event_kind */
	ASN1_OCTET_STRING *token; /* OPTIONAL: id */
	ASN1_UTF8STRING *label;   /* of the token, or name of the reader; empty when it is about neither */
	ASN1_UTF8STRING *text;    /* for people; may be empty */
	uint32_t number;
	uint32_t code; /* enum smime_error */
};

struct wire_explain_reply {
	uint32_t outcome; /* enum policy_outcome */
	ASN1_UTF8STRING *rule, *file;
	uint32_t line;
	ASN1_UTF8STRING *text, *client, *key, *policy;
	ASN1_BOOLEAN fresh_pin;
};

enum wire_reply_type {
	WIRE_REPLY_ERROR = 0,
	WIRE_REPLY_HELLO = 1,
	WIRE_REPLY_LIST = 2,
	WIRE_REPLY_CERTIFICATE = 3,
	WIRE_REPLY_SIGN = 4,
	WIRE_REPLY_DECRYPT = 5,
	WIRE_REPLY_DONE = 6,
	WIRE_REPLY_STATUS = 7,
	WIRE_REPLY_ANCHORS = 8,
	WIRE_REPLY_EVENT = 9,
	WIRE_REPLY_EXPLAIN = 10,
};

struct wire_reply_body {
	int type; /* enum wire_reply_type */
	union {
		struct wire_error *error;
		struct wire_hello_reply *hello;
		struct wire_list_reply *list;
		ASN1_OCTET_STRING *certificate;
		struct wire_sign_reply *sign;
		struct wire_decrypt_reply *decrypt;
		ASN1_NULL *done;
		struct wire_status_reply *status;
		struct wire_blobs *anchors;
		struct wire_event *event;
		struct wire_explain_reply *explain;
	};
};

struct wire_reply {
	uint32_t id;
	struct wire_reply_body *body;
};

/* ---- Core to token process ---- */

enum wire_token_role { WIRE_ROLE_MODULES = 0, WIRE_ROLE_SCAN = 1, WIRE_ROLE_SERVE = 2, WIRE_ROLE_FOLLOW = 3, WIRE_ROLE_ASK = 4 };

/* What somebody must agree to before a token is asked. */
struct wire_question {
	ASN1_UTF8STRING *label, *serial;       /* of the token */
	STACK_OF(ASN1_UTF8STRING) *paragraphs; /* what is sure first */
};

/* The first message to a token process: what it is to be. */
struct wire_setup {
	uint32_t role;                             /* enum wire_token_role */
	ASN1_UTF8STRING *module;                   /* path; empty for WIRE_ROLE_MODULES and WIRE_ROLE_ASK */
	ASN1_UTF8STRING *init_reserved;            /* OPTIONAL: pReserved of C_Initialize */
	ASN1_OCTET_STRING *token;                  /* OPTIONAL: id of the token to serve */
	uint32_t sessions;                         /* threads with a session each */
	ASN1_UTF8STRING *pin_file;                 /* OPTIONAL */
	STACK_OF(ASN1_OCTET_STRING) *certificates; /* certificates that may be missing on the token, and intermediates */
	STACK_OF(X509_ALGOR) *capabilities;        /* SMIMECapabilities, in order of preference */
	ASN1_OCTET_STRING *rejection_secret;       /* 32 bytes for implicit rejection */
	ASN1_UTF8STRING *ledger;                   /* OPTIONAL: directory of the records of PIN tries */
	uint32_t crashes;                          /* of the processes before, in the last minute */
	STACK_OF(wire_grant) *grants;
	ASN1_UTF8STRING *reader;                  /* OPTIONAL: the only reader that is looked into */
	STACK_OF(ASN1_UTF8STRING) *other_readers; /* those that OpenSC is to leave alone */
	ASN1_BOOLEAN exclusive;                   /* no other program can use the card while somebody is logged in */
	ASN1_BOOLEAN network;                     /* the module may open Internet sockets */
	STACK_OF(ASN1_UTF8STRING) *writable;      /* further files and directories that the module may write to */
	STACK_OF(ASN1_UTF8STRING) *readable;      /* and those that it may read */
	struct wire_question *question;           /* OPTIONAL: of WIRE_ROLE_ASK */
};

/* What the configuration allows for a key that wants the PIN each time. */
struct wire_grant {
	ASN1_UTF8STRING *key; /* hex digits that its SPKI hash begins with */
	uint32_t count;       /* operations for one PIN, the first included */
	uint32_t within_s;
};

struct wire_prompt_grant {
	ASN1_BOOLEAN granted;                                          /* TRUE: a pinentry's descriptor comes with the frame */
	ASN1_UTF8STRING *tty_name, *tty_type, *lc_ctype, *lc_messages; /* OPTIONAL, of the client */
	struct wire_error *refusal;                                    /* OPTIONAL: when not granted */
};

/* An operation, with what a prompt tells the person about who asks. */
struct wire_caller {
	ASN1_UTF8STRING *text;
	ASN1_BOOLEAN fresh_pin; /* the PIN is to be typed for this order */
};
struct wire_sign_task {
	struct wire_caller *caller;
	struct wire_sign *request;
};
struct wire_decrypt_task {
	struct wire_caller *caller;
	struct wire_decrypt *request;
};

enum wire_order_type {
	WIRE_ORDER_SETUP = 0,
	WIRE_ORDER_SIGN = 1,
	WIRE_ORDER_DECRYPT = 2,
	WIRE_ORDER_UNLOCK = 3,
	WIRE_ORDER_PROMPT = 4, /* its id is the one of the report WIRE_REPORT_PROMPT; 0 for WIRE_ROLE_ASK */
	WIRE_ORDER_PIN_CHANGE = 5,
	WIRE_ORDER_PIN_UNBLOCK = 6,
};

struct wire_order_body {
	int type; /* enum wire_order_type */
	union {
		struct wire_setup *setup;
		struct wire_sign_task *sign;
		struct wire_decrypt_task *decrypt;
		struct wire_caller *unlock;
		struct wire_prompt_grant *prompt;
		struct wire_caller *pin_change;
		struct wire_caller *pin_unblock;
	};
};

struct wire_order {
	uint32_t id; /* chosen by the core */
	struct wire_order_body *body;
};

/* ---- Token process to core ---- */

struct wire_module {
	ASN1_UTF8STRING *path;
	ASN1_UTF8STRING *name;
	ASN1_UTF8STRING *init_reserved; /* OPTIONAL */
};

/* What a scan found. */
struct wire_found {
	ASN1_BOOLEAN pcsc; /* the module works through pcscd, so that its tokens come and go with the cards in readers */
	STACK_OF(wire_token) *tokens;
};

struct wire_inventory {
	struct wire_token *token;
	uint32_t pin;           /* enum wire_pin_state */
	ASN1_BOOLEAN unlocked;  /* keys can be used without a PIN from now on */
	ASN1_BOOLEAN logged_in; /* since a login stands, which a lock ends */
	ASN1_BOOLEAN more;      /* this is a page, and another one follows at once */
	STACK_OF(wire_key) *keys;
	STACK_OF(ASN1_OCTET_STRING) *certificates; /* every certificate on the token that belongs to no key */
	uint32_t tries_lost;                       /* of the PIN */
	uint32_t tries_left;                       /* at most */
};

struct wire_unwrapped {
	ASN1_OCTET_STRING *cek;
	ASN1_OCTET_STRING *encrypted_key; /* SHA-256 of the encryptedKey octets, for the core's table of reuse */
};

enum wire_report_type {
	WIRE_REPORT_ERROR = 0, /* the order with this id failed; id 0: the process can't go on */
	WIRE_REPORT_MODULES = 1,
	WIRE_REPORT_TOKENS = 2,
	WIRE_REPORT_INVENTORY = 3, /* unasked: at the start and whenever it changes */
	WIRE_REPORT_SIGNED = 4,
	WIRE_REPORT_UNWRAPPED = 5,
	WIRE_REPORT_DONE = 6,   /* unlock, PIN change, unblock */
	WIRE_REPORT_PROMPT = 7, /* the order with this id needs a prompt */
	WIRE_REPORT_PROMPT_DONE = 8,
	WIRE_REPORT_SLOTS = 9,    /* a token came or went; the first one says that the module is followed */
	WIRE_REPORT_AGREED = 10,  /* what the person said who was asked for consent */
	WIRE_REPORT_REFUSED = 11, /* an error with words comes behind it */
};

struct wire_report_body {
	int type; /* enum wire_report_type */
	union {
		struct wire_error *error;
		STACK_OF(wire_module) *modules;
		struct wire_found *found;
		struct wire_inventory *inventory;
		struct wire_sign_reply *signed_;
		struct wire_unwrapped *unwrapped;
		ASN1_NULL *done;
		ASN1_NULL *prompt;
		ASN1_NULL *prompt_done;
		ASN1_NULL *slots;
		ASN1_NULL *agreed;
		ASN1_NULL *refused;
	};
};

struct wire_report {
	uint32_t id;
	struct wire_report_body *body;
};

/* ---- Core and smime-reader ---- */

enum wire_reader_order_type {
	WIRE_READER_WATCH = 0, /* may be repeated: the last one holds */
	WIRE_READER_RESET = 1,
};

struct wire_reader_order {
	int type; /* enum wire_reader_order_type */
	union {
		STACK_OF(ASN1_UTF8STRING) *watch; /* the readers whose cards are to be reset when the core has gone */
		ASN1_UTF8STRING *reset;           /* the reader whose card is to be reset now */
	};
};

struct wire_readers {
	ASN1_UTF8STRING *fault; /* why there are none that could be watched; empty otherwise */
	STACK_OF(wire_reader) *readers;
};

enum wire_reader_report_type { WIRE_READER_READERS = 0, WIRE_READER_DONE = 1 };

struct wire_reader_report {
	int type; /* enum wire_reader_report_type */
	union {
		struct wire_readers *readers; /* all of them, whenever one has changed */
		struct wire_error *done;      /* what came of the reset */
	};
};

/* ---- Core to spawner ---- */

enum wire_program { WIRE_PROGRAM_TOKEN = 0, WIRE_PROGRAM_PINENTRY = 1, WIRE_PROGRAM_READER = 2 };

struct wire_spawn {
	uint32_t program;                                                                                       /* enum wire_program */
	ASN1_UTF8STRING *display, *wayland_display, *xauthority, *tty_name, *tty_type, *lc_ctype, *lc_messages; /* OPTIONAL, for pinentry */
};

/*
 * For each message X that is made, encoded or freed by itself: X_new() (required parts present and empty, optional parts NULL), X_free() (accepts NULL), X_it()
 * (the template), X_freep() (cleanup attribute).
 */
#define WIRE_DECLARE(type)                                 \
	struct type *type##_new(void);                     \
	void type##_free(struct type *message);            \
	const ASN1_ITEM *type##_it(void);                  \
	static inline void type##_freep(struct type **p) { \
		type##_free(*p);                           \
	}

WIRE_DECLARE(wire_token)
WIRE_DECLARE(wire_key)
WIRE_DECLARE(wire_hello)
WIRE_DECLARE(wire_sign)
WIRE_DECLARE(wire_decrypt)
WIRE_DECLARE(wire_request)
WIRE_DECLARE(wire_error)
WIRE_DECLARE(wire_token_status)
WIRE_DECLARE(wire_module_status)
WIRE_DECLARE(wire_prompt_status)
WIRE_DECLARE(wire_status_reply)
WIRE_DECLARE(wire_reply)
WIRE_DECLARE(wire_grant)
WIRE_DECLARE(wire_question)
WIRE_DECLARE(wire_setup)
WIRE_DECLARE(wire_prompt_grant)
WIRE_DECLARE(wire_order)
WIRE_DECLARE(wire_module)
WIRE_DECLARE(wire_inventory)
WIRE_DECLARE(wire_report)
WIRE_DECLARE(wire_reader)
WIRE_DECLARE(wire_readers)
WIRE_DECLARE(wire_reader_order)
WIRE_DECLARE(wire_reader_report)
WIRE_DECLARE(wire_spawn)

/*
 * Makes the chosen alternative of a request, answer, order or report ready to fill in. E.g.
 * `request = wire_request_make(7, WIRE_SIGN); request->body->sign->pss = 0xff;` NULL when memory is short.
 */
struct wire_request *wire_request_make(uint32_t id, enum wire_request_type type);
struct wire_reply *wire_reply_make(uint32_t id, enum wire_reply_type type);
struct wire_order *wire_order_make(uint32_t id, enum wire_order_type type);
struct wire_report *wire_report_make(uint32_t id, enum wire_report_type type);
struct wire_reader_order *wire_reader_order_make(enum wire_reader_order_type type);
struct wire_reader_report *wire_reader_report_make(enum wire_reader_report_type type);

/*
 * DER of a message. *ret_der is the caller's to free() (secrets in it: wire_free_encoded()). Returns 0,
 * -SMIME_E_NO_MEMORY, or -SMIME_E_PROTOCOL when it would not fit a frame.
 */
int wire_encode(const void *message, const ASN1_ITEM *item, uint8_t **ret_der, size_t *ret_len);

/* Wipes and frees what wire_encode() or frame_read() gave. Accepts NULL. */
void wire_free_encoded(uint8_t *der, size_t len);

/*
 * A message from DER; the whole input must be one message that encodes to itself, octet for octet, with every text within
 * WIRE_TEXT_MAX_BYTES. *ret_message is the caller's to free. Returns 0, -SMIME_E_PROTOCOL, -SMIME_E_NO_MEMORY.
 */
int wire_decode(struct bytes der, const ASN1_ITEM *item, void *ret_message);

/* Whether the fingerprints and the digest of a request have the sizes of docs/protocol.asn1: wire_decode() looks at types alone. */
bool wire_request_is_sized(const struct wire_request *request);

/* Encodes and writes one frame; for blocking sockets. Errors of wire_encode() and frame_write(). */
int wire_send(int fd, const void *message, const ASN1_ITEM *item, int pass_fd);

/* The same with two messages at once. */
int wire_send_both(int fd, const void *first, const void *second, const ASN1_ITEM *item);

/* Reads one frame and decodes it. Returns 1 at a clean end. Errors of frame_read() and wire_decode(). ret_fd as there. */
int wire_receive(int fd, const ASN1_ITEM *item, void *ret_message, int *ret_fd);

/* Sets a text or octets of a message; makes the field when it is NULL. A NULL text leaves the field as it is. 0 or -SMIME_E_NO_MEMORY. */
int wire_set_text(ASN1_UTF8STRING **field, const char *text);
int wire_set_octets(ASN1_OCTET_STRING **field, const void *data, size_t len);
int wire_push_octets(STACK_OF(ASN1_OCTET_STRING) **stack, const void *data, size_t len);

/* The text of a field: "" when absent. Decoded messages hold no zero bytes in texts. */
const char *wire_text(const ASN1_UTF8STRING *field);

/* The bytes of a field: {NULL, 0} when absent. */
struct bytes wire_octets(const ASN1_OCTET_STRING *field);

/* Whether a field is exactly these octets. */
bool wire_octets_equal(const ASN1_OCTET_STRING *field, const void *data, size_t len);

#endif
