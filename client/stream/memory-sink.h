/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a memory sink has collected. Private to this folder: everybody else calls sink_memory().
 */
#ifndef STREAM_MEMORY_SINK_H
#define STREAM_MEMORY_SINK_H

#include "sink.h"

struct memory_sink;

struct bytes memory_sink_bytes(const struct memory_sink *sink);

#endif
