/* gst-ddpm: tests of ddpmtrainsink: interrupted, killed, and given what it
 * cannot use
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "tests/support/train-test.h"

/* --- interrupted ---------------------------------------------------------- */

TEST (stop_in_a_step_loses_nothing_on_disk)
{
  /* not done before the test times out */
  GstElement *pipeline = launch ("videotestsrc ! "
      "video/x-raw,width=32,height=32 ! ddpmtrainsink name=train "
      "location=%s/a.bin" NET "batch-size=256 micro-batch=1", folder);

  write_text ("a.bin", "old");
  play_into_step (pipeline, 256);
  stop_and_free (pipeline);
  check_contents ("a.bin", "old");
  fail_if (exists ("a.bin.state"));
}

TEST (pause_in_a_step_changes_nothing)
{
  GstElement *pipeline = launch_training ("a.bin", LONG_STEPS);

  play_into_step (pipeline, 32);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_SUCCESS);
  run_to_eos (pipeline);
  train ("b.bin", LONG_STEPS);
  fail_unless (runs_equal ("a.bin", "b.bin"));
}

TEST (flush_in_a_step_drops_the_batch_only)
{
  GstElement *pipeline = launch_training ("a.bin", LONG_STEPS);

  play_into_step (pipeline, 32);
  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, 0));
  run_to_eos (pipeline);
  train ("b.bin", LONG_STEPS);
  fail_unless (runs_equal ("a.bin", "b.bin"));
}

TEST (flush_keeps_what_has_been_trained)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "max-steps=2");
  guint i;

  push_images (h, 0, 6);
  flush_harness (h);
  push_images (h, 4, 6);
  fail_unless_equals_int (gst_harness_push (h, image (7)), GST_FLOW_EOS);
  harness_free (h);
  check_saved ("a.bin", 2, 8);

  h = harness_training ("b.bin", IMAGES, "max-steps=2");
  for (i = 0; i < 8; i++)
    gst_harness_push (h, image (i));
  harness_free (h);
  fail_unless (runs_equal ("a.bin", "b.bin"));
}

TEST (second_run_of_an_element_begins_anew)
{
  GstElement *pipeline = launch_training ("a.bin", "max-steps=2");

  play (pipeline);
  wait_for_eos (pipeline);
  gst_element_set_state (pipeline, GST_STATE_READY);
  run_to_eos (pipeline);
  train ("b.bin", "max-steps=2");
  fail_unless (runs_equal ("a.bin", "b.bin"));
}

/* --- asked to save -------------------------------------------------------- */

static gboolean
save_checkpoint (GstElement * element)
{
  gboolean saved = FALSE;

  g_signal_emit_by_name (element, "save-checkpoint", &saved);
  return saved;
}

TEST (signal_saves_the_step_that_was_done)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "");

  push_images (h, 0, 8);
  fail_if (exists ("a.bin"));
  fail_unless (save_checkpoint (h->element));
  check_saved ("a.bin", 2, 8);
  harness_free (h);
}

TEST (signal_saves_while_training_goes_on)
{
  GstElement *pipeline = launch_training ("a.bin", "");
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "train");
  DdpmModel *model;

  play (pipeline);
  gst_message_unref (wait_for (pipeline, GST_MESSAGE_PROGRESS));
  fail_unless (save_checkpoint (sink));
  model = load_model ("a.bin");
  ddpm_model_unref (model);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  fail_unless (save_checkpoint (sink));
  stop (pipeline);
  fail_if (save_checkpoint (sink));
  gst_object_unref (sink);
  gst_object_unref (pipeline);
}

TEST (signal_tells_that_it_could_not_save)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "");

  push_ok (h, image (0));
  hide_folder ();
  fail_if (save_checkpoint (h->element));
  pop_message (GST_ELEMENT_BUS (h->element), GST_MESSAGE_WARNING);
  push_ok (h, image (1));
  harness_free (h);
  show_folder ();
}

/* The state is written, its checkpoint is not. */
TEST (save_that_is_tried_again_keeps_the_files_of_another_run)
{
  gchar *in_the_way = in_folder (".a.bin.partial");
  GstHarness *h;

  train ("a.bin", "max-steps=1");
  train ("b.bin", "max-steps=1");
  h = harness_training ("a.bin", IMAGES, "");
  push_images (h, 0, 8);
  fail_unless_equals_int (g_mkdir (in_the_way, 0700), 0);
  fail_if (save_checkpoint (h->element));
  fail_unless_equals_int (g_rmdir (in_the_way), 0);
  fail_unless (save_checkpoint (h->element));
  harness_free (h);
  check_saved ("a.bin", 2, 8);
  fail_unless (runs_equal ("a.bin.old", "b.bin"));
  g_free (in_the_way);
}

/* --- killed --------------------------------------------------------------- */

/* This program, started as "... --train location": trains until it is killed,
 * without Check, which works in its tests only */
static int
train_for_ever (const gchar * location)
{
  gchar *description = g_strdup_printf ("videotestsrc ! " IMAGES
      " ! ddpmtrainsink location=%s log-location=%s.csv resume=true "
      "checkpoint-interval=1" NET " progress-interval=60", location, location);
  GstElement *pipeline = gst_parse_launch (description, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_ERROR);
  return 1;
}

/* The number of rows, header and a row that was not finished not counted */
static guint
count_rows (const gchar * name)
{
  gchar *text = contents (name, NULL);
  gchar **lines = g_strsplit (text, "\n", 0);
  guint n = g_strv_length (lines);

  g_strfreev (lines);
  g_free (text);
  return n - 2;
}

TEST (killed_run_leaves_a_checkpoint_and_the_rows_of_its_steps)
{
  gchar *location = in_folder ("a.bin");
  gchar *self = g_file_read_link ("/proc/self/exe", NULL);
  gchar *argv[] = { self, (gchar *) "--train", location, NULL };
  DdpmTrainState *state;
  guint i;

  for (i = 0; i < 4; i++) {
    int status;
    GPid pid;

    fail_unless (g_spawn_async (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD
            | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, &pid, NULL));
    do {
      fail_unless_equals_int (waitpid (pid, &status, WNOHANG), 0);
      g_usleep (g_random_int_range (1, 100000));
    } while (!exists ("a.bin"));
    fail_unless_equals_int (kill (pid, SIGKILL), 0);
    fail_unless_equals_int (waitpid (pid, &status, 0), pid);
    ddpm_model_unref (load_model ("a.bin"));
    state = load_state ("a.bin");
    fail_unless (count_rows ("a.bin.csv") >= state->step);
    ddpm_train_state_free (state);
  }
  g_free (self);
  g_free (location);
}

/* --- errors --------------------------------------------------------------- */

static void
check_settings (const gchar * properties, const gchar * words)
{
  assert_no_start (launch_training ("a.bin", properties), SETTINGS_ERROR,
      words);
}

TEST (location_must_be_set)
{
  assert_no_start (launch ("videotestsrc ! ddpmtrainsink" NET), NOT_FOUND_ERROR,
      "location");
}

TEST (location_must_be_writable)
{
  assert_no_start (launch_training ("missing/a.bin", ""), WRITE_ERROR,
      "missing/a.bin");
  assert_no_start (launch_training ("", ""), WRITE_ERROR, "folder");
}

TEST (lists_must_be_lists)
{
  check_settings ("channel-mult=1,x", "1,x");
  check_settings ("attention-levels=3", "attention-levels");
}

TEST (location_must_be_a_file)
{
  gchar *state = in_folder ("a.bin.state");

  assert_no_start (launch ("videotestsrc ! " IMAGES " ! ddpmtrainsink "
          "location=/dev/null"), WRITE_ERROR, "device");
  fail_unless (g_mkdir (state, 0700) == 0);
  assert_no_start (launch_training ("a.bin", ""), WRITE_ERROR, "a.bin.state");
  g_free (state);
}

TEST (numbers_must_be_in_range)
{
  check_settings ("batch-size=0", "batch-size must be 1 to 65536, not 0");
  check_settings ("dropout=1.5", "dropout");
  check_settings ("grad-clip=-1", "grad-clip");
  check_settings ("warmup-steps=-1", "warmup-steps must be 0 to 2147483647");
  check_settings ("progress-interval=-1", "progress-interval");
}

TEST (levels_must_divide_the_size)
{
  assert_error (launch ("videotestsrc ! video/x-raw,width=6,height=5 ! "
          "ddpmtrainsink location=%s/a.bin" NET "channel-mult=1,1", folder),
      SETTINGS_ERROR, "6x5");
}

TEST (memory_must_be_there_before_it_is_used)
{
  g_setenv ("GST_DDPM_TEST_MEMORY", "2900", TRUE);
  assert_error (launch ("videotestsrc ! video/x-raw,width=256,height=256 ! "
          "ddpmtrainsink location=%s/a.bin attention-levels=0 backend=cpu "
          "precision=f32", folder), GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT, "training with 1 image of 256x256 ",
      " needs 3", "2900 MiB are available (GST_DDPM_TEST_MEMORY)");
  assert_error (launch ("videotestsrc ! video/x-raw,width=1024,height=1024 ! "
          "ddpmtrainsink location=%s/a.bin" NET "batch-size=2000", folder),
      GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
      "a batch of 2000 images of 1024x1024 pixels needs ");
  g_unsetenv ("GST_DDPM_TEST_MEMORY");
}

TEST (settings_must_fit_the_network)
{
  assert_no_start (launch_training ("a.bin",
          "prediction-type=v-prediction max-loss-weight=5"), SETTINGS_ERROR,
      "max-loss-weight");
}

TEST (initial_model_must_be_of_the_same_network)
{
  gchar *text = g_strdup_printf ("initial-model=%s/a.bin channels=64", folder);

  train ("a.bin", "max-steps=1");
  assert_no_start (launch_training ("b.bin", text), SETTINGS_ERROR,
      "Cannot start from initial-model=");
  g_free (text);
}

TEST (state_must_be_of_the_same_images)
{
  train ("a.bin", "max-steps=1");
  assert_error (launch ("videotestsrc ! "
          "video/x-raw,width=8,height=4,format=RGB ! "
          "ddpmtrainsink location=%s/a.bin" NET "resume=true", folder),
      SETTINGS_ERROR, "a.bin.state");
  assert_error (launch ("videotestsrc ! "
          "video/x-raw,width=4,height=4,format=GRAY8 ! "
          "ddpmtrainsink location=%s/a.bin" NET "resume=true", folder),
      SETTINGS_ERROR, "a.bin.state");
}

TEST (state_must_be_of_the_same_network)
{
  DdpmTrainState *state;

  train ("a.bin", "max-steps=1");
  check_settings ("resume=true seed=3", "another seed");
  check_settings ("resume=true channels=64", "a.bin.state");
  state = load_state ("a.bin");
  fail_unless_equals_int (state->config.channels, 32);
  ddpm_train_state_free (state);
}

TEST (broken_state_is_kept_and_told)
{
  write_text ("a.bin.state", "broken");
  assert_no_start (launch_training ("a.bin", "resume=true max-steps=1"),
      FORMAT_ERROR, "a.bin.state");
  check_contents ("a.bin.state", "broken");
}

/* Version 0.1 took -1, which GStreamer parses as the largest number. */
TEST (a_seed_that_is_too_large_resumes_its_old_run)
{
  g_autofree gchar *path = in_folder ("a.bin.state");
  DdpmTrainState *state;

  train ("a.bin", "max-steps=1");
  assert_no_start (launch_training ("a.bin", "seed=-1 max-steps=2"),
      SETTINGS_ERROR, "seed must be 0 to 18446744069414584320", "(-1)");
  assert_no_start (launch_training ("b.bin",
          "seed=-1 max-steps=2 resume=true"), SETTINGS_ERROR, "seed");
  state = load_state ("a.bin");
  state->seed = G_MAXUINT64;
  fail_unless (ddpm_train_state_save (state, path, NULL));
  ddpm_train_state_free (state);
  train ("a.bin", "seed=-1 max-steps=2 resume=true");
  check_saved ("a.bin", 2, 8);
}

TEST (checkpoint_without_a_state_is_not_replaced_by_a_resume)
{
  write_text ("a.bin", "of other work");
  assert_no_start (launch_training ("a.bin", "resume=true max-steps=1"),
      NOT_FOUND_ERROR, "a.bin.state");
  check_contents ("a.bin", "of other work");
}

TEST (other_files_do_not_become_logs)
{
  gchar *text = g_strdup_printf ("max-steps=2 resume=true log-location=%s/x",
      folder);

  write_text ("x", "precious\n");
  assert_no_start (launch_training ("a.bin", text), FORMAT_ERROR, "not a log");
  train ("a.bin", "max-steps=1");
  assert_no_start (launch_training ("a.bin", text), FORMAT_ERROR, "not a log");
  g_free (text);
  check_contents ("x", "precious\n");
}

TEST (log_must_be_a_file_that_can_be_written)
{
  gchar *text = g_strdup_printf ("log-location=%s", folder);

  assert_no_start (launch_training ("a.bin", text), WRITE_ERROR,
      "a folder or a pipe");
  g_free (text);
  text = g_strdup_printf ("log-location=%s/missing/log.csv", folder);
  assert_no_start (launch_training ("a.bin", text), WRITE_ERROR,
      "missing/log.csv");
  g_free (text);
}

/* In a folder such as /tmp, the link would have a file of ours written. */
TEST (log_follows_no_link_of_another_user)
{
  gchar *log = in_folder ("log.csv");
  gchar *text = g_strdup_printf ("max-steps=1 log-location=%s", log);

  write_text ("x", "");
  fail_unless_equals_int (symlink ("x", log), 0);
  fail_unless_equals_int (chmod (folder, 01777), 0);
  /* only root can make a link of another user */
  if (lchown (log, 65534, -1) == 0) {
    assert_no_start (launch_training ("a.bin", text), WRITE_ERROR,
        "link of another user");
    check_contents ("x", "");
    fail_unless_equals_int (lchown (log, geteuid (), -1), 0);
  }
  train ("a.bin", text);
  fail_unless (exists ("x"));
  fail_unless (g_file_test (log, G_FILE_TEST_IS_SYMLINK));
  g_free (log);
  g_free (text);
}

TEST (checkpoint_is_no_log)
{
  gchar *text = g_strdup_printf ("log-location=%s/./a.bin", folder);

  check_settings (text, "log-location");
  g_free (text);
  text = g_strdup_printf ("log-location=%s/a.bin.state", folder);
  check_settings (text, "log-location");
  g_free (text);
}

TEST (failed_save_is_no_eos)
{
  GstElement *pipeline = launch_training ("a.bin", "max-steps=1");

  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_ASYNC);
  gst_message_unref (wait_for (pipeline, GST_MESSAGE_ASYNC_DONE));
  hide_folder ();
  assert_error (pipeline, WRITE_ERROR, "a.bin");
  show_folder ();
}

TEST (short_buffers_are_an_error)
{
  GstHarness *h = harness_training ("a.bin", IMAGES, "");
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, IMAGE_SIZE - 1, NULL);

  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_ERROR);
  pop_message (GST_ELEMENT_BUS (h->element), GST_MESSAGE_ERROR);
  fail_unless_equals_int (gst_harness_push (h, image (0)), GST_FLOW_ERROR);
  fail_unless (gst_bus_pop_filtered (GST_ELEMENT_BUS (h->element),
          GST_MESSAGE_ERROR) == NULL);
  harness_free (h);
}

TEST (bytes_without_caps_are_an_error)
{
  gchar *location = in_folder ("a.bin");
  GstElement *pipeline = launch ("fakesrc num-buffers=2 sizetype=fixed "
      "sizemax=%d ! ddpmtrainsink location=%s batch-size=2", IMAGE_SIZE,
      location);

  assert_error (pipeline, SETTINGS_ERROR, "without any");
  g_free (location);
}

/* Upstream offers caps that do not fit, and an image, twice. first: caps that
 * fit, with an image, before (nullable) */
static void
check_one_error_of_caps (const gchar * first, const gchar * caps,
    const gchar * properties)
{
  GstHarness *h = harness_training ("a.bin", first, properties);

  if (first)
    push_ok (h, image (0));
  for (guint i = 0; i < 2; i++) {
    gst_harness_set_src_caps_str (h, caps);
    fail_unless (gst_harness_push (h, gst_buffer_new_allocate (NULL, 96,
                NULL)) < GST_FLOW_EOS);
  }
  pop_message (GST_ELEMENT_BUS (h->element), GST_MESSAGE_ERROR);
  fail_unless (gst_bus_pop_filtered (GST_ELEMENT_BUS (h->element),
          GST_MESSAGE_ERROR) == NULL);
  harness_free (h);
}

TEST (one_error_of_images_of_another_size)
{
  check_one_error_of_caps (IMAGES,
      "video/x-raw,width=8,height=4,framerate=30/1,format=RGB", "");
}

TEST (one_error_of_images_that_do_not_fit)
{
  check_one_error_of_caps (NULL,
      "video/x-raw,width=8,height=4,framerate=30/1,format=RGB",
      "channel-mult=1,1,1,1");
}

int
main (int argc, char **argv)
{
  TCase *tc = tcase_create ("all");

  if (argc == 3 && strcmp (argv[1], "--train") == 0) {
    gst_init (NULL, NULL);
    return train_for_ever (argv[2]);
  }
  tcase_add_checked_fixture (tc, make_folder, remove_folder);
  return element_test_main (argc, argv, tc);
}
