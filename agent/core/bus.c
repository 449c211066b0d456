/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See bus.h.
 */
#include "bus.h"

#include <string.h>

#include <smime/error.h>

#include "agent/wire/base.h"

int bus_open(sd_event *event, enum bus_kind kind, sd_bus_message_handler_t lost, void *userdata, sd_bus **ret_bus) {
	sd_bus *bus = NULL;
	int r = kind == BUS_SYSTEM ? sd_bus_open_system(&bus) : sd_bus_open_user(&bus);

	if (r < 0)
		return -SMIME_E_IO;
	/* At the end of the loop it would be written out first, which takes as long as a bus that hangs likes. */
	r = sd_bus_set_close_on_exit(bus, 0);
	if (r >= 0)
		r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
			"org.freedesktop.DBus.Local", "Disconnected", lost, userdata);
	if (r < 0) {
		(void)bus_close(bus);
		return -SMIME_E_IO;
	}
	*ret_bus = bus;
	return 0;
}

sd_bus *bus_close(sd_bus *bus) {
	return sd_bus_close_unref(bus);
}

static int read_value(sd_bus_message *message, const char *name, const struct bus_property *properties, size_t count) {
	for (size_t i = 0; i < count; i++)
		if (strcmp(properties[i].name, name) == 0)
			return sd_bus_message_read(message, "v", (char[]){ properties[i].type, '\0' }, properties[i].value);
	return sd_bus_message_skip(message, "v");
}

int bus_read_properties(sd_bus_message *message, const struct bus_property *properties, size_t count) {
	int r = sd_bus_message_enter_container(message, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		const char *name = NULL;
		r = sd_bus_message_read_basic(message, 's', &name);
		if (r >= 0)
			r = read_value(message, name, properties, count);
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
	}
	return r < 0 ? r : sd_bus_message_exit_container(message);
}
