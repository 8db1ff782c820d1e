/* gst-ddpm: what elements tell of models and settings that they can use: info
 * messages of what was assumed, warnings of what is ignored or looks bad
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/cifar.h"
#include "tests/support/models.h"
#include "tests/support/train-test.h"

/* Models of three channels and 20 timesteps, for images of 8x8. guidance: that
 * it was distilled with */
static void
write_model (const gchar * name, guint classes, gdouble guidance)
{
  g_autofree gchar *path = in_folder (name);
  g_autoptr (DdpmModel) model = NULL;

  test_model_write (path, 32, 3, 8, classes);
  model = ddpm_checkpoint_load (path, NULL);
  model->config.guidance = guidance;
  fail_unless (ddpm_checkpoint_save (model, DDPM_TYPE_F32, path, NULL));
}

static void
write_always_labelled (const gchar * name)
{
  g_autofree gchar *path = in_folder (name);
  g_autoptr (DdpmModel) model = NULL;

  write_model (name, 3, 1.0);
  model = ddpm_checkpoint_load (path, NULL);
  model->config.sampling.always_labelled = TRUE;
  fail_unless (ddpm_checkpoint_save (model, DDPM_TYPE_F32, path, NULL));
}

static void
write_models (void)
{
  g_autofree gchar *path = NULL;
  g_autoptr (GBytes) plain = NULL;
  g_autoptr (GBytes) bare = NULL;

  make_folder ();
  write_model ("plain.bin", 0, 1.0);
  write_model ("classes.bin", 3, 1.0);
  write_model ("distilled.bin", 3, 4.0);
  write_always_labelled ("always.bin");
  path = in_folder ("plain.bin");
  plain = test_files_read (path);
  bare = test_files_without_metadata (plain);
  g_free (path);
  path = in_folder ("bare.bin");
  fail_unless (g_file_set_contents (path, g_bytes_get_data (bare, NULL),
          g_bytes_get_size (bare), NULL));
}

/* Plays a pipeline to its end. Returns: (transfer full): the texts of its
 * messages of a type, a line for each */
static gchar *
get_messages (GstElement * pipeline, GstMessageType type)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  GstMessage *message;

  play (pipeline);
  while ((message = wait_for (pipeline, type | GST_MESSAGE_EOS))
      && GST_MESSAGE_TYPE (message) == type) {
    g_autoptr (GError) error = NULL;
    g_autofree gchar *debug = NULL;

    if (type == GST_MESSAGE_INFO)
      gst_message_parse_info (message, &error, &debug);
    else
      gst_message_parse_warning (message, &error, &debug);
    /* gst-launch-1.0 prints the debug text of an info message alone */
    if (type == GST_MESSAGE_INFO)
      fail_unless (strstr (debug, error->message) != NULL, "%s", debug);
    g_string_append_printf (lines, "%s\n", error->message);
    gst_message_unref (message);
  }
  gst_message_unref (message);
  stop_and_free (pipeline);
  return g_strdup (lines->str);
}

/* The pipeline gives one warning, with these words, or none (NULL). */
static void
check_warning (GstElement * pipeline, const gchar * words)
{
  g_autofree gchar *found = get_messages (pipeline, GST_MESSAGE_WARNING);
  const gboolean one = strchr (found, '\n') == found + strlen (found) - 1;

  fail_unless (words ? one && strstr (found, words) : *found == '\0',
      "%s", found);
}

static GstElement *
launch_denoise (const gchar * noise, const gchar * model,
    const gchar * properties)
{
  return launch ("ddpmnoise num-buffers=1 %s ! ddpmdenoise backend=reference "
      "model=%s/%s %s ! video/x-raw ! fakesink name=sink", noise, folder, model,
      properties);
}

static GstElement *
launch_denoise_of (const gchar * dimensions, const gchar * properties)
{
  g_autofree gchar *noise = g_strdup_printf ("! other/tensors,dimensions="
      "(string)%s", dimensions);

  return launch_denoise (noise, "plain.bin", properties);
}

/* --- warnings -------------------------------------------------------------- */

/* warning NULL: there is none */
static const struct
{
  const gchar *model, *properties, *warning;
} settings[] = {
  {"plain.bin", "", NULL},
  {"plain.bin", "sampler=ddpm", NULL},
  {"plain.bin", "sampler=ddim eta=0.5 steps=5 emit=trajectory "
        "trajectory-interval=2", NULL},
  {"plain.bin", "sampler=ddpm stop-timestep=19", NULL},
  {"classes.bin", "label=1 guidance=2", NULL},
  {"classes.bin", "label=none guidance=0", NULL},
  {"distilled.bin", "label=1", NULL},
  {"distilled.bin", "label=1 guidance=1", NULL},

  {"plain.bin", "sampler=ddpm variance=fixed-large", NULL},
  {"plain.bin", "sampler=ddpm variance=fixed-large steps=5", NULL},
  {"plain.bin", "sampler=ddpm variance=fixed-large steps=4",
      "leaves noise in images of 4 steps: expected steps=0, which makes all 20"},
  {"plain.bin", "variance=fixed-large",
      "variance=fixed-large has no effect: it is for sampler=ddpm, and the "
        "sampler is ddim"},
  {"plain.bin", "variance=learned-range",
      "variance=learned-range has no effect: it is for sampler=ddpm"},
  {"plain.bin", "sampler=ddpm eta=0",
      "eta=0 has no effect: it is for sampler=ddim, and the sampler is ddpm"},
  {"plain.bin", "sampler=ddpm eta=1", NULL},
  {"plain.bin", "sampler=dpmpp-2m eta=1", "eta=1 has no effect"},
  {"plain.bin", "sampler=dpmpp-2m eta=0", NULL},
  {"plain.bin", "guidance=3", "plain.bin has no classes"},
  {"plain.bin", "guidance=1", NULL},
  {"classes.bin", "label=none guidance=3",
      "leaves all samples without a label"},
  {"classes.bin", "label=1 guidance=0", "label=1 has no effect"},
  {"distilled.bin", "label=1 guidance=3",
      "was distilled with a guidance scale of 4, expected guidance=1"},
  {"always.bin", "label=1", NULL},
  {"always.bin", "label=1 guidance=3",
      "has only seen images with labels, expected guidance=1"},
  {"plain.bin", "trajectory-interval=2",
      "trajectory-interval=2 has no effect without emit=trajectory"},
  {"plain.bin", "cuda-device-id=0",
      "cuda-device-id=0 has no effect with backend=reference"},
  {"plain.bin", "columns=2", "columns=2 leaves black columns"},
};

LOOP_TEST (settings_are_warned_of, G_N_ELEMENTS (settings))
{
  check_warning (launch_denoise ("", settings[__i__].model,
          settings[__i__].properties), settings[__i__].warning);
}

static const struct
{
  const gchar *dimensions, *properties, *warning;
} shapes[] = {
  {"3:8:8:1", "", NULL},
  {"3:14:6:1", "", NULL},
  {"3:16:8:1", "", "States of 16x8 will not become good images"},
  {"3:8:4:1", "", "plain.bin was trained on images of 8x8"},
  {"3:8:8:2", "columns=2", NULL},
  {"3:8:8:2", "columns=3", "buffers have 2 samples"},
};

LOOP_TEST (shapes_are_warned_of, G_N_ELEMENTS (shapes))
{
  check_warning (launch_denoise_of (shapes[__i__].dimensions,
          shapes[__i__].properties), shapes[__i__].warning);
}

TEST (each_start_warns_again)
{
  GstElement *pipeline = launch_denoise_of ("3:16:16:1", "");
  guint i;

  for (i = 0; i < 2; i++) {
    play (pipeline);
    gst_message_unref (wait_for (pipeline, GST_MESSAGE_WARNING));
    wait_for_eos (pipeline);
    go_to_ready (pipeline);
  }
  stop_and_free (pipeline);
}

/* --- assumptions ------------------------------------------------------------ */

#define ASSUMED "bare.bin: its metadata does not say how it was trained; " \
    "assumed: a linear schedule, betas of 0.0001 to 0.02, prediction of " \
    "epsilon, pixels in [-1, 1], no distillation, images of any size, T = 20 " \
    "as its embedding table has\n"

TEST (a_model_without_metadata_is_told_to_be_one)
{
  g_autofree gchar *told = get_messages (launch_denoise ("", "bare.bin", ""),
      GST_MESSAGE_INFO);

  fail_unless (g_str_has_suffix (told, ASSUMED), "%s", told);
  fail_unless (strchr (told, '\n')[1] == '\0', "%s", told);
}

TEST (what_properties_say_is_not_assumed)
{
  g_autofree gchar *some = get_messages (launch_denoise ("", "bare.bin",
          "schedule=cosine prediction-type=epsilon"), GST_MESSAGE_INFO);
  g_autofree gchar *all = get_messages (launch_denoise ("", "bare.bin",
          "schedule=cosine prediction-type=epsilon data-range=symmetric"),
      GST_MESSAGE_INFO);

  fail_unless (strstr (some, "assumed: pixels in [-1, 1], no distillation"),
      "%s", some);
  fail_unless_equals_string (all, "");
}

TEST (a_model_with_metadata_is_not)
{
  g_autofree gchar *told = get_messages (launch_denoise ("", "plain.bin", ""),
      GST_MESSAGE_INFO);

  fail_unless_equals_string (told, "");
}

static const struct
{
  const gchar *caps, *properties, *warning;
} trainings[] = {
  {"", "", NULL},
  {"", "beta-end=0.01", NULL},
  {",label=1", "classes=3 label-dropout=0.3", NULL},
  {"", "teacher-guidance=2",
      "teacher-guidance has no effect without a teacher-model"},
  {"", "teacher-steps=5", "teacher-steps has no effect with sampling-steps=0"},
  {"", "label-dropout=0.3", "label-dropout has no effect with classes=0"},
  {"", "schedule=cosine beta-end=0.01",
      "beta-end has no effect with schedule=cosine"},
};

LOOP_TEST (settings_of_a_training_are_warned_of, G_N_ELEMENTS (trainings))
{
  check_warning (launch ("videotestsrc num-buffers=2 ! video/x-raw,format=RGB,"
          "width=8,height=8%s ! ddpmtrainsink location=%s/%d.bin "
          "backend=reference channels=32 channel-mult=1 attention-levels=\"\" "
          "res-blocks=1 timesteps=10 batch-size=2 %s", trainings[__i__].caps,
          folder, __i__, trainings[__i__].properties),
      trainings[__i__].warning);
}

LOOP_TEST (training_tells_of_the_models_that_it_starts_from, 2)
{
  static const gchar *const uses[] = { "initial-model", "teacher-model" };
  g_autofree gchar *told = get_messages (launch ("videotestsrc num-buffers=2 ! "
          "video/x-raw,format=RGB,width=8,height=8 ! ddpmtrainsink "
          "location=%s/new.bin backend=reference channels=32 channel-mult=1,1 "
          "attention-levels=\"\" res-blocks=1 dropout=0 timesteps=20 "
          "batch-size=2 %s=%s/bare.bin", folder, uses[__i__], folder),
      GST_MESSAGE_INFO);

  fail_unless (strstr (told, ASSUMED) != NULL, "%s", told);
}

TEST (a_data_set_that_is_not_whole_is_told_to_be_so)
{
  g_autofree gchar *path = in_folder ("data_batch_1.bin");
  g_autofree gchar *record = g_malloc0 (1 + DDPM_CIFAR_PIXELS);
  g_autofree gchar *told = NULL;

  fail_unless (g_file_set_contents (path, record, 1 + DDPM_CIFAR_PIXELS, NULL));
  told = get_messages (launch ("cifarsrc location=%s ! fakesink", folder),
      GST_MESSAGE_INFO);
  fail_unless (g_str_has_suffix (told, "there is no data_batch_2.bin, and "
          "therefore only 1 images\n"), "%s", told);
}

ELEMENT_TEST_MAIN (unchecked, write_models, remove_folder)
