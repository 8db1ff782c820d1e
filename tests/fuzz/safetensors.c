/* gst-ddpm: fuzzing safetensors files, byte by byte
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "gst-ddpm/files/tensor-file.h"
#include "tests/fuzz/fuzz.h"

#define MAX_TENSORS 16          /* read of one file */

static void
read_tensor (DdpmTensorFile * file, const DdpmFileTensor * tensor)
{
  guint shape[DDPM_FILE_MAX_DIMS];
  g_autofree gfloat *numbers = NULL;
  GError *error = NULL;
  gsize count = 1;
  gboolean ok;

  for (guint i = 0; i < tensor->n_dims; i++) {
    shape[i] = tensor->shape[i];
    count *= tensor->shape[i];
  }
  ok = ddpm_tensor_file_require (file, tensor->name, tensor->n_dims, shape,
      &error) != NULL;
  fuzz_check_error (ok, error);
  if (!ok)
    return;
  error = NULL;
  numbers = g_new (gfloat, count);
  ok = ddpm_tensor_file_read (file, tensor, numbers, &error);
  fuzz_check_error (ok, error);
  for (gsize i = 0; ok && i < count; i++)
    g_assert_true (isfinite (numbers[i]));
}

void
fuzz_one (FuzzInput * in)
{
  GError *error = NULL;
  g_autoptr (DdpmTensorFile) file =
      ddpm_tensor_file_open (fuzz_write_file (in->data, in->size), &error);
  g_autoptr (GList) tensors = NULL;
  guint n = 0;

  fuzz_check_error (file != NULL, error);
  if (file == NULL)
    return;
  tensors = g_hash_table_get_values (ddpm_tensor_file_get_tensors (file));
  for (GList * l = tensors; l != NULL && n++ < MAX_TENSORS; l = l->next)
    read_tensor (file, l->data);
}
