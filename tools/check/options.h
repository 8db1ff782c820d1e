/* gst-ddpm: ddpm-check: what is to be compared
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/backend.h"

G_BEGIN_DECLS

/**
 * CheckOptions:
 * @model: checkpoint; NULL: the built-in model
 * @kinds: which machine is checked, and which it is held to
 * @precisions: of the two
 * @threads: of each; 0: one per core
 * @images: evaluated at once
 * @steps: reverse steps from noise to image
 * @seed: of the noise
 * @tolerance: of an evaluation, relative; 0: by precision
 */
typedef struct
{
  gchar *model;
  DdpmBackendKind kinds[2];
  DdpmPrecision precisions[2];
  guint threads, images, steps;
  guint64 seed;
  gdouble tolerance;
} CheckOptions;

/* options: zeroed. FALSE: error says what is wrong. --help prints and exits. */
gboolean check_options_parse (CheckOptions * options, gchar *** argv,
    GError ** error);
void check_options_clear (CheckOptions * options);

G_END_DECLS
