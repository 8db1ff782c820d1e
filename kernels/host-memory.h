/* gst-ddpm: how much memory of the host a process can still use (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * DdpmHostMemory:
 * @available: bytes that can still be used; G_MAXUINT64: not known
 * @limit: (owned): what limits them, such as "MemAvailable and SwapFree of
 *   /proc/meminfo"
 */
typedef struct
{
  guint64 available;
  gchar *limit;
} DdpmHostMemory;

/* The smallest of what the machine, the cgroup, those around it, and the
 * resource limits of the process leave. root: where /proc and /sys are, "" but
 * for tests. The environment variable GST_DDPM_TEST_MEMORY, in MiB, replaces
 * all of it. */
void ddpm_host_memory_init (DdpmHostMemory * memory, const gchar * root);
void ddpm_host_memory_clear (DdpmHostMemory * memory);

G_END_DECLS
