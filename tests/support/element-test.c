/* gst-ddpm: what the tests of elements share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A pipeline under test ends in "appsink name=sink".
 */
#include "tests/support/element-test.h"

TestFolder *folder;

void
make_folder (void)
{
  folder = test_files_make_folder ();
}

void
remove_folder (void)
{
  g_clear_pointer (&folder, test_files_remove_folder);
}

typedef struct
{
  const gchar *name;
  TFun func;
  gint n;
} Test;

static GArray *tests;

void
element_test_register (const gchar * name, TFun func, gint n)
{
  const Test test = { name, func, n };

  if (tests == NULL)
    tests = g_array_new (FALSE, FALSE, sizeof (Test));
  g_array_append_val (tests, test);
}

/* Runs the tests of the program. All run in this process, and any object that
 * they leave behind makes the leaks tracer warn when gst-check deinitialises
 * GStreamer at the end, which is fatal. After a failure pipelines are left
 * running: the process ends at once. */
int
element_test_main (int argc, char **argv, TCase * tc)
{
  Suite *suite = suite_create (argv[0]);
  int failed;

  g_setenv ("GST_TRACERS", "leaks", FALSE);
  g_setenv ("CK_FORK", "no", FALSE);
  gst_check_init (&argc, &argv);
  for (guint i = 0; i < tests->len; i++) {
    const Test *t = &g_array_index (tests, Test, i);

    _tcase_add_test (tc, t->func, t->name, 0, 0, 0, t->n);
  }
  g_array_unref (tests);
  suite_add_tcase (suite, tc);
  failed = gst_check_run_suite (suite, argv[0], __FILE__);
  if (failed != 0) {
    fflush (NULL);
    _exit (failed);
  }
  return 0;
}

/* One that cannot be built fails the test. */
GstElement *
launch (const gchar * format, ...)
{
  GError *error = NULL;
  GstElement *pipeline;
  gchar *description;
  va_list args;

  va_start (args, format);
  description = g_strdup_vprintf (format, args);
  va_end (args);
  pipeline = gst_parse_launch (description, &error);
  fail_unless (error == NULL, "%s: %s", description,
      error ? error->message : "");
  g_free (description);
  return pipeline;
}

void
play (GstElement * pipeline)
{
  fail_if (gst_element_set_state (pipeline, GST_STATE_PLAYING)
      == GST_STATE_CHANGE_FAILURE);
}

void
preroll (GstElement * pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  fail_unless_equals_int (gst_element_get_state (pipeline, NULL, NULL,
          GST_CLOCK_TIME_NONE), GST_STATE_CHANGE_SUCCESS);
}

void
stop (GstElement * pipeline)
{
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL),
      GST_STATE_CHANGE_SUCCESS);
}

void
stop_and_free (GstElement * pipeline)
{
  stop (pipeline);
  gst_object_unref (pipeline);
}

/* The next sample; NULL at EOS */
GstSample *
pull (GstElement * pipeline)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstSample *sample = NULL;

  g_signal_emit_by_name (sink, "pull-sample", &sample);
  gst_object_unref (sink);
  return sample;
}

/* Samples until EOS */
guint
drain (GstElement * pipeline)
{
  GstSample *sample;
  guint n = 0;

  for (; (sample = pull (pipeline)); n++)
    gst_sample_unref (sample);
  return n;
}

/* To READY, where the source has forgotten the run, and the sink too: appsink
 * forgets an EOS in NULL only. */
void
go_to_ready (GstElement * pipeline)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");

  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_READY),
      GST_STATE_CHANGE_SUCCESS);
  fail_unless_equals_int (gst_element_set_state (sink, GST_STATE_NULL),
      GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (sink);
}

void
seek_to (GstElement * pipeline, GstFormat format, gint64 position)
{
  fail_unless (gst_element_seek (pipeline, 1.0, format, GST_SEEK_FLAG_FLUSH,
          GST_SEEK_TYPE_SET, position, GST_SEEK_TYPE_NONE, -1));
}

/* There must be one of this type. */
void
pop_message (GstBus * bus, GstMessageType type)
{
  GstMessage *message = gst_bus_pop_filtered (bus, type);

  fail_unless (message != NULL);
  gst_message_unref (message);
}

/* There must be one. */
static GError *
pop_error (GstBus * bus)
{
  g_autoptr (GstMessage) message = gst_bus_pop_filtered (bus,
      GST_MESSAGE_ERROR);
  GError *error;

  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  return error;
}

/* There must be one error, whose message has the words. */
void
check_bus_error (GstBus * bus, const gchar * words, const gchar * more_words)
{
  g_autoptr (GError) error = pop_error (bus);

  fail_unless (strstr (error->message, words) != NULL
      && strstr (error->message, more_words) != NULL, "%s", error->message);
}

/* The next message of these types; errors fail the test. */
GstMessage *
wait_for (GstElement * pipeline, GstMessageType types)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered (bus,
      GST_CLOCK_TIME_NONE, types | GST_MESSAGE_ERROR);

  gst_object_unref (bus);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    GError *error;

    gst_message_parse_error (message, &error, NULL);
    fail ("%s", error->message);
  }
  return message;
}

void
wait_for_eos (GstElement * pipeline)
{
  gst_message_unref (wait_for (pipeline, GST_MESSAGE_EOS));
}

void
run_to_eos (GstElement * pipeline)
{
  play (pipeline);
  wait_for_eos (pipeline);
  stop_and_free (pipeline);
}

/* The element (transfer full) alone, with a bus of its own. src: its pad that is
 * listened to; NULL: none. caps NULL: none yet */
GstHarness *
harness_new (GstElement * element, const gchar * src, const gchar * caps)
{
  g_autoptr (GstBus) bus = gst_bus_new ();
  GstHarness *h;

  gst_element_set_bus (element, bus);
  h = gst_harness_new_with_element (element, "sink", src);
  gst_object_unref (element);
  if (caps)
    gst_harness_set_src_caps_str (h, caps);
  return h;
}

void
harness_free (GstHarness * h)
{
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
}

/* The harness's element is ready for a new stream. */
void
flush_harness (GstHarness * h)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
}

/* All errors that a pipeline posts when it is started; the first is *error.
 * Those that follow it may only be GstBaseSrc's "Internal data stream error". */
guint
run_into_error (GstElement * pipeline, GError ** error)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  guint n = 1;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
      GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  fail_unless_equals_int (GST_MESSAGE_TYPE (message), GST_MESSAGE_ERROR);
  gst_message_parse_error (message, error, NULL);
  gst_message_unref (message);
  /* Streaming has ended when READY is reached, and the bus flushes at NULL. */
  gst_element_set_state (pipeline, GST_STATE_READY);
  for (; (message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR)); n++) {
    GError *further;

    gst_message_parse_error (message, &further, NULL);
    fail_unless (g_error_matches (further, GST_STREAM_ERROR,
            GST_STREAM_ERROR_FAILED), "further error: %s", further->message);
    g_error_free (further);
    gst_message_unref (message);
  }
  gst_object_unref (bus);
  return n;
}

/* words: up to a NULL */
static void
check_error (const GError * error, GQuark domain, gint code, va_list words)
{
  const gchar *some;

  fail_unless (g_error_matches (error, domain, code), "%s %d: %s",
      g_quark_to_string (error->domain), error->code, error->message);
  while ((some = va_arg (words, const gchar *)))
      fail_unless (strstr (error->message, some) != NULL, "no \"%s\" in: %s",
        some, error->message);
}

/* ...: words of the first error, to a NULL. Returns how many errors there were,
 * and frees the pipeline. */
guint
end_in_error (GstElement * pipeline, GQuark domain, gint code, ...)
{
  g_autoptr (GError) error = NULL;
  guint n = run_into_error (pipeline, &error);
  va_list words;

  va_start (words, code);
  check_error (error, domain, code, words);
  va_end (words);
  stop_and_free (pipeline);
  return n;
}

/* The same where the state change fails, with one error */
void
fail_to_start (GstElement * pipeline, GQuark domain, gint code, ...)
{
  g_autoptr (GError) error = NULL;
  va_list words;

  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  error = pop_error (GST_ELEMENT_BUS (pipeline));
  va_start (words, code);
  check_error (error, domain, code, words);
  va_end (words);
  stop_and_free (pipeline);
}
