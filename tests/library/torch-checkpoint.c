/* gst-ddpm: tests of models in PyTorch's files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The file has what a trainer might save: all weights are parts of one storage,
 * and other values stand beside them.
 */
#include "gst-ddpm/files/checkpoint.h"
#include "tests/support/archive.h"
#include "tests/support/files.h"
#include "tests/support/models.h"
#include "tests/support/test.h"

/* --- a pickle --------------------------------------------------------- */

static void
add_raw (GByteArray * pickle, const gchar * text)
{
  g_byte_array_append (pickle, (const guint8 *) text, strlen (text));
}

static void
add_word (GByteArray * pickle, gchar opcode, guint32 word)
{
  guint8 bytes[5] = { opcode, word, word >> 8, word >> 16, word >> 24 };

  g_byte_array_append (pickle, bytes, sizeof bytes);
}

static void
add_text (GByteArray * pickle, const gchar * text)
{
  add_word (pickle, 'X', strlen (text));
  add_raw (pickle, text);
}

/* os.system ("touch executed") */
static void
add_call (GByteArray * pickle)
{
  add_raw (pickle, "cos\nsystem\n(");
  add_text (pickle, "touch executed");
  add_raw (pickle, "tR");
}

static void
add_tensor (GByteArray * pickle, const DdpmParam * param, gsize total)
{
  guint32 stride[4] = { 1, 1, 1, 1 };

  for (guint i = param->n_dims; i-- > 1;)
    stride[i - 1] = stride[i] * param->shape[i];
  add_raw (pickle, "ctorch._utils\n_rebuild_tensor_v2\n((");
  add_text (pickle, "storage");
  add_raw (pickle, "ctorch\nFloatStorage\n");
  add_text (pickle, "0");
  add_text (pickle, "cuda:0");
  add_word (pickle, 'J', total);
  add_raw (pickle, "tQ");
  add_word (pickle, 'J', param->offset);
  add_raw (pickle, "(");
  for (guint i = 0; i < param->n_dims; i++)
    add_word (pickle, 'J', param->shape[i]);
  add_raw (pickle, "t(");
  for (guint i = 0; i < param->n_dims; i++)
    add_word (pickle, 'J', stride[i]);
  add_raw (pickle, "t\x89NtR");
}

/* spoilt: the name of a parameter that a call stands for, or NULL */
static GBytes *
make_file (const DdpmModel * model, const gchar * spoilt)
{
  const DdpmParams *params = model->params;
  g_autoptr (GByteArray) pickle = g_byte_array_new ();
  TestEntry entries[2];

  add_raw (pickle, "\x80\x02}(");
  add_text (pickle, "recipe");
  add_call (pickle);
  add_text (pickle, "step");
  add_word (pickle, 'J', 7);
  for (guint i = 0; i < params->n_params; i++) {
    add_text (pickle, params->params[i].name);
    if (g_strcmp0 (params->params[i].name, spoilt) == 0)
      add_call (pickle);
    else
      add_tensor (pickle, &params->params[i], params->total);
  }
  add_raw (pickle, "u.");
  entries[0] = (TestEntry) {
  "ckpt/data.pkl", pickle->data, pickle->len};
  entries[1] = (TestEntry) {
    "ckpt/data/0", model->weights, params->total * sizeof (gfloat)
  };
  return test_archive_new (entries, 2, FALSE);
}

/* --- tests ------------------------------------------------------------ */

TEST (weights_come_back_to_the_bit)
{
  g_autoptr (DdpmModel) model = test_unusual_model_new ();
  g_autoptr (GBytes) bytes = make_file (model, NULL);
  g_autoptr (DdpmModel) loaded =
      assert_ok (ddpm_checkpoint_load_bytes (bytes, "ckpt.pt", &error));

  test_assert_same_weights (loaded, model);
  g_assert_false (g_file_test ("executed", G_FILE_TEST_EXISTS));
}

TEST (a_call_in_the_place_of_weights_is_refused)
{
  g_autoptr (DdpmModel) model = test_unusual_model_new ();
  g_autoptr (GBytes) bytes = make_file (model, "tail.2.bias");

  assert_fails (ddpm_checkpoint_load_bytes (bytes, "ckpt.pt", &error),
      DDPM_ERROR_FORMAT,
      "expected tensor tail.2.bias as F64, F32, F16 or BF16, "
      "found an object of 'os.system'");
  g_assert_false (g_file_test ("executed", G_FILE_TEST_EXISTS));
}
