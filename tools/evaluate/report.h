/* gst-ddpm: ddpm-evaluate: the figures, for people and as JSON
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tools/evaluate/options.h"

G_BEGIN_DECLS

/**
 * EvaluateReport:
 * @options: what was asked for
 * @model: what was evaluated
 * @backend: what computed
 * @n_images: images that the data has
 * @seconds: that it took
 * @results: the figures
 */
typedef struct
{
  const EvaluateOptions *options;
  DdpmModel *model;
  DdpmBackend *backend;
  guint64 n_images;
  gdouble seconds;
  DdpmEvaluation results;
} EvaluateReport;

void evaluate_report_print_table (const EvaluateReport * report);
/* A line for each bin of timesteps, then one for the total */
void evaluate_report_print_json (const EvaluateReport * report);

G_END_DECLS
