/* gst-ddpm: ddpm-evaluate: what is to be evaluated
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

/**
 * EvaluateOptions:
 * @model: checkpoint; NULL: the built-in model
 * @data: folder or file (DdpmCifar)
 * @split: part of a folder
 * @settings: settings; 0 images: all
 * @backend: compute backend
 * @precision: precision of activations
 * @threads: compute threads; 0: one per core
 * @no_labels: give no labels to a model that has classes
 * @json: print a line of JSON for each bin and one for the total instead of a
 *   table
 */
typedef struct
{
  gchar *model, *data;
  DdpmSplit split;
  DdpmEvaluatorSettings settings;
  DdpmBackendKind backend;
  DdpmPrecision precision;
  guint threads;
  gboolean no_labels, json;
} EvaluateOptions;

/* Errors are those of options_parse (). */
gboolean evaluate_options_parse (EvaluateOptions * options, gchar *** argv,
    GError ** error);
void evaluate_options_clear (EvaluateOptions * options);
/* "test", "train"; "fixed-small", "fixed-large" */
const gchar *evaluate_split_to_string (DdpmSplit split);
const gchar *evaluate_variance_to_string (DdpmVariance variance);

G_END_DECLS
