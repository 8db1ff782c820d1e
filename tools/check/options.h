/* gst-ddpm: ddpm-check: what is to be compared
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

/**
 * CheckOptions:
 * @model: checkpoint; NULL: the built-in model
 * @kinds: the backend to check, and the one to compare it with
 * @precisions: precisions of the two
 * @threads: compute threads of each; 0: one per core
 * @images: images in one batch
 * @steps: reverse steps from noise to image
 * @seed: seed of the noise
 * @tolerance: largest relative difference of an evaluation; 0: it depends on
 *   the precisions
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

/* Errors are those of options_parse (). */
gboolean check_options_parse (CheckOptions * options, gchar *** argv,
    GError ** error);
void check_options_clear (CheckOptions * options);

G_END_DECLS
