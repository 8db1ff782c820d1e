/* gst-ddpm: fuzzing the label and position that a buffer carries
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: a structure, as text
 */
#include "plugins/common/meta.h"
#include "tests/fuzz/fuzz.h"

static gboolean
set_field (GQuark field, const GValue * value, gpointer to)
{
  gst_structure_id_set_value (to, field, value);
  return TRUE;
}

void
fuzz_one (FuzzInput * in)
{
  g_autofree gchar *text = fuzz_take_text (in, NULL);
  g_autoptr (GstStructure) structure = NULL;
  g_autoptr (GstBuffer) buffer = NULL;
  GstCustomMeta *meta;
  GstDdpmSample sample = { 0 };
  g_autoptr (GError) error = NULL;

  if (!gst_is_initialized ()) {
    g_setenv ("GST_REGISTRY_DISABLE", "yes", TRUE);     /* no plugin is used */
    gst_init (NULL, NULL);
    gst_ddpm_sample_meta_register ();
  }
  fuzz_set_strict (FALSE);
  structure = gst_structure_from_string (text, NULL);
  fuzz_set_strict (TRUE);
  if (structure == NULL)
    return;
  buffer = gst_buffer_new ();
  meta = gst_buffer_add_custom_meta (buffer, GST_DDPM_SAMPLE_META);
  gst_structure_foreach (structure, set_field,
      gst_custom_meta_get_structure (meta));
  gst_ddpm_sample_read_meta (&sample, buffer, &error);
}
