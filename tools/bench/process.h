/* gst-ddpm: ddpm-bench: memory that the process uses
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Calls of malloc() and its family in the whole process, and the bytes that
 * they asked for; -1 if they cannot be counted */
typedef struct
{
  gint64 calls, bytes;
} BenchAllocations;

/* Since the process began */
void bench_allocations_read (BenchAllocations * allocations);

/* The peak of resident memory since the last reset, in bytes (VmHWM); 0: the
 * system does not know it */
guint64 bench_peak_memory_read (void);
/* FALSE: the system cannot reset it: it stays the peak since the start. */
gboolean bench_peak_memory_reset (void);

/* The model name of the processor, or "unknown"; free with g_free() */
gchar *bench_processor_name (void);

G_END_DECLS
