/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readers: those that the agent sees, else those that pcscd shows, else those on USB that nobody drives.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"
#include "processes.h"
#include "usb.h"

#define AREA "reader"
#define DRIVER "/usr/lib/pcsc/drivers/ifd-ccid.bundle"

static void say_state(struct doctor *doctor, const char *name, enum smime_reader_state state) {
	switch (state) {
	case SMIME_READER_CARD:
		doctor_good(doctor, AREA, "%s has a card", name);
		break;
	case SMIME_READER_EMPTY:
		doctor_note(doctor, AREA, "put the card in", "%s is empty", name);
		break;
	default:
		doctor_fault(doctor, SMIME_E_NO_TOKEN, AREA,
			"take the card out, look at its side and its contacts, and put it in again; try another reader",
			"the card in %s does not answer", name);
	}
}

static enum smime_reader_state state_of(const struct pcsc_reader *reader) {
	if (!reader->card)
		return SMIME_READER_EMPTY;
	return reader->mute ? SMIME_READER_MUTE : SMIME_READER_CARD;
}

static bool agent_sees(const struct smime_status *status, const char *name) {
	for (size_t i = 0; status && i < status->reader_count; i++)
		if (strcmp(status->readers[i].name, name) == 0)
			return true;
	return false;
}

/* ---- No reader anywhere ---- */

/* pcscd may run as a user of its own, whom the driver's rules for udev let in by a group. */
static bool is_closed_to_others(const char *node) {
	struct stat st;

	return stat(node, &st) == 0 && st.st_gid == 0 && (st.st_mode & 006) != 006;
}

static void say_not_driven(struct doctor *doctor, const struct usb_reader *reader) {
	if (access(DRIVER, F_OK) != 0)
		doctor_fault(doctor, SMIME_E_NO_TOKEN, AREA,
			"install the driver (`sudo apt install libccid`), then `sudo systemctl restart pcscd`",
			"%s is plugged in, and pcscd does not see it: the driver for such readers is not installed", reader->name);
	else if (is_closed_to_others(reader->node))
		doctor_fault(doctor, SMIME_E_NO_TOKEN, AREA,
			"`sudo udevadm control --reload && sudo udevadm trigger` applies the driver's rules (92-libccid.rules); then `sudo "
			"systemctl "
			"restart pcscd`",
			"%s is plugged in, and pcscd does not see it; %s is open to root alone, and pcscd may be somebody else",
			reader->name, reader->node);
	else
		doctor_fault(doctor, SMIME_E_NO_TOKEN, AREA,
			"unplug it and plug it in again; `sudo systemctl restart pcscd`; `journalctl -u pcscd` may say why",
			"%s is plugged in, and pcscd does not see it", reader->name);
}

/* scdaemon has a driver of its own, and then pcscd can't have the reader. */
static void say_unseen(struct doctor *doctor, const struct usb_reader *reader) {
	unsigned scdaemon = process_find("scdaemon");

	if (pcsc_ask(doctor)->state != PCSC_ANSWERED)
		doctor_note(doctor, AREA, NULL, "%s is plugged in; pcscd, which has to drive it, can't be used", reader->name);
	else if (scdaemon)
		doctor_fault(doctor, SMIME_E_NO_TOKEN, AREA,
			"put `disable-ccid` into ~/.gnupg/scdaemon.conf, so that it uses pcscd, and `gpgconf --kill scdaemon`; then `sudo "
			"systemctl restart pcscd`",
			"%s is plugged in, and pcscd does not see it; GnuPG's scdaemon (process %u) may have it for itself", reader->name,
			scdaemon);
	else
		say_not_driven(doctor, reader);
}

/* Who has other tokens than cards needs no reader. */
static void say_none(struct doctor *doctor) {
	bool needed = !doctor->status || doctor->status->token_count == 0;

	if (pcsc_ask(doctor)->state != PCSC_ANSWERED)
		doctor_note(doctor, AREA, NULL, "none to be seen, and pcscd can't be used");
	else if (needed)
		doctor_warning(doctor, AREA,
			"plug the reader in; of one that is plugged in, `lsusb` should show a line, and pcscd needs its driver",
			"pcscd has no reader");
	else
		doctor_note(doctor, AREA, NULL, "pcscd has no reader, and there are other tokens");
}

static void say_usb(struct doctor *doctor) {
	struct usb_reader readers[USB_READERS_MAX];
	size_t count = usb_find_readers(readers, USB_READERS_MAX);

	for (size_t i = 0; i < count; i++)
		say_unseen(doctor, &readers[i]);
	if (count == 0)
		say_none(doctor);
}

void doctor_reader(struct doctor *doctor) {
	const struct smime_status *status = doctor->status;
	const struct pcsc *pcsc = pcsc_ask(doctor);

	for (size_t i = 0; status && i < status->reader_count; i++)
		say_state(doctor, status->readers[i].name, status->readers[i].state);
	for (size_t i = 0; i < pcsc->reader_count; i++) {
		if (agent_sees(status, pcsc->readers[i].name))
			continue;
		say_state(doctor, pcsc->readers[i].name, state_of(&pcsc->readers[i]));
		if (status)
			doctor_warning(doctor, AREA, "start the agent with the PCSCLITE_CSOCK_NAME of this program, or none in both",
				"the agent does not see %s", pcsc->readers[i].name);
	}
	if (pcsc->reader_count == 0 && (!status || status->reader_count == 0))
		say_usb(doctor);
}
