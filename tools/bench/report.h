/* gst-ddpm: ddpm-bench: results, for programs and for people
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tools/bench/measure.h"

G_BEGIN_DECLS

/* Prints a JSON object on a line of its own. */
void bench_report_json (const BenchOptions * options, DdpmBackend * backend,
    const BenchResult * result);
/* Prints the network and the machine. */
void bench_report_heading (const BenchOptions * options, DdpmBackend * backend);
void bench_report_table (const BenchOptions * options,
    const BenchResult * result);

G_END_DECLS
