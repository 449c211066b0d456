/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the core consists of: one structure that main owns and every file of the core is handed.
 */
#ifndef CORE_AGENT_H
#define CORE_AGENT_H

#include <sys/queue.h>

#include <systemd/sd-event.h>

#include "agent/config/config.h"
#include "agent/wire/message.h"

enum { AGENT_REJECTION_SECRET_BYTES = 32 };

struct agent {
	sd_event *event;
	int parent_fd;     /* for background_done(), or -1 */
	char *config_file; /* --config, absolute; NULL: the usual places, or it is not there */
	struct config *config;
	struct spawner *spawner;
	struct listener *listener;
	struct readers *readers;
	struct discovery *discovery;
	struct prompts *prompts;
	struct events *events;
	struct notifier *notifier;
	struct session *session;
	struct reuse *reuse;
	struct facts *facts;
	struct consents *consents;
	struct questions *questions;
	struct requests *requests;
	TAILQ_HEAD(, errand) errands;              /* in the order they came */
	struct audit *audit;                       /* NULL: there is none */
	STACK_OF(ASN1_OCTET_STRING) *anchors;      /* DER of `trust:` */
	STACK_OF(ASN1_OCTET_STRING) *certificates; /* DER of `certificates:` */
	STACK_OF(X509_ALGOR) *capabilities;
	uint8_t rejection_secret[AGENT_REJECTION_SECRET_BYTES];
	char *ledger;          /* directory of the records of PIN tries */
	char *audit_directory; /* of the audit log, unless the configuration names another */
};

#endif
