/* gst-ddpm: how a PNG or WebP picture lies, by its EXIF data
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Both are files of chunks: a length, a name of four letters, that many bytes.
 * EXIF data are a TIFF file: a list of tags with values.
 */
#include <string.h>
#include <unistd.h>

#include "plugins/imagefoldersrc/exif.h"

#define MAX_CHUNKS 1000         /* that are looked at */
#define MAX_EXIF 65536          /* bytes of EXIF data that are read */
#define ORIENTATION 0x112
#define SHORT 3                 /* a type: 16 bits */

/* Bytes with numbers in them */
typedef struct
{
  const guint8 *bytes;
  gsize size;
  gboolean is_big_endian;
} Numbers;

/* 0 past the end */
static guint
read_16 (const Numbers * n, gsize offset)
{
  const guint8 *b = n->bytes + offset;

  if (offset > n->size || n->size - offset < 2)
    return 0;
  return n->is_big_endian ? b[0] << 8 | b[1] : b[1] << 8 | b[0];
}

static guint32
read_32 (const Numbers * n, gsize offset)
{
  const guint first = read_16 (n, offset);
  const guint second = read_16 (n, offset + 2);

  return n->is_big_endian ? (guint32) first << 16 | second
      : (guint32) second << 16 | first;
}

static guint
find_orientation (const guint8 * bytes, gsize size)
{
  Numbers exif = { bytes, size, FALSE };
  gsize entry;
  guint n;

  /* Some programs put JPEG's name of the block before the data. */
  if (size >= 6 && memcmp (bytes, "Exif\0\0", 6) == 0) {
    exif.bytes += 6;
    exif.size -= 6;
  }
  if (exif.size < 8)
    return 0;
  exif.is_big_endian = exif.bytes[0] == 'M';
  entry = read_32 (&exif, 4);
  n = read_16 (&exif, entry);
  for (entry += 2; n > 0 && entry < exif.size; n--, entry += 12) {
    if (read_16 (&exif, entry) == ORIENTATION
        && read_16 (&exif, entry + 2) == SHORT) {
      const guint value = read_16 (&exif, entry + 8);

      return value <= 8 ? value : 0;
    }
  }
  return 0;
}

static guint
read_exif (gint fd, goffset offset, gsize size)
{
  g_autofree guint8 *bytes = NULL;
  gssize n;

  size = MIN (size, MAX_EXIF);
  bytes = g_malloc (size + 1);
  n = pread (fd, bytes, size, offset);
  return n > 0 ? find_orientation (bytes, n) : 0;
}

guint
gst_ddpm_exif_read_orientation (gint fd)
{
  guint8 head[12];
  Numbers chunk = { head, 8, FALSE };
  goffset offset;
  gboolean is_png;

  if (pread (fd, head, 12, 0) != 12)
    return 0;
  is_png = memcmp (head, "\x89PNG", 4) == 0;
  if (!is_png && memcmp (head + 8, "WEBP", 4) != 0)
    return 0;
  chunk.is_big_endian = is_png;
  offset = is_png ? 8 : 12;
  for (guint i = 0; i < MAX_CHUNKS && pread (fd, head, 8, offset) == 8; i++) {
    const guint8 *name = is_png ? head + 4 : head;
    const guint32 size = read_32 (&chunk, is_png ? 0 : 4);

    if (memcmp (name, is_png ? "eXIf" : "EXIF", 4) == 0)
      return read_exif (fd, offset + 8, size);
    /* after them, a PNG has a checksum, and a WebP an even place */
    offset += 8 + (goffset) size + (is_png ? 4 : size % 2);
  }
  return 0;
}
