/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where something stands in agent.yaml. libcyaml forgets it once a file is loaded; libyaml, which it is made of, is asked again.
 */
#ifndef CORE_CONFIG_PLACE_H
#define CORE_CONFIG_PLACE_H

#include "agent/wire/base.h"

struct config_place {
	unsigned line, column; /* from 1 */
};

/*
 * The place of a rule (from 0), of its member where that is not NULL, and of that member's part likewise; the nearest one that
 * is there. {0, 0} when there is none.
 */
struct config_place config_place_of_rule(struct bytes yaml, unsigned rule, const char *member, const char *part);

#endif
