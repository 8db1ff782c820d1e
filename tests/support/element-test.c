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
