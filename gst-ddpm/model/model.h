/* gst-ddpm: a model: configuration and weights
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/model/params.h"

G_BEGIN_DECLS

/**
 * DdpmModel:
 * @config: configuration
 * @params: table of its parameters (owned)
 * @weights: arena of @params->total floats (owned)
 * @width: pixels of the images it was trained on; 0: not known
 * @height: pixels; 0: not known
 * @step: optimizer steps behind it; 0: not known
 * @location: file it was read from, or a name, for messages (owned)
 * @class_names: of each class, NULL-terminated; NULL: not known (owned)
 *
 * Immutable once shared; reference counted.
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

/* weights all 0; NULL and error when config is wrong or memory is short */
DdpmModel *ddpm_model_new (const DdpmConfig * config, GError ** error);
DdpmModel *ddpm_model_ref (DdpmModel * model);
void ddpm_model_unref (DdpmModel * model);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmModel, ddpm_model_unref)

G_END_DECLS
