/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Card readers on USB as the kernel lists them, whether or not pcscd knows of them. Opens no device.
 */
#ifndef DOCTOR_USB_H
#define DOCTOR_USB_H

#include <stddef.h>

enum { USB_READERS_MAX = 16 };

struct usb_reader {
	char name[160]; /* what it calls itself, and its numbers */
	char node[64];  /* /dev/bus/usb/BUS/DEVICE */
};

/* Devices with an interface of the class smart card (CCID). Returns how many there are, at most `max`. */
size_t usb_find_readers(struct usb_reader *readers, size_t max);

#endif
