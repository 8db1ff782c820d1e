/* gst-ddpm: one picture of a file, in the size of a frame
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gdk-pixbuf/gdk-pixbuf.h>

#include "plugins/imagefoldersrc/exif.h"
#include "plugins/imagefoldersrc/picturefile.h"
#include "gst-ddpm/ddpm.h"

#define CHUNK 65536             /* bytes that are read at a time */
#define MAX_FILE (G_GUINT64_CONSTANT (1) << 29)
#define MAX_PIXELS (G_GUINT64_CONSTANT (1) << 27)       /* 0.5 GB as RGBA */
/* Larger pictures are decoded one at a time. */
#define MANY_PIXELS (G_GUINT64_CONSTANT (1) << 24)
/* gdk_pixbuf_scale () has a table of the square of this size. */
#define MAX_REDUCTION 8

typedef enum
{
  NO_PICTURE,
  JPEG,
  PNG,
  WEBP,
  BMP,
  GIF,
  TIFF,
} Kind;

static const struct
{
  const gchar *name, *loader;
} kinds[] = {
  {"no picture", NULL},
  {"JPEG", "jpeg"},
  {"PNG", "png"},
  {"WebP", "webp"},
  {"BMP", "bmp"},
  {"GIF", "gif"},
  {"TIFF", "tiff"},
};

typedef struct
{
  const GstDdpmPictureFormat *format;
  const gint *cancel;
  Kind kind;
  gint width, height;           /* of the picture; 0: not known yet */
  gboolean is_too_large;
  gint64 n_rows;                /* written by the loader before the file's end */
  gboolean has_ended;
  GMutex *held;                 /* nullable */
} Reading;

/* gdk-pixbuf's loader of TIFF keeps errors in a global variable. */
static GMutex tiff_lock;
static GMutex large_lock;

/* --- the kind of a file ----------------------------------------------------- */

static Kind
get_kind (const guint8 * bytes, gsize size)
{
  static const struct
  {
    const gchar *magic;
    gsize size;
    Kind kind;
  } magics[] = {
    {"\xff\xd8\xff", 3, JPEG},
    {"\x89PNG\r\n\x1a\n", 8, PNG},
    {"BM", 2, BMP},
    {"GIF8", 4, GIF},
    {"II*\0", 4, TIFF},
    {"MM\0*", 4, TIFF},
  };

  for (guint i = 0; i < G_N_ELEMENTS (magics); i++)
    if (size >= magics[i].size
        && memcmp (bytes, magics[i].magic, magics[i].size) == 0)
      return magics[i].kind;
  if (size >= 12 && memcmp (bytes, "RIFF", 4) == 0
      && memcmp (bytes + 8, "WEBP", 4) == 0)
    return WEBP;
  return NO_PICTURE;
}

/* --- decoding --------------------------------------------------------------- */

/* By how much the loader of JPEG may reduce: it does so in its transform, which
 * is faster, but less exact, so a half is left to do. Whether the picture lies
 * on its side is not known yet. */
static gint
get_jpeg_divisor (const GstDdpmPictureFormat * format, gint width, gint height)
{
  const gint small = MIN (width, height);
  const gint large = MAX (format->width, format->height);
  gint divisor = 1;

  while (divisor < 8 && small / (divisor * 2) >= 2 * large)
    divisor *= 2;
  return divisor;
}

static void
on_size_prepared (GdkPixbufLoader * loader, gint width, gint height,
    gpointer data)
{
  Reading *reading = data;
  const guint64 n_pixels = (guint64) width * height;

  reading->width = width;
  reading->height = height;
  /* Loaders take a size of 0 for the wish to stop. */
  reading->is_too_large = n_pixels > MAX_PIXELS;
  if (reading->is_too_large) {
    gdk_pixbuf_loader_set_size (loader, 0, 0);
    return;
  }
  if (n_pixels > MANY_PIXELS && reading->held == NULL) {
    reading->held = &large_lock;
    g_mutex_lock (reading->held);
  }
  if (reading->kind == JPEG) {
    const gint n = get_jpeg_divisor (reading->format, width, height);

    gdk_pixbuf_loader_set_size (loader, (width + n - 1) / n,
        (height + n - 1) / n);
  }
}

static void
on_area_updated (GdkPixbufLoader * loader, gint x, gint y, gint width,
    gint height, gpointer data)
{
  Reading *reading = data;

  if (!reading->has_ended)
    reading->n_rows += height;
}

/* Returns: the loader for a file that begins with these bytes */
static GdkPixbufLoader *
create_loader (Reading * reading, const guint8 * bytes, gsize n,
    GError ** error)
{
  GdkPixbufLoader *loader;

  reading->kind = get_kind (bytes, n);
  if (reading->kind == NO_PICTURE)
    goto no_picture;
  loader = gdk_pixbuf_loader_new_with_type (kinds[reading->kind].loader, NULL);
  if (loader == NULL)
    goto no_loader;
  if (reading->kind == TIFF) {
    reading->held = &tiff_lock;
    g_mutex_lock (reading->held);
  }
  g_signal_connect (loader, "size-prepared", G_CALLBACK (on_size_prepared),
      reading);
  g_signal_connect (loader, "area-updated", G_CALLBACK (on_area_updated),
      reading);
  return loader;

no_picture:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "expected a JPEG, PNG, WebP, BMP, GIF or TIFF picture, found other data");
  return NULL;
no_loader:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
      "gdk-pixbuf has no loader for %s pictures%s", kinds[reading->kind].name,
      reading->kind == WEBP ? ": install webp-pixbuf-loader" : "");
  return NULL;
}

/* Writes all bytes of the file into a loader, which it creates. */
static gboolean
feed_loader (Reading * reading, GdkPixbufLoader ** loader, gint fd,
    GError ** error)
{
  g_autofree guint8 *bytes = g_malloc (CHUNK);
  gssize n;

  while ((n = read (fd, bytes, CHUNK)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      goto cannot_read;
    if (reading->cancel && g_atomic_int_get (reading->cancel))
      goto cancelled;
    if (*loader == NULL)
      *loader = create_loader (reading, bytes, n, error);
    if (*loader == NULL || !gdk_pixbuf_loader_write (*loader, bytes, n, error))
      return FALSE;
  }
  if (*loader == NULL)
    goto empty;
  return TRUE;

cannot_read:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_READ, "%s", g_strerror (errno));
  return FALSE;
cancelled:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_READ, "cancelled");
  return FALSE;
empty:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT, "the file is empty");
  return FALSE;
}

/* Gives an error of gdk-pixbuf our domain, and the reason that is known here. */
static void
explain_error (const Reading * reading, GError ** error)
{
  g_autoptr (GError) problem = *error;

  *error = NULL;
  if (problem->domain == DDPM_ERROR)
    *error = g_steal_pointer (&problem);
  else if (reading->is_too_large)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
        "expected at most %" G_GUINT64_FORMAT " pixels, found %dx%d",
        MAX_PIXELS, reading->width, reading->height);
  else
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT, "broken %s data: %s",
        kinds[reading->kind].name, problem->message);
}

/* The last chunk of a PNG, with its checksum, is in the last bytes of the file. */
static gboolean
has_png_end (gint fd)
{
  g_autofree guint8 *bytes = g_malloc (CHUNK);
  const off_t size = lseek (fd, 0, SEEK_END);
  const gssize n = pread (fd, bytes, CHUNK, MAX (size - CHUNK, 0));

  return n > 0 && memmem (bytes, n, "IEND\xae\x42\x60\x82", 8) != NULL;
}

/* The header of a WebP says how many bytes follow the first eight. */
static gboolean
has_riff_end (gint fd)
{
  const off_t size = lseek (fd, 0, SEEK_END);
  guint32 n;

  return pread (fd, &n, 4, 4) == 4 && GUINT32_FROM_LE (n) <= size - 8;
}

/* Whether a file that was decoded without an error had its end. gdk-pixbuf does
 * not tell, except for GIF, TIFF and progressive JPEG, whose rows are written
 * several times. */
static gboolean
is_complete (const Reading * reading, GdkPixbuf * picture, gint fd)
{
  switch (reading->kind) {
    case PNG:
      if (!has_png_end (fd))
        return FALSE;
      break;
    case WEBP:
      return has_riff_end (fd);
    case JPEG:
    case BMP:
      break;
    default:
      return TRUE;
  }
  return reading->n_rows >= gdk_pixbuf_get_height (picture);
}

/* Returns: (transfer full): the picture as it should be seen */
static GdkPixbuf *
turn (const Reading * reading, GdkPixbuf * picture, gint fd)
{
  guint orientation = 0;

  if (reading->kind == PNG || reading->kind == WEBP)
    orientation = gst_ddpm_exif_read_orientation (fd);
  if (orientation > 0) {
    const gchar digit[] = { '0' + orientation, '\0' };

    gdk_pixbuf_set_option (picture, "orientation", digit);
  }
  return gdk_pixbuf_apply_embedded_orientation (picture);
}

static GdkPixbuf *
decode (Reading * reading, gint fd, GError ** error)
{
  g_autoptr (GdkPixbufLoader) loader = NULL;
  GdkPixbuf *picture = NULL;
  gboolean ok;

  ok = feed_loader (reading, &loader, fd, error);
  /* Now the loader of JPEG makes up the rows that are missing. */
  reading->has_ended = TRUE;
  /* A loader must be closed also after an error, which this one would hide. */
  if (loader)
    ok = gdk_pixbuf_loader_close (loader, ok ? error : NULL) && ok;
  if (reading->held)
    g_mutex_unlock (reading->held);
  if (ok)
    picture = gdk_pixbuf_loader_get_pixbuf (loader);
  if (picture && is_complete (reading, picture, fd))
    return turn (reading, picture, fd);
  if (ok)
    g_set_error (error, GDK_PIXBUF_ERROR, GDK_PIXBUF_ERROR_CORRUPT_IMAGE,
        "%s", picture ? "its end is missing" : "it has no pixels");
  explain_error (reading, error);
  return NULL;
}

/* --- scaling ---------------------------------------------------------------- */

static gint
reduce_length (gint length, gdouble end)
{
  return length > end * MAX_REDUCTION ? MAX (length / MAX_REDUCTION, 1)
      : length;
}

/* Takes picture (transfer full), and reduces it until less than MAX_REDUCTION
 * is left to do in each direction. NULL: no memory */
static GdkPixbuf *
reduce (GdkPixbuf * picture, gdouble scale_x, gdouble scale_y)
{
  const gint width = gdk_pixbuf_get_width (picture);
  const gint height = gdk_pixbuf_get_height (picture);
  const gdouble end_x = width * scale_x, end_y = height * scale_y;

  while (picture) {
    g_autoptr (GdkPixbuf) before = picture;
    const gint w = gdk_pixbuf_get_width (before);
    const gint h = gdk_pixbuf_get_height (before);
    const gint next_w = reduce_length (w, end_x);
    const gint next_h = reduce_length (h, end_y);

    if (next_w == w && next_h == h)
      return g_steal_pointer (&before);
    picture = gdk_pixbuf_scale_simple (before, next_w, next_h,
        GDK_INTERP_BILINEAR);
  }
  return NULL;
}

static void
fill_background (const GstDdpmPictureFormat * format, guint8 * pixels)
{
  const gsize n = (gsize) format->width * format->height;

  for (gsize i = 0; i < n; i++) {
    pixels[3 * i] = format->background >> 16;
    pixels[3 * i + 1] = format->background >> 8;
    pixels[3 * i + 2] = format->background;
  }
}

/* Takes picture (transfer full). FALSE: no memory */
static gboolean
fit_picture (GdkPixbuf * picture, const GstDdpmPictureFormat * format,
    guint8 * pixels)
{
  const gdouble width = gdk_pixbuf_get_width (picture);
  const gdouble height = gdk_pixbuf_get_height (picture);
  gdouble scale_x = format->width / width, scale_y = format->height / height;
  gint w = format->width, h = format->height, x, y;
  g_autoptr (GdkPixbuf) source = NULL;
  g_autoptr (GdkPixbuf) frame = NULL;
  gdouble left, top;

  if (format->fit == GST_DDPM_FIT_CROP)
    scale_x = scale_y = MAX (scale_x, scale_y);
  if (format->fit == GST_DDPM_FIT_PAD) {
    scale_x = scale_y = MIN (scale_x, scale_y);
    w = CLAMP ((gint) (width * scale_x + 0.5), 1, w);
    h = CLAMP ((gint) (height * scale_y + 0.5), 1, h);
  }
  source = reduce (picture, scale_x, scale_y);
  if (source == NULL)
    return FALSE;

  /* The picture, in pixels of the frame: its size, and where it begins */
  scale_x *= width / gdk_pixbuf_get_width (source);
  scale_y *= height / gdk_pixbuf_get_height (source);
  if (format->fit == GST_DDPM_FIT_PAD) {
    scale_x = (gdouble) w / gdk_pixbuf_get_width (source);
    scale_y = (gdouble) h / gdk_pixbuf_get_height (source);
  }
  x = ((gint) format->width - w) / 2;
  y = ((gint) format->height - h) / 2;
  left = x + (w - gdk_pixbuf_get_width (source) * scale_x) / 2.0;
  top = y + (h - gdk_pixbuf_get_height (source) * scale_y) / 2.0;

  frame = gdk_pixbuf_new_from_data (pixels, GDK_COLORSPACE_RGB, FALSE, 8,
      format->width, format->height, format->width * 3, NULL, NULL);
  if (gdk_pixbuf_get_has_alpha (source) || format->fit == GST_DDPM_FIT_PAD)
    fill_background (format, pixels);
  if (gdk_pixbuf_get_has_alpha (source))
    gdk_pixbuf_composite (source, frame, x, y, w, h, left, top, scale_x,
        scale_y, GDK_INTERP_BILINEAR, 255);
  else
    gdk_pixbuf_scale (source, frame, x, y, w, h, left, top, scale_x, scale_y,
        GDK_INTERP_BILINEAR);
  return TRUE;
}

/* --- files ------------------------------------------------------------------ */

/* Returns: a file descriptor, or -1 */
static gint
open_file (const gchar * path, GError ** error)
{
  struct stat status;
  gint fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

  if (fd < 0)
    goto cannot_open;
  if (fstat (fd, &status) != 0)
    goto cannot_open;
  if (!S_ISREG (status.st_mode))
    goto no_file;
  if ((guint64) status.st_size > MAX_FILE)
    goto too_large;
  return fd;

cannot_open:
  g_set_error (error, DDPM_ERROR, errno == ENOENT ? DDPM_ERROR_NOT_FOUND
      : DDPM_ERROR_READ, "%s", g_strerror (errno));
  goto failed;
no_file:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_READ,
      "expected a file, found something else");
  goto failed;
too_large:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "expected at most %" G_GUINT64_FORMAT " bytes, found %" G_GUINT64_FORMAT,
      MAX_FILE, (guint64) status.st_size);
failed:
  if (fd >= 0)
    close (fd);
  return -1;
}

gboolean
gst_ddpm_picture_file_read (const gchar * path,
    const GstDdpmPictureFormat * format, guint8 * pixels, const gint * cancel,
    GError ** error)
{
  Reading reading = {.format = format,.cancel = cancel };
  g_autofree gchar *shown = NULL;
  GdkPixbuf *picture;
  gint fd = open_file (path, error);

  if (fd < 0)
    goto failed;
  picture = decode (&reading, fd, error);
  close (fd);
  if (picture == NULL)
    goto failed;
  if (!fit_picture (picture, format, pixels))
    goto no_memory;
  return TRUE;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory to scale %dx%d pixels", reading.width, reading.height);
failed:
  shown = g_filename_display_name (path);
  g_prefix_error (error, "Cannot read the picture %s: ", shown);
  return FALSE;
}
