/* gst-ddpm: fuzzing the label and position that a buffer carries
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: for each field of the meta, a number that chooses its type, and
 * one or two of its value; the rest is the text of strings
 */
#include "plugins/common/meta.h"
#include "tests/fuzz/fuzz.h"

/* G_TYPE_INVALID: the field is not there */
static void
take_value (FuzzInput * in, GValue * value)
{
  const GType types[] = { G_TYPE_INVALID, G_TYPE_INT, G_TYPE_UINT, G_TYPE_LONG,
    G_TYPE_ULONG, G_TYPE_INT64, G_TYPE_UINT64, G_TYPE_CHAR, G_TYPE_UCHAR,
    G_TYPE_BOOLEAN, G_TYPE_FLOAT, G_TYPE_DOUBLE, G_TYPE_STRING, G_TYPE_DATE,
    GST_TYPE_FRACTION, GST_TYPE_INT_RANGE, GST_TYPE_LIST, GST_TYPE_ARRAY
  };
  const GType type = types[fuzz_take_uint32 (in) % G_N_ELEMENTS (types)];
  const guint64 low = fuzz_take_uint32 (in);
  GValue number = G_VALUE_INIT;

  if (type == G_TYPE_INVALID)
    return;
  g_value_init (value, type);
  g_value_init (&number, G_TYPE_UINT64);
  g_value_set_uint64 (&number, low | (guint64) fuzz_take_uint32 (in) << 32);
  if (type == G_TYPE_STRING)
    g_value_take_string (value, fuzz_take_line (in));
  else if (type == GST_TYPE_FRACTION)
    gst_value_set_fraction (value, low % G_MAXINT, 1);
  else if (type == GST_TYPE_LIST)
    gst_value_list_append_value (value, &number);
  else
    g_value_transform (&number, value);
}

static void
take_fields (FuzzInput * in, GstStructure * to)
{
  static const gchar *const fields[] = { "label", "index", "epoch", "position",
    "epoch-size", "other"
  };

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    GValue value = G_VALUE_INIT;

    take_value (in, &value);
    if (G_VALUE_TYPE (&value) != G_TYPE_INVALID)
      gst_structure_take_value (to, fields[i], &value);
  }
}

void
fuzz_one (FuzzInput * in)
{
  GstDdpmSample sample = {.label = -1 };
  g_autoptr (GstBuffer) buffer = NULL;
  GstCustomMeta *meta;
  GError *error = NULL;
  gboolean ok;

  if (!gst_is_initialized ()) {
    g_setenv ("GST_REGISTRY_DISABLE", "yes", TRUE);     /* no plugin is used */
    gst_init (NULL, NULL);
    gst_ddpm_sample_meta_register ();
  }
  buffer = gst_buffer_new ();
  meta = gst_buffer_add_custom_meta (buffer, GST_DDPM_SAMPLE_META);
  take_fields (in, gst_custom_meta_get_structure (meta));
  ok = gst_ddpm_sample_read_meta (&sample, buffer, &error);
  fuzz_check_error (ok, error);
  if (!ok)
    return;
  g_assert_cmpuint (sample.index, <=, G_MAXINT64);
  g_assert_cmpuint (sample.epoch, <=, G_MAXINT64);
  g_assert_cmpuint (sample.position, <=, G_MAXINT64);
  g_assert_cmpuint (sample.epoch_size, <=, G_MAXINT64);
}
