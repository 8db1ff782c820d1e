/* gst-ddpm: tests of ddpmnoise
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/element-test.h"
#include "gst-ddpm/model/noise.h"

#define SINK " ! appsink name=sink sync=false"

/* A buffer has these samples of this noise, and nothing more. */
static void
check_bits (GstBuffer * buffer, guint64 seed, guint32 stream,
    guint64 first_sample, guint n, gsize elements)
{
  gfloat *expected = g_new (gfloat, elements);
  guint i;

  fail_unless_equals_uint64 (GST_BUFFER_OFFSET (buffer), first_sample);
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET_END (buffer), first_sample + n);
  fail_unless_equals_uint64 (gst_buffer_get_size (buffer),
      n * elements * sizeof (gfloat));
  for (i = 0; i < n; i++) {
    ddpm_noise_normal (seed, first_sample + i, stream, 0, elements, expected);
    fail_unless (gst_buffer_memcmp (buffer, i * elements * sizeof (gfloat),
            expected, elements * sizeof (gfloat)) == 0,
        "sample %" G_GUINT64_FORMAT, first_sample + i);
  }
  g_free (expected);
}

/* The first buffer of a pipeline has caps of these dimensions. */
static void
check_dimensions (GstElement * pipeline, const gchar * dimensions, guint n,
    gsize elements)
{
  GstSample *sample;
  GstStructure *s;

  play (pipeline);
  sample = pull (pipeline);
  s = gst_caps_get_structure (gst_sample_get_caps (sample), 0);
  fail_unless_equals_string (gst_structure_get_string (s, "dimensions"),
      dimensions);
  check_bits (gst_sample_get_buffer (sample), 0, 0, 0, n, elements);
  gst_sample_unref (sample);
  stop_and_free (pipeline);
}

TEST (defaults)
{
  GstElement *pipeline = launch ("ddpmnoise num-buffers=3" SINK);
  GstCaps *caps = gst_caps_from_string ("other/tensors, format=static, "
      "num_tensors=1, types=float32, dimensions=(string)3:32:32:1, "
      "framerate=30/1, seed=(guint64)0");
  GstSample *sample;
  guint b;

  play (pipeline);
  for (b = 0; b < 3; b++) {
    GstBuffer *buffer;

    sample = pull (pipeline);
    buffer = gst_sample_get_buffer (sample);
    fail_unless (gst_caps_is_strictly_equal (gst_sample_get_caps (sample),
            caps));
    check_bits (buffer, 0, DDPM_STREAM_X_T, b, 1, 3072);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), b * GST_SECOND / 30);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer)
        + GST_BUFFER_DURATION (buffer), (b + 1) * GST_SECOND / 30);
    fail_unless_equals_int (GST_BUFFER_IS_DISCONT (buffer), b == 0);
    gst_sample_unref (sample);
  }
  gst_caps_unref (caps);
  stop_and_free (pipeline);
}

TEST (seed_and_stream)
{
  GstElement *pipeline = launch ("ddpmnoise num-buffers=1 "
      "seed=18446744069414584320 stream=2147483649" SINK);
  GstSample *sample;
  GstStructure *s;
  guint64 seed;

  play (pipeline);
  sample = pull (pipeline);
  s = gst_caps_get_structure (gst_sample_get_caps (sample), 0);
  fail_unless (gst_structure_get_uint64 (s, "seed", &seed));
  fail_unless_equals_uint64 (seed, G_GUINT64_CONSTANT (0xffffffff00000000));
  fail_if (gst_structure_has_field (s, "timestep"));
  check_bits (gst_sample_get_buffer (sample), seed, 0x80000001u, 0, 1, 3072);
  gst_sample_unref (sample);
  stop_and_free (pipeline);
}

TEST (batch_has_the_bits_of_singles)
{
  GstElement *pipeline = launch ("ddpmnoise batch-size=8 seed=5 num-buffers=2"
      SINK);
  guint b;

  play (pipeline);
  for (b = 0; b < 2; b++) {
    GstSample *sample = pull (pipeline);

    check_bits (gst_sample_get_buffer (sample), 5, 0, b * 8, 8, 3072);
    gst_sample_unref (sample);
  }
  stop_and_free (pipeline);
}

TEST (downstream_decides_the_shape)
{
  static const struct
  {
    const gchar *dimensions;
    guint n, elements;
  } shapes[] = {
    {"3:64:48:2", 2, 3 * 64 * 48},
    {"1:28:28:1", 1, 28 * 28},
    {"3:32:32", 1, 3 * 32 * 32},
    {"1:5:7:3:1", 3, 5 * 7},
    {"1:5", 1, 5},
    {"3", 1, 3},
    {"3:2:2:1:1:1:1:1:1:1:1:1:1:1:1:1", 1, 12},
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (shapes); i++)
    check_dimensions (launch ("ddpmnoise ! "
            "other/tensors,dimensions=(string)%s" SINK, shapes[i].dimensions),
        shapes[i].dimensions, shapes[i].n, shapes[i].elements);
}

TEST (batch_size_chooses_among_shapes)
{
  const gchar *list =
      "other/tensors,dimensions=(string){\"1:8:8:2\",\"1:8:8:4\"}";

  check_dimensions (launch ("ddpmnoise batch-size=4 ! %s" SINK, list),
      "1:8:8:4", 4, 64);
  check_dimensions (launch ("ddpmnoise ! %s" SINK, list), "1:8:8:2", 2, 64);
  /* any dimensions are taken, but those spelled out say what images */
  check_dimensions (launch ("ddpmnoise batch-size=3 ! capsfilter caps=\""
          "other/tensors,dimensions=(string)1:8:8:1;other/tensors\"" SINK),
      "1:8:8:3", 3, 64);
}

TEST (other_batch_is_an_error)
{
  assert_one_error (launch ("ddpmnoise batch-size=4 ! "
          "other/tensors,dimensions=(string)3:32:32:8" SINK), NEGOTIATION_ERROR,
      "C:W:H:4", "3:32:32:8");
}

TEST (no_batch_is_an_error)
{
  assert_one_error (launch ("ddpmnoise batch-size=0" SINK), SETTINGS_ERROR,
      "batch-size must be 1 to 65536, not 0");
}

TEST (other_seed_is_an_error)
{
  assert_one_error (launch ("ddpmnoise seed=4 ! "
          "other/tensors,seed=(guint64)5" SINK), NEGOTIATION_ERROR, "seed=4",
      "5");
}

TEST (wrong_dimensions_are_an_error)
{
  static const gchar *wrong[] = { "0:32:32:1", "5:32:32:1", "3:0:32:1",
    "3:4097:32:1",
    "3:32:32:65537", "3:4096:4096:65536", "3:4096:4096:11",
    "18446744073709551619:32:32:1", "3:32:32:1:2", "3:32:32:", ":3:32:32",
    "3:-32:32:1", "3:+32:32:1", "3:32:32:1x", "three"
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_one_error (launch ("ddpmnoise ! "
            "other/tensors,dimensions=(string)\"%s\"" SINK, wrong[i]),
        NEGOTIATION_ERROR, "C:W:H:", wrong[i]);
}

TEST (num_buffers_and_duration)
{
  GstElement *pipeline = launch ("ddpmnoise num-buffers=6 batch-size=4 ! "
      "other/tensors,framerate=25/1" SINK);
  gint64 duration;

  play (pipeline);
  gst_sample_unref (pull (pipeline));
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_TIME,
          &duration));
  fail_unless_equals_int64 (duration, 240 * GST_MSECOND);
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_DEFAULT,
          &duration));
  fail_unless_equals_int64 (duration, 24);
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_BUFFERS,
          &duration));
  fail_unless_equals_int64 (duration, 6);
  fail_unless_equals_int (drain (pipeline), 5);
  stop_and_free (pipeline);
}

TEST (seek_gives_the_same_bits)
{
  /* rounding of times must not lead to a neighbour: 30000/1001 */
  GstElement *pipeline = launch ("ddpmnoise seed=9 batch-size=2 ! "
      "other/tensors,dimensions=(string)1:4:4:2,framerate=30000/1001" SINK);
  static const gint64 batches[] = { 1, 7, 1000000007, 0, 123456789, 3 };
  guint i;

  play (pipeline);
  for (i = 0; i < G_N_ELEMENTS (batches); i++) {
    const gint64 b = batches[i];
    const gint64 time = gst_util_uint64_scale (b, 1001 * GST_SECOND, 30000);
    const struct
    {
      GstFormat format;
      gint64 position;
    } seeks[] = {
      {GST_FORMAT_TIME, time}, {GST_FORMAT_TIME, time + 1000},
      {GST_FORMAT_DEFAULT, 2 * b}, {GST_FORMAT_DEFAULT, 2 * b + 1},
      {GST_FORMAT_BUFFERS, b},
    };
    guint j;

    for (j = 0; j < G_N_ELEMENTS (seeks); j++) {
      GstSample *sample;
      GstBuffer *buffer;

      gst_sample_unref (pull (pipeline));
      seek_to (pipeline, seeks[j].format, seeks[j].position);
      sample = pull (pipeline);
      buffer = gst_sample_get_buffer (sample);
      fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), time);
      fail_unless (GST_BUFFER_IS_DISCONT (buffer));
      check_bits (buffer, 9, 0, 2 * b, 2, 16);
      gst_sample_unref (sample);
    }
  }
  stop_and_free (pipeline);
}

TEST (seek_to_the_end_of_time)
{
  GstElement *pipeline = launch ("ddpmnoise ! "
      "other/tensors,dimensions=(string)1:4:4:1" SINK);
  guint64 last = gst_util_uint64_scale (G_MAXINT64 - 1, 30, GST_SECOND);
  GstSample *sample;

  play (pipeline);
  gst_sample_unref (pull (pipeline));
  seek_to (pipeline, GST_FORMAT_TIME, G_MAXINT64 - 1);
  sample = pull (pipeline);
  check_bits (gst_sample_get_buffer (sample), 0, 0, last, 1, 16);
  gst_sample_unref (sample);
  stop_and_free (pipeline);
}

TEST (segment_stop_ends_the_stream)
{
  GstElement *pipeline = launch ("ddpmnoise ! other/tensors,framerate=10/1"
      SINK);

  play (pipeline);
  gst_sample_unref (pull (pipeline));
  fail_unless (gst_element_seek (pipeline, 1.0, GST_FORMAT_DEFAULT,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 5, GST_SEEK_TYPE_SET, 9));
  fail_unless_equals_int (drain (pipeline), 4);
  stop_and_free (pipeline);
}

/* Plays backwards from stop (-1: the end) and checks the frames. */
static void
check_backwards (const gchar * source, gint64 stop, gint64 from, gint64 to)
{
  GstElement *pipeline = launch ("%s ! "
      "other/tensors,dimensions=(string)1:4:4:2,framerate=10/1" SINK, source);
  gint64 b;

  preroll (pipeline);
  fail_unless (gst_element_seek (pipeline, -1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET, stop));
  play (pipeline);
  for (b = from; b >= to; b--) {
    GstSample *sample = pull (pipeline);
    GstBuffer *buffer = gst_sample_get_buffer (sample);

    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), b * GST_SECOND / 10);
    fail_unless (GST_BUFFER_IS_DISCONT (buffer));
    check_bits (buffer, 0, 0, 2 * b, 2, 16);
    gst_sample_unref (sample);
  }
  fail_unless (pull (pipeline) == NULL);
  stop_and_free (pipeline);
}

/* num-buffers counts the buffers that are output, one of them before the seek. */
TEST (backwards_from_the_end_or_a_stop)
{
  check_backwards ("ddpmnoise", GST_SECOND, 9, 0);
  check_backwards ("ddpmnoise num-buffers=6", -1, 5, 1);
  check_backwards ("ddpmnoise num-buffers=6", GST_SECOND, 9, 5);
}

/* before the framerate is known */
TEST (backwards_from_the_start_of_the_pipeline)
{
  GstElement *pipeline = launch ("ddpmnoise name=source ! "
      "other/tensors,framerate=10/1" SINK);
  GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  gint b;

  gst_element_set_state (pipeline, GST_STATE_READY);
  fail_unless (gst_element_seek (source, -1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET,
          GST_SECOND));
  play (pipeline);
  for (b = 9; b >= 0; b--) {
    GstSample *sample = pull (pipeline);

    check_bits (gst_sample_get_buffer (sample), 0, 0, b, 1, 3072);
    gst_sample_unref (sample);
  }
  fail_unless (pull (pipeline) == NULL);
  gst_object_unref (source);
  stop_and_free (pipeline);
}

TEST (backwards_from_the_end_of_an_endless_stream_is_refused)
{
  GstElement *pipeline = launch ("ddpmnoise ! appsink name=sink sync=false "
      "max-buffers=1");
  guint b;

  play (pipeline);
  gst_sample_unref (pull (pipeline));
  fail_if (gst_element_seek (pipeline, -1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET, -1));
  for (b = 1; b < 5; b++) {
    GstSample *sample = pull (pipeline);

    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (gst_sample_get_buffer
            (sample)), b);
    gst_sample_unref (sample);
  }
  stop_and_free (pipeline);
}

TEST (new_caps_backwards_repeat_no_sample_and_no_time)
{
  GstElement *pipeline = launch ("ddpmnoise ! capsfilter name=filter "
      "caps=other/tensors,dimensions=(string)1:4:4:3,framerate=30/1"
      " ! appsink name=sink sync=false max-buffers=1");
  GstElement *filter = gst_bin_get_by_name (GST_BIN (pipeline), "filter");
  GstClockTime start = GST_SECOND;
  guint64 first_sample = 90;
  guint i;

  preroll (pipeline);
  fail_unless (gst_element_seek (pipeline, -1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET, start));
  play (pipeline);
  for (i = 0; i < 25; i++) {
    GstSample *sample = pull (pipeline);
    GstBuffer *buffer = gst_sample_get_buffer (sample);

    fail_unless (GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer)
        <= start);
    fail_unless (GST_BUFFER_OFFSET_END (buffer) <= first_sample);
    fail_unless (GST_BUFFER_OFFSET_END (buffer) + 50 >= first_sample);
    start = GST_BUFFER_PTS (buffer);
    first_sample = GST_BUFFER_OFFSET (buffer);
    if (i == 10)
      gst_util_set_object_arg (G_OBJECT (filter), "caps",
          "other/tensors,dimensions=(string)1:4:4:2,framerate=60/1");
    gst_sample_unref (sample);
  }
  gst_object_unref (filter);
  stop_and_free (pipeline);
}

TEST (position_in_samples)
{
  GstElement *pipeline = launch ("ddpmnoise name=source batch-size=4 "
      "num-buffers=5" SINK);
  GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  gint64 position;

  play (pipeline);
  drain (pipeline);
  fail_unless (gst_element_query_position (source, GST_FORMAT_DEFAULT,
          &position));
  fail_unless_equals_int64 (position, 20);
  gst_object_unref (source);
  stop_and_free (pipeline);
}

TEST (second_run_starts_at_0)
{
  GstElement *pipeline = launch ("ddpmnoise seed=3 num-buffers=4" SINK);
  guint i;

  for (i = 0; i < 3; i++) {
    GstSample *sample;

    play (pipeline);
    sample = pull (pipeline);
    check_bits (gst_sample_get_buffer (sample), 3, 0, 0, 1, 3072);
    gst_sample_unref (sample);
    fail_unless_equals_int (drain (pipeline), 3);
    if (i == 1)
      stop (pipeline);
    else
      go_to_ready (pipeline);
  }
  stop_and_free (pipeline);
}

TEST (no_framerate_no_times)
{
  GstElement *pipeline = launch ("ddpmnoise num-buffers=2 ! "
      "other/tensors,framerate=0/1" SINK);
  guint b;

  play (pipeline);
  for (b = 0; b < 2; b++) {
    GstSample *sample = pull (pipeline);

    check_bits (gst_sample_get_buffer (sample), 0, 0, b, 1, 3072);
    fail_if (GST_BUFFER_PTS_IS_VALID (gst_sample_get_buffer (sample)));
    gst_sample_unref (sample);
  }
  stop_and_free (pipeline);
}

TEST (new_caps_repeat_no_sample_and_no_time)
{
  GstElement *pipeline = launch ("ddpmnoise num-buffers=40 ! capsfilter "
      "name=filter caps=other/tensors,dimensions=(string)1:4:4:3,framerate=30/1"
      " ! appsink name=sink sync=false max-buffers=1");
  GstElement *filter = gst_bin_get_by_name (GST_BIN (pipeline), "filter");
  GstClockTime end = 0;
  guint64 next_sample = 0;
  guint i;

  play (pipeline);
  for (i = 0; i < 40; i++) {
    GstSample *sample = pull (pipeline);
    GstBuffer *buffer = gst_sample_get_buffer (sample);

    fail_unless (GST_BUFFER_PTS (buffer) >= end);
    fail_unless (GST_BUFFER_OFFSET (buffer) >= next_sample);
    fail_unless (GST_BUFFER_OFFSET (buffer) <= next_sample + 100);
    end = GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer);
    next_sample = GST_BUFFER_OFFSET_END (buffer);
    if (i == 10)
      gst_util_set_object_arg (G_OBJECT (filter), "caps",
          "other/tensors,dimensions=(string)1:4:4:2,framerate=60/1");
    if (i == 39)
      check_bits (buffer, 0, 0, GST_BUFFER_OFFSET (buffer), 2, 16);
    gst_sample_unref (sample);
  }
  gst_object_unref (filter);
  stop_and_free (pipeline);
}

TEST (first_sample_is_where_the_stream_starts)
{
  GstElement *pipeline = launch ("ddpmnoise num-buffers=2 batch-size=3 "
      "first-sample=100" SINK);
  guint b;

  play (pipeline);
  for (b = 0; b < 2; b++) {
    GstSample *sample = pull (pipeline);
    GstBuffer *buffer = gst_sample_get_buffer (sample);

    check_bits (buffer, 0, 0, 100 + 3 * b, 3, 3072);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), b * GST_SECOND / 30);
    gst_sample_unref (sample);
  }
  stop_and_free (pipeline);
}

static guint64
get_seed_of_a_run (GstElement * pipeline, GstElement * noise)
{
  GstSample *sample;
  guint64 seed, in_caps;

  play (pipeline);
  sample = pull (pipeline);
  g_object_get (noise, "seed", &seed, NULL);
  fail_unless (gst_structure_get_uint64 (gst_caps_get_structure
          (gst_sample_get_caps (sample), 0), "seed", &in_caps));
  fail_unless_equals_uint64 (in_caps, seed);
  check_bits (gst_sample_get_buffer (sample), seed, 0, 0, 1, 3072);
  gst_sample_unref (sample);
  gst_message_unref (wait_for (pipeline, GST_MESSAGE_INFO));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return seed;
}

/* Two of them are equal once in a thousand million runs. */
TEST (random_seed_is_told_and_another_one_in_each_run)
{
  GstElement *pipeline = launch ("ddpmnoise name=noise random-seed=true" SINK);
  GstElement *noise = gst_bin_get_by_name (GST_BIN (pipeline), "noise");
  const guint64 first = get_seed_of_a_run (pipeline, noise);

  fail_if (get_seed_of_a_run (pipeline, noise) == first);
  gst_object_unref (noise);
  stop_and_free (pipeline);
}

TEST (keyframes_stand_in_the_caps)
{
  GstElement *pipeline = launch ("ddpmnoise num-buffers=1 first-sample=45 "
      "keyframe-interval=30 seed=5" SINK);
  GstSample *sample;
  gfloat *expected = g_new (gfloat, 3072);
  gint interval;

  play (pipeline);
  sample = pull (pipeline);
  fail_unless (gst_structure_get_int (gst_caps_get_structure
          (gst_sample_get_caps (sample), 0), "keyframe-interval", &interval));
  fail_unless_equals_int (interval, 30);
  ddpm_noise_keyframe_normal (5, 45, 30, 0, 0, 3072, expected);
  fail_unless (gst_buffer_memcmp (gst_sample_get_buffer (sample), 0, expected,
          3072 * sizeof (gfloat)) == 0);
  g_free (expected);
  gst_sample_unref (sample);
  stop_and_free (pipeline);
}

TEST (live_reports_a_frame_of_latency)
{
  GstElement *pipeline = launch ("ddpmnoise name=source is-live=true ! "
      "other/tensors,framerate=50/1" SINK);
  GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  GstQuery *query = gst_query_new_latency ();
  GstClockTime min;
  gboolean live;

  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_PAUSED),
      GST_STATE_CHANGE_NO_PREROLL);
  play (pipeline);
  gst_sample_unref (pull (pipeline));
  fail_unless (gst_element_query (source, query));
  gst_query_parse_latency (query, &live, &min, NULL);
  fail_unless (live);
  fail_unless_equals_uint64 (min, 20 * GST_MSECOND);
  gst_query_unref (query);
  gst_object_unref (source);
  stop_and_free (pipeline);
}

ELEMENT_TEST_MAIN (checked, NULL, NULL)
