/* gst-ddpm: ddpm-bench: what the process takes of the machine
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Calls of malloc() and its family, by whoever in the process, and the bytes
 * that they asked for; -1 where they cannot be counted */
typedef struct
{
  gint64 calls, bytes;
} BenchAllocations;

/* Since the process began */
void bench_allocations_read (BenchAllocations * allocations);

/* The most memory that was resident since the last reset, in bytes (VmHWM);
 * 0: the system does not say */
guint64 bench_peak_memory_read (void);
/* FALSE: the system cannot, and the peak stays that of the whole process. */
gboolean bench_peak_memory_reset (void);

/* The processor's name for itself, or "unknown"; free with g_free() */
gchar *bench_processor_name (void);

G_END_DECLS
