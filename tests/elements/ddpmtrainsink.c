/* gst-ddpm: tests of ddpmtrainsink: learning, saving, resuming
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/train-test.h"

/* --- learning ------------------------------------------------------------- */

TEST (learns_and_saves_all_images)
{
  run_to_eos (launch ("videotestsrc num-buffers=10 ! " IMAGES
          " ! ddpmtrainsink location=%s/a.bin" NET, folder));
  check_saved ("a.bin", 3, 10);
}

TEST (same_run_gives_same_bytes)
{
  train ("a.bin", "max-steps=3");
  train ("b.bin", "max-steps=3");
  train ("c.bin", "max-steps=3 seed=1");
  fail_unless (runs_equal ("a.bin", "b.bin"));
  fail_if (files_equal ("a.bin", "c.bin"));
}

TEST (max_steps_ends_the_stream)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "max-steps=2");

  push_images (h, 0, 6);
  fail_unless_equals_int (gst_harness_push (h, image (7)), GST_FLOW_EOS);
  check_saved ("a.bin", 2, 8);
  fail_unless_equals_int (gst_harness_push (h, image (8)), GST_FLOW_EOS);
  harness_free (h);
}

TEST (saves_every_interval)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "checkpoint-interval=2");

  push_images (h, 0, 6);
  fail_if (exists ("a.bin"));
  push_ok (h, image (7));
  check_saved ("a.bin", 2, 8);
  harness_free (h);
}

TEST (stream_without_images_saves_nothing)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "");

  write_text ("a.bin", "old");
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  pop_message (GST_ELEMENT_BUS (h->element), GST_MESSAGE_WARNING);
  pop_message (GST_ELEMENT_BUS (h->element), GST_MESSAGE_EOS);
  fail_if (exists ("a.bin.state"));
  harness_free (h);
}

/* --- epochs --------------------------------------------------------------- */

TEST (last_batch_of_an_epoch_is_small)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "");
  DdpmTrainState *state;
  guint i;

  for (i = 0; i < 12; i++)
    push_ok (h, image_of_epoch (i / 6, i % 6, 6));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_saved ("a.bin", 4, 12);
  state = load_state ("a.bin");
  fail_unless_equals_uint64 (state->epoch, 2);
  ddpm_train_state_free (state);
  harness_free (h);
}

TEST (epoch_ends_where_the_next_begins)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "");

  /* of an epoch of 100 images, two come through */
  push_ok (h, image_of_epoch (0, 3, 100));
  push_ok (h, image_of_epoch (0, 8, 100));
  push_ok (h, image_of_epoch (1, 2, 100));
  push_ok (h, image_of_epoch (1, 5, 100));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_saved ("a.bin", 2, 4);
  harness_free (h);
}

/* --- formats -------------------------------------------------------------- */

#define ODD "video/x-raw,width=6,height=6,framerate=30/1,format="

/* One step on four images of 6 x 6, laid out by lay_out */
static void
learn_layout (const gchar * name, const gchar * caps, gsize size,
    void (*lay_out) (guint8 * data, guint x, guint y, guint c, guint8 value))
{
  GstHarness *h = harness_training (name, caps, "max-steps=1");
  GstFlowReturn ret = GST_FLOW_OK;
  guint n, i;

  for (n = 0; n < 4; n++) {
    guint8 *data = g_malloc (size);

    memset (data, 0xaa - n, size);
    for (i = 0; i < 6 * 6 * 3; i++)
      lay_out (data, i / 3 % 6, i / 18, i % 3, pixel (n, i));
    ret = gst_harness_push (h, gst_buffer_new_wrapped (data, size));
  }
  fail_unless_equals_int (ret, GST_FLOW_EOS);
  harness_free (h);
}

static void
lay_out_packed (guint8 * data, guint x, guint y, guint c, guint8 value)
{
  data[y * 20 + x * 3 + c] = value;     /* 18 bytes and 2 of padding */
}

static void
lay_out_planes (guint8 * data, guint x, guint y, guint c, guint8 value)
{
  data[c * 6 * 8 + y * 8 + x] = value;  /* 6 bytes and 2 of padding */
}

TEST (layouts_of_a_picture_are_the_same_to_learn)
{
  learn_layout ("a.bin", ODD "RGB", 6 * 20, lay_out_packed);
  learn_layout ("b.bin", ODD "RGBP", 3 * 6 * 8, lay_out_planes);
  fail_unless (runs_equal ("a.bin", "b.bin"));
}

TEST (grey_images_make_a_grey_model)
{
  DdpmModel *model;

  run_to_eos (launch ("videotestsrc num-buffers=4 ! "
          "video/x-raw,width=4,height=4,format=GRAY8 ! "
          "ddpmtrainsink location=%s/a.bin" NET, folder));
  model = load_model ("a.bin");
  fail_unless_equals_int (model->config.image_channels, 1);
  ddpm_model_unref (model);
}

/* --- resuming ------------------------------------------------------------- */

TEST (resumed_run_is_one_run)
{
  train ("a.bin", "max-steps=6 log-location=/dev/null");
  train ("b.bin", "max-steps=3 resume=true");
  check_saved ("b.bin", 3, 12);
  train ("b.bin", "max-steps=6 resume=true");
  fail_unless (runs_equal ("a.bin", "b.bin"));
}

TEST (complete_run_stays_as_it_is)
{
  train ("a.bin", "max-steps=2");
  train ("b.bin", "max-steps=2");
  train ("a.bin", "max-steps=2 resume=true");
  fail_unless (runs_equal ("a.bin", "b.bin"));
}

TEST (resumes_in_the_middle_of_an_epoch)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "max-steps=3");

  push_epochs (h, 10, 6);
  harness_free (h);
  check_saved ("a.bin", 3, 10);

  h = harness_training ("a.bin", IMAGES, "resume=true max-steps=4");
  push_epochs (h, 12, 6);
  harness_free (h);

  h = harness_training ("b.bin", IMAGES, "max-steps=4");
  push_epochs (h, 12, 6);
  harness_free (h);
  fail_unless (runs_equal ("a.bin", "b.bin"));
}

TEST (live_sources_are_not_passed_over)
{
  GstElement *pipeline;

  train ("a.bin", "max-steps=2");
  pipeline = launch ("videotestsrc is-live=true num-buffers=4 ! " IMAGES
      " ! ddpmtrainsink resume=true location=%s/a.bin" NET, folder);
  run_to_eos (pipeline);
  check_saved ("a.bin", 3, 12);
}

TEST (log_is_true_after_a_resume)
{
  gchar *log = in_folder ("log.csv");
  gchar *to_4 = g_strdup_printf ("max-steps=4 checkpoint-interval=2 "
      "log-location=%s", log);
  gchar *to_6 = g_strdup_printf ("max-steps=6 resume=true "
      "log-location=%s", log);
  gchar **lines, *text;
  guint i;

  train ("a.bin", to_4);
  /* rows of a run that was killed after its last checkpoint */
  text = contents ("log.csv", NULL);
  lines = g_strsplit (text, "\n", 0);
  fail_unless_equals_int (g_strv_length (lines), 6);
  g_free (text);
  text = g_strdup_printf ("%s\n%s\n%s\n%s\n%s\n5,0,9,9,9,9,9\n6,0,9", lines[0],
      lines[1], lines[2], lines[3], lines[4]);
  write_text ("log.csv", text);
  g_free (text);
  g_strfreev (lines);

  train ("a.bin", to_6);
  text = contents ("log.csv", NULL);
  lines = g_strsplit (text, "\n", 0);
  fail_unless_equals_string (lines[0],
      "step,epoch,loss,smoothed_loss,learning_rate,grad_norm,"
      "images_per_second");
  fail_unless_equals_int (g_strv_length (lines), 8);
  for (i = 1; i <= 6; i++) {
    gchar **values = g_strsplit (lines[i], ",", 0);

    fail_unless_equals_int (g_strv_length (values), 7);
    fail_unless_equals_uint64 (g_ascii_strtoull (values[0], NULL, 10), i);
    fail_unless (g_ascii_strtod (values[2], NULL) < 2.);
    fail_unless_equals_float (g_ascii_strtod (values[4], NULL), 2e-4);
    g_strfreev (values);
  }
  fail_unless_equals_string (lines[7], "");
  g_strfreev (lines);
  g_free (text);
  g_free (log);
  g_free (to_4);
  g_free (to_6);
}

/* --- being told ----------------------------------------------------------- */

TEST (progress_is_begun_told_and_ended)
{
  const gint expected[] = { GST_PROGRESS_TYPE_START,
    GST_PROGRESS_TYPE_CONTINUE, GST_PROGRESS_TYPE_CONTINUE,
    GST_PROGRESS_TYPE_CONTINUE, GST_PROGRESS_TYPE_COMPLETE
  };
  GstElement *pipeline = launch_training ("a.bin", "max-steps=2");
  guint i;

  play (pipeline);
  for (i = 0; i < G_N_ELEMENTS (expected); i++) {
    GstMessage *message = wait_for (pipeline, GST_MESSAGE_PROGRESS);
    GstProgressType type;
    gchar *text;

    gst_message_parse_progress (message, &type, NULL, &text);
    fail_unless_equals_int (type, expected[i]);
    if (i == 2)
      fail_unless (g_str_has_prefix (text, "step 2/2 loss "), "%s", text);
    if (i == 3)
      fail_unless (g_str_has_prefix (text, "saving step 2 to "), "%s", text);
    g_free (text);
    gst_message_unref (message);
  }
  wait_for_eos (pipeline);
  stop_and_free (pipeline);
}

TEST (progress_names_the_epoch)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "");
  GstMessage *message;
  gchar *text = NULL;
  guint i;

  for (i = 0; i < 12; i++)
    push_ok (h, image_of_epoch (i / 6, i % 6, 6));
  while ((message =
          gst_bus_pop_filtered (GST_ELEMENT_BUS (h->element),
              GST_MESSAGE_PROGRESS))) {
    g_free (text);
    gst_message_parse_progress (message, NULL, NULL, &text);
    gst_message_unref (message);
  }
  fail_unless (g_str_has_prefix (text, "epoch 2 iter 2/2 loss "), "%s", text);
  g_free (text);
  harness_free (h);
}

/* The element message of that name, from the bus of a harness */
static GstMessage *
element_message (GstBus * bus, const gchar * name)
{
  GstMessage *message;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
    if (gst_message_has_name (message, name))
      return message;
    gst_message_unref (message);
  }
  fail ("no message %s", name);
  return NULL;
}

TEST (bus_is_told_of_model_steps_and_checkpoints)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "max-steps=1");
  const GstStructure *s;
  GstStructure *stats;
  GstMessage *message;
  guint64 step, parameters, size;
  gdouble loss, loss_in_stats;
  guint micro_batch, i;

  for (i = 0; i < 4; i++)
    gst_harness_push (h, image (i));

  message =
      element_message (GST_ELEMENT_BUS (h->element), "ddpmtrainsink-model");
  s = gst_message_get_structure (message);
  fail_unless (gst_structure_get_uint64 (s, "parameters", &parameters));
  fail_unless_equals_uint64 (parameters, 176195);
  fail_unless (gst_structure_get_uint (s, "micro-batch", &micro_batch));
  fail_unless_equals_int (micro_batch, 4);
  fail_unless_equals_string (gst_structure_get_string (s, "backend"),
      "reference");
  gst_message_unref (message);

  message =
      element_message (GST_ELEMENT_BUS (h->element), "ddpmtrainsink-progress");
  s = gst_message_get_structure (message);
  fail_unless (gst_structure_get_uint64 (s, "step", &step));
  fail_unless_equals_uint64 (step, 1);
  fail_unless (gst_structure_get_double (s, "loss", &loss));
  g_object_get (h->element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_double (stats, "loss", &loss_in_stats));
  fail_unless_equals_float (loss, loss_in_stats);
  gst_structure_free (stats);
  gst_message_unref (message);

  message =
      element_message (GST_ELEMENT_BUS (h->element),
      "ddpmtrainsink-checkpoint");
  s = gst_message_get_structure (message);
  fail_unless_equals_string (gst_structure_get_string (s, "reason"),
      "max-steps");
  fail_unless (gst_structure_get_uint64 (s, "size", &size));
  fail_unless (size > parameters * 4);
  gst_message_unref (message);
  harness_free (h);
}

ELEMENT_TEST_MAIN (checked, make_folder, remove_folder)
