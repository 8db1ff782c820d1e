/* gst-ddpm: progress messages of a task that takes long
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _GstDdpmTicker GstDdpmTicker;

/* Begins a task. Once it has taken two seconds, a thread posts a PROGRESS
 * message of the code "ddpm-task" each second: "saving k.bin: 3 s". element:
 * posts them, and must live until the task ends. what: "saving"; object:
 * "k.bin" */
GstDdpmTicker *gst_ddpm_ticker_new (GstElement * element, const gchar * what,
    const gchar * object);
/* Ends the task, and its progress if there was any: gst-launch-1.0 does not go
 * to PLAYING before. */
void gst_ddpm_ticker_free (GstDdpmTicker * ticker);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstDdpmTicker, gst_ddpm_ticker_free)

G_END_DECLS
