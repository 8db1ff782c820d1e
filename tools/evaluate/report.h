/* gst-ddpm: ddpm-evaluate: the figures, for people and as JSON
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "tools/evaluate/options.h"

G_BEGIN_DECLS

/**
 * EvaluateReport:
 * @options: the command line
 * @model: the model that was evaluated
 * @backend: the backend that computed
 * @n_images: images of the data, evaluated or not
 * @seconds: time of the evaluation
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
/* Prints a line for each bin of timesteps, then one for the total. */
void evaluate_report_print_json (const EvaluateReport * report);

G_END_DECLS
