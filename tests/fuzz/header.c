/* gst-ddpm: fuzzing the header of safetensors files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: the size of the data in bytes (guint32), a word that is not used,
 * and the header's text
 */
#include "gst-ddpm/files/safetensors.h"
#include "tests/fuzz/fuzz.h"

/* What those rely on who read the tensors */
static guint64
check_tensor (const gchar * name, const DdpmFileTensor * tensor,
    guint64 data_size)
{
  g_assert_cmpstr (name, ==, tensor->name);
  g_assert_nonnull (tensor->dtype);
  g_assert_cmpuint (tensor->n_dims, <=, DDPM_FILE_MAX_DIMS);
  g_assert_cmpuint (tensor->begin, <=, tensor->end);
  g_assert_cmpuint (tensor->end, <=, data_size);
  return tensor->end - tensor->begin;
}

void
fuzz_one (FuzzInput * in)
{
  const guint64 data_size = fuzz_take_uint32 (in);
  g_autofree gchar *text = NULL;
  DdpmFileContent header = { NULL };
  guint64 sum = 0;
  GHashTableIter iter;
  gpointer name, tensor;
  GError *error = NULL;
  gsize size;
  gboolean ok;

  fuzz_take_uint32 (in);
  text = fuzz_take_text (in, &size);
  ok = ddpm_safetensors_header_parse (&header, text, size, data_size, "fuzz",
      &error);
  fuzz_check_error (ok, error);
  if (!ok) {
    g_assert_null (header.tensors);
    return;
  }
  g_hash_table_iter_init (&iter, header.tensors);
  while (g_hash_table_iter_next (&iter, &name, &tensor))
    sum += check_tensor (name, tensor, data_size);
  g_assert_cmpuint (sum, >=, data_size);        /* tied ones count twice */
  ddpm_file_content_clear (&header);
}
