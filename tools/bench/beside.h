/* gst-ddpm: ddpm-bench: busy processes beside what is measured
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _BenchBeside BenchBeside;

/* Starts processes that compute without end while they are let run. They end
 * with this process, whatever ends it. */
BenchBeside *bench_beside_new (guint processes, GError ** error);
void bench_beside_let_run (BenchBeside * beside, gboolean run);
void bench_beside_free (BenchBeside * beside);

G_END_DECLS
