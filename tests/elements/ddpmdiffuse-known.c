/* gst-ddpm: tests of ddpmdiffuse and ddpmdenoise: inpainting
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/denoise-test.h"

#define RGBA "video/x-raw,format=RGBA,width=6,height=4,framerate=30/1"
#define STATES "dimensions=(string)3:6:4:1,framerate=30/1,timestep=5,known=true"

/* The alpha of each column */
static const guint8 column_alpha[WIDTH] = { 255, 128, 127, 0, 0, 200 };

static GstBuffer *
make_frame (guint n)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 4 * WIDTH * HEIGHT, NULL);
  GstMapInfo map;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
  for (guint i = 0; i < map.size; i++)
    map.data[i] = i % 4 == 3 ? column_alpha[i / 4 % WIDTH] : 3 * i + n;
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

/* Two such frames through elements to RGB */
static GPtrArray *
inpaint (const gchar * diffuse, const gchar * elements)
{
  GstElement *pipeline = launch ("appsrc name=src format=time caps=" RGBA
      " ! ddpmdiffuse model=%s/model-3-10.bin %s ! %s ! "
      "video/x-raw,format=RGB ! appsink name=sink sync=false", model_folder,
      diffuse, elements);
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  GPtrArray *frames;
  GstFlowReturn ret;

  for (guint n = 0; n < 2; n++) {
    g_autoptr (GstBuffer) frame = make_frame (n);

    GST_BUFFER_PTS (frame) = gst_util_uint64_scale (n, GST_SECOND, 30);
    g_signal_emit_by_name (src, "push-buffer", frame, &ret);
  }
  g_signal_emit_by_name (src, "end-of-stream", &ret);
  gst_object_unref (src);
  frames = take_all (pipeline);
  fail_unless_equals_int (frames->len, 2);
  stop_and_free (pipeline);
  return frames;
}

/* How many bytes of the columns that are known (or not) are those of frame n */
static guint
count_same (GPtrArray * frames, guint n, gboolean known)
{
  g_autoptr (GstBuffer) frame = make_frame (n);
  const guint stride = GST_ROUND_UP_4 (3 * WIDTH);
  GstMapInfo in, out;
  guint same = 0;

  fail_unless (gst_buffer_map (frame, &in, GST_MAP_READ));
  fail_unless (gst_buffer_map (nth_buffer (frames, n), &out, GST_MAP_READ));
  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++)
      for (guint c = 0; c < 3 && (column_alpha[x] >= 128) == known; c++)
        same += in.data[4 * (y * WIDTH + x) + c]
            == out.data[y * stride + 3 * x + c];
  gst_buffer_unmap (frame, &in);
  gst_buffer_unmap (nth_buffer (frames, n), &out);
  return same;
}

static void
check_known (GPtrArray * frames)
{
  for (guint n = 0; n < 2; n++) {
    fail_unless_equals_int (count_same (frames, n, TRUE), 3 * 3 * HEIGHT);
    fail_unless (count_same (frames, n, FALSE) < 3 * HEIGHT);
  }
}

TEST (opaque_pixels_come_out_exactly)
{
  GPtrArray *frames = inpaint ("", denoise (3, 10, ""));

  check_known (frames);
  g_ptr_array_unref (frames);
  frames = inpaint ("timestep=3 noise=per-frame", denoise (3, 10,
          "resample=3 sampler=ddpm"));
  check_known (frames);
  g_ptr_array_unref (frames);
}

TEST (queue_and_tee_keep_what_is_known)
{
  g_autofree gchar *elements = g_strdup_printf ("queue ! tee name=t "
      "t. ! queue ! fakesink t. ! queue ! %s", denoise (3, 10, ""));
  GPtrArray *frames = inpaint ("", elements);

  check_known (frames);
  g_ptr_array_unref (frames);
}

TEST (two_elements_share_the_steps)
{
  g_autofree gchar *two = g_strdup_printf ("%s ! queue ! %s",
      denoise (3, 10, "steps=0 stop-timestep=4"), denoise (3, 10, "steps=0"));
  GPtrArray *shared = inpaint ("", two);
  GPtrArray *alone = inpaint ("", denoise (3, 10, "steps=0"));

  check_known (shared);
  check_same (shared, 0, alone, 0);
  check_same (shared, 1, alone, 1);
  g_ptr_array_unref (shared);
  g_ptr_array_unref (alone);
}

TEST (a_step_that_is_made_again_changes_the_rest)
{
  GPtrArray *once = inpaint ("", denoise (3, 10, ""));
  GPtrArray *thrice = inpaint ("", denoise (3, 10, "resample=3"));

  fail_if (same_bits (nth_buffer (once, 0), nth_buffer (thrice, 0)));
  g_ptr_array_unref (once);
  g_ptr_array_unref (thrice);
}

/* Nothing is known, unless the format says so. */
TEST (rgb_is_not_inpainted)
{
  GstElement *pipeline = launch ("videotestsrc num-buffers=1 ! videoconvert ! "
      "ddpmdiffuse ! appsink name=sink");
  GstSample *state;

  play (pipeline);
  state = pull (pipeline);
  fail_if (gst_structure_has_field (gst_caps_get_structure (gst_sample_get_caps
              (state), 0), "known"));
  fail_unless (gst_buffer_get_custom_meta (gst_sample_get_buffer (state),
          "GstDdpmKnownMeta") == NULL);
  gst_sample_unref (state);
  stop_and_free (pipeline);
}

/* --- warnings and errors -------------------------------------------------- */

static gchar *
pop_warning (GstBus * bus)
{
  g_autoptr (GError) warning = NULL;
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);

  if (message == NULL)
    return NULL;
  gst_message_parse_warning (message, &warning, NULL);
  gst_message_unref (message);
  return g_strdup (warning->message);
}

TEST (what_is_lost_on_the_way_is_one_warning)
{
  GstHarness *h = harness_denoise (10, "", STATES);
  g_autoptr (GstBus) bus = gst_bus_new ();
  g_autofree gchar *warning = NULL;

  gst_element_set_bus (h->element, bus);
  fail_unless_equals_int (gst_harness_push (h, zero_states (1)), GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_push (h, zero_states (1)), GST_FLOW_OK);
  warning = pop_warning (bus);
  fail_unless (warning && strstr (warning, "lost on the way"), "%s", warning);
  fail_unless (pop_warning (bus) == NULL);
  gst_element_set_bus (h->element, NULL);
  harness_free (h);
}

TEST (resample_without_a_known_part_is_a_warning)
{
  GstElement *pipeline = launch ("%s ! %s ! fakesink", noise (1, 3, 1),
      denoise (3, 10, "resample=3"));
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autofree gchar *warning = NULL;

  preroll (pipeline);
  warning = pop_warning (bus);
  fail_unless (warning && strstr (warning, "resample=3 has no effect"), "%s",
      warning);
  stop_and_free (pipeline);
}

TEST (caps_that_are_not_boolean_are_refused)
{
  GstHarness *h = harness_denoise (10, "",
      "dimensions=(string)3:6:4:1,known=(int)1");

  fail_unless_equals_int (gst_harness_push (h, zero_states (1)),
      GST_FLOW_NOT_NEGOTIATED);
  harness_free (h);
}

/* Too few bytes, and none */
LOOP_TEST (meta_that_does_not_fit_is_an_error, 2)
{
  GstHarness *h = harness_denoise (10, "", STATES);
  g_autoptr (GstBus) bus = gst_bus_new ();
  GstBuffer *state = zero_states (1);
  GstCustomMeta *meta;
  g_autoptr (GBytes) bytes = g_bytes_new_static ("ab", 2);

  gst_element_set_bus (h->element, bus);
  meta = gst_buffer_add_custom_meta (state, "GstDdpmKnownMeta");
  if (__i__ == 0)
    gst_structure_set (gst_custom_meta_get_structure (meta), "pixels",
        G_TYPE_BYTES, bytes, "alpha", G_TYPE_BYTES, bytes, NULL);
  fail_unless_equals_int (gst_harness_push (h, state), GST_FLOW_ERROR);
  check_bus_error (bus, "pixels of GstDdpmKnownMeta",
      __i__ == 0 ? "got 2" : "got 0");
  gst_element_set_bus (h->element, NULL);
  harness_free (h);
}

ELEMENT_TEST_MAIN (unchecked, write_models, remove_models)
