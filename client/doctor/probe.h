/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the examinations share; private to this room. An examination is a row of the table in doctor.c and a file for its area: it
 * looks, adds what it finds, and never fails but for want of memory, which doctor_add() remembers. What is well is a finding as
 * well; what can't be looked at since something else is wrong is left to the finding about that.
 */
#ifndef DOCTOR_PROBE_H
#define DOCTOR_PROBE_H

#include <time.h>

#include "doctor.h"
#include "pcsc.h"

enum {
	DOCTOR_AHEAD_DAYS = 30, /* so long before the end of a certificate it is time for another one */
	DOCTOR_DATE_BYTES = 32,
	DOCTOR_NAME_BYTES = 240,
};

struct doctor {
	struct smime *smime;
	const struct doctor_options *options;
	struct smime_status *status;         /* NULL: no agent answered, status_error says why */
	struct smime_keys *keys;             /* NULL likewise */
	int status_error, keys_error;        /* of libsmime, 0: there it is */
	bool mute;                           /* an agent takes connections and answers nothing: it must not be asked again */
	char *status_message, *keys_message; /* libsmime's words for it */
	struct pcsc pcsc;                    /* pcsc_ask() fills it in */
	time_t now;                          /* the same for all */
	struct doctor_findings *findings;
};

/*
 * Adds a finding. mend: NULL, or what to do. code: of a fault, else 0. The text is one line without a final stop; what was read
 * from elsewhere may stand in it as it is, since whoever prints it makes it printable.
 */
void doctor_add(struct doctor *doctor, enum doctor_verdict verdict, enum smime_error code, const char *area, const char *mend,
	const char *format, ...) __attribute__((format(printf, 6, 7)));

#define doctor_good(doctor, area, ...) doctor_add(doctor, DOCTOR_GOOD, 0, area, NULL, __VA_ARGS__)
#define doctor_note(doctor, area, mend, ...) doctor_add(doctor, DOCTOR_NOTE, 0, area, mend, __VA_ARGS__)
#define doctor_warning(doctor, area, mend, ...) doctor_add(doctor, DOCTOR_WARNING, 0, area, mend, __VA_ARGS__)
#define doctor_fault(doctor, code, area, mend, ...) doctor_add(doctor, DOCTOR_FAULT, code, area, mend, __VA_ARGS__)

/* How many findings there are. */
size_t doctor_count(const struct doctor *doctor);

/* ---- Words (words.c) ---- */

/* "2026-11-26", in UTC. Returns `date`. */
const char *doctor_date(time_t when, char date[DOCTOR_DATE_BYTES]);
long doctor_days(const struct doctor *doctor, time_t until);
bool doctor_ends_soon(const struct doctor *doctor, time_t until); /* or has ended */

/* The certificate of a key that counts: the newest that is valid now, else the newest. NULL: it has none. */
const struct smime_certificate *doctor_certificate(const struct doctor *doctor, const struct smime_key *key);

/* A key as it is called in findings: "alice@example.org (92a8835961c91ce3)". Returns `name`. */
const char *doctor_key(const struct doctor *doctor, const struct smime_key *key, char name[DOCTOR_NAME_BYTES]);

/* Whether the agent knows all that this program may ask: what it does not know ends the connection. */
bool doctor_is_same_version(const struct doctor *doctor);

/* The token of this id, where the agent has answered; NULL: there is none (any more). */
const struct smime_token *doctor_token(const struct doctor *doctor, const char *id);

bool doctor_usage_has(const struct smime_certificate *certificate, const char *usage); /* a name of RFC 5280 4.2.1.3 */
bool doctor_shares_address(const struct smime_certificate *a, const struct smime_certificate *b);

/* ---- The examinations, in their order ---- */

void doctor_git(struct doctor *doctor);  /* smime-git, its key, the committer's address */
void doctor_mutt(struct doctor *doctor); /* smime-mutt, its key, the list of keys */
void doctor_neomutt(struct doctor *doctor);
void doctor_reader(struct doctor *doctor);       /* is there one, with a card that answers */
void doctor_pcscd(struct doctor *doctor);        /* is it there, does it answer */
void doctor_polkit(struct doctor *doctor);       /* does it let this person use pcscd and the card */
void doctor_module(struct doctor *doctor);       /* is there one, does it load, does it know the card */
void doctor_holders(struct doctor *doctor);      /* which other programs use the card, and does one keep it for itself */
void doctor_agent(struct doctor *doctor);        /* does it answer, is it of this version */
void doctor_pinentry(struct doctor *doctor);     /* can somebody be asked for a PIN, here */
void doctor_units(struct doctor *doctor);        /* those of the user's systemd: installed, enabled, running */
void doctor_tokens(struct doctor *doctor);       /* state, PIN, tries */
void doctor_keys(struct doctor *doctor);         /* pairs of key and certificate, what each does */
void doctor_certificates(struct doctor *doctor); /* validity, usage, addresses */
void doctor_chains(struct doctor *doctor);       /* as who gets a mail finds them */
void doctor_trust(struct doctor *doctor);        /* anchors */
void doctor_agent(struct doctor *doctor);        /* does it answer, is it of this version, is it alone */
void doctor_audit(struct doctor *doctor);        /* is there a log, can it be written */
void doctor_socket(struct doctor *doctor);       /* which, why, whose */
void doctor_config(struct doctor *doctor);       /* agent.yaml */
void doctor_permissions(struct doctor *doctor);  /* the person's directories */
void doctor_clock(struct doctor *doctor);
void doctor_self_test(struct doctor *doctor); /* last: the only one that works with keys */

#endif
