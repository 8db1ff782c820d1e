/* gst-ddpm: tests of ddpmdenoise: what is in its frames and states
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/video/video.h>

#include "tests/support/denoise-test.h"

#define STATE_FLOATS (3 * WIDTH * HEIGHT)

/* --- pictures ------------------------------------------------------------ */

/* The cell of a frame at (x, y) is the picture of sample n of a state. */
static void
check_cell (GstSample * sample, guint x, guint y, GstBuffer * state,
    guint channels, guint n)
{
  gsize count = channels * WIDTH * HEIGHT;
  g_autofree guint8 *pixels = g_malloc (count);
  GstVideoFrame frame;
  GstVideoInfo info;
  GstMapInfo map;
  guint i, j, c;

  fail_unless (gst_buffer_map (state, &map, GST_MAP_READ));
  fail_unless (map.size >= (n + 1) * count * sizeof (gfloat));
  ddpm_pixels_from_float (DDPM_DATA_RANGE_SYMMETRIC,
      (const gfloat *) map.data + n * count, count, pixels);
  gst_buffer_unmap (state, &map);

  fail_unless (gst_video_info_from_caps (&info, gst_sample_get_caps (sample)));
  fail_unless (gst_video_frame_map (&frame, &info,
          gst_sample_get_buffer (sample), GST_MAP_READ));
  for (j = 0; j < HEIGHT; j++)
    for (i = 0; i < WIDTH; i++)
      for (c = 0; c < channels; c++) {
        const guint8 *row =
            (const guint8 *) GST_VIDEO_FRAME_COMP_DATA (&frame, c)
            + (y + j) * GST_VIDEO_FRAME_COMP_STRIDE (&frame, c);

        fail_unless_equals_int (row[(x + i)
                * GST_VIDEO_FRAME_COMP_PSTRIDE (&frame, c)],
            pixels[(j * WIDTH + i) * channels + c]);
      }
  gst_video_frame_unmap (&frame);
}

static void
check_format (guint channels, const gchar * format, const gchar * caps)
{
  GPtrArray *states = run (noise (1, channels, 1), denoise (channels, 10, ""),
      "other/tensors");
  GPtrArray *frames = run (noise (1, channels, 1), denoise (channels, 10, ""),
      caps);
  GstStructure *s;

  fail_unless_equals_int (frames->len, 1);
  s = gst_caps_get_structure (gst_sample_get_caps (g_ptr_array_index (frames,
              0)), 0);
  fail_unless_equals_string (gst_structure_get_string (s, "format"), format);
  check_cell (g_ptr_array_index (frames, 0), 0, 0, nth_buffer (states, 0),
      channels, 0);
  g_ptr_array_unref (states);
  g_ptr_array_unref (frames);
}

TEST (frames_are_pictures_of_the_state)
{
  check_format (3, "RGB", "video/x-raw");
  check_format (3, "RGBP", "video/x-raw,format=RGBP");
  check_format (1, "GRAY8", "video/x-raw");
}

TEST (a_batch_gives_a_frame_a_sample)
{
  GPtrArray *states = run (noise (2, 3, 3), denoise (3, 10, ""),
      "other/tensors");
  GPtrArray *frames = run (noise (2, 3, 3), denoise (3, 10, ""),
      "video/x-raw");
  guint i;

  fail_unless_equals_int (states->len, 2);
  fail_unless_equals_int (frames->len, 6);
  for (i = 0; i < 6; i++) {
    check_cell (g_ptr_array_index (frames, i), 0, 0,
        nth_buffer (states, i / 3), 3, i % 3);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (nth_buffer (frames, i)), i);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET_END (nth_buffer (frames, i)),
        i + 1);
  }
  g_ptr_array_unref (states);
  g_ptr_array_unref (frames);
}

/* Of three samples in two columns the fourth cell is black. */
static void
check_mosaic (const gchar * caps)
{
  GPtrArray *states = run (noise (1, 3, 3), denoise (3, 10, ""),
      "other/tensors");
  GPtrArray *frames = run (noise (1, 3, 3), denoise (3, 10, "columns=2"),
      caps);
  g_autofree gfloat *black = g_new (gfloat, STATE_FLOATS);
  GstBuffer *empty;
  GstVideoInfo info;
  guint i;

  fail_unless_equals_int (frames->len, 1);
  fail_unless (gst_video_info_from_caps (&info,
          gst_sample_get_caps (g_ptr_array_index (frames, 0))));
  fail_unless_equals_int (info.width, 2 * WIDTH);
  fail_unless_equals_int (info.height, 2 * HEIGHT);
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET_END (nth_buffer (frames, 0)), 3);
  for (i = 0; i < 3; i++)
    check_cell (g_ptr_array_index (frames, 0), i % 2 * WIDTH, i / 2 * HEIGHT,
        nth_buffer (states, 0), 3, i);
  for (i = 0; i < STATE_FLOATS; i++)
    black[i] = -1.0f;
  empty = gst_buffer_new_memdup (black, STATE_FLOATS * sizeof (gfloat));
  check_cell (g_ptr_array_index (frames, 0), WIDTH, HEIGHT, empty, 3, 0);
  gst_buffer_unref (empty);
  g_ptr_array_unref (states);
  g_ptr_array_unref (frames);
}

TEST (columns_make_a_mosaic)
{
  check_mosaic ("video/x-raw,format=RGB");
  check_mosaic ("video/x-raw,format=RGBP");
}

TEST (a_mosaic_of_a_wanted_size_says_that_of_its_images)
{
  GPtrArray *frames = run ("ddpmnoise num-buffers=1 batch-size=4",
      denoise (3, 10, "columns=2"), "video/x-raw,width=16,height=16");
  GPtrArray *states = run ("ddpmnoise num-buffers=1 batch-size=4 ! "
      "other/tensors,dimensions=(string)3:8:8:4", denoise (3, 10, "columns=2"),
      "video/x-raw");

  fail_unless_equals_int (frames->len, 1);
  check_same (frames, 0, states, 0);
  g_ptr_array_unref (states);
  g_ptr_array_unref (frames);
}

/* The model's images are scaled, not made larger. The built-in one says how
 * large they are. */
TEST (a_scaler_gets_images_of_the_size_of_the_model)
{
  static const gchar *const columns[] = { "", "columns=1" };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (columns); i++) {
    GstElement *pipeline = launch ("ddpmnoise num-buffers=1 ! ddpmdenoise "
        "name=denoise steps=1 %s ! videoscale ! "
        "video/x-raw,width=64,height=64 ! appsink name=sink", columns[i]);
    GstElement *denoise = gst_bin_get_by_name (GST_BIN (pipeline), "denoise");
    GstPad *pad = gst_element_get_static_pad (denoise, "src");
    GstCaps *caps;
    gint width;

    play (pipeline);
    fail_unless_equals_int (drain (pipeline), 1);
    caps = gst_pad_get_current_caps (pad);
    fail_unless (gst_structure_get_int (gst_caps_get_structure (caps, 0),
            "width", &width));
    fail_unless_equals_int (width, 32);
    gst_caps_unref (caps);
    gst_object_unref (pad);
    gst_object_unref (denoise);
    stop_and_free (pipeline);
  }
}

TEST (trajectory_shows_every_kth_state_and_the_last)
{
  GPtrArray *states = run (noise (1, 3, 2), denoise (3, 10, "sampler=ddpm"),
      "other/tensors");
  GPtrArray *middle = run (noise (1, 3, 2), denoise (3, 10,
          "sampler=ddpm stop-timestep=7"), "other/tensors");
  GPtrArray *frames = run (noise (1, 3, 2), denoise (3, 10, "sampler=ddpm "
          "emit=trajectory trajectory-interval=3"), "video/x-raw");
  GPtrArray *mosaics = run (noise (1, 3, 2), denoise (3, 10, "sampler=ddpm "
          "emit=trajectory trajectory-interval=3 columns=2"), "video/x-raw");
  guint i;

  /* of states 7, 4, 1 and 0, each with two samples */
  fail_unless_equals_int (frames->len, 8);
  fail_unless_equals_int (mosaics->len, 4);
  for (i = 0; i < 2; i++) {
    check_cell (g_ptr_array_index (frames, i), 0, 0, nth_buffer (middle, 0),
        3, i);
    check_cell (g_ptr_array_index (frames, 6 + i), 0, 0,
        nth_buffer (states, 0), 3, i);
    check_cell (g_ptr_array_index (mosaics, 0), i * WIDTH, 0,
        nth_buffer (middle, 0), 3, i);
    check_cell (g_ptr_array_index (mosaics, 3), i * WIDTH, 0,
        nth_buffer (states, 0), 3, i);
  }
  g_ptr_array_unref (states);
  g_ptr_array_unref (middle);
  g_ptr_array_unref (frames);
  g_ptr_array_unref (mosaics);
}

/* --- bits ---------------------------------------------------------------- */

static void
check_shared_work (const gchar * sampler)
{
  g_autofree gchar *half = g_strdup_printf ("%s stop-timestep=5", sampler);
  g_autofree gchar *both = g_strdup_printf ("%s ! queue ! %s",
      denoise (3, 10, half), denoise (3, 10, sampler));
  GPtrArray *one = run (noise (2, 3, 2), denoise (3, 10, sampler),
      "other/tensors");
  GPtrArray *two = run (noise (2, 3, 2), both, "other/tensors");

  fail_unless_equals_int (two->len, 2);
  check_same (two, 0, one, 0);
  check_same (two, 1, one, 1);
  g_ptr_array_unref (one);
  g_ptr_array_unref (two);
}

TEST (two_in_a_row_give_the_bits_of_one)
{
  check_shared_work ("sampler=ddpm");
  check_shared_work ("sampler=ddpm variance=fixed-large clip-x0=false");
  check_shared_work ("sampler=ddim eta=0.5");
  check_shared_work ("sampler=ddim eta=1 steps=4 spacing=linear");
  check_shared_work ("sampler=ddim eta=1 steps=7 spacing=quadratic");
}

static void
check_same_images (const gchar * a, const gchar * b)
{
  GPtrArray *one = run (noise (1, 3, 1), denoise (3, 10, a), "other/tensors");
  GPtrArray *other = run (noise (1, 3, 1), denoise (3, 10, b), "other/tensors");

  check_same (one, 0, other, 0);
  g_ptr_array_unref (one);
  g_ptr_array_unref (other);
}

TEST (ddim_is_deterministic_unless_eta_is_set)
{
  check_same_images ("sampler=ddim", "sampler=ddim eta=0");
  /* of a model that predicts eps */
  check_same_images ("sampler=auto", "sampler=ddim eta=1");
}

/* gdppay, a file or a fakesink would take a picture as well. */
TEST (on_the_way_anything_gets_the_state)
{
  GPtrArray *states = run (noise (1, 3, 1),
      denoise (3, 10, "sampler=ddim stop-timestep=5"),
      "gdppay ! gdpdepay ! identity");
  GstCaps *caps = gst_sample_get_caps (g_ptr_array_index (states, 0));

  fail_unless (gst_structure_has_name (gst_caps_get_structure (caps, 0),
          "other/tensors"));
  g_ptr_array_unref (states);
}

TEST (states_tell_what_they_are)
{
  GPtrArray *states = run ("ddpmnoise seed=77 num-buffers=2 batch-size=2 ! "
      "other/tensors,dimensions=(string)3:6:4:2,framerate=5/1",
      denoise (3, 10, "stop-timestep=5"), "other/tensors");
  GstCaps *expected = gst_caps_from_string ("other/tensors, "
      "format=static, num_tensors=1, types=float32, framerate=5/1, "
      "dimensions=(string)3:6:4:2, seed=(guint64)77, timestep=5");
  GstCaps *caps = gst_sample_get_caps (g_ptr_array_index (states, 0));

  fail_unless (gst_caps_is_equal (caps, expected), "%" GST_PTR_FORMAT, caps);
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET (nth_buffer (states, 1)), 2);
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET_END (nth_buffer (states, 1)), 4);
  gst_caps_unref (expected);
  g_ptr_array_unref (states);
}

/* Bytes of memory that the process has now */
static gsize
get_resident_size (void)
{
  g_autofree gchar *text = NULL;
  g_auto (GStrv) pages = NULL;

  fail_unless (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  pages = g_strsplit (text, " ", 3);
  return g_ascii_strtoull (pages[1], NULL, 10) * sysconf (_SC_PAGESIZE);
}

/* The built-in model has 29 MiB of weights, and the backend's copies. */
TEST (ten_elements_share_the_memory_of_one)
{
  GstElement *pipelines[11];
  gsize of_one = 0, of_all;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (pipelines); i++) {
    pipelines[i] = launch ("ddpmnoise seed=%u ! ddpmdenoise backend=cpu ! "
        "fakesink", i);
    preroll (pipelines[i]);
    if (i == 0)
      of_one = get_resident_size ();
  }
  of_all = get_resident_size ();
  fail_unless (of_all - of_one < 10 * ((gsize) 5 << 20), "%" G_GSIZE_FORMAT
      " MiB for ten more elements", (of_all - of_one) >> 20);
  for (i = 0; i < G_N_ELEMENTS (pipelines); i++)
    stop_and_free (pipelines[i]);
}

/* On both sides, ones at the end do not matter, in any combination. */
TEST (dimensions_of_every_rank_link)
{
  static const gchar *const ranks[] = {
    "3:6:4", "3:6:4:1", "3:6:4:1:1", "3:6:4:1:1:1:1:1:1:1:1:1:1:1:1:1"
  };
  const guint n = G_N_ELEMENTS (ranks);
  guint i;

  for (i = 0; i < n * n; i++) {
    const gchar *up = ranks[i / n], *down = ranks[i % n];
    g_autofree gchar *source = g_strdup_printf ("ddpmnoise num-buffers=1 ! "
        "other/tensors,dimensions=(string)%s", up);
    g_autofree gchar *caps = g_strdup_printf ("other/tensors,format=static,"
        "num_tensors=1,types=float32,dimensions=(string)%s", down);
    GPtrArray *states = run (source, denoise (3, 10, ""), caps);
    GstCaps *found = gst_sample_get_caps (g_ptr_array_index (states, 0));

    fail_unless_equals_string (gst_structure_get_string
        (gst_caps_get_structure (found, 0), "dimensions"), down);
    g_ptr_array_unref (states);
  }
}

TEST (other_dimensions_do_not_link)
{
  g_autofree gchar *line = g_strdup_printf ("%s ! %s ! "
      "other/tensors,dimensions=(string)3:6:4:2 ! fakesink", noise (1, 3, 1),
      denoise (3, 10, ""));
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);

  g_assert_error (error, GST_PARSE_ERROR, GST_PARSE_ERROR_LINK);
  gst_clear_object (&pipeline);
}

TEST (a_sample_does_not_depend_on_its_batch)
{
  GPtrArray *alone = run (noise (4, 3, 1), denoise (3, 10, "sampler=ddpm"),
      "video/x-raw");
  GPtrArray *together = run (noise (1, 3, 4), denoise (3, 10, "sampler=ddpm"),
      "video/x-raw");
  guint i;

  for (i = 0; i < 4; i++)
    check_same (together, i, alone, i);
  g_ptr_array_unref (alone);
  g_ptr_array_unref (together);
}

/* A source of x_T of three samples, as a file that knows no seed, index or
 * time */
static gchar *
noise_from_file (const gchar * properties, const gchar * caps)
{
  g_autofree gchar *path = g_build_filename (model_folder, "x_T", NULL);
  GstElement *pipeline = launch ("%s ! filesink location=%s",
      noise (3, 3, 1), path);

  run_to_eos (pipeline);
  return g_strdup_printf ("filesrc location=%s %s ! "
      "other/tensors,dimensions=(string)3:6:4:1%s", path, properties, caps);
}

TEST (a_file_of_states_is_cut_into_states)
{
  g_autofree gchar *source = noise_from_file ("blocksize=100", "");
  GPtrArray *straight = run (noise (3, 3, 1), denoise (3, 10, "sampler=ddpm"),
      "other/tensors");
  GPtrArray *from_file = run (source, denoise (3, 10, "sampler=ddpm"),
      "other/tensors");
  guint i;

  fail_unless_equals_int (from_file->len, 3);
  for (i = 0; i < 3; i++) {
    check_same (from_file, i, straight, i);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (nth_buffer (from_file, i)),
        i);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (nth_buffer (from_file, i)),
        GST_BUFFER_PTS (nth_buffer (straight, i)));
  }
  g_ptr_array_unref (straight);
  g_ptr_array_unref (from_file);
}

TEST (the_seed_in_the_caps_is_that_of_the_steps)
{
  g_autofree gchar *one = noise_from_file ("", ",seed=(guint64)1");
  g_autofree gchar *two = noise_from_file ("", ",seed=(guint64)2");
  GPtrArray *a = run (one, denoise (3, 10, "sampler=ddpm"), "other/tensors");
  GPtrArray *b = run (two, denoise (3, 10, "sampler=ddpm"), "other/tensors");

  fail_if (same_bits (nth_buffer (a, 0), nth_buffer (b, 0)));
  g_ptr_array_unref (a);
  g_ptr_array_unref (b);
}

TEST (a_second_run_gives_the_same)
{
  GstElement *pipeline = launch ("%s ! %s ! appsink name=sink sync=false",
      noise (2, 3, 2), denoise (3, 10, "sampler=ddpm"));
  GPtrArray *before = take_all (pipeline);
  GPtrArray *after;
  guint i;

  go_to_ready (pipeline);
  after = take_all (pipeline);
  stop_and_free (pipeline);
  fail_unless_equals_int (before->len, 4);
  fail_unless_equals_int (after->len, 4);
  for (i = 0; i < 4; i++) {
    check_same (after, i, before, i);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (nth_buffer (after, i)),
        GST_BUFFER_PTS (nth_buffer (before, i)));
  }
  g_ptr_array_unref (before);
  g_ptr_array_unref (after);
}

/* --- what is agreed on --------------------------------------------------- */

TEST (video_caps_decide_the_shape)
{
  GPtrArray *frames = run ("ddpmnoise num-buffers=1 batch-size=2",
      denoise (3, 10, "steps=1"), "video/x-raw,width=12,height=10");

  fail_unless_equals_int (frames->len, 2);
  g_ptr_array_unref (frames);
}

TEST (it_says_what_it_loaded)
{
  GstElement *pipeline = launch ("%s ! %s ! appsink name=sink sync=false",
      noise (1, 3, 1), denoise (3, 10, "sampler=dpmpp-2m steps=7"));
  const GstStructure *s;
  GstMessage *message;
  guint timesteps, steps;
  guint64 parameters;

  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  message = wait_for (pipeline, GST_MESSAGE_ELEMENT);
  fail_unless (gst_message_has_name (message, "ddpmdenoise-model"));
  s = gst_message_get_structure (message);
  fail_unless (g_str_has_suffix (gst_structure_get_string (s, "location"),
          "model-3-10.bin"));
  fail_unless (g_str_has_prefix (gst_structure_get_string (s, "architecture"),
          "UNet 32x[1,1]"));
  fail_unless_equals_string (gst_structure_get_string (s, "backend"),
      "reference");
  fail_unless_equals_string (gst_structure_get_string (s, "precision"), "f32");
  fail_unless (gst_structure_has_field_typed (s, "device", G_TYPE_STRING));
  fail_unless_equals_string (gst_structure_get_string (s, "sampler"),
      "dpmpp-2m");
  fail_unless (gst_structure_get (s, "timesteps", G_TYPE_UINT, &timesteps,
          "steps", G_TYPE_UINT, &steps,
          "parameters", G_TYPE_UINT64, &parameters, NULL));
  fail_unless_equals_int (timesteps, 10);
  fail_unless_equals_int (steps, 7);
  fail_unless (parameters > 0);
  gst_message_unref (message);
  stop_and_free (pipeline);
}

TEST (every_sampler_of_the_library_is_a_value_of_the_property)
{
  GstElement *element = gst_element_factory_make ("ddpmdenoise", NULL);
  const DdpmSamplerInfo *info;
  guint kind;

  for (kind = 0; (info = ddpm_sampler_get_info (kind)); kind++) {
    gint value = -1;

    gst_util_set_object_arg (G_OBJECT (element), "sampler", info->name);
    g_object_get (element, "sampler", &value, NULL);
    fail_unless_equals_int (value, kind);
  }
  fail_unless (kind > DDPM_SAMPLER_DPMPP_2M);
  gst_object_unref (element);
}

ELEMENT_TEST_MAIN (unchecked, write_models, remove_models)
