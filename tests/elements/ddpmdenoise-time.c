/* gst-ddpm: tests of ddpmdenoise: when its frames are shown
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/denoise-test.h"

/* Frame n of a stream of rate/1 */
static void
check_time (GstBuffer * buffer, guint64 n, guint rate)
{
  GstClockTime start = gst_util_uint64_scale (n, GST_SECOND, rate);
  GstClockTime end = gst_util_uint64_scale (n + 1, GST_SECOND, rate);

  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), start);
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer), end - start);
}

static void
check_even (const gchar * source, const gchar * element, const gchar * caps,
    guint n_frames, guint rate)
{
  GPtrArray *frames = run (source, element, caps);
  const GstSegment *segment;
  gint fps_n, fps_d;
  guint i;

  fail_unless_equals_int (frames->len, n_frames);
  gst_structure_get_fraction (gst_caps_get_structure (gst_sample_get_caps
          (g_ptr_array_index (frames, 0)), 0), "framerate", &fps_n, &fps_d);
  fail_unless_equals_int (fps_n, rate);
  fail_unless_equals_int (fps_d, 1);
  for (i = 0; i < n_frames; i++)
    check_time (nth_buffer (frames, i), i, rate);

  /* nobody waits for the clock, so nothing was put off */
  segment = gst_sample_get_segment (g_ptr_array_index (frames, n_frames - 1));
  fail_unless_equals_uint64 (segment->base, 0);
  fail_unless_equals_uint64 (segment->start, 0);
  g_ptr_array_unref (frames);
}

TEST (frames_lie_evenly)
{
  check_even (noise (4, 3, 1), denoise (3, 10, "steps=1"), "video/x-raw", 4,
      30);
  check_even (noise (3, 3, 7), denoise (3, 10, "steps=1"), "video/x-raw", 21,
      30);
  check_even (noise (3, 3, 7), denoise (3, 10, "steps=1"),
      "video/x-raw,framerate=25/1", 21, 25);
  check_even (noise (3, 3, 7), denoise (3, 10, "steps=1 columns=7"),
      "video/x-raw,framerate=7/1", 3, 7);
  check_even (noise (3, 3, 3), denoise (3, 10, "emit=trajectory"),
      "video/x-raw", 90, 30);
}

/* --- seeks and queries --------------------------------------------------- */

static void
seek (GstElement * pipeline, GstClockTime time)
{
  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, time));
}

/* Of buffers of 3 samples: 9 / 30 s are 9 frames, not 9 buffers. */
TEST (a_seek_finds_the_frame)
{
  GPtrArray *straight = run (noise (5, 3, 3), denoise (3, 10, "sampler=ddpm"),
      "video/x-raw");
  GstElement *pipeline = launch ("%s ! %s ! appsink name=sink sync=false",
      noise (5, 3, 3), denoise (3, 10, "sampler=ddpm"));
  GPtrArray *from_9;
  guint i;

  preroll (pipeline);
  seek (pipeline, 9 * GST_SECOND / 30);
  from_9 = take_all (pipeline);
  stop_and_free (pipeline);

  fail_unless_equals_int (straight->len, 15);
  for (i = 0; i < 6; i++) {
    check_same (from_9, i, straight, 9 + i);
    check_time (nth_buffer (from_9, i), 9 + i, 30);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (nth_buffer (from_9, i)),
        9 + i);
  }
  g_ptr_array_unref (straight);
  g_ptr_array_unref (from_9);
}

TEST (position_and_duration_are_those_of_the_frames)
{
  GstElement *pipeline = launch ("%s ! %s ! appsink name=sink sync=false",
      noise (4, 3, 3), denoise (3, 10, "steps=1 name=denoise"));
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), "denoise");
  gint64 duration, position;

  play (pipeline);
  fail_unless_equals_int (drain (pipeline), 12);
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_TIME,
          &duration));
  fail_unless (gst_element_query_position (element, GST_FORMAT_TIME,
          &position));
  /* upstream rounded its own */
  fail_unless (ABS (duration - 12 * (gint64) GST_SECOND / 30) <= 3);
  fail_unless (ABS (position - 12 * (gint64) GST_SECOND / 30) <= 3);
  gst_object_unref (element);
  stop_and_free (pipeline);
}

/* --- input of any times -------------------------------------------------- */

static GstBuffer *
make_state (guint batch, GstClockTime pts)
{
  GstBuffer *buffer = zero_states (batch);

  GST_BUFFER_PTS (buffer) = pts;
  return buffer;
}

static void
check_next (GstHarness * h, GstClockTime pts)
{
  GstBuffer *buffer = gst_harness_pull (h);

  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), pts);
  gst_buffer_unref (buffer);
}

TEST (jitter_is_evened_out_and_a_gap_is_kept)
{
  GstHarness *h = harness_denoise (10, "steps=1",
      "dimensions=(string)3:6:4:2,framerate=50/1");
  const GstClockTime ms = GST_MSECOND;

  /* two frames of 20 ms of each buffer of 20 ms: time goes twice as far */
  gst_harness_push (h, make_state (2, 100 * ms));
  check_next (h, 200 * ms);
  check_next (h, 220 * ms);
  gst_harness_push (h, make_state (2, 123 * ms));
  check_next (h, 240 * ms);
  check_next (h, 260 * ms);
  gst_harness_push (h, make_state (2, 139 * ms));
  check_next (h, 280 * ms);
  check_next (h, 300 * ms);
  gst_harness_push (h, make_state (2, 201 * ms));
  check_next (h, 402 * ms);
  check_next (h, 422 * ms);
  gst_harness_push (h, make_state (2, GST_CLOCK_TIME_NONE));
  check_next (h, 442 * ms);
  harness_free (h);
}

TEST (the_index_of_a_sample_is_in_the_offset)
{
  GstHarness *h = harness_denoise (10, "steps=1",
      "dimensions=(string)3:6:4:2,framerate=30/1");
  GstBuffer *state = make_state (2, 0);
  GstBuffer *frame;
  guint i;

  GST_BUFFER_OFFSET (state) = 1000;
  gst_harness_push (h, state);
  gst_harness_push (h, make_state (2, GST_CLOCK_TIME_NONE));
  for (i = 0; i < 4; i++) {
    frame = gst_harness_pull (h);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (frame), 1000 + i);
    gst_buffer_unref (frame);
  }
  harness_free (h);
}

/* --- real time ----------------------------------------------------------- */

static void
count_frame (GstElement * sink, GstBuffer * buffer, GstPad * pad,
    gpointer count)
{
  g_atomic_int_inc ((gint *) count);
}

/* At 2000 frames a second the last of 400 would be late by more than a second.
 * The limit is half of one, so that a busy machine may pause for a while. */
static gint
count_shown (guint batch, gdouble rate, const gchar * between)
{
  GstElement *pipeline = launch ("ddpmnoise ! "
      "other/tensors,dimensions=(string)3:6:4:%u,framerate=2000/1 ! %s ! "
      "video/x-raw,framerate=2000/1 ! "
      "%s fakesink name=sink sync=true qos=true max-lateness=500000000 "
      "signal-handoffs=true", batch, denoise (3, 10, "steps=2"), between);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  gint count = 0;

  preroll (pipeline);
  fail_unless (gst_element_seek (pipeline, rate, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET,
          400 * GST_SECOND / 2000));
  g_signal_connect (sink, "handoff", G_CALLBACK (count_frame), &count);
  gst_object_unref (sink);
  run_to_eos (pipeline);
  return count;
}

TEST (a_sink_shows_every_frame_though_they_come_slowly)
{
  fail_unless_equals_int (count_shown (1, 1.0, ""), 400);
  fail_unless_equals_int (count_shown (1, 1.0, "queue ! identity !"), 400);
  fail_unless_equals_int (count_shown (4, -1.0, ""), 400);
}

/* The running times of frames of 2000 a second, as a file beside a display that
 * waits for the clock (or does not) gets them, and whether a delay is told. */
static void
check_beside_a_display (const gchar * sync, gboolean delayed)
{
  GstElement *pipeline = launch ("ddpmnoise num-buffers=100 ! "
      "other/tensors,dimensions=(string)3:6:4:1,framerate=2000/1 ! %s ! "
      "tee name=t t. ! queue ! fakesink sync=%s t. ! queue ! appsink name=sink "
      "sync=false", denoise (3, 10, "steps=2"), sync);
  GstSample *sample = NULL, *next;
  GstClockTime time;
  GstMessage *info;
  gboolean told;

  play (pipeline);
  while ((next = pull (pipeline))) {
    g_clear_pointer (&sample, gst_sample_unref);
    sample = next;
  }
  time = gst_segment_to_running_time (gst_sample_get_segment (sample),
      GST_FORMAT_TIME, GST_BUFFER_PTS (gst_sample_get_buffer (sample)));
  gst_sample_unref (sample);
  info = gst_bus_pop_filtered (GST_ELEMENT_BUS (pipeline), GST_MESSAGE_INFO);
  told = info != NULL;
  gst_clear_message (&info);
  fail_unless_equals_int (told, delayed);
  fail_unless_equals_int (time > 99 * GST_SECOND / 2000, delayed);
  stop_and_free (pipeline);
}

TEST (a_file_beside_a_display_is_even_if_the_display_does_not_wait)
{
  check_beside_a_display ("false", FALSE);
  check_beside_a_display ("true", TRUE);
}

static GstClockTime
query_min_latency (GstHarness * h)
{
  GstQuery *query = gst_query_new_latency ();
  GstClockTime min;
  gboolean live;

  fail_unless (gst_pad_peer_query (h->sinkpad, query));
  gst_query_parse_latency (query, &live, &min, NULL);
  gst_query_unref (query);
  fail_unless (live);
  return min;
}

TEST (live_the_time_of_a_sample_is_latency)
{
  GstHarness *h =
      harness_denoise (10, "", "dimensions=(string)3:6:4:1,framerate=30/1");

  gst_harness_set_upstream_latency (h, 7 * GST_MSECOND);
  fail_unless_equals_uint64 (query_min_latency (h), 7 * GST_MSECOND);
  gst_harness_push (h, make_state (1, 0));
  pop_message (GST_ELEMENT_BUS (h->element), GST_MESSAGE_LATENCY);
  fail_unless (query_min_latency (h) > 7 * GST_MSECOND);
  harness_free (h);
}

ELEMENT_TEST_MAIN (unchecked, write_models, remove_models)
