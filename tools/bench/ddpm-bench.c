/* gst-ddpm: ddpm-bench: how fast a model is on this machine, and how fast it could be
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   ddpm-bench forward --batch 1,16
 *   ddpm-bench train --channels 64 --batch 32 --json
 *
 * docs/performance.md explains the numbers.
 */
#include "tools/bench/report.h"

#define EXIT_USAGE 2

static gboolean
measure_all (const BenchOptions * options, DdpmBackend * backend,
    GError ** error)
{
  for (guint i = 0; i < options->batches->len; i++) {
    BenchResult result;

    if (!bench_measure (options, backend, g_array_index (options->batches,
                guint, i), &result, error))
      return FALSE;
    if (options->json)
      bench_report_json (options, backend, &result);
    else
      bench_report_table (options, &result);
    bench_result_clear (&result);
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_auto (GStrv) arguments = g_strdupv (argv);
  g_autoptr (GError) error = NULL;
  g_autoptr (DdpmBackend) backend = NULL;
  BenchOptions options;
  int status = EXIT_USAGE;

  if (!bench_options_parse (&options, &arguments, &error))
    goto done;
  status = 1;
  backend = ddpm_backend_new (options.backend, options.precision,
      options.threads, &error);
  if (backend == NULL)
    goto done;
  if (!options.json)
    bench_report_heading (&options, backend);
  if (measure_all (&options, backend, &error))
    status = 0;

done:
  if (error)
    g_printerr ("ddpm-bench: %s\n", error->message);
  bench_options_clear (&options);
  return status;
}
