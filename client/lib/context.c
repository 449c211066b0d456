/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a context and its settings.
 */
#include "context.h"

#include "agent/wire/secret.h"

SMIME_API int smime_new(struct smime **ret_smime) {
	struct smime *s = calloc(1, sizeof(*s));

	if (!s)
		return -SMIME_E_NO_MEMORY;
	secret_heap_init();
	s->fd = -1;
	*ret_smime = s;
	return 0;
}

SMIME_API struct smime *smime_free(struct smime *s) {
	if (!s)
		return NULL;
	agent_disconnect(s);
	free(s->socket);
	free(s->program);
	free(s->found);
	free(s);
	return NULL;
}

static int set_text(char **field, const char *text) {
	char *copy = NULL;

	if (text && !(copy = strdup(text)))
		return -SMIME_E_NO_MEMORY;
	free(*field);
	*field = copy;
	return 0;
}

SMIME_API int smime_set_socket(struct smime *s, const char *path) {
	agent_disconnect(s);
	return set_text(&s->socket, path);
}

SMIME_API void smime_set_autostart(struct smime *s, bool autostart) {
	s->autostart = autostart;
}

/* What the agent was told in a greeting holds for the whole connection. */
SMIME_API int smime_set_program(struct smime *s, const char *name) {
	agent_disconnect(s);
	return set_text(&s->program, name);
}

SMIME_API void smime_set_prompts(struct smime *s, bool prompts) {
	bool changes = s->no_prompts == prompts;

	if (changes)
		agent_disconnect(s);
	s->no_prompts = !prompts;
}
