/* gst-ddpm: a model: configuration and weights
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/model.h"
#include "gst-ddpm/model/params.h"
#include "gst-ddpm/model/shared.h"

DdpmModel *
ddpm_model_new (const DdpmConfig * config, GError ** error)
{
  DdpmParams *params = ddpm_params_new (config, error);
  gfloat *weights;
  DdpmModel *model;

  if (params == NULL)
    return NULL;
  weights = g_try_new0 (gfloat, params->total);
  if (weights == NULL)
    goto no_memory;

  model = g_new0 (DdpmModel, 1);
  g_atomic_ref_count_init (&model->refcount);
  model->config = *config;
  model->params = params;
  model->weights = weights;
  return model;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the %" G_GSIZE_FORMAT " weights of a model",
      params->total);
  ddpm_params_free (params);
  return NULL;
}

DdpmModel *
ddpm_model_ref (DdpmModel * model)
{
  g_atomic_ref_count_inc (&model->refcount);
  return model;
}

void
ddpm_model_unref (DdpmModel * model)
{
  if (model->shared_key ? !ddpm_shared_drop (model->shared_key, model)
      : !g_atomic_ref_count_dec (&model->refcount))
    return;
  ddpm_params_free (model->params);
  g_free (model->weights);
  g_free (model->location);
  g_strfreev (model->class_names);
  g_free (model->assumptions);
  g_clear_pointer (&model->notes, g_hash_table_unref);
  g_free (model->shared_key);
  g_free (model);
}

G_DEFINE_BOXED_TYPE (DdpmModel, ddpm_model, ddpm_model_ref, ddpm_model_unref);

void
ddpm_model_init_weights (DdpmModel * model, guint64 seed)
{
  ddpm_params_init_weights (model->params, &model->config, seed,
      model->weights);
}

guint64
ddpm_config_count_parameters (const DdpmConfig * config)
{
  g_autoptr (DdpmParams) params = ddpm_params_new (config, NULL);

  return params ? params->trainable : 0;
}
