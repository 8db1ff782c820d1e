/* gst-ddpm: tests of ddpmtrainsink: how a run ends, and what is saved then
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <unistd.h>
#include "tests/support/train-test.h"

/* Waits for a progress message of these words, and for at most five seconds. */
static void
wait_for_words (GstElement * pipeline, const gchar * words)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  gboolean found = FALSE;

  while (!found) {
    GstMessage *message = gst_bus_timed_pop_filtered (bus, 5 * GST_SECOND,
        GST_MESSAGE_PROGRESS);
    gchar *text;

    fail_unless (message != NULL, "no message \"%s\"", words);
    gst_message_parse_progress (message, NULL, NULL, &text);
    found = strstr (text, words) != NULL;
    g_free (text);
    gst_message_unref (message);
  }
  gst_object_unref (bus);
}

/* Waits until the pipeline has trained as many steps. */
static void
wait_for_step (GstElement * pipeline, guint64 expected)
{
  guint64 step = 0;

  while (step < expected) {
    GstMessage *message = wait_for (pipeline, GST_MESSAGE_ELEMENT);

    if (gst_message_has_name (message, "ddpmtrainsink-progress"))
      gst_structure_get_uint64 (gst_message_get_structure (message), "step",
          &step);
    gst_message_unref (message);
  }
}

/* --- the images of a run -------------------------------------------------- */

static gchar *
get_text (GstMessage * message)
{
  g_autoptr (GError) error = NULL;
  gchar *text;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING) {
    gst_message_parse_warning (message, &error, NULL);
    return g_strdup (error->message);
  }
  gst_message_parse_progress (message, NULL, NULL, &text);
  return text;
}

/* Trains on PNG files, whose run ends with these words. Returns: the warning of
 * lost images, or NULL */
static gchar *
train_on_files (const gchar * words)
{
  GstElement *pipeline = launch ("multifilesrc location=%s/%%d.png "
      "caps=image/png,framerate=1/1 ! pngdec ! videoconvert ! ddpmtrainsink "
      "location=%s/a.bin" NET, folder, folder);
  gchar *last = NULL, *warning = NULL;
  GstMessage *message;

  play (pipeline);
  while ((message = wait_for (pipeline, GST_MESSAGE_PROGRESS
              | GST_MESSAGE_WARNING | GST_MESSAGE_EOS))
      && GST_MESSAGE_TYPE (message) != GST_MESSAGE_EOS) {
    gchar **text = GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING
        ? &warning : &last;

    g_free (*text);
    *text = get_text (message);
    gst_message_unref (message);
  }
  gst_message_unref (message);
  fail_unless (g_str_has_suffix (last, words), "%s", last);
  g_free (last);
  stop_and_free (pipeline);
  return warning;
}

TEST (images_are_counted)
{
  gchar *warning, *data;
  gsize size;

  run_to_eos (launch ("videotestsrc num-buffers=12 pattern=snow ! " IMAGES
          " ! pngenc ! multifilesink location=%s/%%d.png", folder));
  warning = train_on_files ("a.bin, trained on 12 images in this run");
  fail_unless (warning == NULL, "%s", warning);

  data = contents ("8.png", &size);
  data[size / 2] = '\0';
  write_text ("8.png", data);
  g_free (data);
  warning = train_on_files ("a.bin, trained on 8 of 12 images in this run");
  fail_unless (strstr (warning, "4 of the 12 images") != NULL, "%s", warning);
  g_free (warning);
}

/* --- stopped -------------------------------------------------------------- */

TEST (stop_saves_the_last_finished_step)
{
  GstElement *pipeline = launch_training ("a.bin", "");
  gchar *words, *max_steps;
  DdpmModel *model;

  play (pipeline);
  wait_for_step (pipeline, 2);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_READY),
      GST_STATE_CHANGE_SUCCESS);
  model = load_model ("a.bin");
  fail_unless (model->step >= 2);
  words = g_strdup_printf ("stopped; step %" G_GUINT64_FORMAT ": saved",
      model->step);
  wait_for_words (pipeline, words);
  stop_and_free (pipeline);

  max_steps = g_strdup_printf ("max-steps=%" G_GUINT64_FORMAT, model->step);
  train ("b.bin", max_steps);
  fail_unless (runs_equal ("a.bin", "b.bin"));
  g_free (words);
  g_free (max_steps);
  ddpm_model_unref (model);
}

TEST (stopped_run_is_resumed_to_the_same_bits)
{
  GstElement *pipeline = launch_training ("a.bin", "");

  play (pipeline);
  wait_for_step (pipeline, 2);
  stop_and_free (pipeline);
  train ("a.bin", "resume=true max-steps=40");
  train ("b.bin", "max-steps=40");
  fail_unless (runs_equal ("a.bin", "b.bin"));
}

TEST (stop_that_cannot_save_is_an_error)
{
  GstElement *pipeline = launch_training ("a.bin", "");
  GstBus *bus = gst_element_get_bus (pipeline);

  play (pipeline);
  wait_for_step (pipeline, 1);
  hide_folder ();
  gst_element_set_state (pipeline, GST_STATE_READY);
  check_bus_error (bus, "a.bin.state", "cannot be written");
  show_folder ();
  gst_object_unref (bus);
  stop_and_free (pipeline);
}

TEST (stop_before_the_first_step_is_told)
{
  GstElement *pipeline = launch_training ("a.bin", "batch-size=256");

  play_into_step (pipeline, 256);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_READY),
      GST_STATE_CHANGE_SUCCESS);
  wait_for_words (pipeline, "stopped; no step was finished");
  stop_and_free (pipeline);
  fail_if (exists ("a.bin.state"));
}

/* EOS as an application or gst-launch-1.0 -e sends it: the images that wait in
 * the queue would take ten steps. */
TEST (eos_for_the_pipeline_ends_after_the_step)
{
  GstElement *pipeline = launch (VIDEO
      " ! queue max-size-buffers=320 ! ddpmtrainsink name=train "
      "location=%s/a.bin" NET "batch-size=32 micro-batch=1", folder);

  play_into_step (pipeline, 32);
  fail_unless (gst_element_send_event (pipeline, gst_event_new_eos ()));
  wait_for_words (pipeline, "finishing step 1, then saving");
  wait_for_words (pipeline, "saving step 1 to");
  wait_for_eos (pipeline);
  stop_and_free (pipeline);
  check_saved ("a.bin", 1, 32);
}

TEST (end_of_the_stream_is_told_before_the_last_step)
{
  GstElement *pipeline = launch_training ("a.bin", "");
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");

  g_object_set (src, "num-buffers", 7, NULL);
  play (pipeline);
  wait_for_words (pipeline, "finishing step 2, then saving");
  wait_for_eos (pipeline);
  stop_and_free (pipeline);
  check_saved ("a.bin", 2, 7);
  gst_object_unref (src);
}

/* --- failed --------------------------------------------------------------- */

TEST (error_saves_what_has_been_trained)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "");
  GstBuffer *small = gst_buffer_new_allocate (NULL, IMAGE_SIZE - 1, NULL);

  push_images (h, 0, 8);
  fail_unless_equals_int (gst_harness_push (h, small), GST_FLOW_ERROR);
  check_bus_error (GST_ELEMENT_BUS (h->element), "step 2 has been saved in",
      "a.bin");
  harness_free (h);
  check_saved ("a.bin", 2, 8);
}

TEST (error_tells_that_the_steps_could_not_be_saved)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "");

  push_images (h, 0, 4);
  hide_folder ();
  gst_harness_push (h, gst_buffer_new_allocate (NULL, IMAGE_SIZE - 1, NULL));
  check_bus_error (GST_ELEMENT_BUS (h->element), "step 1 could not be saved",
      "a.bin.state");
  harness_free (h);
  show_folder ();
}

TEST (error_of_another_element_loses_no_step)
{
  GstElement *pipeline = launch (VIDEO
      " ! identity error-after=11 ! ddpmtrainsink name=train "
      "location=%s/a.bin" NET, folder);

  DdpmModel *model;

  assert_error (pipeline, GST_CORE_ERROR, GST_CORE_ERROR_FAILED, "Failed");
  model = load_model ("a.bin");
  /* the last two images, too, if EOS comes before the stop */
  fail_unless (model->step == 2 || model->step == 3);
  ddpm_model_unref (model);
}

/* A state of step 1, without a checkpoint yet, whose weights overflow */
TEST (diverged_weights_are_not_saved)
{
  gchar *path = in_folder ("a.bin"), *state_path = ddpm_train_state_path (path);
  DdpmTrainState *state;

  train ("a.bin", "max-steps=1");
  fail_unless (g_unlink (path) == 0);
  state = load_state ("a.bin");
  for (gsize i = 0; i < ddpm_config_count_parameters (&state->config); i++)
    state->weights[i] *= 1e30f;
  fail_unless (ddpm_train_state_save (state, state_path, NULL));
  ddpm_train_state_free (state);
  assert_error (launch_training ("a.bin", "resume=true"), GST_STREAM_ERROR,
      GST_STREAM_ERROR_FAILED, "diverged");
  fail_if (exists ("a.bin"));
  g_free (path);
  g_free (state_path);
}

/* As a process leaves it that is killed between the two files */
TEST (state_without_its_checkpoint_is_resumed_and_saved)
{
  gchar *path = in_folder ("a.bin");

  train ("a.bin", "max-steps=1");
  fail_unless (g_unlink (path) == 0);
  train ("a.bin", "max-steps=1 resume=true");
  train ("b.bin", "max-steps=1");
  fail_unless (runs_equal ("a.bin", "b.bin"));
  g_free (path);
}

/* --- saves on the way ----------------------------------------------------- */

TEST (failed_interval_save_is_a_warning_and_tried_again)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "checkpoint-interval=1");

  hide_folder ();
  push_images (h, 0, 4);
  pop_message (GST_ELEMENT_BUS (h->element), GST_MESSAGE_WARNING);
  show_folder ();
  push_images (h, 5, 8);
  check_saved ("a.bin", 2, 8);
  fail_unless (gst_bus_pop_filtered (GST_ELEMENT_BUS (h->element),
          GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == NULL);
  harness_free (h);
}

TEST (eos_saves_what_an_interval_could_not)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "checkpoint-interval=1");

  hide_folder ();
  push_images (h, 0, 3);
  show_folder ();
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_saved ("a.bin", 1, 4);
  harness_free (h);
}

TEST (minutes_bound_the_time_between_saves)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "checkpoint-interval=0 "
      "checkpoint-minutes=1e-6");

  push_images (h, 0, 8);
  check_saved ("a.bin", 2, 8);
  harness_free (h);
}

/* --- files ---------------------------------------------------------------- */

TEST (numbered_checkpoints_share_a_state)
{
  train ("a-%03u.bin", "max-steps=5 checkpoint-interval=2");
  train ("b.bin", "max-steps=5");
  fail_unless (exists ("a-002.bin"));
  fail_unless (exists ("a-004.bin"));
  fail_unless (files_equal ("a-005.bin", "b.bin"));
  fail_unless (files_equal ("a.bin.state", "b.bin.state"));
  fail_if (exists ("a-005.bin.state"));
}

TEST (numbered_run_is_resumed)
{
  train ("a-%u.bin", "max-steps=3");
  train ("a-%u.bin", "max-steps=5 resume=true");
  train ("b.bin", "max-steps=5");
  fail_unless (exists ("a-3.bin"));
  fail_unless (files_equal ("a-5.bin", "b.bin"));
}

TEST (last_files_are_kept)
{
  write_text ("a-1.bin.txt", "of other work");
  write_text ("a-01.bin", "of other work");
  train ("a-%u.bin", "max-steps=4 checkpoint-interval=1 max-files=2");
  fail_if (exists ("a-1.bin"));
  fail_if (exists ("a-2.bin"));
  fail_unless (exists ("a-3.bin"));
  fail_unless (exists ("a-4.bin"));
  check_contents ("a-1.bin.txt", "of other work");
  check_contents ("a-01.bin", "of other work");

  train ("a-%u.bin", "max-steps=5 resume=true max-files=2");
  fail_if (exists ("a-3.bin"));
  fail_unless (exists ("a-4.bin"));
  fail_unless (exists ("a-5.bin"));
}

static const gchar *const no_patterns[] = { "a-%05d.bin", "a-%u-%u.bin",
  "a-%5u.bin", "50%.bin", "%", "a-%021u", "a-%u0.bin"
};

LOOP_TEST (other_patterns_are_refused, G_N_ELEMENTS (no_patterns))
{
  assert_no_start (launch_training (no_patterns[__i__], ""), SETTINGS_ERROR,
      "one %u for the number");
}

TEST (names_without_more_than_a_number_have_a_state)
{
  train ("%03u.bin", "max-steps=1");
  fail_unless (exists ("001.bin"));
  fail_unless (exists ("checkpoint.bin.state"));
}

/* The warning at the start of the pipeline, which is freed */
static void
check_warning (GstElement * pipeline, const gchar * words)
{
  GstMessage *message;
  GError *warning;

  play (pipeline);
  message = wait_for (pipeline, GST_MESSAGE_WARNING);
  gst_message_parse_warning (message, &warning, NULL);
  fail_unless (strstr (warning->message, words) != NULL, "%s",
      warning->message);
  g_error_free (warning);
  gst_message_unref (message);
  wait_for_eos (pipeline);
  stop_and_free (pipeline);
}

TEST (run_from_scratch_keeps_another)
{
  gchar *log = g_strdup_printf (" log-location=%s/log", folder);
  gchar *anew = g_strconcat ("max-steps=2 checkpoint-interval=1 ", log, NULL);
  gchar *again = g_strconcat ("max-steps=4", log, NULL);

  train ("a.bin", again);
  train ("b.bin", "max-steps=4");
  check_warning (launch_training ("a.bin", anew), "a.bin.old");
  check_saved ("a.bin", 2, 8);
  fail_unless (runs_equal ("a.bin.old", "b.bin"));
  fail_unless (exists ("log.old"));

  train ("a.bin.old", "max-steps=6 resume=true");
  train ("b.bin", "max-steps=6 resume=true");
  fail_unless (runs_equal ("a.bin.old", "b.bin"));
  g_free (log);
  g_free (anew);
  g_free (again);
}

TEST (any_file_is_kept)
{
  write_text ("a.bin", "of other work");
  check_warning (launch_training ("a.bin", "max-steps=1"), "a.bin.old");
  check_contents ("a.bin.old", "of other work");
}

TEST (files_that_cannot_be_kept_are_an_error_at_the_start)
{
  gchar *old = in_folder ("a.bin.old"), *state = in_folder ("a.bin.old.state");

  train ("a.bin", "max-steps=1");
  fail_unless_equals_int (g_mkdir (state, 0700), 0);
  assert_no_start (launch_training ("a.bin", "max-steps=1"), WRITE_ERROR,
      "a.bin.old.state");
  fail_unless_equals_int (g_rmdir (state), 0);
  fail_unless_equals_int (g_mkdir (old, 0700), 0);
  assert_no_start (launch_training ("a.bin", "max-steps=1"), WRITE_ERROR,
      "a.bin.old");
  check_saved ("a.bin", 1, 4);
  g_free (old);
  g_free (state);
}

TEST (resumed_run_has_no_warning)
{
  GstElement *pipeline;

  train ("a.bin", "max-steps=1");
  pipeline = launch_training ("a.bin", "max-steps=2 resume=true");
  play (pipeline);
  gst_message_unref (wait_for (pipeline, GST_MESSAGE_EOS));
  stop_and_free (pipeline);
  fail_if (exists ("a.bin.old"));
}

static const gchar *const same_files[] = { "a.bin", "./a.bin", "link",
  "a-%u.bin"
};

LOOP_TEST (second_run_of_the_same_files_is_refused, G_N_ELEMENTS (same_files))
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "");
  gchar *link = in_folder ("link");

  fail_unless_equals_int (symlink ("a.bin", link), 0);
  assert_no_start (launch_training (same_files[__i__], ""), WRITE_ERROR,
      "another training writes it");
  harness_free (h);
  train (same_files[__i__], "max-steps=1");
  fail_if (exists (".a.bin.lock"));
  g_free (link);
}

TEST (second_run_with_the_same_log_is_refused)
{
  gchar *log = g_strdup_printf ("log-location=%s/log", folder);
  GstHarness *h = harness_training ("a.bin", IMAGES, log);

  push_images (h, 0, 4);
  assert_no_start (launch_training ("b.bin", log), WRITE_ERROR,
      "another training writes it");
  harness_free (h);
  g_free (log);
}

/* --- previews ------------------------------------------------------------- */

TEST (failed_previews_do_not_end_the_training)
{
  GstElement *pipeline = launch ("videotestsrc ! " IMAGES " ! ddpmtrainsink "
      "name=train location=%s/a.bin max-steps=3 preview-interval=1 "
      "preview-steps=1" NET "train.preview ! video/x-raw,format=GRAY8 ! "
      "fakesink sync=false", folder);

  play (pipeline);
  gst_message_unref (wait_for (pipeline, GST_MESSAGE_WARNING));
  wait_for_eos (pipeline);
  stop_and_free (pipeline);
  check_saved ("a.bin", 3, 12);
}

TEST (previews_of_a_failed_training_end_with_eos)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "preview-interval=1 "
      "timesteps=15000 preview-steps=15000");
  GstPad *pad = gst_element_request_pad_simple (h->element, "preview");
  GstEvent *event;

  gst_harness_add_element_src_pad (h, pad);
  push_images (h, 0, 4);
  gst_harness_push (h, gst_buffer_new_allocate (NULL, IMAGE_SIZE - 1, NULL));
  do {
    event = gst_harness_pull_event (h);
    fail_unless (event != NULL);
    gst_event_unref (event);
  } while (GST_EVENT_TYPE (event) != GST_EVENT_EOS);
  gst_object_unref (pad);
  harness_free (h);
}

TEST (previews_that_are_blocked_hold_no_error_back)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "preview-interval=1 "
      "preview-steps=1");
  GstPad *pad = gst_element_request_pad_simple (h->element, "preview");

  gst_harness_add_element_src_pad (h, pad);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, NULL, NULL,
      NULL);
  push_images (h, 0, 4);
  gst_harness_push (h, gst_buffer_new_allocate (NULL, IMAGE_SIZE - 1, NULL));
  check_bus_error (GST_ELEMENT_BUS (h->element), "step 1 has been saved in",
      "a.bin");
  gst_object_unref (pad);
  harness_free (h);
}

/* --- long tasks ----------------------------------------------------------- */

TEST (long_step_is_told_each_second)
{
  GstElement *pipeline = launch ("videotestsrc ! "
      "video/x-raw,width=32,height=32 ! ddpmtrainsink name=train "
      "location=%s/a.bin" NET "batch-size=256 micro-batch=1", folder);

  play_into_step (pipeline, 256);
  g_usleep (1.5 * G_USEC_PER_SEC);
  wait_for_words (pipeline, "step 1: 2 s");
  wait_for_words (pipeline, "step 1: 3 s");
  stop_and_free (pipeline);
}

ELEMENT_TEST_MAIN (checked, make_folder, remove_folder)
