/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection to a message bus in the core's loop, through sd-bus: what logind and notifications share.
 *
 * Never waits: connecting, calls and what they give come from the loop. A bus that is not there, hangs or goes away is no fault of the
 * agent's.
 */
#ifndef CORE_BUS_H
#define CORE_BUS_H

#include <stdbool.h>
#include <stddef.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

enum bus_kind {
	BUS_SYSTEM, /* $DBUS_SYSTEM_BUS_ADDRESS or the usual place */
	BUS_USER,   /* $DBUS_SESSION_BUS_ADDRESS or $XDG_RUNTIME_DIR/bus; none is started */
};

/*
 * Begins to connect. `lost` is called once when the connection is at its end or does not come about; it must not close the bus.
 * -SMIME_E_IO: there is no such bus.
 */
int bus_open(sd_event *event, enum bus_kind kind, sd_bus_message_handler_t lost, void *userdata, sd_bus **ret_bus);

/* Ends it; nothing is called back any more. Accepts NULL, returns NULL. */
sd_bus *bus_close(sd_bus *bus);

/* A property that is wanted, and where its value goes: 'b' an int, 't' an uint64_t, 's' a const char * that the message owns. */
struct bus_property {
	const char *name;
	char type;
	void *value;
};

/* Reads what is wanted from the a{sv} that stands next in a message; what is not there stays as it is. 0 or a negative errno. */
int bus_read_properties(sd_bus_message *message, const struct bus_property *properties, size_t count);

#endif
