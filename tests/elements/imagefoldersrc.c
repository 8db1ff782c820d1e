/* gst-ddpm: tests of imagefoldersrc
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <sys/stat.h>

#include <gst/video/video.h>

#include "tests/support/element-test.h"
#include "gst-ddpm/ddpm.h"
#include "plugins/common/meta.h"

#define SINK " ! appsink name=sink sync=false"

/* --- pictures of our own: a folder that every test finds empty -------------- */

static gchar *
get_path (const gchar * name)
{
  gchar *path = g_build_filename (folder, name, NULL);
  g_autofree gchar *parent = g_path_get_dirname (path);

  fail_unless_equals_int (g_mkdir_with_parents (parent, 0755), 0);
  return path;
}

static GdkPixbuf *
make_picture (gint width, gint height, guint32 rgba)
{
  GdkPixbuf *picture = gdk_pixbuf_new (GDK_COLORSPACE_RGB, TRUE, 8, width,
      height);

  gdk_pixbuf_fill (picture, rgba);
  return picture;
}

/* Paints a part of a picture. */
static void
paint (GdkPixbuf * picture, gint x, gint y, gint width, gint height,
    guint32 rgba)
{
  GdkPixbuf *part = gdk_pixbuf_new_subpixbuf (picture, x, y, width, height);

  gdk_pixbuf_fill (part, rgba);
  g_object_unref (part);
}

/* Takes picture (transfer full). type: as of gdk-pixbuf */
static void
save_picture (const gchar * name, const gchar * type, GdkPixbuf * picture,
    const gchar * option, const gchar * value)
{
  g_autofree gchar *path = get_path (name);
  GError *error = NULL;

  fail_unless (gdk_pixbuf_save (picture, path, type, &error, option, value,
          NULL), "%s", error ? error->message : "");
  g_object_unref (picture);
}

static void
write_png (const gchar * name, guint32 rgba)
{
  save_picture (name, "png", make_picture (8, 8, rgba), NULL, NULL);
}

static void
write_bytes (const gchar * name, gconstpointer bytes, gssize size)
{
  g_autofree gchar *path = get_path (name);

  fail_unless (g_file_set_contents (path, bytes, size, NULL));
}

/* 0.png, 1.png, ... Picture i has the red i + 1. */
static void
write_pictures (guint n)
{
  for (guint i = 0; i < n; i++) {
    g_autofree gchar *name = g_strdup_printf ("%02u.png", i);

    write_png (name, (i + 1) << 24 | 0xff);
  }
}

/* --- what comes out --------------------------------------------------------- */

typedef struct
{
  guint64 offset;
  GstDdpmSample sample;
  guint8 pixels[3 * 16 * 16];
} Frame;

/* FALSE: the end */
static gboolean
pull_frame (GstElement * pipeline, Frame * frame)
{
  GstSample *pulled = pull (pipeline);
  GError *error = NULL;
  GstBuffer *buffer;

  if (pulled == NULL)
    return FALSE;
  buffer = gst_sample_get_buffer (pulled);
  frame->sample = (GstDdpmSample) {
  .label = -2};
  fail_unless (gst_ddpm_sample_read_meta (&frame->sample, buffer, &error));
  fail_unless (frame->sample.has_label && frame->sample.has_epoch);
  frame->offset = GST_BUFFER_OFFSET (buffer);
  gst_buffer_extract (buffer, 0, frame->pixels, sizeof (frame->pixels));
  gst_sample_unref (pulled);
  return TRUE;
}

/* The only frame of the folder, with these settings */
static void
pull_only_frame (const gchar * settings, Frame * frame)
{
  GstElement *pipeline = launch ("imagefoldersrc location=%s %s" SINK, folder,
      settings);
  Frame none;

  play (pipeline);
  fail_unless (pull_frame (pipeline, frame));
  fail_if (pull_frame (pipeline, &none));
  stop_and_free (pipeline);
}

static void
check_pixel (const Frame * frame, guint width, guint x, guint y, guint rgb,
    gint tolerance)
{
  const guint8 *pixel = frame->pixels + 3 * (y * width + x);

  for (guint c = 0; c < 3; c++)
    fail_unless (ABS ((gint) pixel[c] - (gint) (rgb >> (16 - 8 * c) & 0xff))
        <= tolerance, "at (%u, %u): found %02x%02x%02x, expected %06x", x, y,
        pixel[0], pixel[1], pixel[2], rgb);
}

/* The red of the first pixel of each frame until the end */
static GArray *
pull_reds (GstElement * pipeline)
{
  GArray *reds = g_array_new (FALSE, FALSE, 1);
  Frame frame;

  while (pull_frame (pipeline, &frame))
    g_array_append_val (reds, frame.pixels[0]);
  return reds;
}

/* Counts the messages of a type on the bus until now. text: of the last one
 * (transfer full) */
static guint
count_messages (GstElement * pipeline, GstMessageType type, gchar ** text)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (bus, type))) {
    g_autoptr (GError) error = NULL;

    g_free (*text);
    if (type == GST_MESSAGE_WARNING)
      gst_message_parse_warning (message, &error, NULL);
    else
      gst_message_parse_info (message, &error, NULL);
    *text = g_strdup (error->message);
    gst_message_unref (message);
    n++;
  }
  return n;
}

static gchar *
get_class_names (GstElement * pipeline)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline),
      "sink");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");
  GstEvent *event = gst_pad_get_sticky_event (pad, GST_EVENT_TAG, 0);
  GstTagList *tags;
  gchar *names = NULL;

  if (event == NULL)
    return NULL;
  gst_event_parse_tag (event, &tags);
  gst_tag_list_get_string (tags, GST_DDPM_TAG_CLASS_NAMES, &names);
  gst_event_unref (event);
  return names;
}

/* --- folders and labels ------------------------------------------------------- */

/* "dog/b-x" comes before "dog/b/d", as strings do. */
TEST (folders_are_classes_in_the_order_of_their_names)
{
  static const gint labels[] = { -1, 0, 1, 1, 1, 2 };
  static const guint8 reds[] = { 5, 6, 1, 3, 2, 4 };
  GstElement *pipeline;
  g_autofree gchar *names = NULL;
  Frame frame;

  write_png ("dog/a.png", 0x010000ff);
  write_png ("dog/b/d/c.PNG", 0x020000ff);
  write_png ("dog/b-x/c.png", 0x030000ff);
  write_png ("z,\xff/c.png", 0x040000ff);
  write_png ("top.png", 0x050000ff);
  write_png ("cat/x.png", 0x060000ff);
  write_png ("cat/.hidden.png", 0x070000ff);
  write_png (".hidden/x.png", 0x080000ff);
  write_bytes ("cat/notes.txt", "no picture", -1);

  pipeline = launch ("imagefoldersrc location=%s shuffle=false" SINK, folder);
  play (pipeline);
  for (guint i = 0; i < G_N_ELEMENTS (labels); i++) {
    fail_unless (pull_frame (pipeline, &frame));
    fail_unless_equals_int (frame.pixels[0], reds[i]);
    fail_unless_equals_int (frame.sample.label, labels[i]);
    fail_unless_equals_uint64 (frame.sample.index, i);
    fail_unless_equals_uint64 (frame.sample.epoch_size, G_N_ELEMENTS (labels));
  }
  fail_if (pull_frame (pipeline, &frame));
  names = get_class_names (pipeline);
  fail_unless_equals_string (names, "cat,dog,z;\xef\xbf\xbd");
  stop_and_free (pipeline);
}

TEST (folder_without_folders_has_no_classes)
{
  GstElement *pipeline = launch ("imagefoldersrc location=%s" SINK, folder);
  Frame frame;

  write_pictures (1);
  g_free (get_path ("empty/folder"));
  play (pipeline);
  fail_unless (pull_frame (pipeline, &frame));
  fail_unless_equals_int (frame.sample.label, -1);
  fail_unless (get_class_names (pipeline) == NULL);
  stop_and_free (pipeline);
}

TEST (links_are_followed_and_circles_end)
{
  g_autofree gchar *up = get_path ("a/up");
  g_autofree gchar *self = get_path ("a/self");
  g_autofree gchar *other = get_path ("b");
  GstElement *pipeline = launch ("imagefoldersrc location=%s" SINK, folder);
  GArray *reds;

  write_png ("a/x.png", 0x010000ff);
  fail_unless_equals_int (symlink ("..", up), 0);
  fail_unless_equals_int (symlink (".", self), 0);
  fail_unless_equals_int (symlink ("a", other), 0);
  play (pipeline);
  reds = pull_reds (pipeline);
  fail_unless_equals_int (reds->len, 2);        /* as a, and as b */
  g_array_unref (reds);
  stop_and_free (pipeline);
}

TEST (nothing_to_read_is_one_error)
{
  g_autofree gchar *file = get_path ("x.png");

  assert_no_start (launch ("imagefoldersrc" SINK), NOT_FOUND_ERROR, "location");
  assert_no_start (launch ("imagefoldersrc location=%s/none" SINK, folder),
      NOT_FOUND_ERROR, "/none");
  write_bytes ("notes.txt", "no picture", -1);
  assert_no_start (launch ("imagefoldersrc location=%s" SINK, folder),
      NOT_FOUND_ERROR, folder, "1 other file");
  write_pictures (1);
  fail_unless_equals_int (rename (get_path ("00.png"), file), 0);
  assert_no_start (launch ("imagefoldersrc location=%s" SINK, file),
      GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, file, "expected a folder");
}

/* --- order ------------------------------------------------------------------ */

TEST (every_epoch_has_the_order_of_its_seed)
{
  const guint n = 20;
  GstElement *pipeline = launch ("imagefoldersrc location=%s epochs=3 seed=42 "
      "size=4" SINK, folder);
  guint64 order[20];
  Frame frame;

  write_pictures (n);
  play (pipeline);
  for (guint i = 0; i < 3 * n; i++) {
    ddpm_cifar_shuffle (42, i / n, n, order);
    fail_unless (pull_frame (pipeline, &frame));
    fail_unless_equals_uint64 (frame.offset, i);
    fail_unless_equals_uint64 (frame.sample.epoch, i / n);
    fail_unless_equals_uint64 (frame.sample.position, i % n);
    fail_unless_equals_uint64 (frame.sample.index, order[i % n]);
    fail_unless_equals_int (frame.pixels[0], order[i % n] + 1);
  }
  fail_if (pull_frame (pipeline, &frame));
  stop_and_free (pipeline);
}

TEST (threads_change_nothing)
{
  const guint n = 30;
  GArray *reds[2];

  write_pictures (n);
  write_bytes ("15.png", "broken", -1);
  for (guint i = 0; i < 2; i++) {
    GstElement *pipeline = launch ("imagefoldersrc location=%s epochs=5 "
        "threads=%u" SINK, folder, i == 0 ? 1 : 7);

    play (pipeline);
    reds[i] = pull_reds (pipeline);
    fail_unless_equals_int (reds[i]->len, 5 * (n - 1));
    stop_and_free (pipeline);
  }
  fail_unless (memcmp (reds[0]->data, reds[1]->data, reds[0]->len) == 0);
  g_array_unref (reds[0]);
  g_array_unref (reds[1]);
}

/* Picture 3 is broken: its number is left out, however it is reached. */
TEST (seek_keeps_the_order_and_the_numbers)
{
  static const guint64 seeks[] = { 9, 0, 3, 13, 2 };
  static const guint64 found[] = { 9, 0, 4, 14, 2 };
  GstElement *pipeline = launch ("imagefoldersrc location=%s epochs=2 "
      "shuffle=false" SINK, folder);
  Frame frame;

  write_pictures (10);
  write_bytes ("03.png", "broken", -1);
  play (pipeline);
  fail_unless (pull_frame (pipeline, &frame));
  for (guint i = 0; i < G_N_ELEMENTS (seeks); i++) {
    seek_to (pipeline, GST_FORMAT_DEFAULT, seeks[i]);
    fail_unless (pull_frame (pipeline, &frame));
    fail_unless_equals_uint64 (frame.offset, found[i]);
    fail_unless_equals_int (frame.pixels[0], found[i] % 10 + 1);
  }
  stop_and_free (pipeline);
}

TEST (backwards_reverses_the_order)
{
  const guint n = 7;
  GstElement *pipeline = launch ("imagefoldersrc location=%s epochs=3 seed=1"
      SINK, folder);
  guint64 order[7];
  Frame frame;

  write_pictures (n);
  preroll (pipeline);
  fail_unless (gst_element_seek (pipeline, -1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_SET, -1));
  play (pipeline);
  for (gint i = 3 * n - 1; i >= 0; i--) {
    ddpm_cifar_shuffle (1, i / n, n, order);
    fail_unless (pull_frame (pipeline, &frame));
    fail_unless_equals_uint64 (frame.offset, i);
    fail_unless_equals_int (frame.pixels[0], order[i % n] + 1);
  }
  fail_if (pull_frame (pipeline, &frame));
  stop_and_free (pipeline);
}

/* --- size and shape --------------------------------------------------------- */

static void
check_size (const gchar * settings, const gchar * caps, gint width, gint height)
{
  GstElement *pipeline = launch ("imagefoldersrc location=%s %s ! "
      "video/x-raw%s" SINK, folder, settings, caps);
  GstVideoInfo info;
  GstSample *sample;

  play (pipeline);
  sample = pull (pipeline);
  fail_unless (sample != NULL);
  fail_unless (gst_video_info_from_caps (&info, gst_sample_get_caps (sample)));
  fail_unless_equals_int (GST_VIDEO_INFO_WIDTH (&info), width);
  fail_unless_equals_int (GST_VIDEO_INFO_HEIGHT (&info), height);
  fail_unless_equals_int (gst_buffer_get_size (gst_sample_get_buffer (sample)),
      GST_VIDEO_INFO_SIZE (&info));
  gst_sample_unref (sample);
  stop_and_free (pipeline);
}

TEST (size_is_of_the_property_or_of_downstream)
{
  write_pictures (1);
  check_size ("", "", 64, 64);
  check_size ("size=33", "", 33, 33);
  check_size ("", ",width=20", 20, 20);
  check_size ("", ",height=21", 21, 21);
  check_size ("", ",width=5,height=7", 5, 7);
}

/* Red, green and blue side by side, green as wide as high. gdk-pixbuf rounds
 * places to a sixteenth of a pixel. */
TEST (fit_crops_pads_or_stretches)
{
  GdkPixbuf *picture = make_picture (48, 16, 0xff0000ff);
  Frame frame;

  paint (picture, 16, 0, 16, 16, 0x00ff00ff);
  paint (picture, 32, 0, 16, 16, 0x0000ffff);
  save_picture ("x.png", "png", picture, NULL, NULL);

  pull_only_frame ("size=12 fit=crop", &frame);
  for (guint x = 0; x < 12; x++)
    check_pixel (&frame, 12, x, x, 0x00ff00, 16);
  pull_only_frame ("size=12 fit=pad background=0x102030", &frame);
  check_pixel (&frame, 12, 0, 3, 0x102030, 0);
  check_pixel (&frame, 12, 0, 4, 0xff0000, 0);
  check_pixel (&frame, 12, 5, 7, 0x00ff00, 0);
  check_pixel (&frame, 12, 11, 8, 0x102030, 0);
  pull_only_frame ("size=12 fit=stretch", &frame);
  check_pixel (&frame, 12, 0, 0, 0xff0000, 0);
  check_pixel (&frame, 12, 5, 0, 0x00ff00, 0);
  check_pixel (&frame, 12, 11, 11, 0x0000ff, 0);
}

/* Columns of black and white become grey, in one reduction and in several: no
 * column is left out. */
LOOP_TEST (reduction_takes_the_mean, 3)
{
  const gint sizes[] = { 32, 256, 2048 };
  const gint size = sizes[__i__];
  GdkPixbuf *picture = make_picture (size, 64, 0x000000ff);
  Frame frame;

  for (gint x = 0; x < size; x += 2)
    paint (picture, x, 0, 1, 64, 0xffffffff);
  save_picture ("x.png", "png", picture, NULL, NULL);
  pull_only_frame ("size=16 fit=stretch", &frame);
  for (guint i = 0; i < 16; i++)
    check_pixel (&frame, 16, i, i, 0x7f7f7f, 1);
}

/* The longest and thinnest pictures fit in every way. */
LOOP_TEST (thin_pictures_fit, 6)
{
  static const gchar *fits[] = { "crop", "pad", "stretch" };
  g_autofree gchar *settings = g_strdup_printf ("size=16 fit=%s",
      fits[__i__ % 3]);
  Frame frame;

  save_picture ("x.png", "png", __i__ < 3 ? make_picture (1, 3000, 0x123456ff)
      : make_picture (3000, 1, 0x123456ff), NULL, NULL);
  pull_only_frame (settings, &frame);
  check_pixel (&frame, 16, 7, 7, 0x123456, 0);
}

/* --- formats ---------------------------------------------------------------- */

LOOP_TEST (formats_of_gdk_pixbuf, 5)
{
  static const struct
  {
    const gchar *type, *name;
    gint tolerance;
  } formats[] = {
    {"png", "x.png", 0},
    {"jpeg", "x.JPG", 3},
    {"bmp", "x.bmp", 0},
    {"tiff", "x.tif", 0},
    /* its content counts, not its name */
    {"png", "x.jpeg", 0},
  };
  GdkPixbuf *picture = make_picture (32, 32, 0xff8000ff);
  Frame frame;

  paint (picture, 0, 16, 32, 16, 0x0080ffff);
  save_picture (formats[__i__].name, formats[__i__].type, picture, NULL, NULL);
  pull_only_frame ("size=16", &frame);
  check_pixel (&frame, 16, 3, 3, 0xff8000, formats[__i__].tolerance);
  check_pixel (&frame, 16, 12, 12, 0x0080ff, formats[__i__].tolerance);
}

/* A GIF of one white pixel: gdk-pixbuf does not write them. */
TEST (gif)
{
  static const guint8 gif[] =
      "GIF89a\1\0\1\0\200\0\0\377\377\377\0\0\0,\0\0\0\0"
      "\1\0\1\0\0\2\2D\1\0;";
  Frame frame;

  write_bytes ("x.gif", gif, sizeof (gif) - 1);
  pull_only_frame ("size=16", &frame);
  check_pixel (&frame, 16, 8, 8, 0xffffff, 0);
}

TEST (background_is_behind_transparent_pixels)
{
  GdkPixbuf *picture = make_picture (16, 16, 0xff000000);
  Frame frame;

  paint (picture, 0, 0, 16, 8, 0xff000080);
  save_picture ("x.png", "png", picture, NULL, NULL);
  pull_only_frame ("size=16 background=0x0000ff", &frame);
  check_pixel (&frame, 16, 2, 2, 0x80007f, 1);
  check_pixel (&frame, 16, 2, 12, 0x0000ff, 0);
}

/* EXIF's orientation 6: the first row is the right side. The data follow the
 * first two bytes of a JPEG, and the first chunk of a PNG. */
LOOP_TEST (pictures_are_turned_as_they_say, 2)
{
#define TURNED "MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
#define BLOCK(text) (const guint8 *) text, sizeof (text) - 1
  static const struct
  {
    const gchar *type;
    gsize place;
    const guint8 *exif;
    gsize size;
  } formats[] = {
    {"jpeg", 2, BLOCK ("\xff\xe1\0\x22" "Exif\0\0" TURNED)},
    {"png", 33, BLOCK ("\0\0\0\x1a" "eXIf" TURNED "\326\147\113\151")},
  };
  const gsize place = formats[__i__].place;
  GdkPixbuf *picture = make_picture (32, 64, 0xff0000ff);
  g_autofree gchar *path = get_path ("x.jpg");
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autofree gchar *bytes = NULL;
  gsize size;
  Frame frame;

  paint (picture, 0, 32, 32, 32, 0x0000ffff);
  save_picture ("x.jpg", formats[__i__].type, picture, NULL, NULL);
  fail_unless (g_file_get_contents (path, &bytes, &size, NULL));
  g_byte_array_append (file, (guint8 *) bytes, place);
  g_byte_array_append (file, formats[__i__].exif, formats[__i__].size);
  g_byte_array_append (file, (guint8 *) bytes + place, size - place);
  write_bytes ("x.jpg", file->data, file->len);
  pull_only_frame ("size=16 fit=stretch", &frame);
  check_pixel (&frame, 16, 2, 8, 0x0000ff, 4);
  check_pixel (&frame, 16, 13, 8, 0xff0000, 4);
}

/* --- broken files --------------------------------------------------------------- */

TEST (broken_files_are_skipped_and_counted)
{
  GstElement *pipeline = launch ("imagefoldersrc location=%s epochs=2 "
      "shuffle=false" SINK, folder);
  g_autofree gchar *link = get_path ("07.png");
  g_autofree gchar *text = NULL;
  GArray *reds;

  write_pictures (5);
  write_bytes ("01.png", "no picture", -1);
  write_bytes ("05.png", "", 0);
  write_bytes ("06.png", "\x89PNG\r\n\x1a\n", 8);
  fail_unless_equals_int (symlink ("nowhere", link), 0);
  play (pipeline);
  reds = pull_reds (pipeline);
  fail_unless_equals_int (reds->len, 8);
  fail_unless (memcmp (reds->data, "\1\3\4\5\1\3\4\5", 8) == 0);
  g_array_unref (reds);

  /* one for each, in the first epoch alone */
  fail_unless_equals_int (count_messages (pipeline, GST_MESSAGE_WARNING,
          &text), 4);
  stop_and_free (pipeline);
}

TEST (the_end_tells_how_many_were_skipped)
{
  GstElement *pipeline = launch ("imagefoldersrc location=%s ! fakesink",
      folder);
  g_autoptr (GError) info = NULL;
  GstMessage *message;

  write_pictures (5);
  write_bytes ("01.png", "no picture", -1);
  play (pipeline);
  message = wait_for (pipeline, GST_MESSAGE_INFO);
  gst_message_parse_info (message, &info, NULL);
  fail_unless (g_str_has_prefix (info->message, "1 of 5 pictures"));
  gst_message_unref (message);
  wait_for_eos (pipeline);
  stop_and_free (pipeline);
}

/* A file that is cut anywhere is skipped: no part of it comes out. */
LOOP_TEST (no_part_of_a_cut_file_comes_out, 4)
{
  static const gchar *types[] = { "jpeg", "png", "bmp", "tiff" };
  GdkPixbuf *picture = make_picture (100, 100, 0xff8000ff);
  g_autofree gchar *path = get_path ("x.png");
  g_autofree gchar *bytes = NULL;
  gsize size;

  for (gint i = 0; i < 100; i += 7)
    paint (picture, 0, i, i + 1, 1, i * 0x02041100u | 0xff);
  save_picture ("x.png", types[__i__], picture, NULL, NULL);
  fail_unless (g_file_get_contents (path, &bytes, &size, NULL));
  for (guint i = 0; i < 8; i++) {
    /* at last, only the last four bytes are missing */
    write_bytes ("x.png", bytes, i < 7 ? size * (i + 1) / 8 : size - 4);
    assert_one_error (launch ("imagefoldersrc location=%s ! fakesink", folder),
        FORMAT_ERROR, "None of the 1 pictures", path);
  }
}

/* A BMP of 60000x60000 pixels: refused by its header, before its memory is
 * taken. */
TEST (huge_pictures_are_refused)
{
  static const guint8 bmp[64] = "BM\x40\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"
      "\x60\xea\0\0\x60\xea\0\0\1\0\x18\0";

  write_bytes ("x.bmp", bmp, sizeof (bmp));
  assert_one_error (launch ("imagefoldersrc location=%s ! fakesink", folder),
      FORMAT_ERROR, "60000x60000", "134217728 pixels");
}

/* What was listed may be gone, or no file any more. */
TEST (files_that_vanish_are_skipped)
{
  GstElement *pipeline = launch ("imagefoldersrc location=%s shuffle=false "
      "epochs=0 ! appsink name=sink sync=false max-buffers=1", folder);
  g_autofree gchar *gone = get_path ("00.png");
  g_autofree gchar *replaced = get_path ("01.png");
  g_autofree gchar *warning = NULL;
  Frame frame;

  write_pictures (3);
  play (pipeline);
  fail_unless (pull_frame (pipeline, &frame));
  fail_unless_equals_int (g_unlink (gone), 0);
  fail_unless_equals_int (g_unlink (replaced), 0);
  fail_unless_equals_int (mkfifo (replaced, 0600), 0);
  do
    fail_unless (pull_frame (pipeline, &frame));
  while (frame.offset < 600);
  for (guint i = 0; i < 5; i++) {
    fail_unless (pull_frame (pipeline, &frame));
    fail_unless_equals_int (frame.pixels[0], 3);
  }
  fail_unless_equals_int (count_messages (pipeline, GST_MESSAGE_WARNING,
          &warning), 2);
  stop_and_free (pipeline);
}

/* --- states ------------------------------------------------------------------- */

TEST (stops_while_decoding)
{
  write_pictures (40);
  for (guint i = 0; i < 8; i++) {
    GstElement *pipeline = launch ("imagefoldersrc location=%s epochs=0 "
        "threads=3 size=500 ! fakesink", folder);

    play (pipeline);
    g_usleep (i * 1000);
    stop_and_free (pipeline);
  }
}

/* A training that is resumed does not decode what it was trained on. */
TEST (skips_to_the_frame_that_the_sink_asks_for)
{
  GstElement *pipeline = launch ("imagefoldersrc location=%s epochs=0 "
      "shuffle=false ! queue max-size-buffers=2 ! "
      "appsink name=sink sync=false max-buffers=1", folder);
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline),
      "sink");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");
  const guint64 wanted = 1000003;
  guint n = 0;
  Frame frame;

  write_pictures (10);
  play (pipeline);
  fail_unless (pull_frame (pipeline, &frame));
  fail_unless (gst_pad_push_event (pad,
          gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
              gst_structure_new ("ddpm-skip", "frame", G_TYPE_UINT64, wanted,
                  NULL))));
  for (; frame.offset < wanted; n++)
    fail_unless (pull_frame (pipeline, &frame));
  fail_unless_equals_uint64 (frame.offset, wanted);
  fail_unless_equals_int (frame.pixels[0], 4);
  fail_unless (n < 10);
  stop_and_free (pipeline);
}

#define TRAINING "imagefoldersrc location=%s/in size=8 epochs=0 seed=3 ! " \
    "ddpmtrainsink channels=32 channel-mult=1 res-blocks=1 " \
    "attention-levels=0 batch-size=4 location=%s/%s max-steps=%u resume=true"

/* Broken files leave places out, which the state counts. */
TEST (resumes_after_broken_files_to_the_same_bits)
{
  g_autofree gchar *whole = get_path ("a.bin");
  g_autofree gchar *parts = get_path ("b.bin");
  g_autofree gchar *a = NULL, *b = NULL;
  gsize size;

  for (guint i = 0; i < 9; i++) {
    g_autofree gchar *name = g_strdup_printf ("in/%u.png", i);

    write_png (name, (i * 0x1b110700u) | 0xff);
  }
  write_bytes ("in/2.png", "no picture", -1);
  write_bytes ("in/5.png", "no picture", -1);
  run_to_eos (launch (TRAINING, folder, folder, "a.bin", 8));
  run_to_eos (launch (TRAINING, folder, folder, "b.bin", 5));
  run_to_eos (launch (TRAINING, folder, folder, "b.bin", 8));
  fail_unless (g_file_get_contents (whole, &a, &size, NULL));
  fail_unless (g_file_get_contents (parts, &b, NULL, NULL));
  fail_unless (memcmp (a, b, size) == 0);
}

/* Without a warning but that of the broken file */
TEST (trains_with_labels)
{
  GstElement *pipeline = launch ("imagefoldersrc location=%s size=8 ! "
      "ddpmtrainsink channels=32 channel-mult=1 res-blocks=1 "
      "attention-levels=0 batch-size=4 location=%s/ckpt.bin", folder, folder);
  g_autofree gchar *path = get_path ("ckpt.bin");
  g_autoptr (DdpmModel) model = NULL;
  g_autoptr (GstBus) bus = NULL;
  GstMessage *message;
  GstMessageType type;
  guint n_warnings = 0;

  write_png ("cat/1.png", 0xff0000ff);
  write_png ("cat/2.png", 0x00ff00ff);
  write_png ("dog/1.png", 0x0000ffff);
  write_png ("dog/2.png", 0xffffffff);
  write_bytes ("cat/3.png", "no picture", -1);
  play (pipeline);
  bus = gst_element_get_bus (pipeline);
  do {
    message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
        GST_MESSAGE_WARNING | GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
    type = GST_MESSAGE_TYPE (message);
    n_warnings += type == GST_MESSAGE_WARNING;
    fail_if (type == GST_MESSAGE_ERROR);
    gst_message_unref (message);
  } while (type != GST_MESSAGE_EOS);
  fail_unless_equals_int (n_warnings, 1);
  stop_and_free (pipeline);
  model = ddpm_checkpoint_load (path, NULL);
  fail_unless (model != NULL);
  fail_unless_equals_int (model->config.classes, 2);
  fail_unless_equals_string (model->class_names[0], "cat");
  fail_unless_equals_string (model->class_names[1], "dog");
}

ELEMENT_TEST_MAIN (checked, make_folder, remove_folder)
