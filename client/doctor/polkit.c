/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * polkit: whether it keeps this person, or the agent, from pcscd. As packages have it, only who sits at the machine may use cards;
 * a session over SSH, a service and cron may not.
 *
 * polkit itself is not asked: what it thinks of this process need not be what pcscd asked it about.
 */
#include "polkit.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <winscard.h>

#include "probe.h"
#include "run.h"

#define AREA "polkit"
#define POLICY "/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy"
#define RULES "/etc/polkit-1/rules.d/50-pcscd.rules"

enum polkit_outcome polkit_judge(const struct polkit_facts *facts) {
	if (facts->refused)
		return POLKIT_REFUSES;
	if (facts->refused_card)
		return POLKIT_REFUSES_CARD;
	if (facts->refused_agent)
		return POLKIT_REFUSES_AGENT;
	if (!facts->asked)
		return POLKIT_UNKNOWN;
	return facts->policy ? POLKIT_ALLOWS : POLKIT_NOT_USED;
}

const char *polkit_because(const struct polkit_facts *facts) {
	if (facts->remote)
		return ": this session came over the network";
	return facts->inactive ? ": this session is not active at a seat" : "";
}

/* ---- The facts ---- */

static bool was_refused(uint32_t code) {
	return code == (uint32_t)SCARD_W_SECURITY_VIOLATION;
}

static void look_at_session(struct polkit_facts *facts) {
	const char *id = secure_getenv("XDG_SESSION_ID");
	const char *const argv[] = { "loginctl", "show-session", "--property=Active", "--property=Remote", id, NULL };
	struct run_result result;

	facts->remote = secure_getenv("SSH_CONNECTION") != NULL;
	if (!id || !*id || *id == '-')
		return;
	doctor_run(argv, NULL, false, RUN_LIMIT_MS, &result);
	if (result.end != RUN_ENDED || result.code != 0)
		return;
	facts->remote = facts->remote || strstr(result.output, "Remote=yes");
	facts->inactive = strstr(result.output, "Active=no") != NULL;
}

static void gather(struct doctor *doctor, struct polkit_facts *facts) {
	const struct pcsc *pcsc = pcsc_ask(doctor);

	facts->asked = pcsc->state == PCSC_ANSWERED;
	facts->refused = pcsc->state == PCSC_FAILED && was_refused(pcsc->code);
	for (size_t i = 0; i < pcsc->reader_count; i++)
		if (pcsc->readers[i].connection == PCSC_REFUSED && was_refused(pcsc->readers[i].code))
			facts->refused_card = true;
	facts->refused_agent = doctor->status && strstr(doctor->status->reader_fault, "polkit");
	facts->policy = access(POLICY, F_OK) == 0;
	if (facts->refused || facts->refused_card)
		look_at_session(facts);
}

/* ---- The finding ---- */

static void say_refused(struct doctor *doctor, const char *what, const char *because) {
	const struct passwd *pw = getpwuid(geteuid());
	char mend[512];

	(void)snprintf(mend, sizeof(mend),
		"as root, put this into %s: polkit.addRule(function(action, subject) { if ((action.id == "
		"\"org.debian.pcsc-lite.access_pcsc\" || "
		"action.id == \"org.debian.pcsc-lite.access_card\") && subject.user == \"%s\") return polkit.Result.YES; });",
		RULES, pw ? pw->pw_name : "NAME");
	doctor_fault(doctor, SMIME_E_NO_TOKEN, AREA, mend, "polkit does not let %s%s", what, because);
}

void doctor_polkit(struct doctor *doctor) {
	struct polkit_facts facts = { 0 };

	gather(doctor, &facts);
	switch (polkit_judge(&facts)) {
	case POLKIT_REFUSES:
		say_refused(doctor, "this user use pcscd (org.debian.pcsc-lite.access_pcsc)", polkit_because(&facts));
		break;
	case POLKIT_REFUSES_CARD:
		say_refused(doctor, "this user use cards (org.debian.pcsc-lite.access_card)", polkit_because(&facts));
		break;
	case POLKIT_REFUSES_AGENT:
		say_refused(doctor, "the agent use pcscd, though it lets this program", ": it was started outside an active session");
		break;
	case POLKIT_ALLOWS:
		doctor_good(doctor, AREA, "polkit lets this user use pcscd");
		break;
	case POLKIT_NOT_USED:
		doctor_good(doctor, AREA, "pcscd is open to every user: there is no policy of polkit for it");
		break;
	default:
		doctor_note(doctor, AREA, NULL, "nothing to see of it while pcscd can't be used");
	}
}
