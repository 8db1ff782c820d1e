/* gst-ddpm: tests of tensors and pictures in the memory of a GPU
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gst/video/video.h>

#include "tests/support/cuda-test.h"

#define TENSORS "other/tensors(" CUDA ")"
#define TO_SINK " ! video/x-raw,format=RGB ! appsink name=sink sync=false"
#define SHAPE "dimensions=(string)3:6:4:3"

/* --- tensors -------------------------------------------------------------- */

TEST (noise_of_the_device_is_that_of_the_host)
{
  check_all_same (run (NOISE, "identity", TENSORS "," SHAPE),
      run (NOISE, "identity", "other/tensors," SHAPE));
}

TEST (noise_for_who_takes_anything_is_of_the_host)
{
  GstElement *pipeline = launch (NOISE " ! appsink name=sink sync=false");

  play (pipeline);
  fail_unless_equals_int (drain (pipeline), 2);
  fail_if (is_cuda (pipeline, "noise", "src"));
  stop_and_free (pipeline);
}

static GstBuffer *
take_device_buffer (void)
{
  GPtrArray *samples = run (NOISE, "identity", TENSORS "," SHAPE);
  GstBuffer *buffer = gst_buffer_ref (nth_buffer (samples, 0));

  g_ptr_array_unref (samples);
  return buffer;
}

TEST (what_is_written_on_the_host_goes_back)
{
  GstBuffer *buffer = take_device_buffer ();
  GstMemory *mem = gst_buffer_peek_memory (buffer, 0);
  GstMapInfo map;

  fail_unless (gst_memory_is_type (mem, "gst.ddpm.cuda"));
  fail_unless (gst_memory_map (mem, &map, GST_MAP_READWRITE));
  memset (map.data, 7, map.size);
  gst_memory_unmap (mem, &map);
  fail_unless (gst_memory_map (mem, &map, GST_MAP_READ));
  fail_unless_equals_int (map.data[0], 7);
  fail_unless_equals_int (map.data[map.size - 1], 7);
  gst_memory_unmap (mem, &map);
  gst_buffer_unref (buffer);
}

TEST (a_copy_is_on_the_device_and_its_own)
{
  GstBuffer *buffer = take_device_buffer ();
  GstBuffer *copy = gst_buffer_copy_deep (buffer);
  GstMapInfo map;

  fail_unless (gst_memory_is_type (gst_buffer_peek_memory (copy, 0),
          "gst.ddpm.cuda"));
  fail_unless (same_bits (buffer, copy));
  fail_unless (gst_buffer_map (copy, &map, GST_MAP_WRITE));
  memset (map.data, 7, map.size);
  gst_buffer_unmap (copy, &map);
  fail_if (same_bits (buffer, copy));
  gst_buffer_unref (copy);
  gst_buffer_unref (buffer);
}

TEST (states_go_from_element_to_element_on_the_device)
{
  GstElement *device = launch ("%s ! %s ! queue ! %s" TO_SINK, NOISE,
      on (DEVICE, "stop-timestep=5"), on (DEVICE, "name=last"));
  GstElement *host = launch ("%s ! %s ! queue ! %s" TO_SINK, HOST_NOISE,
      on (HOST, "stop-timestep=5"), on (HOST, ""));
  GPtrArray *on_device = take_all (device);

  fail_unless (is_cuda (device, "noise", "src"));
  fail_unless (is_cuda (device, "last", "sink"));
  stop_and_free (device);
  check_all_same (on_device, take_all (host));
  stop_and_free (host);
}

TEST (a_backend_on_the_host_takes_memory_of_the_host)
{
  GstElement *pipeline = launch ("%s ! %s ! appsink name=sink sync=false",
      NOISE, on ("reference", "name=d"));

  play (pipeline);
  fail_unless_equals_int (drain (pipeline), 2);
  fail_if (is_cuda (pipeline, "noise", "src"));
  fail_if (is_cuda (pipeline, "d", "src"));
  stop_and_free (pipeline);
}

TEST (a_backend_on_the_host_cannot_be_linked_to_a_device)
{
  g_autofree gchar *description = g_strdup_printf (NOISE " ! " TENSORS " ! %s",
      on ("reference", ""));
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error);

  fail_unless (g_error_matches (error, GST_PARSE_ERROR, GST_PARSE_ERROR_LINK),
      "%s", error ? error->message : "linked");
  g_error_free (error);
  gst_clear_object (&pipeline);
}

/* appsrc asks nobody before. */
TEST (a_backend_on_the_host_refuses_memory_of_a_device)
{
  GstElement *pipeline = launch ("appsrc name=src caps=\"other/tensors(" CUDA
      "),format=static,num_tensors=1,types=float32," SHAPE "\" ! %s ! fakesink",
      on ("reference", ""));
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 4 * 3 * 6 * 4 * 3, NULL);
  GstFlowReturn ret;

  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  g_signal_emit_by_name (src, "push-buffer", buffer, &ret);
  gst_buffer_unref (buffer);
  gst_object_unref (src);
  assert_error (pipeline, NEGOTIATION_ERROR, "computes on the host");
}

#ifndef ON_A_GPU
/* Of memory, before each state that comes to the end */
static void
note_allocations (GstElement * sink, GstBuffer * buffer, GstPad * pad,
    GArray * noted)
{
  const gsize allocations = get_counter ("fake_gpu_allocations");

  g_array_append_val (noted, allocations);
}

TEST (states_are_in_the_memory_of_those_before)
{
  GstElement *pipeline = launch ("ddpmnoise num-buffers=12 ! %s ! %s ! "
      TENSORS " ! fakesink name=sink signal-handoffs=true",
      on (DEVICE, "stop-timestep=5"), on (DEVICE, "stop-timestep=2"));
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GArray *noted = g_array_new (FALSE, FALSE, sizeof (gsize));

  g_signal_connect (sink, "handoff", G_CALLBACK (note_allocations), noted);
  play (pipeline);
  wait_for_eos (pipeline);
  fail_unless_equals_int (noted->len, 12);
  fail_unless_equals_uint64 (g_array_index (noted, gsize, 11),
      g_array_index (noted, gsize, 2));
  gst_object_unref (sink);
  stop_and_free (pipeline);
  g_array_unref (noted);
}

TEST (states_of_another_device_come_through_the_host)
{
  GstElement *two = launch ("%s ! %s" TO_SINK, NOISE " cuda-device-id=0",
      on (DEVICE, "cuda-device-id=1 name=d"));
  GstElement *host = launch ("%s ! %s" TO_SINK, NOISE, on ("reference", ""));
  GPtrArray *of_two = take_all (two);

  fail_unless (is_cuda (two, "d", "sink"));
  stop_and_free (two);
  check_all_same (of_two, take_all (host));
  stop_and_free (host);
}
#endif

/* --- pictures ------------------------------------------------------------- */

TEST (pictures_for_who_takes_anything_are_of_the_host)
{
  GstElement *pipeline = launch ("%s ! %s ! appsink name=sink sync=false",
      NOISE, on (DEVICE, "name=d"));

  play (pipeline);
  drain (pipeline);
  fail_unless (is_cuda (pipeline, "d", "sink"));
  fail_if (is_cuda (pipeline, "d", "src"));
  stop_and_free (pipeline);
}

/* One component of one pixel */
static guint8
get_pixel (GstVideoFrame * frame, guint c, guint x, guint y)
{
  const guint8 *data = GST_VIDEO_FRAME_COMP_DATA (frame, c);

  return data[y * GST_VIDEO_FRAME_COMP_STRIDE (frame, c)
      + x * GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c)];
}

static void
map_frame (GstSample * sample, GstVideoFrame * frame)
{
  GstVideoInfo info;

  fail_unless (gst_video_info_from_caps (&info, gst_sample_get_caps (sample)));
  fail_unless (gst_video_frame_map (frame, &info,
          gst_sample_get_buffer (sample), GST_MAP_READ));
}

/* But for so many levels */
static void
check_same_picture (GstSample * a, GstSample * b, gint but_for)
{
  GstVideoFrame fa, fb;
  guint c, x, y;

  map_frame (a, &fa);
  map_frame (b, &fb);
  fail_unless_equals_int (GST_VIDEO_FRAME_WIDTH (&fa),
      GST_VIDEO_FRAME_WIDTH (&fb));
  for (y = 0; y < GST_VIDEO_FRAME_HEIGHT (&fa); y++) {
    for (x = 0; x < GST_VIDEO_FRAME_WIDTH (&fa); x++) {
      for (c = 0; c < 3; c++)
        fail_unless (ABS (get_pixel (&fa, c, x, y) - get_pixel (&fb, c, x,
                    y)) <= but_for);
      if (GST_VIDEO_FRAME_N_COMPONENTS (&fa) == 4)
        fail_unless_equals_int (get_pixel (&fa, 3, x, y), 255);
    }
  }
  gst_video_frame_unmap (&fb);
  gst_video_frame_unmap (&fa);
}

static void
check_pictures (const gchar * format, const gchar * properties)
{
  g_autofree gchar *caps =
      g_strdup_printf ("video/x-raw(" CUDA "),format=%s", format);
  GPtrArray *device = run (NOISE " ! queue", on (DEVICE, properties), caps);
  GPtrArray *host = run (HOST_NOISE, on (HOST, properties),
      "video/x-raw,format=RGB");
  guint i;

  fail_unless_equals_int (device->len, host->len);
  for (i = 0; i < device->len; i++) {
    fail_unless (gst_memory_is_type (gst_buffer_peek_memory (nth_buffer (device,
                    i), 0), "gst.cuda.memory"));
    check_same_picture (g_ptr_array_index (device, i),
        g_ptr_array_index (host, i), 0);
  }
  g_ptr_array_unref (device);
  g_ptr_array_unref (host);
}

LOOP_TEST (pictures_on_the_device_are_those_of_the_host, 3)
{
  static const gchar *formats[] = { "RGB", "RGBP", "RGBA" };

  if (!has_gstcuda ())
    return;
  check_pictures (formats[__i__], "");
}

TEST (mosaics_and_trajectories_on_the_device)
{
  if (has_gstcuda ())
    check_pictures ("RGBA", "columns=2 emit=trajectory trajectory-interval=1");
}

/* Two buffers backwards, of which copies are held */
static GPtrArray *
run_backwards (const gchar * element, const gchar * caps)
{
  GstElement *pipeline = launch ("ddpmnoise ! other/tensors," SHAPE
      ",framerate=10/1 ! %s ! %s ! appsink name=sink sync=false", element,
      caps);
  GPtrArray *samples;

  preroll (pipeline);
  fail_unless (gst_element_seek (pipeline, -1.0, GST_FORMAT_DEFAULT,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET, 6));
  samples = take_all (pipeline);
  stop_and_free (pipeline);
  return samples;
}

TEST (pictures_on_the_device_backwards)
{
  const gchar *properties = "emit=trajectory steps=3";
  g_autoptr (GPtrArray) device = NULL, host = NULL;
  guint i;

  if (!has_gstcuda ())
    return;
  device = run_backwards (on (DEVICE, properties), "video/x-raw(" CUDA
      "),format=RGBA");
  host = run_backwards (on (HOST, properties), "video/x-raw,format=RGB");
  fail_unless_equals_int (device->len, 2 * 3 * 3);
  fail_unless_equals_int (device->len, host->len);
  for (i = 0; i < device->len; i++) {
    fail_unless (gst_memory_is_type (gst_buffer_peek_memory (nth_buffer (device,
                    i), 0), "gst.cuda.memory"));
    check_same_picture (g_ptr_array_index (device, i),
        g_ptr_array_index (host, i), 0);
  }
}

#ifdef ON_A_GPU
static gboolean
has_element (const gchar * name)
{
  GstElementFactory *factory = gst_element_factory_find (name);

  if (factory == NULL) {
    g_print ("skipped: no %s\n", name);
    return FALSE;
  }
  gst_object_unref (factory);
  return TRUE;
}

TEST (what_cudadownload_brings_is_the_same)
{
  const gchar *video = "video/x-raw,format=RGBA";

  if (!has_element ("cudadownload"))
    return;
  check_all_same (run (NOISE " ! queue", on (DEVICE,
              "! video/x-raw(" CUDA ") ! cudadownload"), video),
      run (HOST_NOISE, on (HOST, "! videoconvert"), video));
}

/* Which lets go of pictures while it reads them: many frames, and the memory of
 * few */
TEST (what_cudaconvert_reads_is_not_painted_again)
{
  const gchar *source = "ddpmnoise num-buffers=200 seed=5";
  GPtrArray *device, *host;

  if (!has_element ("cudaconvert") || !has_element ("cudadownload"))
    return;
  device = run (source, on (DEVICE, "! video/x-raw(" CUDA "),format=RGBA ! "
          "cudaconvert ! video/x-raw(" CUDA "),format=BGRA ! cudadownload"),
      "video/x-raw,format=BGRA");
  host = run ("ddpmnoise num-buffers=200 seed=5 ! other/tensors", on (HOST, ""),
      "video/x-raw,format=RGB");
  fail_unless_equals_int (device->len, 200);
  fail_unless_equals_int (host->len, 200);
  for (guint i = 0; i < device->len; i++)
    check_same_picture (g_ptr_array_index (device, i),
        g_ptr_array_index (host, i), 1);
  g_ptr_array_unref (device);
  g_ptr_array_unref (host);
}
#else
TEST (nothing_passes_through_the_host)
{
  GstElement *pipeline;
  gsize before;

  if (!has_gstcuda ())
    return;
  pipeline = launch ("%s ! other/tensors(" CUDA ") ! %s ! video/x-raw(" CUDA
      ") ! fakesink sync=false", NOISE, on (DEVICE, ""));
  before = get_counter ("fake_gpu_downloads");
  play (pipeline);
  wait_for_eos (pipeline);
  fail_unless_equals_uint64 (get_counter ("fake_gpu_downloads"), before);
  stop_and_free (pipeline);
}
#endif

TEST (grey_pictures_are_of_the_host)
{
  GstElement *pipeline = launch ("ddpmnoise num-buffers=1 ! ddpmdenoise name=d "
      "backend=cuda steps=1 model=%s/model-1-10.bin ! appsink name=sink "
      "sync=false", model_folder);
  GstElement *d = gst_bin_get_by_name (GST_BIN (pipeline), "d");
  GstPad *pad = gst_element_get_static_pad (d, "src");
  GstCaps *caps, *video;

  play (pipeline);
  drain (pipeline);
  caps = gst_pad_query_caps (pad, NULL);
  video = gst_caps_from_string ("video/x-raw(" CUDA ")");
  fail_if (gst_caps_can_intersect (caps, video));
  gst_caps_unref (video);
  gst_caps_unref (caps);
  gst_object_unref (pad);
  gst_object_unref (d);
  stop_and_free (pipeline);
}

CUDA_TEST_MAIN (unchecked, write_models, remove_models)
