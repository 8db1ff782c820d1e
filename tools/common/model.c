/* gst-ddpm: the model that a program works on
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/common/model.h"

DdpmModel *
load_model (const gchar * name, GError ** error)
{
  DdpmModel *model = ddpm_checkpoint_load (name, error);

  if (model && model->assumptions)
    g_printerr ("%s\n", model->assumptions);
  return model;
}
