/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsmime: S/MIME with keys that an agent holds.
 *
 * A program makes one context, calls an operation with descriptors to read from and write to, and frees the context. Content
 * of any size takes constant memory. The library does the parsing, hashing and bulk encryption; the agent does only what needs
 * the private key. Nothing is written to the output descriptor before the integrity of what is released is known.
 *
 * Calls return 0 or more for success and -enum smime_error for a failure; smime_message() then says what failed, on what, and
 * what to do. Any call but those that free can fail with -SMIME_E_NO_MEMORY and -SMIME_E_INTERNAL; one that asks the agent also
 * with the errors of its group (300), -SMIME_E_PROTOCOL and -SMIME_E_BUSY. smime_exit_code() gives the group of any other.
 * Texts are UTF-8 as far as whoever wrote them kept to it; see smime_printable(). What a call is given stays the caller's and is
 * only used during the call; options may be NULL, which means all zero, and so may the place for a report that nobody wants.
 * A context is not for two threads at once; two contexts are independent. A child that was forked may use its copy of a context,
 * which makes a connection of its own. A descriptor that does not block is waited for. Writing to a pipe or socket that nobody
 * reads raises SIGPIPE, as write(2) does; a program that ignores the signal gets -SMIME_E_IO.
 * Version 0.x: no promise of stability yet.
 */
#ifndef SMIME_SMIME_H
#define SMIME_SMIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <smime/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SMIME_VERSION "0.1.0"

struct smime;

/* ---- Context ---- */

/* A context with the default settings. -SMIME_E_NO_MEMORY. The agent is only contacted when an operation needs it. */
int smime_new(struct smime **ret_smime);

/* Ends a context and its connection. Accepts NULL, returns NULL. */
struct smime *smime_free(struct smime *smime);

/*
 * The agent's socket; NULL or not called: $SMIME_AGENT_SOCK, else $XDG_RUNTIME_DIR/smime-agent/agent.sock, else the same under
 * /run/user/UID, else /tmp/smime-agent-UID/agent.sock (the directory must be ours and 0700). Copied. -SMIME_E_NO_MEMORY.
 */
int smime_set_socket(struct smime *smime, const char *path);

enum smime_socket_origin {
	SMIME_SOCKET_SET = 0,         /* smime_set_socket() */
	SMIME_SOCKET_ENVIRONMENT = 1, /* $SMIME_AGENT_SOCK */
	SMIME_SOCKET_RUNTIME = 2,     /* $XDG_RUNTIME_DIR */
	SMIME_SOCKET_RUN_USER = 3,    /* /run/user/UID */
	SMIME_SOCKET_TMP = 4,         /* /tmp/smime-agent-UID */
};

/*
 * Where the agent is looked for, and why there; nothing is connected. *ret_path is the context's, until the next call or its end.
 * -SMIME_E_NO_AGENT: the only place left is a directory that is not safe.
 */
int smime_socket(struct smime *smime, const char **ret_path, enum smime_socket_origin *ret_origin);

/* Whether to start smime-agent when nothing answers on the default socket. Default: no. */
void smime_set_autostart(struct smime *smime, bool autostart);

/*
 * Whether the agent may have somebody asked for a PIN for this context; default: yes. If not, what takes a PIN that the agent does
 * not know fails with -SMIME_E_PIN_NO_PROMPT: for programs that work while nobody sits there.
 */
void smime_set_prompts(struct smime *smime, bool prompts);

/* What this program is called in PIN prompts; default: the program's short name. Copied. -SMIME_E_NO_MEMORY. */
int smime_set_program(struct smime *smime, const char *name);

/* The text of the last failure, one line without a final line end; "" when there was none. Owned by the context. */
const char *smime_message(const struct smime *smime);

/* What the program could have been told that would help against the last failure, for a hint in the program's own words. */
enum smime_wanted {
	SMIME_WANTED_NOTHING = 0,
	SMIME_WANTED_KEY = 1,         /* which key is meant */
	SMIME_WANTED_CMS = 2,         /* that the input is no mail: `cms` of the options */
	SMIME_WANTED_CONTENT = 3,     /* the content that a detached signature is for */
	SMIME_WANTED_TRUST = 4,       /* a certificate to trust */
	SMIME_WANTED_CRL = 5,         /* a CRL */
	SMIME_WANTED_PASSWORD = 6,    /* the password of the message */
	SMIME_WANTED_SHARED_KEY = 7,  /* the key-encryption key that it is encrypted with */
	SMIME_WANTED_OUTER_LAYER = 8, /* that its outermost layer is enough: `one_layer` of the options */
	SMIME_WANTED_CERTIFICATE = 9, /* the certificate of the recipient */
};
enum smime_wanted smime_wanted(const struct smime *smime);

/*
 * Makes a text fit to be shown to a person in one line, in place: controls, what turns the direction of writing, and octets
 * that are no UTF-8 become '?'. For the texts of keys, certificates and reports, which may be anything that a stranger wrote;
 * smime_message() needs it no more. Returns `text`; accepts NULL.
 */
char *smime_printable(char *text);

/* ---- Keys and tokens ---- */

struct smime_certificate {
	const uint8_t *der;
	size_t der_len;
	const char *fingerprint;      /* SHA-256 of the certificate, lower-case hex */
	const char *subject, *issuer; /* RFC 2253 */
	const char *serial;           /* hex */
	const char *const *addresses; /* NULL-terminated; may be empty */
	time_t not_before, not_after;
	const char *const *key_usage; /* "digitalSignature" .. as RFC 5280 has them; NULL-terminated; empty: for every use */
	bool authority;               /* it is that of a certification authority */
	bool attestation;             /* a device says in it that it has made a key: it is nobody's, and nothing is signed with it */
	const char *cannot_sign;      /* why it can't be used for signing now, NULL when it can */
	const char *cannot_encrypt;   /* why nobody should encrypt to it now, NULL when they can */
};

struct smime_key {
	const char *fingerprint; /* SHA-256 of the SubjectPublicKeyInfo, lower-case hex: the name of the key */
	const char *id;          /* CKA_ID, hex; may be empty */
	const char *label;
	const char *uri;                                   /* RFC 7512, without a PIN */
	const char *token_label, *token_serial, *token_id; /* id: hex */
	const char *algorithm;                             /* "RSA-2048", "EC-256", "Ed25519" */
	bool can_sign, can_decrypt;                        /* what the token allows, as far as it is known */
	bool seen; /* the private key itself was seen; false before the first login on most tokens */
	bool always_authenticate;
	const char *evidence;                         /* of being in hardware: "software", "claimed", "enrolled", "ca-policy", "attested" */
	const char *evidence_why;                     /* what vouches for it, in words */
	bool touch;                                   /* it was proved that each use takes a touch */
	const struct smime_certificate *certificates; /* newest first */
	size_t certificate_count;
};

struct smime_keys {
	const struct smime_key *keys;
	size_t count;
};

/*
 * Every key that the agent has; tokens are looked for first, which may take seconds. That there is none is no failure. *ret_keys
 * and all in it is one object: smime_keys_free() ends it.
 */
int smime_keys(struct smime *smime, struct smime_keys **ret_keys);
struct smime_keys *smime_keys_free(struct smime_keys *keys); /* accepts NULL, returns NULL */

struct smime_certificates {
	const struct smime_certificate *certificates;
	size_t count;
};

/*
 * The certificates of a file in PEM or DER, in its order; NULL: those of the person's folder, ~/.config/smime-agent/certificates/, of which
 * files that can't be read are left out. Nobody has looked at who issued them. -SMIME_E_IO, -SMIME_E_MALFORMED,
 * -SMIME_E_TOO_LARGE. *ret_certificates and all in it is one object: smime_certificates_free() ends it.
 */
int smime_certificates(struct smime *smime, const char *path, struct smime_certificates **ret_certificates);
struct smime_certificates *smime_certificates_free(struct smime_certificates *certificates); /* accepts NULL, returns NULL */

/*
 * Puts a certificate into the person's folder, so that it is found for its addresses; the folder is made where it is missing.
 * Returns 1 when it was there already. Whether to believe the certificate is the caller's to know. -SMIME_E_IO, -SMIME_E_MALFORMED.
 */
int smime_certificate_keep(struct smime *smime, const struct smime_certificate *certificate);

/*
 * Every certificate that the agent has beside those of its keys, on tokens and in `certificates:` of agent.yaml: those of authorities, and
 * whatever else is there. *ret_certificates and all in it is one object: smime_certificates_free() ends it.
 */
int smime_agent_certificates(struct smime *smime, struct smime_certificates **ret_certificates);

enum smime_token_state { SMIME_TOKEN_STARTING = 0, SMIME_TOKEN_READY = 1, SMIME_TOKEN_FAILED = 2 };
enum smime_pin_state { SMIME_PIN_OK = 0, SMIME_PIN_LOW = 1, SMIME_PIN_FINAL = 2, SMIME_PIN_BLOCKED = 3, SMIME_PIN_UNSET = 4 };

struct smime_token {
	const char *id, *label, *manufacturer, *model, *serial, *module;
	const char *slot; /* description of its slot; of a card the name of its reader */
	enum smime_token_state state;
	enum smime_pin_state pin;
	bool unlocked;
	unsigned keys, queued;
	const char *fault;   /* why it failed; "" otherwise */
	unsigned tries_lost; /* of the PIN, since it was last right, as the agent has recorded them; other programs may have lost more */
	unsigned tries_left; /* at most; 0: none, or not known */
};

struct smime_module {
	const char *path, *fault;
	unsigned tokens;
};

enum smime_reader_state { SMIME_READER_EMPTY = 0, SMIME_READER_CARD = 1, SMIME_READER_MUTE = 2 }; /* mute: a card that does not answer */

struct smime_reader {
	const char *name;
	enum smime_reader_state state;
};

/* A PIN prompt that is shown or waits. */
struct smime_prompt {
	const char *token_id, *token_label;
	const char *text; /* who asks for what */
};

struct smime_status {
	const char *agent_version, *socket;
	unsigned pid, clients, prompts;
	const char *reader_fault; /* why readers can't be watched; empty otherwise */
	const struct smime_reader *readers;
	size_t reader_count;
	const struct smime_prompt *line; /* of prompts: the first is shown, the others wait in this order */
	size_t line_count;               /* as many as fit, `prompts` says how many there are */
	const struct smime_module *modules;
	size_t module_count;
	const struct smime_token *tokens;
	size_t token_count;
	const char *pin_program;     /* that asks for PINs; NULL: the agent doesn't say */
	const char *pin_file;        /* that has the PIN, so that nobody is asked; NULL: none has */
	const char *audit_directory; /* of the audit log; NULL: none is kept, or the agent doesn't say */
	const char *audit_fault;     /* why it could not be written when that was last tried; NULL: it could */
	time_t rules_read;           /* when the rules were read, at the start or by a reload; 0: the agent doesn't say */
};

/*
 * What the agent knows now; it waits for no token. *ret_status and all in it is one object: smime_status_free() ends it. Of more
 * modules or tokens than fit an answer (some hundreds) the last are left out.
 */
int smime_status(struct smime *smime, struct smime_status **ret_status);
struct smime_status *smime_status_free(struct smime_status *status); /* accepts NULL, returns NULL */

/*
 * Asks for the PIN now, and returns when the token is unlocked. token: label, serial number or id (its first 4 hex digits at
 * least); NULL: the only one. -SMIME_E_NO_TOKEN: none of that name, or several; -SMIME_E_KEY_AMBIGUOUS: NULL and several tokens;
 * the errors of tokens and PINs (group 400).
 */
int smime_unlock(struct smime *smime, const char *token);

/*
 * Has the PIN changed: the agent asks for the old one and for a new one, and the token is locked afterwards. As smime_unlock();
 * nothing that is typed passes through this program.
 */
int smime_pin_change(struct smime *smime, const char *token);

/* The same with the PUK instead of the old PIN, also for a PIN that is not blocked. */
int smime_pin_unblock(struct smime *smime, const char *token);

/* Forgets the PIN and ends the token's session; NULL: every token. Locking what is locked is no error. -SMIME_E_NO_TOKEN. */
int smime_lock(struct smime *smime, const char *token);

/* ---- Events ---- */

/* The numbers and names are stable; more may follow. */
enum smime_event_kind {
	SMIME_EVENT_WATCHING = 0,       /* "watching": from here on nothing is left out but what is told as missed */
	SMIME_EVENT_MISSED = 1,         /* "missed": this program was too slow for some events */
	SMIME_EVENT_TOKEN_IN = 2,       /* "token-in" */
	SMIME_EVENT_TOKEN_OUT = 3,      /* "token-out" */
	SMIME_EVENT_READER_IN = 4,      /* "reader-in" */
	SMIME_EVENT_READER_OUT = 5,     /* "reader-out" */
	SMIME_EVENT_LOCKED = 6,         /* "locked": the PIN is no longer known */
	SMIME_EVENT_UNLOCKED = 7,       /* "unlocked" */
	SMIME_EVENT_PROMPT_SHOWN = 8,   /* "prompt-shown": somebody is asked for a PIN */
	SMIME_EVENT_PROMPT_QUEUED = 9,  /* "prompt-queued": a prompt waits for others; told again when it moves up */
	SMIME_EVENT_PROMPT_CLOSED = 10, /* "prompt-closed" */
	SMIME_EVENT_SLOW = 11,          /* "slow": the token has not answered for half a second; perhaps it waits to be touched */
	SMIME_EVENT_DONE = 12,          /* "done": an operation has ended */
};

struct smime_event {
	enum smime_event_kind kind;
	const char *name;
	const char *token_id; /* hex; NULL when it is about no token */
	const char *label;    /* of the token, or the name of the reader; "" otherwise */
	const char *text;     /* for people: who asks for what, why; may be "" */
	unsigned place;       /* of a prompt that waits: how many are before it */
	unsigned missed;      /* how many events were */
	int code;             /* of an operation that is done: enum smime_error, 0 when it succeeded */
};

/* `event` and all in it are valid during the call. Any value but 0 ends the watch. */
typedef int (*smime_event_handler)(void *userdata, const struct smime_event *event);

/*
 * Calls the handler for each event, the first (watching) at once, until it returns something else than 0, which is returned; until
 * `stop`, a descriptor (-1: none), can be read: 0; or until the agent ends: -SMIME_E_AGENT_GONE. The handler must not use the
 * context.
 */
int smime_watch(struct smime *smime, int stop, smime_event_handler handler, void *userdata);

/* ---- Policy ---- */

enum smime_policy_outcome { SMIME_POLICY_ALLOW = 0, SMIME_POLICY_ASK = 1, SMIME_POLICY_DENY = 2 };

/* What the policy would say of an operation, and why. */
struct smime_explanation {
	enum smime_policy_outcome outcome;
	const char *rule; /* its name; "default" where no rule applies */
	const char *file; /* where it stands; "" by default */
	unsigned line;
	const char *text;   /* what the rule says to whoever is denied; "" when it says nothing */
	const char *client; /* what the agent knows of the client, as rules see it */
	const char *key;    /* likewise of the key; "" without one */
	const char *policy; /* SHA-256 of the files that are in force, hex; "" when there are none */
	bool fresh_pin;     /* the PIN has to be typed for this operation, though the token be unlocked */
};

/*
 * Asks without doing anything. operation: "sign", "decrypt", "raw-sign", "raw-decrypt", "derive", "unlock" or "list". key: as for signing, or
 * NULL; from: the address that would be claimed, or NULL; pid: of the process that would ask, 0: this one. -SMIME_E_USAGE for what there is not,
 * the errors of choosing a key, -SMIME_E_DENIED for other users than the agent's. *ret_explanation is one object: smime_explanation_free().
 */
int smime_policy_explain(struct smime *smime, const char *operation, const char *key, const char *from, unsigned pid,
	struct smime_explanation **ret_explanation);
struct smime_explanation *smime_explanation_free(struct smime_explanation *explanation); /* accepts NULL, returns NULL */

/* Has the agent read its rules again. -SMIME_E_USAGE: they are not good, and those in force stay; the message says where. */
int smime_policy_reload(struct smime *smime);

/*
 * Whether a configuration is good; NULL: that in the usual places. -SMIME_E_USAGE, with file, line and column. No agent is asked, but
 * the program smime-agent is run: -SMIME_E_NO_AGENT when it can't be. -SMIME_E_IO: there is no such file.
 */
int smime_policy_check(struct smime *smime, const char *file);

/* ---- Protecting ---- */

/* The DER of a certificate. */
struct smime_der {
	const uint8_t *octets;
	size_t len;
};

/* A signature that was just made. */
struct smime_made {
	struct smime_der certificate; /* with which one */
	const char *digest;           /* "sha256", "sha384", "sha512" */
	time_t signing_time;          /* as the signature says; 0: it does not */
};

struct smime_sign_options {
	const char *key;    /* address, PKCS#11 URI, SPKI or certificate fingerprint, or an unambiguous prefix; NULL: by the From address */
	const char *digest; /* "sha256", "sha384", "sha512"; NULL: by the key */
	bool pss;           /* RSASSA-PSS instead of PKCS#1 v1.5 */
	bool opaque;        /* mail: application/pkcs7-mime instead of multipart/signed */
	bool cms;           /* input and output are no mail: bytes in, CMS out */
	bool detached;      /* with cms: without the content */
	bool pem;           /* with cms: PEM */
	const char *pem_label;  /* what stands after its BEGIN and END, printable ASCII; NULL: "CMS" */
	bool header_protection; /* mail: its header is signed too, inside the content (RFC 9788) */
	/* Called for each thing the person should know that is no failure, e.g. that the key is not the From address's. May be NULL. */
	void (*warn)(void *userdata, const char *text);
	/* Called for each signature that was made, before anything is written. What it is given is valid during the call. May be NULL. */
	void (*made)(void *userdata, const struct smime_made *made);
	void *userdata;
};

/*
 * Signs what is read from `in` and writes the result to `out`. Both descriptors are borrowed; a failure may leave a part of the
 * output behind. -SMIME_E_USAGE for options that don't go together; the errors of keys, certificates and PINs (400), of the
 * input (600: -SMIME_E_NOT_MAIL, _MALFORMED, _TOO_LARGE) and of descriptors (700).
 */
int smime_sign(struct smime *smime, int in, int out, const struct smime_sign_options *options);

struct smime_encrypt_options {
	const char *const *recipients; /* each a certificate file or an address */
	size_t recipient_count;
	/*
	 * "aes256-cbc", "aes192-cbc", "aes128-cbc", "aes256-gcm", "aes128-gcm", "chacha20-poly1305"; NULL: the best of aes256-gcm,
	 * chacha20-poly1305 and aes128-gcm that every recipient is known to read, else aes256-cbc
	 */
	const char *cipher;
	bool oaep;                             /* RSAES-OAEP instead of PKCS#1 v1.5 for RSA recipients */
	bool no_self;                          /* no copy for the sender */
	const struct smime_sign_options *sign; /* sign first; NULL: do not. What is signed has the form of the whole: `cms` here decides */
	bool cms, pem;
	bool header_protection; /* mail: its header is inside, and outside it has another subject, no comments and no keywords (RFC 9788) */
	bool triple_wrap;       /* mail: sign what is encrypted once more, with the same key; `sign` must say how */
	const char *password_file; /* its first line is a password that opens the message; NULL: none */
	const char *kek_file;      /* a raw AES key of 16, 24 or 32 octets that opens it; NULL: none */
	const char *kek_id;        /* what that key is called, in hex; NULL: the first 8 octets of its SHA-256 */
	/* As for signing; e.g. no own certificate to encrypt a copy to. */
	void (*warn)(void *userdata, const char *text);
	/* Called once, for whoever wants to know it: with which cipher, and why. May be NULL. */
	void (*tell)(void *userdata, const char *text);
	void *userdata;
};

/*
 * Encrypts what is read from `in` for every recipient, of which there is one at least, a password or a key, and writes the
 * result to `out`; as smime_sign(). -SMIME_E_NO_CERTIFICATE,
 * _CERT_AMBIGUOUS, _CERT_EXPIRED, _CERT_UNUSABLE for a recipient. The agent is asked for own certificates, and for a signature.
 */
int smime_encrypt(struct smime *smime, int in, int out, const struct smime_encrypt_options *options);

/* ---- Opening ---- */

enum smime_outcome {
	SMIME_GOOD = 0,
	SMIME_NOTE = 1,    /* worth knowing, no fault */
	SMIME_WARNING = 2, /* legacy or weak, accepted */
	SMIME_BAD = 3,
	SMIME_UNKNOWN = 4, /* could not be checked or was not asked for */
};

/* One thing that was checked. The names are stable: smime(1) lists them. */
struct smime_check {
	/*
	 * "signature", "digest", "attributes", "certificate", "chain", "validity", "key-usage", "extended-key-usage", "address",
	 * "algorithm", "revocation"; of messages that ask for it or have it "receipt-request", "security-label", "content-hints",
	 * "mailing-list", "receipt", "other-attributes"
	 */
	const char *name;
	enum smime_outcome outcome;
	const char *text; /* for people */
};

struct smime_signer {
	bool good;                                           /* every check that was asked for passed */
	const char *subject, *issuer, *serial, *fingerprint; /* of the signer's certificate; NULL when it is not known */
	struct smime_der certificate;                        /* that certificate; empty when it is not known */
	const char *const *addresses;                        /* NULL-terminated */
	const char *algorithm;                               /* "RSA-2048 PKCS#1 v1.5 SHA-256" */
	const char *digest;                                  /* "sha256", also "sha1", "md5"; NULL when nothing could be checked with it */
	bool has_signing_time;
	time_t signing_time; /* as the signer claims */
	const struct smime_check *checks;
	size_t check_count;
};

enum smime_layer_kind { SMIME_LAYER_SIGNED = 0, SMIME_LAYER_ENCRYPTED = 1, SMIME_LAYER_CERTIFICATES = 2, SMIME_LAYER_COMPRESSED = 3 };

/* One layer of protection, outermost first. */
struct smime_layer {
	enum smime_layer_kind kind;
	const char *
		form; /* "multipart/signed", "signed-data", "enveloped-data", "authEnveloped-data", "compressed-data", "certs-only", "closed" */
	/* Signed. */
	bool good; /* at least one signer, and all of them good; encrypted, compressed: opened; not when it was left closed */
	const struct smime_signer *signers;
	size_t signer_count;
	const struct smime_der *certificates; /* all that are in the message, in its order: anybody may have put them there */
	size_t certificate_count;
	bool outside;            /* the mail has text that this signature does not cover */
	uint64_t outside_octets; /* how much of it */
	bool canonicalized;      /* the signature matches after line ends were changed to CRLF */
	/* Encrypted. */
	const char *cipher;         /* "aes256-gcm" */
	const char *key;            /* SPKI fingerprint of the key that opened it; NULL when none of the agent's did */
	const char *key_encryption; /* "rsa-v1.5", "rsa-oaep", "ecdh", "x25519", "x448", "password", "kek" */
	unsigned recipients;
	bool authenticated; /* the cipher itself shows changes (GCM, ChaCha20-Poly1305); else only a good signature inside does */
	bool weak;
	bool weak_wrap; /* the content's key came encrypted with an AES key that is shorter than itself */
	/* Every kind: what the layer is around. */
	const char *content; /* media type or CMS type of what is inside: "text/plain", "signed-data"; NULL: nobody looked */
	uint64_t octets;     /* of the content, as they stand in the message or came out of the cipher */
	bool summarized;     /* it counts in the report's `summary` */
};

/* Something signed or encrypted that is no layer of the whole message but a part of its content (RFC 9787: errant). */
struct smime_errant {
	const char *part; /* its place: "2.1" is the first part of the second part */
	const char *form; /* media type */
};

/*
 * A part of what is inside of all layers, which cover each of them whole: one that is no multipart, or an attached message with those
 * of its own behind it.
 */
struct smime_part {
	const char *part; /* its place: "2.1" is the first part of the second part */
	const char *form; /* media type */
	const char *name; /* of its file, as it stands in the mail, 255 bytes at most; NULL: none that programs agree on */
	bool signed_;     /* by a signature that counts in `summary` */
	bool encrypted;
};

/* A field of the mail's header, where the mail has header protection (RFC 9788). Texts are without folds, and 2 KiB at most. */
struct smime_field {
	const char *name;
	const char *value;   /* as the sender has protected it; NULL: it only stands outside, where anybody may have put it */
	const char *outside; /* as it stands outside; NULL: not at all */
	bool signed_;        /* by a signature that counts in `summary` */
	bool encrypted;      /* the sender has kept this value from whoever can't decrypt the message */
	bool differs;        /* the outer header does not have this value */
};

struct smime_report {
	const struct smime_layer *layers;
	size_t layer_count;
	bool signed_; /* some layer is a signature */
	bool good;    /* there is a signature and all of them are good */
	bool encrypted;
	bool authenticated;      /* encrypted: every layer authenticates, or has a good signature inside */
	const char *const *from; /* addresses of From and Sender, NULL-terminated; empty with cms */
	const char *first_bad;   /* the text of the first check that failed, "" when none did */
	/*
	 * What the outermost layers, one directly in the other, are worth together (RFC 9787): "none", "signed", "encrypted",
	 * "signed-and-encrypted". A signature counts when it is good and no encryption is further in: one that is around encrypted
	 * content says nothing of who wrote it.
	 */
	const char *summary;
	const struct smime_errant *errant; /* the first ones: nothing in `summary` or in the layers is about them */
	size_t errant_count;
	/* "clear", "cipher" (RFC 9788); "protected-headers", "message/rfc822" (older ways, of which intent is guessed); NULL: none */
	const char *header_protection;
	const struct smime_field *fields; /* the first hundred, empty without header protection */
	size_t field_count;
	bool from_mismatch; /* the protected From is another address than the one outside */
	/* The first hundred; none with cms, nor where the content was not looked at: behind a broken signature, or what stays closed. */
	const struct smime_part *parts;
	size_t part_count;
	bool parts_left_out; /* there are more, or there may be: of more than 32 MiB only the front is looked at */
};

/* Ends a report and all in it. Accepts NULL, returns NULL. */
struct smime_report *smime_report_free(struct smime_report *report);

enum smime_revocation {
	SMIME_REVOCATION_OFF = 0,  /* nobody asks */
	SMIME_REVOCATION_SOFT = 1, /* what was revoked is not good; where nothing is known, that is reported */
	SMIME_REVOCATION_HARD = 2, /* where nothing is known, it is not good */
};

struct smime_verify_options {
	const char *from; /* expected address instead of the From header; with cms: none unless given */
	const char *const
		*trust; /* files of trusted certificates in PEM or DER, added to the agent's `trust:` and the system's e-mail anchors */
	size_t trust_count;
	enum smime_revocation revocation;
	const char *const *crls; /* files of CRLs in PEM or DER; nothing is fetched */
	size_t crl_count;
	time_t at; /* validate at this time; 0: now */
	bool cms;
	bool detached;        /* with cms: the signature is detached, and its content comes from .. */
	int detached_content; /* .. this descriptor */
	/* Write the content also when the result is -SMIME_E_UNTRUSTED or -SMIME_E_NO_AGENT: it is what somebody signed, whoever that is. */
	bool release_untrusted;
};

/*
 * Verifies what is read from `in`. The signed content, and only it, is written to `out` when that is not -1, and only when
 * everything is good (or as release_untrusted says). *ret_report is set whenever something signed was found, also when the result is -SMIME_E_SIGNATURE or
 * -SMIME_E_UNTRUSTED; NULL otherwise. The caller ends it with smime_report_free(). -SMIME_E_NOT_SIGNED; -SMIME_E_NO_AGENT when
 * only the agent could say whom to trust; the errors of the input and of the files that the options name (600, 700).
 */
int smime_verify(struct smime *smime, int in, int out, const struct smime_verify_options *options, struct smime_report **ret_report);

/*
 * The certificates to which the signers of a message can be encrypted to, for who wants to keep them: of the outermost signature the signers'
 * own, and those beside them in the message that have an address of a signer and a chain to an anchor, as the options
 * have it for smime_verify(). The report must be of a good message: -SMIME_E_UNTRUSTED. There may be none.
 * smime_certificates_free() ends *ret_certificates.
 */
int smime_signers_certificates(struct smime *smime, const struct smime_report *report, const struct smime_verify_options *options,
	struct smime_certificates **ret_certificates);

struct smime_decrypt_options {
	struct smime_verify_options verify;
	bool require_signature; /* -SMIME_E_UNAUTHENTICATED unless a good signature covers the content */
	bool one_layer;         /* open one layer and leave what is inside as it is */
	/* As for encrypting, for messages that are encrypted so; the agent is not asked then. kek_id NULL: whatever the key is called. */
	const char *password_file, *kek_file, *kek_id;
};

/*
 * Decrypts what is read from `in`, as deep as layers go, and writes the innermost entity to `out` when that is not -1: mail as a message with the
 * outer header and of the inner one only Content-* fields, unless it has header protection: then the protected fields take the
 * place of those outside. From does only when it is the same address or a good signature is by whom it names. *ret_report as for smime_verify(). A signature inside that is not
 * good is no failure unless one is required. -SMIME_E_NOT_ENCRYPTED, -SMIME_E_NOT_RECIPIENT; -SMIME_E_INTEGRITY: it can't be
 * decrypted or was changed, one code for every cause; the errors of tokens and PINs (400), of the input and of files (600, 700).
 */
int smime_decrypt(struct smime *smime, int in, int out, const struct smime_decrypt_options *options, struct smime_report **ret_report);

/* ---- Trust ---- */

enum smime_anchor_origin { SMIME_ANCHOR_AGENT = 1, SMIME_ANCHOR_SYSTEM = 2 }; /* `trust:` in agent.yaml; the system's list for e-mail */

/* Whose signatures and certificates are believed. */
struct smime_anchor {
	enum smime_anchor_origin origin;
	const char *subject, *fingerprint;
	time_t not_before, not_after;
};

struct smime_anchors {
	const struct smime_anchor *anchors;
	size_t count;
	bool system; /* this system has a list of anchors for e-mail (NSS's libnssckbi) */
};

/*
 * What chains are trusted by when no file is named. *ret_anchors and all in it is one object: smime_anchors_free() ends it.
 */
int smime_anchors(struct smime *smime, struct smime_anchors **ret_anchors);
struct smime_anchors *smime_anchors_free(struct smime_anchors *anchors); /* accepts NULL, returns NULL */

/* One certificate of a chain. */
struct smime_link {
	const char *subject, *fingerprint;
	time_t not_before, not_after;
	bool sent; /* it goes with a signature by the first, so that who reads it needs no other source; a root never does */
};

struct smime_chain {
	bool trusted;
	const char *text;               /* where it leads, or why it is not trusted */
	const char *missing;            /* the authority whose certificate is lacking, where that is why; else NULL */
	const char *stranger;           /* the root that it leads to and that nobody trusts, where that is why; else NULL */
	const struct smime_link *links; /* from the certificate on, as far as they were found; the last of a trusted chain is its root */
	size_t link_count;              /* one at least */
	const struct smime_check *revocation; /* when the options ask for it; else NULL */
};

/*
 * Validates the chain of a certificate as `verify` does for a signer's: with what would be in the message where it is that of a key of
 * the agent, with `certificates:` of agent.yaml, and with the person's folder. Its own validity, usage and addresses are not looked at: smime_keys()
 * tells them. Of the options `trust`, `revocation`, `crls` and `at` count. That it is not trusted is no failure. -SMIME_E_MALFORMED: this is no
 * certificate; the errors of the files that the options name (600, 700). *ret_chain and all in it is one object: smime_chain_free() ends it.
 */
int smime_check_certificate(struct smime *smime, const struct smime_der *certificate, const struct smime_verify_options *options,
	struct smime_chain **ret_chain);
struct smime_chain *smime_chain_free(struct smime_chain *chain); /* accepts NULL, returns NULL */

#ifdef __cplusplus
}
#endif

#endif
