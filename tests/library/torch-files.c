/* gst-ddpm: tests of PyTorch's files: read, and refused
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/archive.h"
#include "tests/support/dump.h"
#include "tests/support/files.h"
#include "tests/support/test.h"


static DdpmTensorFile *
open_data (const gchar * name, GError ** error)
{
  g_autofree gchar *path =
      g_build_filename (g_getenv ("DDPM_TEST_DATA"), name, NULL);

  return ddpm_tensor_file_open (path, error);
}

/* --- what is read ----------------------------------------------------- */

static guint
get_count (JsonArray * shape, guint * n)
{
  guint count = 1;

  for (guint i = 0; i < json_array_get_length (shape); i++)
    count *= n[i] = json_array_get_int_element (shape, i);
  return count;
}

static gboolean
is_float (const DdpmFileTensor * tensor)
{
  return strchr (tensor->dtype, 'F') != NULL;
}

static void
check_tensor (DdpmTensorFile * file, JsonObject * expected)
{
  JsonArray *shape = json_object_get_array_member (expected, "shape");
  JsonArray *values = json_object_get_array_member (expected, "values");
  const gchar *name = json_object_get_string_member (expected, "name");
  const DdpmFileTensor *tensor = ddpm_tensor_file_find (file, name);
  guint n[DDPM_FILE_MAX_DIMS], count = get_count (shape, n);
  g_autofree gfloat *x = g_new (gfloat, count + 1);

  g_test_message ("%s", name);
  g_assert_nonnull (tensor);
  g_assert_cmpuint (tensor->n_dims, ==, json_array_get_length (shape));
  for (guint i = 0; i < tensor->n_dims; i++)
    g_assert_cmpuint (tensor->shape[i], ==, n[i]);
  if (!is_float (tensor))
    return;
  assert_ok (ddpm_tensor_file_require (file, name, tensor->n_dims, n, &error));
  assert_ok (ddpm_tensor_file_read (file, tensor, x, &error));
  g_assert_cmpuint (json_array_get_length (values), ==, count);
  for (guint i = 0; i < count; i++)
    g_assert_cmpfloat (x[i], ==,
        (gfloat) json_array_get_double_element (values, i));
}

static guint
count_tensors (DdpmTensorFile * file)
{
  GHashTableIter iter;
  const DdpmFileTensor *tensor;
  guint n = 0;

  g_hash_table_iter_init (&iter, ddpm_tensor_file_get_tensors (file));
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) & tensor))
    n += ddpm_file_tensor_is_real (tensor);
  return n;
}

/* Protocols, types, views, optimizers, objects beside: see
 * tests/oracle/make_torch_files.py */
TEST (reads_what_torch_load_reads)
{
  g_autoptr (JsonArray) files = test_json_load ("torch/tensors.json");

  for (guint i = 0; i < json_array_get_length (files); i++) {
    JsonObject *row = json_array_get_object_element (files, i);
    JsonArray *tensors = json_object_get_array_member (row, "tensors");
    g_autofree gchar *name = g_build_filename ("torch",
        json_object_get_string_member (row, "file"), NULL);
    g_autoptr (DdpmTensorFile) file = assert_ok (open_data (name, &error));

    g_test_message ("%s", name);
    for (guint k = 0; k < json_array_get_length (tensors); k++)
      check_tensor (file, json_array_get_object_element (tensors, k));
    g_assert_cmpuint (count_tensors (file), ==,
        json_array_get_length (tensors));
  }
}

TEST (counters_are_integers)
{
  g_autoptr (DdpmTensorFile) file =
      assert_ok (open_data ("torch/types.pt", &error));
  static const gchar *const dtypes[][2] = {
    {"int64", "I64"}, {"int32", "I32"}, {"int16", "I16"}, {"int8", "I8"},
    {"uint8", "U8"}, {"bool", "BOOL"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (dtypes); i++)
    g_assert_cmpstr (ddpm_tensor_file_find (file, dtypes[i][0])->dtype, ==,
        dtypes[i][1]);
}

TEST (reads_memory_as_it_reads_a_file)
{
  g_autoptr (GBytes) bytes = test_files_data ("torch/views.pt");
  g_autoptr (DdpmTensorFile) file = assert_ok (ddpm_tensor_file_open_bytes
      (bytes, "views", &error));
  const DdpmFileTensor *tensor = ddpm_tensor_file_find (file, "columns");
  const guint shape[] = { 2, 3, 2 };
  gfloat x[12];

  assert_ok (ddpm_tensor_file_require (file, "columns", 3, shape, &error));
  assert_ok (ddpm_tensor_file_read (file, tensor, x, &error));
  for (guint i = 0; i < G_N_ELEMENTS (x); i++)
    g_assert_cmpfloat (x[i], ==, i / 2 * 4 + i % 2 * 3);
}

/* --- objects ---------------------------------------------------------- */

TEST (an_object_beside_the_weights_is_not_made)
{
  g_autoptr (DdpmTensorFile) file =
      assert_ok (open_data ("fuzz/torch-file/system", &error));
  const guint shape[] = { 6 };

  assert_ok (ddpm_tensor_file_require (file, "w", 1, shape, &error));
  assert_ok (ddpm_tensor_file_check_all_required (file, "one network", &error));
  g_assert_false (g_file_test ("executed", G_FILE_TEST_EXISTS));
}

TEST (an_object_in_the_place_of_weights_is_refused)
{
  g_autoptr (DdpmTensorFile) file =
      assert_ok (open_data ("fuzz/torch-file/system-as-weights", &error));
  const guint shape[] = { 6 };

  assert_fails (ddpm_tensor_file_require (file, "w", 1, shape, &error),
      DDPM_ERROR_FORMAT, "expected tensor w as F64, F32, F16 or BF16, found an "
      "object of 'posix.system'");
  g_assert_false (g_file_test ("executed", G_FILE_TEST_EXISTS));
}

/* --- what is refused -------------------------------------------------- */

static const struct
{
  const gchar *name, *words;
} refused[] = {
  {"system-alone", "no tensors, but an object of 'posix.system', which is not"},
  {"module", "but an object of 'torch.nn.modules.linear.Linear', which is not"},
  {"module-in-dict", "an object of 'torch.nn.modules.linear.Linear', which is"},
  {"without-tensors", "found a pickle without tensors"},
  {"nested", "found values nested too deeply, at '0.0.0"},
  {"circle", "found values nested too deeply, at '1.1.1"},
  {"bomb", "found too many tensors, at '0.0.0"},
  {"bomb-of-lists", "found too many values, at '0.0.0"},
  {"names", "found two values of one name, at 'a.b'"},
  {"long-name", "found a name that is too long"},
  {"zero-in-name", "found a name that is not UTF-8"},
  {"beyond-storage", "found elements that are outside of its storage, at 'w'"},
  {"offset-beyond", "found elements that are outside of its storage"},
  {"stride-beyond", "found elements that are outside of its storage"},
  {"negative", "found a shape that is not one of at most 8 numbers"},
  {"offset-negative", "found a shape that is not one of at most 8 numbers"},
  {"stride-negative", "found a shape that is not one of at most 8 numbers"},
  {"many-dimensions", "found a shape that is not one of at most 8 numbers"},
  {"two-ranks", "found a shape that is not one of at most 8 numbers"},
  {"not-a-number", "found a shape that is not one of at most 8 numbers"},
  {"huge-shape", "found a shape that no file can hold"},
  {"huge-strides", "found elements that are outside of its storage"},
  {"big-endian", "found one of a big-endian machine"},
  {"short-storage", "found a storage whose size in the archive is another"},
  {"long-storage", "found a storage whose size in the archive is another"},
  {"wrong-size", "found a storage whose size in the archive is another"},
  {"no-storage", "found a storage that the archive does not have"},
  {"cut-pickle", "found an end in the middle of a value"},
  {"no-pickle", "found an end in the middle of a value"},
  {"large-pickle", "found a pickle that is larger than any checkpoint's"},
  {"overlapping", "found entries that overlap"},
  {"shared-header", "found one whose entries contradict its directory"},
  {"parent", "found an entry with a name that leads out of it"},
  {"absolute", "found an entry with a name that leads out of it"},
  {"two-pickles", "found another zip archive"},
  {"two-entries", "found two entries of one name"},
  {"bzip2", "found a compression other than deflate"},
  {"torchscript", "found a program of TorchScript"},
  {"npz", "found arrays of NumPy (.npz)"},
  {"keras", "found a model of Keras"},
  {"zipped", "found a zip archive with a safetensors file in it: unpack it"},
  {"other-zip", "found another zip archive"},
  {"empty", "found a header of"},
  {"legacy", "found a file of PyTorch before 1.6: with a newer PyTorch"},
  {"pickle", "found a pickle of Python: if you trust it, load it in Python"},
};

/* In little time and memory: a bomb has a million names. */
TABLE_TEST (refuses_in_one_sentence, refused)
{
  g_autofree gchar *name =
      g_build_filename ("fuzz", "torch-file", row->name, NULL);

  assert_fails (open_data (name, &error), DDPM_ERROR_FORMAT, row->words);
  g_assert_false (g_file_test ("executed", G_FILE_TEST_EXISTS));
}

/* {"w": a tensor of [2] floats, the first and the last one of 2^22 + 1} */
#define APART "\x80\x02}X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n" \
    "((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cpu" \
    "J\1\0\x40\0tQK\0K\2\x85J\0\0\x40\0\x85\x89NtRs."

/* It is a small file, and would take as much memory as it likes. */
TEST (refuses_to_take_much_memory_for_few_numbers)
{
  const gsize size = (16 << 20) + sizeof (gfloat);
  g_autofree gchar *numbers = g_malloc0 (size);
  const TestEntry entries[] = {
    {"a/data.pkl", APART, sizeof APART - 1}, {"a/data/0", numbers, size}
  };
  g_autoptr (GBytes) bytes = test_archive_new (entries, 2, TRUE);
  g_autoptr (DdpmTensorFile) file =
      assert_ok (ddpm_tensor_file_open_bytes (bytes, "apart.pt", &error));
  const guint shape[] = { 2 };
  const DdpmFileTensor *w =
      assert_ok (ddpm_tensor_file_require (file, "w", 1, shape, &error));
  gfloat x[2];

  assert_fails_saying (ddpm_tensor_file_read (file, w, x, &error),
      DDPM_ERROR_FORMAT, "apart.pt: expected the elements of tensor w beside "
      "each other, found 8 bytes spread over 16777220; save it with "
      ".contiguous ()");
}

TEST (refuses_each_file_that_is_cut)
{
  g_autoptr (GBytes) whole = test_files_data ("torch/plain.pt");

  for (gsize size = 4; size < g_bytes_get_size (whole); size++) {
    g_autoptr (GBytes) cut = g_bytes_new_from_bytes (whole, 0, size);

    assert_fails_with (ddpm_tensor_file_open_bytes (cut, "cut.pt", &error),
        DDPM_ERROR_FORMAT, "cut.pt: expected ", "download it again");
  }
}

static void
check_any (GBytes * bytes)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DdpmTensorFile) file =
      ddpm_tensor_file_open_bytes (bytes, "any.pt", &error);

  g_assert_true ((file == NULL) == (error != NULL));
}

TEST (survives_files_with_wrong_bytes)
{
  g_autoptr (GBytes) bytes = test_files_data ("torch/trainer.pt");

  test_files_fuzz (bytes, 1, 3000, 4, g_bytes_get_size (bytes) - 4, check_any);
}
