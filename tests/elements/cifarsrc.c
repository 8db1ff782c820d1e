/* gst-ddpm: tests of cifarsrc
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/element-test.h"
#include "gst-ddpm/files/cifar.h"
#include "plugins/common/meta.h"

#define SINK " ! appsink name=sink sync=false"

/* --- data of our own: a folder that every test finds empty ---------------- */

static guint8
pixel_of (guint image, guint c, guint y, guint x)
{
  return image * 31 + c * 101 + y * 5 + x * 3;
}

/* Images first .. first + n - 1 of n_labels label bytes; the last of them is
 * image % 10. Returns the path. */
static gchar *
write_images (const gchar * name, guint n_labels, guint first, guint n)
{
  gchar *path = g_build_filename (folder, name, NULL);
  gsize record = n_labels + DDPM_CIFAR_PIXELS;
  guint8 *bytes = g_malloc0 (n * record + 1);
  guint i, j;

  for (i = 0; i < n; i++) {
    guint8 *pixels = bytes + i * record + n_labels;

    pixels[-1] = (first + i) % 10;
    for (j = 0; j < DDPM_CIFAR_PIXELS; j++)
      pixels[j] = pixel_of (first + i, j / 1024, j / 32 % 32, j % 32);
  }
  fail_unless (g_file_set_contents (path, (gchar *) bytes, n * record, NULL));
  g_free (bytes);
  return path;
}

/* --- what comes out --------------------------------------------------------- */

static GstDdpmSample
get_sample (GstBuffer * buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer,
      GST_DDPM_SAMPLE_META);
  GstDdpmSample sample;

  fail_unless (meta != NULL);
  fail_unless (gst_structure_get (gst_custom_meta_get_structure (meta),
          "label", G_TYPE_INT, &sample.label,
          "index", G_TYPE_UINT64, &sample.index,
          "epoch", G_TYPE_UINT64, &sample.epoch,
          "position", G_TYPE_UINT64, &sample.position,
          "epoch-size", G_TYPE_UINT64, &sample.epoch_size, NULL));
  return sample;
}

/* Pulls the frame-th of all epochs of n images in this order (NULL: of the
 * files), and checks its label, place and red corner. */
static void
check_next (GstElement * pipeline, guint64 frame, guint n,
    const guint64 * order)
{
  GstSample *pulled = pull (pipeline);
  GstBuffer *buffer = gst_sample_get_buffer (pulled);
  GstDdpmSample sample = get_sample (buffer);
  guint64 index = order ? order[frame % n] : frame % n;
  guint8 corner;

  fail_unless_equals_uint64 (GST_BUFFER_OFFSET (buffer), frame);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), frame * GST_SECOND / 30);
  fail_unless_equals_uint64 (sample.epoch_size, n);
  fail_unless_equals_uint64 (sample.epoch, frame / n);
  fail_unless_equals_uint64 (sample.position, frame % n);
  fail_unless_equals_uint64 (sample.index, index);
  fail_unless_equals_int (sample.label, index % 10);
  fail_unless_equals_int (gst_buffer_extract (buffer, 0, &corner, 1), 1);
  fail_unless_equals_int (corner, pixel_of (index, 0, 0, 0));
  gst_sample_unref (pulled);
}

/* One epoch in the order of the files, of n images */
static void
check_file_order (GstElement * pipeline, guint n)
{
  guint i;

  play (pipeline);
  for (i = 0; i < n; i++)
    check_next (pipeline, i, n, NULL);
  fail_unless (pull (pipeline) == NULL);
  stop_and_free (pipeline);
}

/* --- tests ------------------------------------------------------------------ */

TEST (folder_of_cifar10)
{
  g_free (write_images ("data_batch_1.bin", 1, 0, 3));
  g_free (write_images ("data_batch_2.bin", 1, 3, 9));
  g_free (write_images ("test_batch.bin", 1, 0, 5));

  check_file_order (launch ("cifarsrc location=%s shuffle=false" SINK, folder),
      12);
  check_file_order (launch ("cifarsrc location=%s shuffle=false split=test"
          SINK, folder), 5);
}

TEST (folder_of_cifar100)
{
  g_free (write_images ("train.bin", 2, 0, 4));
  g_free (write_images ("test.bin", 2, 0, 2));

  check_file_order (launch ("cifarsrc location=%s shuffle=false" SINK, folder),
      4);
  check_file_order (launch ("cifarsrc location=%s shuffle=false split=test"
          SINK, folder), 2);
}

/* Three images; pixel 0 of image n is 100 + n. */
static void
write_mnist (void)
{
  const guint8 images_head[] = { 0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 28, 0, 0, 0,
    28
  };
  const guint8 labels[] = { 0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9 };
  guint8 images[16 + 3 * 784] = { 0, };
  gchar *path = g_build_filename (folder, "train-images-idx3-ubyte", NULL);
  guint i;

  memcpy (images, images_head, 16);
  for (i = 0; i < 3; i++)
    images[16 + i * 784] = 100 + i;
  fail_unless (g_file_set_contents (path, (gchar *) images, sizeof images,
          NULL));
  g_free (path);
  path = g_build_filename (folder, "train-labels-idx1-ubyte", NULL);
  fail_unless (g_file_set_contents (path, (const gchar *) labels, 11, NULL));
  g_free (path);
}

/* Where pixel 0 is in a frame of this size; told: of a border */
static void
check_mnist (const gchar * caps, gint size, gint at, gboolean told)
{
  GstElement *pipeline = launch ("cifarsrc shuffle=false location=%s ! %s"
      SINK, folder, caps);
  guint i;

  play (pipeline);
  for (i = 0; i < 3; i++) {
    GstSample *pulled = pull (pipeline);
    GstBuffer *buffer = gst_sample_get_buffer (pulled);
    guint8 pixel;

    fail_unless_equals_int (gst_buffer_get_size (buffer), size * size);
    fail_unless_equals_int (get_sample (buffer).label, 7 + i);
    gst_buffer_extract (buffer, at, &pixel, 1);
    fail_unless_equals_int (pixel, 100 + i);
    gst_buffer_extract (buffer, size * size - 1, &pixel, 1);
    fail_unless_equals_int (pixel, 0);
    gst_sample_unref (pulled);
  }
  if (told)
    gst_message_unref (wait_for (pipeline, GST_MESSAGE_INFO));
  stop_and_free (pipeline);
}

TEST (folder_of_mnist)
{
  write_mnist ();
  check_mnist ("video/x-raw", 32, 2 * 32 + 2, TRUE);
  check_mnist ("video/x-raw,width=28", 28, 0, FALSE);
}

TEST (cifar10_has_no_coarse_labels)
{
  gchar *path = write_images ("data_batch_1.bin", 1, 0, 3);

  assert_error (launch ("cifarsrc labels=coarse location=%s ! fakesink",
          folder), SETTINGS_ERROR, "CIFAR-100");
  g_free (path);
}

TEST (single_file)
{
  gchar *path = write_images ("anything.bin", 1, 0, 6);

  check_file_order (launch ("cifarsrc location=%s shuffle=false" SINK, path),
      6);
  g_free (path);
}

/* Both layouts hold the same pixels, and all of them. */
TEST (pixels)
{
  static const struct
  {
    const gchar *format;
    guint c, y, x;              /* steps, bytes */
  } layouts[] = {
    {"RGBP", 1024, 32, 1},
    {"RGB", 1, 96, 3},
  };
  gchar *path = write_images ("x.bin", 1, 7, 1);
  guint i, c, y, x;

  for (i = 0; i < G_N_ELEMENTS (layouts); i++) {
    GstElement *pipeline = launch ("cifarsrc location=%s ! video/x-raw,"
        "format=%s" SINK, path, layouts[i].format);
    GstSample *sample;
    GstMapInfo map;

    play (pipeline);
    sample = pull (pipeline);
    fail_unless (gst_buffer_map (gst_sample_get_buffer (sample), &map,
            GST_MAP_READ));
    fail_unless_equals_int (map.size, 3072);
    for (c = 0; c < 3; c++)
      for (y = 0; y < 32; y++)
        for (x = 0; x < 32; x++)
          fail_unless_equals_int (map.data[c * layouts[i].c + y * layouts[i].y
                  + x * layouts[i].x], pixel_of (7, c, y, x));
    gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
    gst_sample_unref (sample);
    stop_and_free (pipeline);
  }
  g_free (path);
}

TEST (default_caps)
{
  gchar *path = write_images ("x.bin", 1, 0, 1);
  GstElement *pipeline = launch ("cifarsrc location=%s" SINK, path);
  GstCaps *expected = gst_caps_from_string ("video/x-raw, format=RGBP, "
      "width=32, height=32, framerate=30/1");
  GstSample *sample;

  play (pipeline);
  sample = pull (pipeline);
  fail_unless (gst_caps_is_subset (gst_sample_get_caps (sample), expected));
  gst_sample_unref (sample);
  gst_caps_unref (expected);
  stop_and_free (pipeline);
  g_free (path);
}

TEST (every_epoch_has_the_order_of_its_seed)
{
  const guint n = 20, epochs = 3;
  gchar *path = write_images ("x.bin", 1, 0, n);
  GstElement *pipeline = launch ("cifarsrc location=%s epochs=3 seed=42" SINK,
      path);
  guint64 order[20];
  guint i, run;

  for (run = 0; run < 2; run++) {
    play (pipeline);
    for (i = 0; i < epochs * n; i++) {
      ddpm_cifar_shuffle (42, i / n, n, order);
      check_next (pipeline, i, n, order);
    }
    fail_unless (pull (pipeline) == NULL);
    go_to_ready (pipeline);
  }
  stop_and_free (pipeline);
  g_free (path);
}

TEST (seek_keeps_the_order)
{
  const guint n = 15;
  static const guint64 frames[] = { 44, 0, 16, 14, 15, 29, 30 };
  gchar *path = write_images ("x.bin", 1, 0, n);
  GstElement *pipeline = launch ("cifarsrc location=%s epochs=3 seed=1" SINK,
      path);
  guint64 order[15];
  guint i;

  play (pipeline);
  gst_sample_unref (pull (pipeline));
  for (i = 0; i < G_N_ELEMENTS (frames); i++) {
    ddpm_cifar_shuffle (1, frames[i] / n, n, order);
    seek_to (pipeline, GST_FORMAT_DEFAULT, frames[i]);
    check_next (pipeline, frames[i], n, order);
    seek_to (pipeline, GST_FORMAT_TIME,
        gst_util_uint64_scale (frames[i], GST_SECOND, 30));
    check_next (pipeline, frames[i], n, order);
  }
  /* the rest of the last epoch is still there */
  fail_unless_equals_int (drain (pipeline), 14);
  stop_and_free (pipeline);
  g_free (path);
}

/* From the end (-1), or from a time after it, through all epochs */
LOOP_TEST (backwards_reverses_the_order, 2)
{
  const guint n = 7;
  const gint64 stops[] = { -1, 100 * GST_SECOND };
  gchar *path = write_images ("x.bin", 1, 0, n);
  GstElement *pipeline = launch ("cifarsrc location=%s epochs=3 seed=1" SINK,
      path);
  GstQuery *query = gst_query_new_segment (GST_FORMAT_TIME);
  guint64 order[7];
  gint64 end;
  gint i;

  preroll (pipeline);
  fail_unless (gst_element_seek (pipeline, -1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET,
          stops[__i__]));
  play (pipeline);
  for (i = 3 * n - 1; i >= 0; i--) {
    ddpm_cifar_shuffle (1, i / n, n, order);
    check_next (pipeline, i, n, order);
  }
  fail_unless (pull (pipeline) == NULL);
  /* a sink does not wait for the first frame */
  fail_unless (gst_element_query (pipeline, query));
  gst_query_parse_segment (query, NULL, NULL, NULL, &end);
  fail_unless_equals_int64 (end, 3 * n * GST_SECOND / 30);
  gst_query_unref (query);
  stop_and_free (pipeline);
  g_free (path);
}

TEST (seek_past_the_end)
{
  gchar *path = write_images ("x.bin", 1, 0, 4);
  GstElement *pipeline = launch ("cifarsrc location=%s" SINK, path);

  play (pipeline);
  gst_sample_unref (pull (pipeline));
  seek_to (pipeline, GST_FORMAT_DEFAULT, 4);
  fail_unless (pull (pipeline) == NULL);
  stop_and_free (pipeline);
  g_free (path);
}

static void
check_duration (const gchar * path, const gchar * settings, gint64 frames)
{
  GstElement *pipeline = launch ("cifarsrc location=%s %s ! "
      "video/x-raw,framerate=10/1 ! appsink name=sink sync=false max-buffers=1",
      path, settings);
  gint64 duration;

  play (pipeline);
  gst_sample_unref (pull (pipeline));
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_DEFAULT,
          &duration));
  fail_unless_equals_int64 (duration, frames);
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_TIME,
          &duration));
  fail_unless_equals_int64 (duration,
      frames < 0 ? -1 : frames * (gint64) (GST_SECOND / 10));
  stop_and_free (pipeline);
}

TEST (duration)
{
  gchar *path = write_images ("x.bin", 1, 0, 6);

  check_duration (path, "", 6);
  check_duration (path, "epochs=5", 30);
  check_duration (path, "epochs=5 num-buffers=9", 9);
  check_duration (path, "epochs=2147483647", 6 * (gint64) G_MAXINT);
  check_duration (path, "epochs=0", -1);
  g_free (path);
}

TEST (no_epochs_is_endless)
{
  const guint n = 2;
  gchar *path = write_images ("x.bin", 1, 0, n);
  GstElement *pipeline = launch ("cifarsrc location=%s epochs=0 shuffle=false "
      "! appsink name=sink sync=false max-buffers=1", path);
  guint i;

  play (pipeline);
  for (i = 0; i < 50; i++)
    check_next (pipeline, i, n, NULL);
  stop_and_free (pipeline);
  g_free (path);
}

TEST (label_passes_converter_and_queue)
{
  gchar *path = write_images ("x.bin", 1, 8, 1);
  GstElement *pipeline = launch ("cifarsrc location=%s ! queue ! videoconvert "
      "! video/x-raw,format=BGRx" SINK, path);
  GstSample *sample;

  play (pipeline);
  sample = pull (pipeline);
  fail_unless_equals_int (get_sample (gst_sample_get_buffer (sample)).label, 8);
  gst_sample_unref (sample);
  stop_and_free (pipeline);
  g_free (path);
}

TEST (class_names_pass_converter_and_queue)
{
  const gchar *names = "airplane,b,c,d,e,f,g,h,i,truck";
  gchar *path = write_images ("data_batch_1.bin", 1, 0, 2);
  gchar *names_path = g_build_filename (folder, "batches.meta.txt", NULL);
  gchar *lines = g_strdelimit (g_strdup (names), ",", '\n'), *found = NULL;
  GstElement *pipeline, *sink;
  GstEvent *event;
  GstTagList *tags;
  GstPad *pad;

  fail_unless (g_file_set_contents (names_path, lines, -1, NULL));
  pipeline = launch ("cifarsrc location=%s ! videoconvert ! queue "
      "! video/x-raw,format=RGB" SINK, folder);
  play (pipeline);
  fail_unless_equals_int (drain (pipeline), 2);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  event = gst_pad_get_sticky_event (pad, GST_EVENT_TAG, 0);
  fail_unless (event != NULL);
  gst_event_parse_tag (event, &tags);
  fail_unless (gst_tag_list_get_string (tags, GST_DDPM_TAG_CLASS_NAMES,
          &found));
  fail_unless_equals_string (found, names);
  g_free (found);
  gst_event_unref (event);
  gst_object_unref (pad);
  gst_object_unref (sink);
  stop_and_free (pipeline);
  g_free (lines);
  g_free (names_path);
  g_free (path);
}

TEST (epochs_below_zero_are_one_error)
{
  gchar *path = write_images ("images.bin", 1, 0, 3);

  assert_one_error (launch ("cifarsrc location=%s epochs=-1" SINK, path),
      SETTINGS_ERROR, "epochs");
  g_free (path);
}

TEST (bad_data_is_one_error)
{
  gchar *empty = write_images ("empty.bin", 1, 0, 0);
  gchar *odd = write_images ("odd.bin", 1, 0, 3);

  fail_unless_equals_int (truncate (odd, 3 * 3073 - 1), 0);
  assert_one_error (launch ("cifarsrc location=%s/none" SINK, folder),
      NOT_FOUND_ERROR, "/none");
  assert_one_error (launch ("cifarsrc location=%s" SINK, folder),
      NOT_FOUND_ERROR, folder);
  assert_one_error (launch ("cifarsrc location=%s" SINK, empty), FORMAT_ERROR,
      empty);
  assert_one_error (launch ("cifarsrc location=%s" SINK, odd), FORMAT_ERROR,
      "9218");
  g_free (empty);
  g_free (odd);
}

TEST (no_location_is_one_error)
{
  GstElement *pipeline = launch ("cifarsrc name=source" SINK);
  GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "source");

  g_object_set (source, "location", NULL, NULL);
  gst_object_unref (source);
  assert_one_error (pipeline, NOT_FOUND_ERROR, "location");
}

TEST (good_run_after_an_error)
{
  gchar *path = g_build_filename (folder, "late.bin", NULL);
  GstElement *pipeline = launch ("cifarsrc location=%s" SINK, path);
  GError *error;

  fail_unless_equals_int (run_into_error (pipeline, &error), 1);
  g_error_free (error);
  stop (pipeline);
  g_free (write_images ("late.bin", 1, 0, 5));
  play (pipeline);
  fail_unless_equals_int (drain (pipeline), 5);
  stop_and_free (pipeline);
  g_free (path);
}

TEST (file_that_shrinks_is_an_error)
{
  gchar *path = write_images ("x.bin", 1, 0, 4);
  GstElement *pipeline = launch ("cifarsrc location=%s epochs=0 shuffle=false "
      "! appsink name=sink sync=false max-buffers=1", path);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  GError *error;

  play (pipeline);
  gst_sample_unref (pull (pipeline));
  fail_unless_equals_int (truncate (path, 3073), 0);
  drain (pipeline);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR,
          GST_RESOURCE_ERROR_READ)
      && strstr (error->message, path) != NULL, "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  gst_object_unref (bus);
  stop_and_free (pipeline);
  g_free (path);
}

TEST (real_cifar10)
{
  const gchar *data = g_getenv ("DDPM_SHARED_DATA");
  gchar *location = g_build_filename (data ? data : "",
      "cifar-10-batches-bin", NULL);
  GstElement *pipeline;
  guint count[10] = { 0, };
  GstSample *sample;
  guint i;

  if (!g_file_test (location, G_FILE_TEST_IS_DIR)) {
    g_print ("# SKIP test_real_cifar10: no %s\n", location);
    g_free (location);
    return;
  }
  pipeline = launch ("cifarsrc location=%s split=test" SINK, location);
  play (pipeline);
  while ((sample = pull (pipeline))) {
    GstDdpmSample image = get_sample (gst_sample_get_buffer (sample));

    fail_unless_equals_uint64 (image.epoch_size, 10000);
    count[image.label]++;
    gst_sample_unref (sample);
  }
  for (i = 0; i < 10; i++)
    fail_unless_equals_int (count[i], 1000);
  stop_and_free (pipeline);
  g_free (location);
}

ELEMENT_TEST_MAIN (checked, make_folder, remove_folder)
