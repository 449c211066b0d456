#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is on the screen of Xvfb -fbdir, as its file (XWD) has it.

screen.py bands A B     how many groups of rows that lie apart differ between two such files: places where something else is written
screen.py blank A       1 if all of it is of one colour
screen.py close WINDOW  asks a window to close, as the button of a window manager does
"""
import ctypes
import struct
import sys

APART = 12  # rows, less than two lines of text are apart


def rows(path):
    data = open(path, 'rb').read()
    header, _, _, _, width, height, _, _, _, _, _, bits, line = struct.unpack('>13I', data[:52])
    begin = header + 12 * struct.unpack('>I', data[76:80])[0]
    return [data[begin + y * line:begin + y * line + width * bits // 8] for y in range(height)]


def bands(a, b):
    last, count = -APART - 1, 0
    for y, (one, other) in enumerate(zip(rows(a), rows(b))):
        if one != other:
            count += y - last > APART
            last = y
    print(count)


def blank(path):
    print(int(len({row[i:i + 4] for row in rows(path) for i in range(0, len(row), 4)}) == 1))


class ClientMessage(ctypes.Structure):
    _fields_ = [('type', ctypes.c_int), ('serial', ctypes.c_ulong), ('send_event', ctypes.c_int), ('display', ctypes.c_void_p),
                ('window', ctypes.c_ulong), ('message_type', ctypes.c_ulong), ('format', ctypes.c_int), ('data', ctypes.c_long * 5),
                ('room', ctypes.c_long * 24)]


def close(window):
    x = ctypes.CDLL('libX11.so.6')
    x.XOpenDisplay.restype = ctypes.c_void_p
    x.XInternAtom.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x.XOpenDisplay(None))
    protocols, delete = (x.XInternAtom(display, name, 0) for name in (b'WM_PROTOCOLS', b'WM_DELETE_WINDOW'))
    event = ClientMessage(33, 0, 1, display, int(window), protocols, 32, (ctypes.c_long * 5)(delete, 0))
    x.XSendEvent(display, ctypes.c_ulong(int(window)), 0, ctypes.c_long(0), ctypes.byref(event))
    x.XSync(display, 0)


{'bands': bands, 'blank': blank, 'close': close}[sys.argv[1]](*sys.argv[2:])
