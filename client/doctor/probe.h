/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the examinations share; private to this room. An examination is a row of the table in doctor.c and a file for its area: it
 * looks, adds at least one finding, and never fails but for want of memory, which doctor_add() remembers.
 */
#ifndef DOCTOR_PROBE_H
#define DOCTOR_PROBE_H

#include "doctor.h"
#include "pcsc.h"

struct doctor {
	struct smime *smime;
	const struct doctor_options *options;
	struct smime_status *status;         /* NULL: no agent answered, status_error says why */
	struct smime_keys *keys;             /* NULL likewise */
	int status_error, keys_error;        /* of libsmime, 0: there it is */
	char *status_message, *keys_message; /* libsmime's words for it */
	struct pcsc pcsc;                    /* pcsc_ask() fills it in */
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

/* ---- The examinations, in their order ---- */

void doctor_agent(struct doctor *doctor); /* does it answer, is it of this version */
void doctor_git(struct doctor *doctor);   /* smime-git, its key, the committer's address */
void doctor_mutt(struct doctor *doctor);  /* smime-mutt, its key, the list of keys */
void doctor_neomutt(struct doctor *doctor);
void doctor_reader(struct doctor *doctor);   /* is there one, with a card that answers */
void doctor_pcscd(struct doctor *doctor);    /* is it there, does it answer */
void doctor_polkit(struct doctor *doctor);   /* does it let this person use pcscd and the card */
void doctor_module(struct doctor *doctor);   /* is there one, does it load, does it know the card */
void doctor_holders(struct doctor *doctor);  /* which other programs use the card, and does one keep it for itself */
void doctor_agent(struct doctor *doctor);    /* does it answer, is it of this version */
void doctor_pinentry(struct doctor *doctor); /* can somebody be asked for a PIN, here */
void doctor_units(struct doctor *doctor);    /* those of the user's systemd: installed, enabled, running */

#endif
