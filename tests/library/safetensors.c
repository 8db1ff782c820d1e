/* gst-ddpm: tests of the safetensors format: read, refused
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/files.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>

static GBytes *
make_file (const gchar * header, gsize data_size)
{
  g_autofree guint8 *data = g_malloc0 (data_size + 1);
  gsize i;

  for (i = 0; i < data_size; i++)
    data[i] = i;
  return test_files_join (header, strlen (header), data, data_size);
}

static void
assert_refused (GBytes * bytes, const gchar * fragment)
{
  assert_fails_with (ddpm_tensor_file_open_bytes (bytes, "model.bin", &error),
      DDPM_ERROR_FORMAT, "model.bin: expected ", fragment);
}

/* --- what is read ----------------------------------------------------- */

TEST (reads_tensors_in_any_order)
{
  g_autoptr (GBytes) bytes = make_file ("{"
      "\"b\": {\"shape\":[2,3],\"data_offsets\":[8,32],\"dtype\":\"F32\"},\n"
      "\"__metadata__\":{\"k\":\"v\",\"\\u00e9\\\"\":\"{[//\"},"
      "\"empty\":{\"dtype\":\"F16\",\"shape\":[0,7],\"data_offsets\":[8,8]},"
      "\"scalar\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]}"
      "}  \n ", 32);
  g_autoptr (DdpmTensorFile) file = NULL;
  const DdpmFileTensor *tensor;
  GHashTable *metadata;

  file = ddpm_tensor_file_open_bytes (bytes, "model.bin", NULL);
  g_assert_nonnull (file);
  g_assert_cmpuint (g_hash_table_size (ddpm_tensor_file_get_tensors (file)), ==,
      3);
  tensor = ddpm_tensor_file_find (file, "b");
  g_assert_cmpstr (tensor->dtype, ==, "F32");
  g_assert_cmpuint (tensor->n_dims, ==, 2);
  g_assert_cmpuint (tensor->shape[0], ==, 2);
  g_assert_cmpuint (tensor->shape[1], ==, 3);
  g_assert_cmpuint (tensor->begin, ==, 8);
  g_assert_cmpuint (ddpm_tensor_file_find (file, "scalar")->n_dims, ==, 0);
  metadata = ddpm_tensor_file_get_metadata (file);
  g_assert_cmpstr (g_hash_table_lookup (metadata, "k"), ==, "v");
  g_assert_cmpstr (g_hash_table_lookup (metadata, "é\""), ==, "{[//");
}

TEST (reads_a_file_without_tensors)
{
  g_autoptr (GBytes) bytes = make_file ("{}", 0);
  g_autoptr (DdpmTensorFile) file =
      ddpm_tensor_file_open_bytes (bytes, "model.bin", NULL);

  g_assert_nonnull (file);
  g_assert_null (ddpm_tensor_file_find (file, "a"));
}

/* As the names of 4,096 classes may be */
TEST (reads_metadata_of_any_length)
{
  g_autofree gchar *value = g_strnfill (300000, 'x');
  g_autofree gchar *header =
      g_strdup_printf ("{\"__metadata__\":{\"k\":\"%s\\n\"}}", value);
  g_autoptr (GBytes) bytes = make_file (header, 0);
  g_autoptr (DdpmTensorFile) file =
      ddpm_tensor_file_open_bytes (bytes, "model.bin", NULL);
  const gchar *found = g_hash_table_lookup (ddpm_tensor_file_get_metadata
      (file), "k");

  g_assert_cmpuint (strlen (found), ==, 300001);
  g_assert_cmpint (found[300000], ==, '\n');
}

/* As the format's own reader takes it */
TEST (reads_metadata_that_is_null)
{
  g_autoptr (GBytes) bytes = make_file ("{\"__metadata__\":null,"
      "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1);
  g_autoptr (DdpmTensorFile) file =
      assert_ok (ddpm_tensor_file_open_bytes (bytes, "model.bin", &error));

  g_assert_nonnull (ddpm_tensor_file_find (file, "a"));
  g_assert_cmpuint (g_hash_table_size (ddpm_tensor_file_get_metadata (file)),
      ==, 0);
}

TEST (reads_metadata_of_thousands_of_entries)
{
  GString *header = g_string_new ("{\"__metadata__\":{\"0\":\"\"");
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (DdpmTensorFile) file = NULL;

  for (guint i = 1; i < 20000; i++)
    g_string_append_printf (header, ",\"%u\":\"v\"", i);
  g_string_append (header, "}}");
  bytes = make_file (header->str, 0);
  file = assert_ok (ddpm_tensor_file_open_bytes (bytes, "model.bin", &error));
  g_assert_cmpuint (g_hash_table_size (ddpm_tensor_file_get_metadata (file)),
      ==, 20000);
  g_string_free (header, TRUE);
}

/* save_model () of Python's safetensors writes tensors that share their numbers
 * once, and the other names as metadata. */
TEST (finds_tied_tensors_by_each_name)
{
  g_autoptr (GBytes) bytes = make_file ("{\"__metadata__\":{\"b\":\"a\","
      "\"format\":\"pt\",\"c\":\"none\"},"
      "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8);
  g_autoptr (DdpmTensorFile) file =
      assert_ok (ddpm_tensor_file_open_bytes (bytes, "model.bin", &error));
  const guint shape[] = { 2 };

  g_assert_cmpuint (g_hash_table_size (ddpm_tensor_file_get_tensors (file)), ==,
      2);
  assert_ok (ddpm_tensor_file_require (file, "a", 1, shape, &error));
  assert_ok (ddpm_tensor_file_require (file, "b", 1, shape, &error));
  g_assert_cmpuint (ddpm_tensor_file_find (file, "b")->begin, ==, 0);
}

static gfloat *
read_tensor (DdpmTensorFile * file, const gchar * name, guint * count)
{
  const DdpmFileTensor *tensor = ddpm_tensor_file_find (file, name);
  guint shape = tensor->shape[0];
  gfloat *x;

  tensor = assert_ok (ddpm_tensor_file_require (file, name, 1, &shape, &error));
  x = g_new (gfloat, shape);
  assert_ok (ddpm_tensor_file_read (file, tensor, x, &error));
  *count = shape;
  return x;
}

static void
assert_same (DdpmTensorFile * file, const gchar * a, const gchar * b)
{
  guint n, m;
  g_autofree gfloat *x = read_tensor (file, a, &n);
  g_autofree gfloat *y = read_tensor (file, b, &m);

  g_assert_cmpmem (x, n * sizeof *x, y, m * sizeof *y);
}

TEST (widens_halves_as_pytorch_does)
{
  g_autoptr (GBytes) bytes = test_files_data ("rounding.safetensors");
  g_autoptr (DdpmTensorFile) file =
      ddpm_tensor_file_open_bytes (bytes, "rounding", NULL);

  assert_same (file, "half", "half.widened");
  assert_same (file, "x.bf16", "x.bf16.widened");
}

TEST (rounds_doubles_to_floats)
{
  static const gdouble numbers[] = { 0.1, -1e-3, 16777217, 1e-60 };
  const gchar *header = "{\"w\":{\"dtype\":\"F64\",\"shape\":[4],"
      "\"data_offsets\":[0,32]}}";
  g_autoptr (GBytes) bytes =
      test_files_join (header, strlen (header), numbers, sizeof numbers);
  g_autoptr (DdpmTensorFile) file =
      assert_ok (ddpm_tensor_file_open_bytes (bytes, "model.bin", &error));
  guint n;
  g_autofree gfloat *x = read_tensor (file, "w", &n);

  for (guint i = 0; i < n; i++)
    g_assert_cmpfloat (x[i], ==, (gfloat) numbers[i]);
}

TEST (reads_a_file_as_it_reads_memory)
{
  g_autofree gchar *path = g_build_filename (g_getenv ("DDPM_TEST_DATA"),
      "rounding.safetensors", NULL);
  g_autoptr (DdpmTensorFile) file = ddpm_tensor_file_open (path, NULL);

  g_assert_cmpstr (ddpm_tensor_file_get_location (file), ==, path);
  assert_same (file, "half", "half.widened");
  assert_same (file, "x.bf16", "x.bf16.widened");
}

TEST (requires_name_shape_and_dtype)
{
  g_autoptr (GBytes) bytes = make_file ("{"
      "\"f\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
      "\"i\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[8,24]}}", 24);
  g_autoptr (DdpmTensorFile) file =
      ddpm_tensor_file_open_bytes (bytes, "model.bin", NULL);
  const guint shape[] = { 2, 1 };

  assert_ok (ddpm_tensor_file_require (file, "f", 2, shape, &error));
  assert_fails_saying (ddpm_tensor_file_require (file, "f", 1, shape, &error),
      DDPM_ERROR_FORMAT,
      "model.bin: expected tensor f of shape [2], found [2, 1]");
  assert_fails_saying (ddpm_tensor_file_require (file, "i", 1, shape, &error),
      DDPM_ERROR_FORMAT,
      "model.bin: expected tensor i as F64, F32, F16 or BF16, found I64");
  assert_fails_saying (ddpm_tensor_file_require (file, "g", 1, shape, &error),
      DDPM_ERROR_FORMAT,
      "model.bin: expected tensor g of shape [2], found none of that name");
  assert_fails_saying (ddpm_tensor_file_check_all_required (file,
          "one network", &error),
      DDPM_ERROR_FORMAT,
      "model.bin: expected the tensors of one network, found also 'i'");
}

static const struct
{
  const gchar *name;
} floats[] = { {"F32"}, {"F16"} };

TABLE_TEST (refuses_numbers_that_are_not_finite, floats)
{
  static const guint32 infinity = 0x7f800000, nan = 0xffc00000;
  static const guint8 half_nan[] = { 0, 0, 1, 0xfc };
  gboolean wide = strcmp (row->name, "F32") == 0;
  g_autofree gchar *header = g_strdup_printf ("{\"w\":{\"dtype\":\"%s\","
      "\"shape\":[%d],\"data_offsets\":[0,4]}}", row->name, wide ? 1 : 2);
  gconstpointer bits[] = { wide ? (gpointer) & infinity : half_nan,
    wide ? (gpointer) & nan : half_nan
  };
  guint shape = wide ? 1 : 2, i;
  gfloat x[2];

  for (i = 0; i < 2; i++) {
    g_autoptr (GBytes) bytes =
        test_files_join (header, strlen (header), bits[i], 4);
    g_autoptr (DdpmTensorFile) file =
        ddpm_tensor_file_open_bytes (bytes, "model.bin", NULL);
    const DdpmFileTensor *w =
        ddpm_tensor_file_require (file, "w", 1, &shape, NULL);

    assert_fails (ddpm_tensor_file_read (file, w, x, &error), DDPM_ERROR_FORMAT,
        "finite numbers in tensor w");
  }
}

/* --- what is refused -------------------------------------------------- */

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define TENSOR(name, dtype, shape, offsets) "\"" name "\":{\"dtype\":\"" \
    dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

typedef struct
{
  const gchar *name;
  const gchar *header;
  gsize data_size;
  const gchar *fragment;
} Malformed;

static const Malformed malformed[] = {
  {"overlap", "{" A "," TENSOR ("b", "F32", "[2]", "[4,12]") "}", 12,
      "data of tensor 'b' at byte 8, found it at 4"},
  {"same-bytes", "{" A "," TENSOR ("b", "F32", "[2]", "[0,8]") "}", 8,
      "at byte 8, found it at 0"},
  {"gap", "{" A "," TENSOR ("b", "F32", "[2]", "[12,20]") "}", 20,
      "at byte 8, found it at 12"},
  {"gap-at-start", "{" TENSOR ("b", "F32", "[2]", "[4,12]") "}", 12,
      "at byte 0, found it at 4"},
  {"bytes-behind", "{" A "}", 9, "8 bytes of data, found 9"},
  {"bytes-missing", "{" A "}", 7, "8 bytes of data, found 7; its download may "
        "have stopped: download it again"},
  {"reversed", "{" TENSOR ("b", "F32", "[2]", "[8,0]") "}", 8, "reversed"},
  {"size-of-shape", "{" TENSOR ("b", "F32", "[3]", "[0,8]") "}", 8,
      "do not fit its shape and dtype"},
  {"size-of-dtype", "{" TENSOR ("b", "F16", "[2]", "[0,8]") "}", 8,
      "do not fit its shape and dtype"},
  {"shape-overflow", "{" TENSOR ("b", "F32",
          "[4294967296,4294967296]", "[0,0]") "}", 0, "no file can hold"},
  {"shape-2^63", "{" TENSOR ("b", "F32", "[2147483648,4294967296,2]",
          "[0,0]") "}", 0, "no file can hold"},
  {"shape-2^64", "{" TENSOR ("b", "F32", "[18446744073709551616]",
          "[0,0]") "}", 0, "too long"},
  {"shape-overflow-times-0", "{" TENSOR ("b", "F32",
          "[4294967296,4294967296,0]", "[0,0]") "}", 0, "no file can hold"},
  {"shape-negative", "{" TENSOR ("b", "F32", "[-2]", "[0,8]") "}", 8,
      "a character that no header has"},
  {"shape-fraction", "{" TENSOR ("b", "F32", "[2.0]", "[0,8]") "}", 8,
      "a character that no header has"},
  {"shape-strings", "{" TENSOR ("b", "F32", "[\"2\"]", "[0,8]") "}", 8,
      "no shape"},
  {"shape-octal", "{" TENSOR ("b", "F32", "[02]", "[0,8]") "}", 8, "number"},
  {"shape-dimensions", "{" TENSOR ("b", "F32", "[1,1,1,1,1,1,1,1,2]",
          "[0,8]") "}", 8, "no shape of at most 8"},
  {"shape-object", "{" TENSOR ("b", "F32", "{\"x\":2}", "[0,8]") "}", 8,
      "no shape"},
  {"shape-missing", "{\"b\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8,
      "no shape"},
  {"offsets-three", "{" TENSOR ("b", "F32", "[2]", "[0,4,8]") "}", 8,
      "no data_offsets"},
  {"offsets-one", "{" TENSOR ("b", "F32", "[2]", "[8]") "}", 8,
      "no data_offsets"},
  {"offsets-missing", "{\"b\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8,
      "no data_offsets"},
  {"offsets-beyond", "{" TENSOR ("b", "F32", "[2]",
          "[999999999999999992,1000000000000000000]") "}", 8, "too long"},
  {"dtype-unknown", "{" TENSOR ("b", "F31", "[2]", "[0,8]") "}", 8,
      "no known dtype"},
  {"dtype-number", "{\"b\":{\"dtype\":32,\"shape\":[2],"
        "\"data_offsets\":[0,8]}}", 8, "no known dtype"},
  {"dtype-missing", "{\"b\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
      "no known dtype"},
  {"dtype-null", "{\"b\":{\"dtype\":null,\"shape\":[2],"
        "\"data_offsets\":[0,8]}}", 8, "a character that no header has"},
  {"duplicate-name", "{" A "," A "}", 8, "two entries of one name"},
  {"duplicate-name-escaped", "{" A "," TENSOR ("\\u0061", "F32", "[2]",
          "[0,8]") "}", 8, "a name in its header that is escaped"},
  {"duplicate-empty", "{" A "," TENSOR ("b", "F32", "[0]", "[8,8]") ","
        TENSOR ("b", "F32", "[0]", "[8,8]") "}", 8, "two entries of one name"},
  {"duplicate-dtype", "{\"b\":{\"dtype\":\"F16\",\"dtype\":\"F32\","
        "\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "two entries of one name"},
  {"duplicate-metadata", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}," A "}",
      8, "two entries of one name"},
  {"duplicate-metadata-object", "{\"__metadata__\":{},\"__metadata__\":{},"
        A "}", 8, "two entries of one name"},
  {"metadata-number", "{\"__metadata__\":{\"a\":1}," A "}", 8,
      "__metadata__ that is not an object of strings"},
  {"metadata-nested", "{\"__metadata__\":{\"a\":{\"b\":\"c\"}}," A "}", 8,
      "__metadata__ that is not an object of strings"},
  {"metadata-array", "{\"__metadata__\":[\"a\"]," A "}", 8,
      "__metadata__ that is not an object of strings"},
  {"tensor-array", "{\"b\":[2]," A "}", 8, "'b' is not an object"},
  {"tensor-string", "{\"b\":\"F32\"," A "}", 8, "'b' is not an object"},
  {"array", "[" A "]", 8, "does not begin with '{'"},
  {"leading-space", " {" A "}", 8, "does not begin with '{'"},
  {"no-json", "hello, world", 8, "does not begin with '{'"},
  {"no-end", "{" A, 8, "without an end"},
  {"no-end-of-string", "{\"a", 8, "string in its header without an end"},
  {"escape-at-end", "{\"a\\", 8, "string in its header without an end"},
  {"two-objects", "{" A "}{}", 8, "behind the end"},
  {"bracket-too-many", "{" A "}}", 8, "behind the end"},
  {"brackets-crossed", "{\"b\":{\"shape\":[2}]}", 8, "not JSON"},
  {"comma-missing", "{" A " " A "}", 8, "not JSON"},
  {"colon-missing", "{\"a\" \"b\"}", 8, "not JSON"},
  {"comment", "{/*\"*/" A "}", 8, "a character that no header has"},
  {"not-utf-8", "{\"\xff\":{}," A "}", 8, "not UTF-8"},
  {"overlong-utf-8", "{\"\xc0\x80\":{}," A "}", 8, "not UTF-8"},
};

TABLE_TEST (refuses, malformed)
{
  g_autoptr (GBytes) bytes = make_file (row->header, row->data_size);

  assert_refused (bytes, row->fragment);
}

TEST (refuses_every_truncation)
{
  g_autoptr (GBytes) whole = make_file ("{" A "," TENSOR ("b", "BF16", "[2,2]",
          "[8,16]") "}", 16);
  g_autoptr (DdpmTensorFile) file =
      ddpm_tensor_file_open_bytes (whole, "model.bin", NULL);
  gsize size = g_bytes_get_size (whole), n;

  g_assert_nonnull (file);
  for (n = 0; n < size; n++) {
    g_autoptr (GBytes) part = g_bytes_new_from_bytes (whole, 0, n);

    assert_refused (part, "found");
  }
}

TEST (refuses_header_lengths_beyond_the_file)
{
  const guint64 lengths[] = { 3, 1000, DDPM_SAFETENSORS_MAX_HEADER,
    DDPM_SAFETENSORS_MAX_HEADER + 1, (guint64) 1 << 63, G_MAXUINT64,
    G_MAXUINT64 - 7
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (lengths); i++) {
    guint64 words[1] = { GUINT64_TO_LE (lengths[i]) };
    GByteArray *array = g_byte_array_new ();
    g_autoptr (GBytes) bytes = NULL;

    g_byte_array_append (array, (guint8 *) words, 8);
    g_byte_array_append (array, (const guint8 *) "{}", 2);
    bytes = g_byte_array_free_to_bytes (array);
    assert_refused (bytes, "found a header of");
  }
}

/* A parser that recurses would overflow its stack. */
TEST (refuses_deep_nesting)
{
  const gchar *starts[] =
      { "{\"a\":", "{\"a\":{\"shape\":", "{\"__metadata__\":" };
  const gchar *units[] = { "[", "{\"a\":", "[{\"a\":" };
  guint i, k, n;

  for (i = 0; i < G_N_ELEMENTS (starts); i++) {
    for (k = 0; k < G_N_ELEMENTS (units); k++) {
      GString *s = g_string_new (starts[i]);
      g_autoptr (GBytes) bytes = NULL;

      for (n = 0; n < 1000000; n++)
        g_string_append (s, units[k]);
      bytes = make_file (s->str, 0);
      assert_refused (bytes, "nested too deeply");
      g_string_free (s, TRUE);
    }
  }
}

static void
append_numbered (GString * s, gboolean member, guint n)
{
  if (member)
    g_string_append_printf (s, ",\"%u\":0", n);
  else
    g_string_append_printf (s, ",%u", n);
}

TEST (refuses_more_values_than_a_network_has)
{
  const gchar *starts[] =
      { "{\"b\":{\"shape\":[0", "{\"b\":0", "{\"b\":{\"c\":0" };
  guint i, n;

  for (i = 0; i < G_N_ELEMENTS (starts); i++) {
    GString *s = g_string_new (starts[i]);
    g_autoptr (GBytes) bytes = NULL;

    for (n = 0; n < 1000000; n++)
      append_numbered (s, i > 0, n);
    bytes = make_file (s->str, 0);
    assert_refused (bytes, "too many values");
    g_string_free (s, TRUE);
  }
}

TEST (refuses_long_names)
{
  g_autofree gchar *name = g_strnfill (256, 'x');
  g_autofree gchar *header = g_strdup_printf ("{\"%s\":{},%s}", name, A);
  g_autoptr (GBytes) bytes = make_file (header, 8);

  assert_refused (bytes, "too long");
}

/* Their tables would be quadratic: "Az" and "BY" have one hash value. */
TEST (refuses_names_that_collide)
{
  GString *s = g_string_new ("{");
  g_autoptr (GBytes) bytes = NULL;
  guint i, k;

  for (i = 0; i < 1 << 15; i++) {
    g_string_append (s, i ? ",\"" : "\"");
    for (k = 0; k < 15; k++)
      g_string_append (s, i >> k & 1 ? "Az" : "BY");
    g_string_append (s, "\":{\"dtype\":\"U8\",\"shape\":[0],"
        "\"data_offsets\":[0,0]}");
  }
  g_string_append_c (s, '}');
  bytes = make_file (s->str, 0);
  assert_refused (bytes, "made to collide");
  g_string_free (s, TRUE);
}

TEST (escapes_names_in_messages)
{
  g_autoptr (GBytes) bytes =
      make_file ("{\"\xc2\x9b" "2J\":{\"dtype\":\"F32\"}}", 0);

  assert_refused (bytes, "'\\302\\2332J'");
}

static void
opens_or_refuses (GBytes * bytes)
{
  GError *error = NULL;
  DdpmTensorFile *file =
      ddpm_tensor_file_open_bytes (bytes, "model.bin", &error);

  if (file == NULL)
    g_assert_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT);
  else
    g_assert_no_error (error);
  g_clear_error (&error);
  ddpm_tensor_file_free (file);
}

TEST (survives_random_bytes)
{
  g_autoptr (GBytes) file = make_file ("{\"__metadata__\":{\"k\":\"v\"}," A ","
      TENSOR ("b", "BF16", "[2,2]", "[8,16]") ","
      TENSOR ("c", "U8", "[]", "[16,17]") "}", 17);

  test_files_fuzz (file, 1, 20000, 0, 8 + test_files_header_size (file),
      opens_or_refuses);
}

/* --- files ------------------------------------------------------------ */

static void
assert_open_error (const gchar * path, DdpmError code, const gchar * fragment)
{
  assert_fails_with (ddpm_tensor_file_open (path, &error), code, path,
      fragment);
}

TEST (names_a_file_that_cannot_be_opened)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *missing = g_build_filename (folder, "missing", NULL);
  g_autofree gchar *fifo = g_build_filename (folder, "fifo", NULL);
  g_autofree gchar *below = g_build_filename (folder, "fifo", "x", NULL);

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  assert_open_error (missing, DDPM_ERROR_NOT_FOUND, "No such file");
  assert_open_error (below, DDPM_ERROR_NOT_FOUND, "Not a directory");
  assert_open_error (folder, DDPM_ERROR_READ, "found a folder");
  assert_open_error (fifo, DDPM_ERROR_READ, "a device or a pipe");
  assert_open_error ("/dev/zero", DDPM_ERROR_READ, "a device or a pipe");
}

/* A mapping would end in SIGBUS. */
TEST (reports_a_file_that_shrinks)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "model.bin", NULL);
  g_autoptr (GBytes) bytes = make_file ("{" A "}", 8);
  g_autoptr (DdpmTensorFile) file = NULL;
  guint shape = 2;
  gfloat x[2];

  g_file_set_contents (path, g_bytes_get_data (bytes, NULL),
      g_bytes_get_size (bytes), NULL);
  file = ddpm_tensor_file_open (path, NULL);
  g_assert_cmpint (truncate (path, g_bytes_get_size (bytes) - 1), ==, 0);
  assert_fails (ddpm_tensor_file_read (file, ddpm_tensor_file_require (file,
              "a", 1, &shape, NULL), x, &error), DDPM_ERROR_READ,
      "became shorter");
}
