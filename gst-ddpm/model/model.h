/* gst-ddpm: a model: configuration and weights
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/params.h"

G_BEGIN_DECLS

/**
 * DdpmModel:
 * @config: configuration
 * @params: table of the parameters (owned)
 * @weights: @params->total floats (owned)
 * @width: width of the training images in pixels; 0: unknown
 * @height: height of the training images in pixels; 0: unknown
 * @step: optimizer steps that trained it; 0: unknown
 * @location: the file or name that it was loaded from, for messages (owned)
 * @class_names: the name of each class, %NULL-terminated; %NULL: unknown (owned)
 *
 * A configuration and its weights. Reference counted; immutable once shared.
 */
typedef struct
{
  gatomicrefcount refcount;
  DdpmConfig config;
  DdpmParams *params;
  gfloat *weights;
  guint width, height;
  guint64 step;
  gchar *location;
  gchar **class_names;
} DdpmModel;

/**
 * ddpm_model_new:
 * @config: a configuration
 * @error: return location for a #GError
 *
 * Returns: (transfer full): a model whose weights are 0; %NULL and
 *   %DDPM_ERROR_SETTINGS or %DDPM_ERROR_NO_SPACE where @config is invalid or
 *   there is not enough memory
 */
DdpmModel *ddpm_model_new (const DdpmConfig * config, GError ** error);
DdpmModel *ddpm_model_ref (DdpmModel * model);
void ddpm_model_unref (DdpmModel * model);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmModel, ddpm_model_unref)

G_END_DECLS
