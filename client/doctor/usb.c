/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading /sys/bus/usb/devices: an entry BUS-PORT:CONFIGURATION.INTERFACE for each interface, and one BUS-PORT for its device.
 */
#include "usb.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES "/sys/bus/usb/devices"
#define CLASS_SMART_CARD "0b"

/* The first line of a device's attribute; "" when there is none. */
static void read_attribute(const char *device, const char *attribute, char *text, size_t size) {
	char path[PATH_MAX];
	FILE *file;

	text[0] = '\0';
	if (snprintf(path, sizeof(path), DEVICES "/%s/%s", device, attribute) >= (int)sizeof(path) || !(file = fopen(path, "re")))
		return;
	if (!fgets(text, (int)size, file))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	(void)fclose(file);
}

static void describe(const char *device, struct usb_reader *reader) {
	char product[96], vendor_id[8], product_id[8], bus[8], number[8];

	read_attribute(device, "product", product, sizeof(product));
	read_attribute(device, "idVendor", vendor_id, sizeof(vendor_id));
	read_attribute(device, "idProduct", product_id, sizeof(product_id));
	read_attribute(device, "busnum", bus, sizeof(bus));
	read_attribute(device, "devnum", number, sizeof(number));
	(void)snprintf(reader->name, sizeof(reader->name), "%s (USB %s:%s)", *product ? product : "a card reader", vendor_id, product_id);
	(void)snprintf(reader->node, sizeof(reader->node), "/dev/bus/usb/%03ld/%03ld", strtol(bus, NULL, 10), strtol(number, NULL, 10));
}

static int is_reader(const char *interface) {
	char class[8];

	read_attribute(interface, "bInterfaceClass", class, sizeof(class));
	return strcmp(class, CLASS_SMART_CARD) == 0;
}

/* A device with two such interfaces is one. */
static size_t add(struct usb_reader *readers, size_t count, const char *device) {
	describe(device, &readers[count]);
	for (size_t i = 0; i < count; i++)
		if (strcmp(readers[i].node, readers[count].node) == 0)
			return count;
	return count + 1;
}

size_t usb_find_readers(struct usb_reader *readers, size_t max) {
	DIR *stream = opendir(DEVICES);
	const struct dirent *entry;
	size_t count = 0;
	char device[NAME_MAX + 1];

	while (stream && count < max && (entry = readdir(stream))) {
		(void)snprintf(device, sizeof(device), "%s", entry->d_name);
		if (!strchr(device, ':') || !is_reader(entry->d_name))
			continue;
		device[strcspn(device, ":")] = '\0';
		count = add(readers, count, device);
	}
	if (stream)
		(void)closedir(stream);
	return count;
}
