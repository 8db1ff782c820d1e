/* gst-ddpm: tests of models on disk: what is refused
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/params.h"
#include "tests/support/files.h"

#include "gst-ddpm/files/checkpoint.h"
#include "tests/support/models.h"
#include "tests/support/test.h"

/* The file of the small model; spoilt: name of a tensor to put a NaN into, or
 * NULL */
static GBytes *
saved_bytes (const gchar * spoilt)
{
  g_autoptr (TestFolder) folder = test_files_make_folder ();
  g_autofree gchar *path = g_build_filename (folder, "ckpt.bin", NULL);
  g_autoptr (DdpmModel) model = test_unusual_model_new ();
  GBytes *bytes;

  if (spoilt != NULL)
    model->weights[ddpm_params_find (model->params, spoilt)->offset + 7] =
        0.f / 0.f;
  g_assert_true (ddpm_checkpoint_save (model, DDPM_TYPE_F32, path, NULL));
  bytes = test_files_read (path);
  return bytes;
}

static void
assert_refused (GBytes * bytes, const gchar * fragment)
{
  assert_fails_with (ddpm_checkpoint_load_bytes (bytes, "ckpt.bin", &error),
      DDPM_ERROR_FORMAT, "ckpt.bin: ", fragment);
}

#define UNKNOWN "expected the tensors of a UNet"

static const struct
{
  const gchar *name;
  const gchar *old, *new;       /* in the header */
  const gchar *fragment;
} edits[] = {
  {"tensor-missing", "\"head.bias\"", "\"head.bios\"",
      "found 1 of unknown names, 'head.bios'; expected head.bias"},
  {"tensor-gone", "\"head.bias\"", "\"upblocks.9.main.bias\"",
      "L (R + 2) - 1 upblocks, found 3 and 10"},
  {"tensor-of-another-block", "\"upblocks.2.main.bias\"",
        "\"upblocks.1.main.bias\"",
      "expected tensor upblocks.2.main.bias of shape [32], found none"},
  {"tensor-with-prefix", "\"head.bias\"", "\"module.head.bias\"",
      "'module.head.bias'; expected head.bias"},
  {"tensor-extra", "\"head.bias\":{",
        "\"nose.bias\":{\"dtype\":\"F32\",\"shape\":[0],"
        "\"data_offsets\":[0,0]},\"head.bias\":{",
      "found 1 of unknown names, 'nose.bias'"},
  {"tensor-extra-of-block", "\"head.bias\":{",
        "\"upblocks.0.main.bias\":{\"dtype\":\"F32\",\"shape\":[0],"
        "\"data_offsets\":[0,0]},\"head.bias\":{",
      "found also 'upblocks.0.main.bias'"},
  {"no-unet", "\"head.weight\"", "\"conv_in.weight\"", UNKNOWN},
  {"head-without-channels", "\"shape\":[32,1,3,3]", "\"shape\":[0,1,3,3]",
      "do not fit its shape"},
  {"head-transposed", "\"shape\":[32,1,3,3]", "\"shape\":[1,32,3,3]",
      "expected tensor head.weight of shape [32, 1, 3, 3], found [1, 32, 3, 3]"},
  {"head-of-33-channels", "\"shape\":[32,1,3,3]", "\"shape\":[1,3,32,3]",
      "expected tensor head.weight of shape [32, 1, 3, 3], found [1, 3, 32, 3]"},
  {"channels-33", "channels\":\"32\"", "channels\":\"33\"",
      "channels must be an even number from 2 to 4096, not 33"},
  {"image-channels-2", "image_channels\":\"1\"", "image_channels\":\"5\"",
      "images must have 1 to 4 channels, not 5"},
  {"head-of-two-dimensions", "\"shape\":[32,1,3,3]", "\"shape\":[32,9]",
      "expected tensor head.weight of shape [32, 1, 3, 3], found [32, 9]"},
  {"weight-that-tells-the-level", "\"shape\":[32,64,3,3]",
      "\"shape\":[64,32,3,3]", "of shape [32, 64, 3, 3], found [64, 32, 3, 3]"},
  {"block-missing", "\"upblocks.1.block1.2.weight\"", "\"upblocks.9\"",
      UNKNOWN},
  {"table-of-other-channels", "\"shape\":[17,32]", "\"shape\":[34,16]",
      "timembedding.0.weight of shape [17, 32], found [34, 16]"},
  {"table-of-one-dimension", "\"shape\":[17,32]", "\"shape\":[544]",
      "timembedding.0.weight of shape [17, 32], found [544]"},
  {"bias-shape", "\"shape\":[128]", "\"shape\":[64,2]", "found [64, 2]"},
  {"dtype", "\"head.bias\":{\"dtype\":\"F32\"",
        "\"head.bias\":{\"dtype\":\"I32\"",
      "head.bias as F64, F32, F16 or BF16, " "found I32"},
  {"version", "\"ddpm.format\":\"1\"", "\"ddpm.format\":\"2\"",
      "version '1', found '2'"},
  {"state", "\"ddpm.format\":\"1\"", "\"ddpm.state\":\"1\"",
      "found the training state"},
  {"channels-contradict", "\"ddpm.channels\":\"32\"",
      "\"ddpm.channels\":\"64\"", "as its metadata says, found"},
  {"mult-contradicts", "\"1,1\"", "\"1,2\"", "as its metadata says, found"},
  {"levels-contradict", "\"1,1\"", "\"1,1,1\"", "as its metadata says, found"},
  {"attention-contradicts", "levels\":\"0\"", "levels\":\"1\"",
      "as its metadata says, found"},
  {"attention-missing", "levels\":\"0\"", "levels\":\"\"",
      "as its metadata says, found"},
  {"blocks-contradict", "blocks\":\"1\"", "blocks\":\"2\"",
      "as its metadata says, found"},
  {"timesteps-contradict", "timesteps\":\"17\"", "timesteps\":\"18\"",
      "of shape [18, 32], found [17, 32]"},
  {"channels-negative", "channels\":\"32\"", "channels\":\"-32\"",
      "a whole number up to 4294967295 as its metadata ddpm.channels, found "
        "'-32'"},
  {"channels-2^64", "channels\":\"32\"", "channels\":\"18446744073709551648\"",
      "a whole number"},
  {"channels-empty", "channels\":\"32\"", "channels\":\"\"", "a whole number"},
  {"mult-garbage", "\"1,1\"", "\"1,1\\u0007\"", "such as '1,2,2,1'"},
  {"mult-overflow", "\"1,1\"", "\"1,4294967297\"", "such as '1,2,2,1'"},
  {"attention-garbage", "levels\":\"0\"", "levels\":\"0,,\"", "such as"},
  {"attention-32", "levels\":\"0\"", "levels\":\"32\"", "such as"},
  {"timesteps-0", "timesteps\":\"17\"", "timesteps\":\"0\"",
      "timesteps must be"},
  {"timesteps-many", "timesteps\":\"17\"", "timesteps\":\"4000000000\"",
      "timesteps must be"},
  {"schedule", "\"cosine\"", "\"cosinus\"",
      "linear or cosine or scaled_linear or sigmoid as its metadata "
        "ddpm.schedule, found 'cosinus'"},
  {"data-range", "\"unit\"", "\"\"", "symmetric or unit"},
  {"dropout-nan", "dropout\":\"", "dropout\":\"nan",
      "a finite number as its metadata"},
  {"dropout-garbage", "dropout\":\"", "dropout\":\"x", "a finite number"},
  {"beta-negative", "beta_start\":\"", "beta_start\":\"-", "betas must be"},
  {"beta-infinite", "beta_end\":\"", "beta_end\":\"1e999\",\"x\":\"",
      "a finite number as its metadata ddpm.beta_end"},
  {"width-odd", "width\":\"6\"", "width\":\"7\"", "divisible by 2, not 7x4"},
  {"width-alone", "height\":\"4\"", "height\":\"0\"", "not 6x0"},
  {"step", "step\":\"", "step\":\"9", "a whole number up to"},
  {"value-long", "\"unit\"", "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"", "xxx...'"},
};

TABLE_TEST (refuses, edits)
{
  g_autoptr (GBytes) file = saved_bytes (NULL);
  g_autoptr (GBytes) edited = test_files_edit (file, row->old, row->new);

  assert_refused (edited, row->fragment);
}

#define OLD "found a file of PyTorch before 1.6: with a newer PyTorch, torch.save"

static const struct
{
  const gchar *name, *bytes, *found;
} others[] = {
  {"pickle", "\x80\x04\x95\x01", "found a pickle of Python: if you trust it"},
  {"pickle-2", "\x80\x02" "c", "found a pickle of Python"},
  {"old-torch", "\x80\x02\x8a\x0al\xfc\x9c" "F\xf9 j\xa8P\x19.", OLD},
  {"old-torch-protocol-4", "\x80\x04\x95\x01\x01\x01\x01\x01\x01\x01\x01\x8a"
        "\x0al\xfc\x9c" "F\xf9 j\xa8P\x19.", OLD},
  {"old-torch-tar", "sys_info", OLD},
  {"git-lfs", "version https://git-lfs.github.com/spec/v1\n",
      "found a pointer of Git LFS to the file: \"git lfs pull\""},
  {"web-page", "<!DOCTYPE html>", "found a web page: download the file itself"},
  {"web-page-2", "\n  <HTML lang=en>", "found a web page"},
  {"server-error", "<?xml version=\"1.0\"?>", "found the error of a server"},
  {"server-error-2", "Entry not found", "found the error of a server"},
  {"json", "{\n  \"_class_name\": 1", "found a text of JSON: name the weights"},
  {"gguf", "GGUF\x03",
      "found a GGUF file: use the safetensors or PyTorch file"},
  {"onnx", "\x08\x07\x12\x07pytorch", "found an ONNX file: use the PyTorch"},
  {"keras", "\x89HDF\r\n\x1a\n", "found an HDF5 file, as Keras writes"},
  {"numpy", "\x93NUMPY\x01", "found an array of NumPy"},
  {"gzip", "\x1f\x8b\x08", "found a gzip archive: unpack it"},
  {"text", "not a model, not at all", "found a header of"},
};

TABLE_TEST (says_what_a_file_is, others)
{
  gchar content[300] = "";
  g_autoptr (GBytes) file = NULL;

  g_strlcpy (content, row->bytes, sizeof (content));
  file = g_bytes_new (content, sizeof (content));
  assert_refused (file, "expected a safetensors file");
  assert_refused (file, row->found);
}

/* What may be wrong with a tensor, and what the error says of it, by name */
static const struct
{
  const gchar *name, *new, *fragment;
} faults[] = {
  {"renamed", "\"x.%s\":{\"dtype\":\"F32\",\"shape\":[",
      "found 1 of unknown names, 'x.%1$s'; expected %1$s"},
  {"of-another-shape", "\"%s\":{\"dtype\":\"F32\",\"shape\":[1,",
      "expected tensor %s of shape ["},
  {"of-another-type", "\"%s\":{\"dtype\":\"I32\",\"shape\":[",
      "expected tensor %s as F64, F32, F16 or BF16, found I32"},
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* without metadata, too, from which the network is known otherwise */
TABLE_TEST (names_any_tensor_that_is, faults)
{
  g_autoptr (DdpmModel) model = test_unusual_model_new ();
  g_autoptr (GBytes) file = saved_bytes (NULL);
  g_autoptr (GBytes) bare = test_files_without_metadata (file);

  for (guint i = 0; i + 1 < model->params->n_params; i++) {
    const gchar *name = model->params->params[i].name;
    g_autofree gchar *old =
        g_strdup_printf ("\"%s\":{\"dtype\":\"F32\",\"shape\":[", name);
    g_autofree gchar *new = g_strdup_printf (row->new, name);
    g_autofree gchar *fragment = g_strdup_printf (row->fragment, name);
    g_autoptr (GBytes) edited = test_files_edit (file, old, new);
    g_autoptr (GBytes) edited_bare = test_files_edit (bare, old, new);

    assert_refused (edited, fragment);
    assert_refused (edited_bare, fragment);
  }
}

#pragma GCC diagnostic pop

TEST (names_the_tensor_that_is_not_finite)
{
  g_autoptr (GBytes) file = saved_bytes ("tail.2.weight");

  assert_refused (file, "finite numbers in tensor tail.2.weight, found");
}

TEST (refuses_a_file_cut_anywhere)
{
  g_autoptr (GBytes) file = saved_bytes (NULL);
  gsize size = g_bytes_get_size (file), n;

  for (n = 0; n < size; n += n < 100 ? 1 : 9973) {
    g_autoptr (GBytes) part = g_bytes_new_from_bytes (file, 0, n);

    assert_refused (part, "expected");
  }
}

static void
loads_or_refuses (GBytes * bytes)
{
  GError *error = NULL;
  DdpmModel *model = ddpm_checkpoint_load_bytes (bytes, "ckpt.bin", &error);

  if (model == NULL)
    g_assert_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT);
  else
    ddpm_model_unref (model);
  g_clear_error (&error);
}

TEST (survives_random_bytes)
{
  g_autoptr (GBytes) file = saved_bytes (NULL);
  gsize header = test_files_header_size (file);

  test_files_fuzz (file, 1, 500, 0, 600, loads_or_refuses);
  test_files_fuzz (file, 2, 500, 8, header, loads_or_refuses);
  test_files_fuzz (file, 3, 100, 8 + header,
      g_bytes_get_size (file) - 8 - header, loads_or_refuses);
}

TEST (names_a_file_that_is_missing)
{
  assert_fails (ddpm_checkpoint_load ("/no/such/ckpt.bin", &error),
      DDPM_ERROR_NOT_FOUND, "/no/such/ckpt.bin");
}
