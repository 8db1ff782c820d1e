/* gst-ddpm: ddpm-bench: what the processor's arithmetic can do
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

typedef struct
{
  gdouble flops;                /* a second, by all threads; 0: not known */
  const gchar *instruction;     /* static */
} BenchLimit;

/* Runs the best multiply-add of the backend's precision, from registers, on as
 * many threads as it has, for a tenth of a second. Not known on a GPU. */
BenchLimit bench_limit_measure (DdpmBackend * backend);

G_END_DECLS
