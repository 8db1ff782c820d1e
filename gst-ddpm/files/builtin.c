/* gst-ddpm: the models that the library brings with it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/builtin.h"
#include "gst-ddpm/files/checkpoint.h"

#define FOLDER "/gst-ddpm/models"

/* models/NAME.safetensors, the default first */
static const gchar *const names[] = { "cifar10", "tiles", NULL };

const gchar *const *
ddpm_checkpoint_get_builtin_names (void)
{
  return names;
}

gboolean
ddpm_builtin_is_name (const gchar * name)
{
  return name == NULL || *name == '\0' || g_strv_contains (names, name);
}

GBytes *
ddpm_builtin_get_checkpoint (const gchar * name, gchar ** location)
{
  g_autofree gchar *path = NULL;
  GBytes *bytes;

  if (!ddpm_builtin_is_name (name))
    return NULL;
  if (name == NULL || *name == '\0')
    name = names[0];
  path = g_strdup_printf (FOLDER "/%s.safetensors", name);
  bytes = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (bytes)
    *location = g_strdup_printf ("the built-in model \"%s\"", name);
  return bytes;
}
