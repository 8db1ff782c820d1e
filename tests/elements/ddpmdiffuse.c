/* gst-ddpm: tests of ddpmdiffuse
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#include "tests/support/denoise-test.h"
#include "gst-ddpm/model/schedule.h"

#define VIDEO "video/x-raw,format=RGB,width=6,height=4,framerate=30/1"
#define ELEMENTS (3 * WIDTH * HEIGHT)

/* "ddpmdiffuse" of the model of T timesteps, with properties; from a static
 * buffer */
static const gchar *
diffuse (guint T, const gchar * properties)
{
  static gchar text[2][512];
  static guint n;

  n = (n + 1) % G_N_ELEMENTS (text);
  g_snprintf (text[n], sizeof (text[n]),
      "ddpmdiffuse name=diffuse model=%s/model-3-%u.bin %s", model_folder, T,
      properties);
  return text[n];
}

static GstHarness *
harness_diffuse (const gchar * properties, const gchar * video)
{
  return harness_new (launch ("%s", diffuse (1000, properties)), "src", video);
}

/* A frame in which every byte is another one; its rows are padded, as RGB is */
static GstBuffer *
make_frame (void)
{
  const guint stride = GST_ROUND_UP_4 (3 * WIDTH);
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, stride * HEIGHT, NULL);
  GstMapInfo map;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
  for (guint y = 0; y < HEIGHT; y++)
    for (guint i = 0; i < stride; i++)
      map.data[y * stride + i] = i < 3 * WIDTH ? 3 * (y * 3 * WIDTH + i) : 255;
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

/* sqrt (A) x_0 + sqrt (1 - A) eps for such a frame */
static void
check_state (GstBuffer * state, guint s, guint64 seed, guint64 sample)
{
  g_autoptr (DdpmSchedule) schedule = NULL;
  DdpmConfig config;
  gfloat eps[ELEMENTS];
  GstMapInfo map;

  ddpm_config_init_defaults (&config);
  schedule = ddpm_schedule_new (&config, NULL);
  ddpm_noise_normal (seed, sample, 0, 0, ELEMENTS, eps);
  fail_unless (gst_buffer_map (state, &map, GST_MAP_READ));
  fail_unless_equals_int (map.size, sizeof (eps));
  for (guint i = 0; i < ELEMENTS; i++) {
    const gdouble A = schedule->alphas_bar[s - 1];
    const gdouble x = sqrt (A) * (3 * i / 127.5 - 1.0)
        + sqrt (1.0 - A) * eps[i];

    fail_unless (fabs (((gfloat *) map.data)[i] - x) < 1e-5,
        "element %u is %g, not %g", i, ((gfloat *) map.data)[i], x);
  }
  gst_buffer_unmap (state, &map);
}

static const GstStructure *
get_state_caps (GstHarness * h, GstCaps ** caps)
{
  *caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (*caps != NULL);
  return gst_caps_get_structure (*caps, 0);
}

TEST (frame_becomes_noisy_state)
{
  GstHarness *h = harness_diffuse ("timestep=400 seed=7", VIDEO);
  g_autoptr (GstBuffer) state = gst_harness_push_and_pull (h, make_frame ());
  g_autoptr (GstCaps) caps = NULL;
  const GstStructure *s = get_state_caps (h, &caps);
  guint64 seed;
  gint timestep;

  fail_unless (gst_structure_get_int (s, "timestep", &timestep));
  fail_unless_equals_int (timestep, 400);
  fail_unless (gst_structure_get_uint64 (s, "seed", &seed));
  fail_unless_equals_uint64 (seed, 7);
  fail_unless_equals_string (gst_structure_get_string (s, "dimensions"),
      "3:6:4:1");
  check_state (state, 400, 7, 0);
  harness_free (h);
}

TEST (by_default_two_fifths_of_the_timesteps_are_noise)
{
  GstHarness *h = harness_diffuse ("", VIDEO);
  g_autoptr (GstBuffer) state = gst_harness_push_and_pull (h, make_frame ());

  check_state (state, 400, 0, 0);
  harness_free (h);
}

TEST (data_range_can_be_said)
{
  GstHarness *h = harness_diffuse ("timestep=0 data-range=unit", VIDEO);
  g_autoptr (GstBuffer) state = gst_harness_push_and_pull (h, make_frame ());
  GstMapInfo map;

  fail_unless (gst_buffer_map (state, &map, GST_MAP_READ));
  for (guint i = 0; i < ELEMENTS; i++)
    fail_unless (fabs (((gfloat *) map.data)[i] - 3 * i / 255.0) < 1e-6);
  gst_buffer_unmap (state, &map);
  harness_free (h);
}

TEST (times_and_flags_pass)
{
  GstHarness *h = harness_diffuse ("", VIDEO);
  GstBuffer *frame = make_frame ();
  g_autoptr (GstBuffer) state = NULL;

  GST_BUFFER_PTS (frame) = 5 * GST_SECOND;
  GST_BUFFER_DTS (frame) = 4 * GST_SECOND;
  GST_BUFFER_DURATION (frame) = 3 * GST_SECOND;
  GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_MARKER);
  state = gst_harness_push_and_pull (h, frame);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (state), 5 * GST_SECOND);
  fail_unless_equals_uint64 (GST_BUFFER_DTS (state), 4 * GST_SECOND);
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (state), 3 * GST_SECOND);
  fail_unless (GST_BUFFER_FLAG_IS_SET (state, GST_BUFFER_FLAG_MARKER));
  harness_free (h);
}

TEST (fixed_noise_is_that_of_sample_0)
{
  GstHarness *h = harness_diffuse ("timestep=400", VIDEO);

  for (guint i = 0; i < 3; i++) {
    g_autoptr (GstBuffer) state = NULL;
    GstBuffer *frame = make_frame ();

    GST_BUFFER_PTS (frame) = i * GST_SECOND;
    state = gst_harness_push_and_pull (h, frame);
    check_state (state, 400, 0, 0);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (state), 0);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET_END (state), 1);
  }
  harness_free (h);
}

static GstBuffer *
frame_at (guint64 number)
{
  GstBuffer *frame = make_frame ();

  GST_BUFFER_PTS (frame) = gst_util_uint64_scale (number, GST_SECOND, 30);
  return frame;
}

/* Time comes before the offset, which some elements count from a seek. */
TEST (noise_per_frame_is_that_of_its_number)
{
  GstHarness *h = harness_diffuse ("timestep=400 noise=per-frame", VIDEO);
  GstBuffer *frame = make_frame ();
  GstBuffer *state;

  GST_BUFFER_PTS (frame) = gst_util_uint64_scale (100, GST_SECOND, 30);
  GST_BUFFER_OFFSET (frame) = 3;
  state = gst_harness_push_and_pull (h, frame);
  check_state (state, 400, 0, 100);
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET (state), 100);
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET_END (state), 101);
  gst_buffer_unref (state);

  frame = make_frame ();
  GST_BUFFER_OFFSET (frame) = 3;
  state = gst_harness_push_and_pull (h, frame);
  check_state (state, 400, 0, 3);
  gst_buffer_unref (state);

  state = gst_harness_push_and_pull (h, make_frame ());
  check_state (state, 400, 0, 2);
  gst_buffer_unref (state);
  harness_free (h);
}

/* Frame 6 of an interval of 4 is half way from keyframe 1 to keyframe 2. */
TEST (noise_flows_from_keyframe_to_keyframe)
{
  GstHarness *h = harness_diffuse ("timestep=1000 noise=keyframes "
      "keyframe-interval=4", VIDEO);
  GstHarness *per_frame = harness_diffuse ("timestep=1000 noise=per-frame",
      VIDEO);
  g_autoptr (GstBuffer) between = NULL, of_1 = NULL, of_2 = NULL;
  g_autoptr (GstCaps) caps = NULL;
  gint interval;
  GstMapInfo map, a, b;

  between = gst_harness_push_and_pull (h, frame_at (6));
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET (between), 6);
  fail_unless (gst_structure_get_int (get_state_caps (h, &caps),
          "keyframe-interval", &interval));
  fail_unless_equals_int (interval, 4);
  of_1 = gst_harness_push_and_pull (per_frame, frame_at (1));
  of_2 = gst_harness_push_and_pull (per_frame, frame_at (2));
  fail_unless (gst_buffer_map (between, &map, GST_MAP_READ));
  fail_unless (gst_buffer_map (of_1, &a, GST_MAP_READ));
  fail_unless (gst_buffer_map (of_2, &b, GST_MAP_READ));
  /* x_T has less than 1 % of the frame. */
  for (guint i = 0; i < ELEMENTS; i++)
    fail_unless (fabs (((gfloat *) map.data)[i] - sqrt (0.5)
            * (((gfloat *) a.data)[i] + ((gfloat *) b.data)[i])) < 0.01);
  gst_buffer_unmap (between, &map);
  gst_buffer_unmap (of_1, &a);
  gst_buffer_unmap (of_2, &b);
  harness_free (h);
  harness_free (per_frame);
}

TEST (a_seek_gives_the_same_bits)
{
  GstElement *pipeline = launch ("videotestsrc num-buffers=20 "
      "pattern=gradient ! " VIDEO " ! %s ! appsink name=sink", diffuse (1000,
          "noise=per-frame"));
  GstSample *before = NULL, *after;

  preroll (pipeline);
  play (pipeline);
  for (guint i = 0; i < 6; i++) {
    g_clear_pointer (&before, gst_sample_unref);
    before = pull (pipeline);
  }
  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
          GST_BUFFER_PTS (gst_sample_get_buffer (before))));
  after = pull (pipeline);
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET (gst_sample_get_buffer
          (after)), 5);
  fail_unless (same_bits (gst_sample_get_buffer (before),
          gst_sample_get_buffer (after)));
  gst_sample_unref (before);
  gst_sample_unref (after);
  stop_and_free (pipeline);
}

/* --- what it asks for ----------------------------------------------------- */

/* The caps of the video that is diffused */
static GstStructure *
negotiate (const gchar * source, const gchar * element)
{
  GstElement *pipeline = launch ("%s ! %s ! fakesink", source, element);
  GstElement *diffuse = gst_bin_get_by_name (GST_BIN (pipeline), "diffuse");
  g_autoptr (GstPad) pad = NULL;
  g_autoptr (GstCaps) caps = NULL;
  GstStructure *s;

  preroll (pipeline);
  pad = gst_element_get_static_pad (diffuse, "sink");
  caps = gst_pad_get_current_caps (pad);
  fail_unless (caps != NULL);
  s = gst_structure_copy (gst_caps_get_structure (caps, 0));
  gst_object_unref (diffuse);
  stop_and_free (pipeline);
  return s;
}

static void
check_size (GstStructure * s, gint width, gint height)
{
  gint w = 0, h = 0;

  gst_structure_get_int (s, "width", &w);
  gst_structure_get_int (s, "height", &h);
  fail_unless_equals_int (w, width);
  fail_unless_equals_int (h, height);
  gst_structure_free (s);
}

TEST (asks_for_the_size_of_the_models_images)
{
  check_size (negotiate ("videotestsrc ! video/x-raw,width=320,height=240 ! "
          "videoconvert ! videoscale", "ddpmdiffuse name=diffuse"), 32, 32);
  check_size (negotiate ("videotestsrc", "ddpmdiffuse name=diffuse"), 32, 32);
}

TEST (takes_another_size_if_there_is_no_other)
{
  check_size (negotiate ("videotestsrc ! video/x-raw,format=RGB,width=48,"
          "height=40", "ddpmdiffuse name=diffuse"), 48, 40);
}

TEST (grey_models_get_grey_frames)
{
  g_autofree gchar *element =
      g_strdup_printf ("ddpmdiffuse name=diffuse model=%s/model-1-10.bin",
      model_folder);
  GstStructure *s = negotiate ("videotestsrc ! videoconvert", element);

  fail_unless_equals_string (gst_structure_get_string (s, "format"), "GRAY8");
  gst_structure_free (s);
}

/* --- timesteps ------------------------------------------------------------ */

TEST (more_than_pure_noise_is_an_error)
{
  assert_no_start (launch ("videotestsrc ! %s ! fakesink", diffuse (1000,
              "timestep=1001")), SETTINGS_ERROR, "1001", "0 to 1000");
}

TEST (nearest_learnt_step_is_taken_and_told)
{
  GstElement *pipeline = launch ("videotestsrc num-buffers=1 ! ddpmdiffuse "
      "timestep=400 ! appsink name=sink");
  GstMessage *message;
  GstSample *state;
  g_autoptr (GError) error = NULL;
  gint timestep;

  play (pipeline);
  message = wait_for (pipeline, GST_MESSAGE_INFO);
  gst_message_parse_info (message, &error, NULL);
  fail_unless (strstr (error->message, "timestep=400 becomes 250") != NULL,
      "%s", error->message);
  gst_message_unref (message);
  state = pull (pipeline);
  fail_unless (gst_structure_get_int (gst_caps_get_structure
          (gst_sample_get_caps (state), 0), "timestep", &timestep));
  fail_unless_equals_int (timestep, 250);
  gst_sample_unref (state);
  stop_and_free (pipeline);
}

static gint
get_timestep (GstHarness * h)
{
  g_autoptr (GstCaps) caps = NULL;
  gint timestep = -1;

  gst_structure_get_int (get_state_caps (h, &caps), "timestep", &timestep);
  return timestep;
}

TEST (timestep_can_be_set_while_it_plays)
{
  GstHarness *h = harness_diffuse ("timestep=400", VIDEO);
  const gint timesteps[] = { 400, 300, 300, 1000, 1001 };

  for (guint i = 0; i < G_N_ELEMENTS (timesteps); i++) {
    g_autoptr (GstBuffer) state = NULL;

    g_object_set (h->element, "timestep", timesteps[i], NULL);
    state = gst_harness_push_and_pull (h, make_frame ());
    fail_unless_equals_int (get_timestep (h), MIN (timesteps[i], 1000));
    check_state (state, MIN (timesteps[i], 1000), 0, 0);
  }
  harness_free (h);
}

/* 100 at 0 s, 900 at 1 s, by stream time */
TEST (timestep_can_be_controlled)
{
  GstHarness *h = harness_diffuse ("", VIDEO);
  GstControlSource *source = gst_interpolation_control_source_new ();
  GstTimedValueControlSource *values = GST_TIMED_VALUE_CONTROL_SOURCE (source);

  g_object_set (source, "mode", GST_INTERPOLATION_MODE_LINEAR, NULL);
  gst_timed_value_control_source_set (values, 0, 100);
  gst_timed_value_control_source_set (values, GST_SECOND, 900);
  gst_object_add_control_binding (GST_OBJECT (h->element),
      gst_direct_control_binding_new_absolute (GST_OBJECT (h->element),
          "timestep", source));
  gst_object_unref (source);
  for (guint i = 0; i <= 4; i++) {
    GstBuffer *frame = make_frame ();
    g_autoptr (GstBuffer) state = NULL;

    GST_BUFFER_PTS (frame) = i * GST_SECOND / 4;
    state = gst_harness_push_and_pull (h, frame);
    fail_unless_equals_int (get_timestep (h), 100 + 200 * i);
  }
  harness_free (h);
}

/* --- with ddpmdenoise ----------------------------------------------------- */

TEST (ddpmdenoise_makes_the_steps_from_there)
{
  g_autofree gchar *elements = g_strdup_printf ("%s ! %s", diffuse (10,
          "timestep=4"), denoise (3, 10, "steps=0 emit=trajectory"));
  GPtrArray *frames =
      run ("videotestsrc num-buffers=3 ! " VIDEO, elements, "video/x-raw");

  fail_unless_equals_int (frames->len, 3 * 4);
  g_ptr_array_unref (frames);
}

/* Each state is denoised from where it is. */
TEST (ddpmdenoise_follows_another_timestep)
{
  GstElement *pipeline = launch ("videotestsrc num-buffers=4 ! " VIDEO
      " ! %s ! %s ! appsink name=sink sync=false max-buffers=1", diffuse (10,
          "timestep=4"), denoise (3, 10, "steps=0"));
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), "diffuse");
  guint n;

  play (pipeline);
  for (n = 0; n < 4; n++) {
    GstSample *frame = pull (pipeline);

    fail_unless (frame != NULL);
    gst_sample_unref (frame);
    g_object_set (element, "timestep", 10 - 2 * n, NULL);
  }
  gst_object_unref (element);
  stop_and_free (pipeline);
}

/* --- errors --------------------------------------------------------------- */

TEST (another_format_than_the_models_is_an_error)
{
  assert_error (launch ("videotestsrc ! video/x-raw,format=GRAY8 ! %s ! "
          "fakesink", diffuse (1000, "")), NEGOTIATION_ERROR,
      "model-3-1000.bin", "3 channels");
}

TEST (states_that_downstream_does_not_accept_are_an_error)
{
  assert_error (launch ("videotestsrc ! " VIDEO " ! %s ! "
          "other/tensors,timestep=7 ! fakesink", diffuse (1000, "")),
      NEGOTIATION_ERROR, "timestep=(int)400", "timestep=(int)7");
}

TEST (short_frames_are_an_error)
{
  GstElement *pipeline = launch ("appsrc name=src format=time caps=" VIDEO
      " ! %s ! fakesink", diffuse (1000, ""));
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  g_autoptr (GstBuffer) frame = gst_buffer_new_allocate (NULL, 7, NULL);
  GstFlowReturn ret;

  g_signal_emit_by_name (src, "push-buffer", frame, &ret);
  gst_object_unref (src);
  assert_error (pipeline, FORMAT_ERROR, "7 bytes", "6x4 RGB");
}

ELEMENT_TEST_MAIN (unchecked, write_models, remove_models)
