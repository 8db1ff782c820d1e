/* gst-ddpm: tests of the safetensors format: written
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "tests/support/files.h"

#include "kernels/bf16.h"
#include "tests/support/test.h"

typedef struct
{
  gchar *folder;
  gchar *path;
  DdpmSafetensorsWriter *writer;
} Fixture;

static void
setup (Fixture * f, gconstpointer data)
{
  f->folder = test_files_make_folder ();
  f->path = g_build_filename (f->folder, "model.bin", NULL);
  f->writer = ddpm_safetensors_writer_new ();
}

static void
teardown (Fixture * f, gconstpointer data)
{
  ddpm_safetensors_writer_free (f->writer);
  test_files_remove_folder (f->folder);
  g_free (f->path);
}

static void
write_file (Fixture * f)
{
  assert_ok (ddpm_safetensors_writer_write (f->writer, f->path, 0, &error));
}

static void
add (Fixture * f, const gchar * name, DdpmType type, guint count,
    const gfloat * x)
{
  ddpm_safetensors_writer_add (f->writer, name, type, 1, &count, x);
}

/* As the official writer does: metadata first, data aligned to 8 bytes, the
 * widest type first, then by name */
FIXTURE_TEST (writes_the_header_as_the_official_writer)
{
  const gfloat x[4] = { 1, 2, 3, 4 };
  const guint shape[] = { 2, 1, 2, 1 };
  g_autoptr (GBytes) bytes = NULL;
  g_autofree gchar *header = NULL;
  gfloat first;

  add (f, "b", DDPM_TYPE_F32, 1, x + 2);
  add (f, "c", DDPM_TYPE_BF16, 3, x);
  ddpm_safetensors_writer_add (f->writer, "a", DDPM_TYPE_F32, 4, shape, x);
  add (f, "B", DDPM_TYPE_F32, 0, x);
  ddpm_safetensors_writer_add_metadata (f->writer, "k", "v");
  write_file (f);

  bytes = test_files_read (f->path);
  header = test_files_header (bytes);
  g_assert_cmpstr (g_strchomp (header), ==, "{\"__metadata__\":{\"k\":\"v\"},"
      "\"B\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
      "\"a\":{\"dtype\":\"F32\",\"shape\":[2,1,2,1],\"data_offsets\":[0,16]},"
      "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]},"
      "\"c\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[20,26]}}");
  g_assert_cmpuint (test_files_header_size (bytes) % 8, ==, 0);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==,
      8 + test_files_header_size (bytes) + 26);
  memcpy (&first, (const gchar *) g_bytes_get_data (bytes, NULL) + 8 +
      test_files_header_size (bytes), 4);
  g_assert_cmpfloat (first, ==, 1);
}

/* More than one chunk of the conversion, and not a whole number of them */
FIXTURE_TEST (rounds_to_bf16_as_pytorch_does)
{
  g_autoptr (GBytes) bytes = test_files_data ("rounding.safetensors");
  g_autoptr (DdpmTensorFile) dump =
      ddpm_tensor_file_open_bytes (bytes, "rounding", NULL);
  guint n = ddpm_tensor_file_find (dump, "x")->shape[0], i, copies = 20;
  guint total = n * copies;
  g_autofree gfloat *x = g_new (gfloat, total);
  g_autofree gfloat *expected = g_new (gfloat, total);
  g_autofree gfloat *found = g_new (gfloat, total);
  g_autoptr (DdpmTensorFile) file = NULL;

  for (i = 0; i < copies; i++) {
    ddpm_tensor_file_read (dump, ddpm_tensor_file_require (dump, "x", 1, &n,
            NULL), x + i * n, NULL);
    ddpm_tensor_file_read (dump, ddpm_tensor_file_require (dump, "x.bf16", 1,
            &n, NULL), expected + i * n, NULL);
  }
  add (f, "x", DDPM_TYPE_BF16, total, x);
  write_file (f);
  file = ddpm_tensor_file_open (f->path, NULL);
  g_assert_cmpstr (ddpm_tensor_file_find (file, "x")->dtype, ==, "BF16");
  g_assert_true (ddpm_tensor_file_read (file, ddpm_tensor_file_require (file,
              "x", 1, &total, NULL), found, NULL));
  g_assert_cmpmem (found, total * sizeof *found, expected,
      total * sizeof *expected);
}

/* Writes n numbers as F16, and reads them. */
static void
round_to_f16 (Fixture * f, gfloat * x, guint n)
{
  g_autoptr (DdpmSafetensorsWriter) writer = ddpm_safetensors_writer_new ();
  g_autoptr (DdpmTensorFile) file = NULL;

  ddpm_safetensors_writer_add (writer, "x", DDPM_TYPE_F16, 1, &n, x);
  assert_ok (ddpm_safetensors_writer_write (writer, f->path, 0, &error));
  file = assert_ok (ddpm_tensor_file_open (f->path, &error));
  g_assert_cmpstr (ddpm_tensor_file_find (file, "x")->dtype, ==, "F16");
  assert_ok (ddpm_tensor_file_read (file, ddpm_tensor_file_require (file, "x",
              1, &n, NULL), x, &error));
}

/* All positive halves, by their bits: 5 bits of exponent, 10 of fraction */
static gfloat
get_half (guint bits)
{
  const guint exponent = bits >> 10, fraction = bits & 0x3ff;

  return exponent == 0 ? ldexpf (fraction, -24) :
      ldexpf (fraction + 1024, (gint) exponent - 25);
}

FIXTURE_TEST (rounds_to_f16_as_ieee_754_does)
{
  enum
  { N = 0x7c00 - 1 };           /* halves that have a larger one */
  g_autofree gfloat *x = g_new (gfloat, 4 * N);

  for (guint i = 0; i < N; i++) {
    const gfloat low = get_half (i), high = get_half (i + 1);
    const gfloat middle = (low + high) / 2;

    x[4 * i] = low;
    x[4 * i + 1] = nextafterf (middle, 0.0f);
    x[4 * i + 2] = middle;
    x[4 * i + 3] = -nextafterf (middle, INFINITY);
  }
  round_to_f16 (f, x, 4 * N);
  for (guint i = 0; i < N; i++) {
    g_assert_cmpfloat (x[4 * i], ==, get_half (i));
    g_assert_cmpfloat (x[4 * i + 1], ==, get_half (i));
    g_assert_cmpfloat (x[4 * i + 2], ==, get_half (i + i % 2));
    g_assert_cmpfloat (x[4 * i + 3], ==, -get_half (i + 1));
  }
}

/* 65520 is halfway to the next number that F16 would have. */
FIXTURE_TEST (a_number_too_large_for_f16_is_an_error)
{
  const gfloat fits = 65519.0f, beyond = -65520.0f;

  add (f, "fits", DDPM_TYPE_F16, 1, &fits);
  write_file (f);
  add (f, "beyond", DDPM_TYPE_F16, 1, &beyond);
  assert_fails_with (ddpm_safetensors_writer_write (f->writer, f->path, 0,
          &error), DDPM_ERROR_WRITE, f->path, "beyond has numbers beyond");
}

FIXTURE_TEST (keeps_floats_to_the_bit)
{
  const guint32 bits[] = { 0x00000000, 0x80000000, 0x00000001, 0x807fffff,
    0x00800000, 0x7f7fffff, 0xff7fffff, 0x3f800001
  };
  guint n = G_N_ELEMENTS (bits);
  gfloat x[G_N_ELEMENTS (bits)], found[G_N_ELEMENTS (bits)];
  g_autoptr (DdpmTensorFile) file = NULL;

  memcpy (x, bits, sizeof x);
  add (f, "x", DDPM_TYPE_F32, n, x);
  write_file (f);
  file = ddpm_tensor_file_open (f->path, NULL);
  g_assert_true (ddpm_tensor_file_read (file, ddpm_tensor_file_require (file,
              "x", 1, &n, NULL), found, NULL));
  g_assert_cmpmem (found, sizeof found, bits, sizeof bits);
}

FIXTURE_TEST (keeps_any_metadata)
{
  const gchar *const texts[] = { "", "\"quotes\" and \\", "a\nb\tc\x01\x7f",
    "été 日本 \xf0\x9f\x98\x80", "{\"a\":[1,2]}", "/* */ // '"
  };
  g_autoptr (DdpmTensorFile) file = NULL;
  GHashTable *metadata;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (texts); i++)
    ddpm_safetensors_writer_add_metadata (f->writer, texts[i], texts[i]);
  ddpm_safetensors_writer_add_metadata (f->writer, "not UTF-8", "\xff");
  write_file (f);
  file = ddpm_tensor_file_open (f->path, NULL);
  g_assert_nonnull (file);
  metadata = ddpm_tensor_file_get_metadata (file);
  for (i = 0; i < G_N_ELEMENTS (texts); i++)
    g_assert_cmpstr (g_hash_table_lookup (metadata, texts[i]), ==, texts[i]);
  g_assert_cmpstr (g_hash_table_lookup (metadata, "not UTF-8"), ==,
      "\xef\xbf\xbd");
}
