/* gst-ddpm: tests of ddpmdenoise: which input is too late to be denoised
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/check/gsttestclock.h>

#include "tests/support/denoise-test.h"

#define FRAME (GST_SECOND / 10)

/* The clock stands still, unless a test sets it. */
typedef struct
{
  GstElement *pipeline, *source;
  GstTestClock *clock;
  gint shown;                   /* atomic */
  GstClockTime last;            /* PTS of the last one */
  GstClockTime last_shown;      /* its running time */
} Stream;

static void
on_frame (GstElement * sink, GstBuffer * buffer, GstPad * pad, gpointer data)
{
  Stream *stream = data;
  GstEvent *event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;

  gst_event_parse_segment (event, &segment);
  stream->last = GST_BUFFER_PTS (buffer);
  stream->last_shown =
      gst_segment_to_running_time (segment, GST_FORMAT_TIME, stream->last);
  gst_event_unref (event);
  g_atomic_int_inc (&stream->shown);
}

static void
push (Stream * stream, guint n)
{
  GstBuffer *state = zero_states (1);
  GstFlowReturn ret;

  GST_BUFFER_PTS (state) = n * FRAME;
  GST_BUFFER_DURATION (state) = FRAME;
  g_signal_emit_by_name (stream->source, "push-buffer", state, &ret);
  gst_buffer_unref (state);
  fail_unless_equals_int (ret, GST_FLOW_OK);
}

static void
wait_for_frames (Stream * stream, gint n)
{
  while (g_atomic_int_get (&stream->shown) < n)
    g_usleep (1000);
}

/* ddpmdenoise has looked at the sink by now. The sink does not wait, because nobody
 * moves the clock on. */
static GstPadProbeReturn
stop_waiting (GstPad * pad, GstPadProbeInfo * info, gpointer sink)
{
  g_object_set (sink, "sync", FALSE, NULL);
  return GST_PAD_PROBE_REMOVE;
}

/* Plays until frame 0 is shown. */
static void
start (Stream * stream, gboolean live, gboolean sync)
{
  GstElement *sink;
  GstPad *pad;

  stream->shown = 0;
  stream->pipeline = launch ("appsrc name=src format=time is-live=%d "
      "caps=other/tensors,format=static,num_tensors=1,types=float32,"
      "dimensions=(string)3:6:4:1,framerate=10/1 ! %s ! fakesink name=sink "
      "qos=false sync=%d signal-handoffs=true", live,
      denoise (3, 10, "steps=2 name=denoise"), sync);
  stream->source = gst_bin_get_by_name (GST_BIN (stream->pipeline), "src");
  stream->clock = GST_TEST_CLOCK (gst_test_clock_new ());
  gst_pipeline_use_clock (GST_PIPELINE (stream->pipeline),
      GST_CLOCK (stream->clock));
  sink = gst_bin_get_by_name (GST_BIN (stream->pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, stop_waiting, sink, NULL);
  gst_object_unref (pad);
  g_signal_connect (sink, "handoff", G_CALLBACK (on_frame), stream);
  gst_object_unref (sink);

  gst_element_set_state (stream->pipeline, GST_STATE_PLAYING);
  push (stream, 0);
  fail_unless (gst_element_get_state (stream->pipeline, NULL, NULL,
          GST_CLOCK_TIME_NONE) != GST_STATE_CHANGE_FAILURE);
  wait_for_frames (stream, 1);
}

static void
free_stream (Stream * stream)
{
  gst_object_unref (stream->source);
  stop_and_free (stream->pipeline);
  gst_object_unref (stream->clock);
}

/* Message number n of what has been dropped */
static void
check_dropped (GstMessage * message, guint n, guint processed)
{
  guint64 time, pts, n_processed, n_dropped;
  GstFormat format;
  gint64 jitter;
  gboolean live;

  gst_message_parse_qos (message, &live, &time, NULL, &pts, NULL);
  gst_message_parse_qos_values (message, &jitter, NULL, NULL);
  gst_message_parse_qos_stats (message, &format, &n_processed, &n_dropped);
  fail_unless (live);
  fail_unless (jitter > 0);
  fail_unless_equals_uint64 (pts, n * FRAME);
  fail_unless_equals_uint64 (time, n * FRAME);
  fail_unless_equals_int (format, GST_FORMAT_BUFFERS);
  fail_unless_equals_uint64 (n_processed, processed);
  fail_unless_equals_uint64 (n_dropped, n);
}

/* Plays to the end. Returns: how many frames were dropped, from frame 1 on */
static guint
end (Stream * stream, guint processed)
{
  GstBus *bus = GST_ELEMENT_BUS (stream->pipeline);
  GstMessage *message;
  GstFlowReturn ret;
  guint n = 0;

  g_signal_emit_by_name (stream->source, "end-of-stream", &ret);
  while ((message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
              GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_QOS))
      && GST_MESSAGE_TYPE (message) == GST_MESSAGE_QOS) {
    check_dropped (message, ++n, processed);
    gst_message_unref (message);
  }
  fail_unless_equals_int (GST_MESSAGE_TYPE (message), GST_MESSAGE_EOS);
  gst_message_unref (message);
  return n;
}

/* Input 0 to 9 is pushed; nine tenths and a half after the first. */
static void
push_backlog (Stream * stream)
{
  guint i;

  gst_test_clock_set_time (stream->clock, 9 * FRAME + FRAME / 2);
  for (i = 1; i < 10; i++)
    push (stream, i);
}

TEST (live_only_the_newest_of_a_backlog_is_denoised)
{
  Stream stream;

  start (&stream, TRUE, TRUE);
  push_backlog (&stream);
  fail_unless_equals_int (end (&stream, 1), 8);
  fail_unless_equals_int (stream.shown, 2);
  fail_unless_equals_uint64 (stream.last, 9 * FRAME);
  free_stream (&stream);
}

TEST (every_frame_is_denoised_if_nobody_waits)
{
  Stream stream;

  start (&stream, FALSE, TRUE);
  push_backlog (&stream);
  fail_unless_equals_int (end (&stream, 0), 0);
  fail_unless_equals_int (stream.shown, 10);
  free_stream (&stream);

  start (&stream, TRUE, FALSE);
  push_backlog (&stream);
  fail_unless_equals_int (end (&stream, 0), 0);
  fail_unless_equals_int (stream.shown, 10);
  free_stream (&stream);
}

/* All that comes is late by more than a second. */
TEST (live_a_frame_a_second_is_shown_though_all_are_late)
{
  Stream stream;
  guint i;

  start (&stream, TRUE, TRUE);
  for (i = 1; i <= 3; i++) {
    gst_test_clock_set_time (stream.clock, i * 5 * GST_SECOND);
    push (&stream, i);
    wait_for_frames (&stream, 1 + i);
  }
  fail_unless_equals_int (end (&stream, 0), 0);
  free_stream (&stream);
}

/* A sink that is late by one and a half frames with frame 0 gets none that is due
 * before frame 3. */
TEST (live_frames_before_the_time_that_a_sink_names_are_dropped)
{
  Stream stream;
  GstElement *sink;
  GstPad *pad;
  guint i;

  start (&stream, TRUE, TRUE);
  sink = gst_bin_get_by_name (GST_BIN (stream.pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  fail_unless (gst_pad_push_event (pad, gst_event_new_qos
          (GST_QOS_TYPE_UNDERFLOW, 1.5, FRAME + FRAME / 2, 0)));
  gst_object_unref (pad);
  gst_object_unref (sink);
  for (i = 1; i < 5; i++)
    push (&stream, i);
  fail_unless_equals_int (end (&stream, 1), 2);
  fail_unless_equals_int (stream.shown, 3);
  fail_unless_equals_uint64 (stream.last, 4 * FRAME);
  free_stream (&stream);
}

/* The delay of a frame is part of the latency, once that has been told. */
TEST (live_latency_takes_the_place_of_a_delay)
{
  Stream stream;

  start (&stream, TRUE, TRUE);
  gst_test_clock_set_time (stream.clock, 2 * GST_SECOND);
  push (&stream, 1);
  wait_for_frames (&stream, 2);
  fail_unless (stream.last_shown >= 2 * GST_SECOND);
  fail_unless (gst_element_send_event (stream.pipeline,
          gst_event_new_latency (10 * GST_SECOND)));
  push (&stream, 20);
  wait_for_frames (&stream, 3);
  fail_unless_equals_uint64 (stream.last_shown, 20 * FRAME);
  fail_unless_equals_int (end (&stream, 0), 0);
  free_stream (&stream);
}

ELEMENT_TEST_MAIN (unchecked, write_models, remove_models)
