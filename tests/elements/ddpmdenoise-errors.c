/* gst-ddpm: tests of ddpmdenoise: one error for what cannot be done
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <sys/resource.h>

#include "tests/support/denoise-test.h"

/* Noise of these dimensions into an element with these properties */
static GstElement *
of_noise (const gchar * dimensions, const gchar * properties)
{
  return launch ("ddpmnoise num-buffers=1 ! "
      "other/tensors,dimensions=(string)%s ! %s ! "
      "appsink name=sink sync=false", dimensions, denoise (3, 10, properties));
}

TEST (a_model_that_is_not_there)
{
  assert_error (launch ("ddpmnoise ! ddpmdenoise model=/nowhere/m.bin ! "
          "appsink name=sink"), NOT_FOUND_ERROR, "/nowhere/m.bin");
}

TEST (a_model_that_is_none)
{
  g_autofree gchar *path = g_build_filename (model_folder, "none.bin", NULL);

  fail_unless (g_file_set_contents (path, "not a model", -1, NULL));
  assert_error (launch ("ddpmnoise ! ddpmdenoise model=%s ! appsink name=sink",
          path), FORMAT_ERROR, "none.bin");
}

TEST (weights_that_overflow)
{
  g_autofree gchar *from = g_build_filename (model_folder, "model-3-10.bin",
      NULL);
  g_autofree gchar *to = g_build_filename (model_folder, "large.bin", NULL);
  g_autoptr (DdpmModel) model = ddpm_checkpoint_load (from, NULL);

  for (gsize i = 0; i < model->params->trainable; i++)
    model->weights[i] *= 1e18f;
  fail_unless (ddpm_checkpoint_save (model, DDPM_TYPE_F32, to, NULL));
  assert_error (launch ("ddpmnoise num-buffers=2 ! ddpmdenoise model=%s ! "
          "appsink name=sink sync=false", to), GST_STREAM_ERROR,
      GST_STREAM_ERROR_FAILED, "large.bin", "not finite at timestep 9");
}

TEST (more_steps_than_timesteps)
{
  assert_error (of_noise ("3:6:4:1", "steps=11"), SETTINGS_ERROR, "10", "11");
}

TEST (a_stop_that_is_no_way_down)
{
  assert_error (of_noise ("3:6:4:1", "stop-timestep=10"), SETTINGS_ERROR, "10");
  assert_error (of_noise ("3:6:4:1", "start-timestep=11"), SETTINGS_ERROR, "10",
      "11");
}

TEST (channels_that_the_model_has_not)
{
  assert_error (of_noise ("1:6:4:1", ""), NEGOTIATION_ERROR, "1:6:4:1",
      "wants 3");
}

TEST (a_size_that_levels_do_not_divide)
{
  assert_error (of_noise ("3:6:5:1", ""), NEGOTIATION_ERROR, "3:6:5:1",
      "divisible by 2");
}

TEST (a_mosaic_that_is_too_large)
{
  assert_error (of_noise ("3:6:4:6000", "columns=6000"), NEGOTIATION_ERROR,
      "36000 x 4", "32767");
}

TEST (frames_that_nobody_takes)
{
  assert_error (launch ("ddpmnoise batch-size=2 ! %s ! video/x-raw,width=65 ! "
          "appsink name=sink", denoise (3, 10, "columns=2")), NEGOTIATION_ERROR,
      "3:32:32:2");
}

TEST (a_format_that_the_model_has_not)
{
  assert_error (launch ("ddpmnoise ! %s ! video/x-raw,format=GRAY8 ! "
          "appsink name=sink", denoise (3, 10, "")), NEGOTIATION_ERROR,
      "GRAY8");
}

TEST (properties_out_of_range)
{
  assert_error (of_noise ("3:6:4:1", "eta=2"), SETTINGS_ERROR, "eta", "-1 to 1",
      "not 2");
  assert_error (of_noise ("3:6:4:1", "eta=-0.5"), SETTINGS_ERROR, "eta",
      "0 to 1", "not -0.5");
  assert_error (of_noise ("3:6:4:1", "eta=nan"), SETTINGS_ERROR, "eta", "nan");
  assert_error (of_noise ("3:6:4:1", "steps=-2"), SETTINGS_ERROR, "steps",
      "-1 to", "not -2");
  assert_error (of_noise ("3:6:4:1", "cuda-device-id=-2"), SETTINGS_ERROR,
      "cuda-device-id", "-1 to", "not -2");
  assert_error (of_noise ("3:6:4:1", "columns=65537"), SETTINGS_ERROR,
      "columns", "65536", "65537");
}

/* The state change of a pipeline is held up once there is a streaming thread. */
typedef struct
{
  GstElement *pipeline;
  gboolean early;               /* The error came while it was. */
} HoldUp;

static GstBusSyncReply
hold_up (GstBus * bus, GstMessage * message, gpointer data)
{
  HoldUp *h = data;
  gboolean of_source = g_str_equal (GST_MESSAGE_SRC_NAME (message), "noise");

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_STATE_CHANGED && of_source)
    g_usleep (G_USEC_PER_SEC / 10);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR && !of_source) {
    h->early = !GST_STATE_TRYLOCK (h->pipeline);
    if (!h->early)
      GST_STATE_UNLOCK (h->pipeline);
  }
  return GST_BUS_PASS;
}

/* gst-launch-1.0 does not hear of what comes before. */
TEST (an_error_of_the_first_buffer_waits_for_the_state_change)
{
  HoldUp h = { launch ("ddpmnoise name=noise ! "
        "other/tensors,dimensions=(string)1:6:4:1 ! %s ! fakesink",
        denoise (3, 10, "")), FALSE
  };
  GstBus *bus = gst_element_get_bus (h.pipeline);

  gst_bus_set_sync_handler (bus, hold_up, &h, NULL);
  fail_unless_equals_int (gst_element_set_state (h.pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_ASYNC);
  gst_message_unref (gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
          GST_MESSAGE_ERROR));
  fail_if (h.early);
  gst_object_unref (bus);
  stop_and_free (h.pipeline);
}

static GstElement *
of_file (const gchar * caps, const gchar * properties)
{
  g_autofree gchar *path = g_build_filename (model_folder, "states", NULL);
  g_autofree gchar *zeros = g_malloc0 (3 * 288);

  fail_unless (g_file_set_contents (path, zeros, 3 * 288, NULL));
  return launch ("filesrc location=%s ! other/tensors,%s ! %s ! "
      "fakesink", path, caps, denoise (3, 10, properties));
}

TEST (a_state_that_is_not_between_start_and_stop)
{
  const gchar *state_5 = "dimensions=(string)3:6:4:1,timestep=5";

  assert_error (of_file (state_5, "start-timestep=6"), NEGOTIATION_ERROR,
      "timestep=5", "start-timestep is 6");
  assert_error (of_file (state_5, "stop-timestep=5"), NEGOTIATION_ERROR,
      "timestep=5", "6 to 10");
  assert_error (of_file ("dimensions=(string)3:6:4:1,timestep=11", ""),
      NEGOTIATION_ERROR, "timestep=11", "1 to 10");
}

TEST (dimensions_that_are_none)
{
  assert_error (of_file ("dimensions=(string)3:6", ""), NEGOTIATION_ERROR,
      "3:6");
  assert_error (of_file ("dimensions=(string)3:0:4:1", ""), NEGOTIATION_ERROR,
      "3:0:4:1");
  assert_error (of_file ("dimensions=(string)3:4096:4096:65536", ""),
      NEGOTIATION_ERROR, "65536");
}

TEST (a_file_that_ends_in_a_state)
{
  assert_error (of_file ("dimensions=(string)3:6:4:2", ""), FORMAT_ERROR, "288",
      "576");
}

TEST (a_buffer_of_another_size)
{
  GstHarness *h = harness_denoise (10, "",
      "dimensions=(string)3:6:4:1,framerate=30/1");

  fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_allocate (NULL,
              287, NULL)), GST_FLOW_ERROR);
  fail_unless_equals_int (gst_harness_buffers_received (h), 0);
  check_bus_error (GST_ELEMENT_BUS (h->element), "287", "288");
  harness_free (h);
}

static guint
count_errors (GstBus * bus)
{
  GstMessage *message;
  guint n;

  for (n = 0; (message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR)); n++)
    gst_message_unref (message);
  return n;
}

/* Upstream offers its caps and a buffer, and both again after the error. Other
 * fields NULL: no caps. limit (nullable) is called before, and its limit lifted
 * after it. */
static guint
count_errors_of (const gchar * other_fields, void (*limit) (void))
{
  GstHarness *h = harness_denoise (10, "", NULL);
  struct rlimit before;
  GstSegment segment;
  guint i, n;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_play (h);
  gst_harness_push_event (h, gst_event_new_stream_start ("states"));
  getrlimit (RLIMIT_AS, &before);
  if (limit)
    limit ();
  for (i = 0; i < 2; i++) {
    if (other_fields) {
      g_autofree gchar *text = g_strconcat ("other/tensors,format=static,"
          "num_tensors=1,types=float32,framerate=30/1,", other_fields, NULL);
      GstCaps *caps = gst_caps_from_string (text);

      gst_harness_push_event (h, gst_event_new_caps (caps));
      gst_caps_unref (caps);
    }
    gst_harness_push_event (h, gst_event_new_segment (&segment));
    fail_unless (gst_harness_push (h, gst_buffer_new_allocate (NULL, 288,
                NULL)) < GST_FLOW_EOS);
  }
  fail_unless (setrlimit (RLIMIT_AS, &before) == 0);
  n = count_errors (GST_ELEMENT_BUS (h->element));
  harness_free (h);
  return n;
}

TEST (one_error_of_caps_that_do_not_fit)
{
  static const gchar *const fields[] = {
    "dimensions=(string)1:6:4:1", "dimensions=(string)3:6:5:1",
    "dimensions=(string)3:0:4:1", "dimensions=(string)3:6:4:1,timestep=11",
    "seed=(string)none,dimensions=(string)3:6:4:1", NULL
  };

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    fail_unless_equals_int (count_errors_of (fields[i], NULL), 1);
}

TEST (memory_that_is_not_there)
{
  g_setenv ("GST_DDPM_TEST_MEMORY", "20", TRUE);
  assert_error (of_noise ("3:512:512:1", ""), GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT, "1 image of 512x512 pixels",
      "20 MiB are available (GST_DDPM_TEST_MEMORY)");
  g_unsetenv ("GST_DDPM_TEST_MEMORY");
}

/* ASan's allocator does not return where memory is short. */
#ifndef __SANITIZE_ADDRESS__

/* Lets this process take a quarter of a GiB more, whatever the machine has. */
static void
limit_memory (void)
{
  g_autofree gchar *statm = NULL;
  struct rlimit limit;
  guint64 pages;

  fail_unless (g_file_get_contents ("/proc/self/statm", &statm, NULL, NULL));
  pages = g_ascii_strtoull (statm, NULL, 10);
  fail_unless (pages > 0 && getrlimit (RLIMIT_AS, &limit) == 0);
  limit.rlim_cur = pages * sysconf (_SC_PAGESIZE) + (256 << 20);
  fail_unless (setrlimit (RLIMIT_AS, &limit) == 0);
}

TEST (one_error_of_states_beyond_memory)
{
  /* of 2 GiB for each tensor of the network */
  fail_unless_equals_int (count_errors_of ("dimensions=(string)3:4096:4096:1",
          limit_memory), 1);
}

#endif

TEST (bytes_without_caps)
{
  assert_error (launch ("fakesrc num-buffers=1 sizetype=fixed sizemax=288 ! "
          "%s ! fakesink", denoise (3, 10, "")), NEGOTIATION_ERROR,
      "other/tensors", "got none");
}

ELEMENT_TEST_MAIN (unchecked, write_models, remove_models)
