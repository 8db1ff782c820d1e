/* gst-ddpm: the parameters of a network as tensors of a file
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/param-tensors.h"
#include "gst-ddpm/model/params.h"

gboolean
ddpm_param_tensors_require (DdpmTensorFile * file, const gchar * prefix,
    const DdpmParams * params, GError ** error)
{
  for (guint i = 0; i + 1 < params->n_params; i++) {
    const DdpmParam *param = &params->params[i];
    g_autofree gchar *name = g_strconcat (prefix, param->name, NULL);

    if (!ddpm_tensor_file_require (file, name, param->n_dims, param->shape,
            error))
      return FALSE;
  }
  return TRUE;
}

gboolean
ddpm_param_tensors_read (DdpmTensorFile * file, const gchar * prefix,
    const DdpmParams * params, gfloat * arena, GError ** error)
{
  for (guint i = 0; i + 1 < params->n_params; i++) {
    const DdpmParam *param = &params->params[i];
    g_autofree gchar *name = g_strconcat (prefix, param->name, NULL);

    if (!ddpm_tensor_file_read (file, ddpm_tensor_file_find (file, name),
            arena + param->offset, error))
      return FALSE;
  }
  return TRUE;
}

void
ddpm_param_tensors_add (DdpmSafetensorsWriter * writer, const gchar * prefix,
    const DdpmParams * params, DdpmType type, const gfloat * arena)
{
  for (guint i = 0; i + 1 < params->n_params; i++) {
    const DdpmParam *param = &params->params[i];
    g_autofree gchar *name = g_strconcat (prefix, param->name, NULL);

    ddpm_safetensors_writer_add (writer, name, type, param->n_dims,
        param->shape, arena + param->offset);
  }
}
