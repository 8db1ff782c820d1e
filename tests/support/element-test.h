/* gst-ddpm: what the tests of elements share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A pipeline under test ends in "appsink name=sink".
 */
#pragma once

#include <stdio.h>
#include <unistd.h>

#include <gst/check/gstcheck.h>

/* One that cannot be built fails the test. */
G_GNUC_PRINTF (1, 2)
G_GNUC_UNUSED static GstElement *
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

G_GNUC_UNUSED static void
play (GstElement * pipeline)
{
  fail_if (gst_element_set_state (pipeline, GST_STATE_PLAYING)
      == GST_STATE_CHANGE_FAILURE);
}

G_GNUC_UNUSED static void
stop (GstElement * pipeline)
{
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL),
      GST_STATE_CHANGE_SUCCESS);
}

G_GNUC_UNUSED static void
stop_and_free (GstElement * pipeline)
{
  stop (pipeline);
  gst_object_unref (pipeline);
}

/* The next sample; NULL at EOS */
G_GNUC_UNUSED static GstSample *
pull (GstElement * pipeline)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstSample *sample = NULL;

  g_signal_emit_by_name (sink, "pull-sample", &sample);
  gst_object_unref (sink);
  return sample;
}

/* Samples until EOS */
G_GNUC_UNUSED static guint
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
G_GNUC_UNUSED static void
go_to_ready (GstElement * pipeline)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");

  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_READY),
      GST_STATE_CHANGE_SUCCESS);
  fail_unless_equals_int (gst_element_set_state (sink, GST_STATE_NULL),
      GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (sink);
}

G_GNUC_UNUSED static void
seek_to (GstElement * pipeline, GstFormat format, gint64 position)
{
  fail_unless (gst_element_seek (pipeline, 1.0, format, GST_SEEK_FLAG_FLUSH,
          GST_SEEK_TYPE_SET, position, GST_SEEK_TYPE_NONE, -1));
}

/* All errors that a pipeline posts when it is started; the first is *error.
 * Those that follow it may only be GstBaseSrc's "Internal data stream error". */
G_GNUC_UNUSED static guint
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

/* All tests run in this process, and whatever object they leave behind makes
 * the leaks tracer warn when gst-check deinitialises GStreamer at the end, which
 * is fatal. After a failure pipelines are left running: no end to wait for. */
#define ELEMENT_TEST_MAIN(suite) ELEMENT_TEST_MAIN_UNLESS (suite, NULL)
/* missing: NULL, or a function that says why not to test (transfer full), which
 * meson is told by the status 77 */
#define ELEMENT_TEST_MAIN_UNLESS(suite, missing)                              \
int                                                                           \
main (int argc, char **argv)                                                  \
{                                                                             \
  gchar *(*get_reason) (void) = missing;                                      \
  gchar *reason = get_reason ? get_reason () : NULL;                          \
  gint failed;                                                                \
                                                                              \
  if (reason) {                                                               \
    printf ("SKIP: %s\n", reason);                                            \
    g_free (reason);                                                          \
    return 77;                                                                \
  }                                                                           \
  g_setenv ("GST_TRACERS", "leaks", FALSE);                                   \
  g_setenv ("CK_FORK", "no", FALSE);                                          \
  gst_check_init (&argc, &argv);                                              \
  failed = gst_check_run_suite (suite (), #suite, __FILE__);                  \
  if (failed != 0) {                                                          \
    fflush (NULL);                                                            \
    _exit (failed);                                                           \
  }                                                                           \
  return 0;                                                                   \
}
