/* gst-ddpm: the pipeline inside a program of one's own
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Makes images and hands each to the program through appsink; here it says
 * how bright they are and, if asked, writes them as PPM files.
 *
 *   gcc -o embed embed.c $(pkg-config --cflags --libs gstreamer-app-1.0 \
 *       gstreamer-video-1.0)
 *   ./embed --images 4 --output /tmp
 */
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>

static gint images = 4, steps = -1;
static gint64 seed = 0;
static gchar *model = NULL, *output = NULL;

static GOptionEntry options[] = {
  {"images", 'n', 0, G_OPTION_ARG_INT, &images, "How many", "N"},
  {"seed", 's', 0, G_OPTION_ARG_INT64, &seed, "Of the noise", "N"},
  {"steps", 't', 0, G_OPTION_ARG_INT, &steps, "Of the sampler", "N"},
  {"model", 'm', 0, G_OPTION_ARG_FILENAME, &model, "Checkpoint", "FILE"},
  {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
      "Write image-NNN.ppm there", "FOLDER"},
  {NULL}
};

static gdouble
mean_of_frame (GstVideoFrame * frame)
{
  gint width = GST_VIDEO_FRAME_WIDTH (frame), x, y;
  gint height = GST_VIDEO_FRAME_HEIGHT (frame);
  gdouble sum = 0;

  for (y = 0; y < height; y++) {
    const guint8 *row = (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0) +
        y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0);

    for (x = 0; x < 3 * width; x++)
      sum += row[x];
  }
  return sum / (3. * width * height);
}

static gboolean
write_ppm (GstVideoFrame * frame, const gchar * path, GError ** error)
{
  gint width = GST_VIDEO_FRAME_WIDTH (frame), y;
  gint height = GST_VIDEO_FRAME_HEIGHT (frame);
  g_autoptr (GString) ppm = g_string_new (NULL);

  g_string_printf (ppm, "P6 %d %d 255\n", width, height);
  for (y = 0; y < height; y++)
    g_string_append_len (ppm, (gchar *) GST_VIDEO_FRAME_PLANE_DATA (frame, 0) +
        y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, 0), 3 * width);
  return g_file_set_contents (path, ppm->str, ppm->len, error);
}

static gboolean
take_image (GstSample * sample, guint number, GError ** error)
{
  GstVideoInfo info;
  GstVideoFrame frame;
  gboolean ok = TRUE;

  gst_video_info_from_caps (&info, gst_sample_get_caps (sample));
  if (!gst_video_frame_map (&frame, &info, gst_sample_get_buffer (sample),
          GST_MAP_READ)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED,
        "image %u cannot be mapped", number);
    return FALSE;
  }
  g_print ("image %u: %dx%d, mean %.1f\n", number,
      GST_VIDEO_FRAME_WIDTH (&frame), GST_VIDEO_FRAME_HEIGHT (&frame),
      mean_of_frame (&frame));
  if (output) {
    g_autofree gchar *name = g_strdup_printf ("image-%03u.ppm", number);
    g_autofree gchar *path = g_build_filename (output, name, NULL);

    ok = write_ppm (&frame, path, error);
  }
  gst_video_frame_unmap (&frame);
  return ok;
}

/* What went wrong in the pipeline, if anything did */
static gboolean
pipeline_failed (GstElement * pipeline, GError ** error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message =
      gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  if (message == NULL)
    return FALSE;
  gst_message_parse_error (message, error, NULL);
  return TRUE;
}

/* As a property, less than 0 would be images without end. */
static gboolean
check_options (GError ** error)
{
  if (images >= 0 && seed >= 0)
    return TRUE;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "--images and --seed cannot be less than 0");
  return FALSE;
}

static gboolean
run (GError ** error)
{
  g_autoptr (GstElement) pipeline = NULL, noise = NULL, denoise = NULL;
  g_autoptr (GstElement) sink = NULL;
  GstSample *sample;
  guint number = 0;
  gboolean ok = TRUE;

  pipeline = gst_parse_launch ("ddpmnoise name=noise ! ddpmdenoise "
      "name=denoise ! videoconvert ! video/x-raw,format=RGB ! "
      "appsink name=sink sync=false max-buffers=2", error);
  if (pipeline == NULL)
    return FALSE;
  noise = gst_bin_get_by_name (GST_BIN (pipeline), "noise");
  denoise = gst_bin_get_by_name (GST_BIN (pipeline), "denoise");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_object_set (noise, "num-buffers", images, "seed", (guint64) seed, NULL);
  if (model)
    g_object_set (denoise, "model", model, NULL);
  if (steps >= 0)
    g_object_set (denoise, "steps", steps, NULL);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  /* an error would leave a plain pull waiting for ever */
  while (ok && !gst_app_sink_is_eos (GST_APP_SINK (sink))) {
    sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink),
        100 * GST_MSECOND);
    if (sample) {
      ok = take_image (sample, number++, error);
      gst_sample_unref (sample);
    } else {
      ok = !pipeline_failed (pipeline, error);
    }
  }
  /* what fails on the way ends the stream too */
  ok = ok && !pipeline_failed (pipeline, error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return ok;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_set_summary (context, "Makes images with ddpmdenoise.");
  g_option_context_add_main_entries (context, options, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error)
      || !check_options (&error) || !run (&error)) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  return 0;
}
