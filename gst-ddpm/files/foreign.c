/* gst-ddpm: files of other formats
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/foreign.h"

#include <string.h>

static const struct
{
  const gchar *bytes;
  gsize size, offset;
  const gchar *name;
} formats[] = {
  {"\x1f\x8b\x08", 3, 0, "a gzip archive"},
  {"PK\x03\x04", 4, 0, "a zip archive"},
  {"BZh", 3, 0, "a bzip2 archive"},
  {"\xfd" "7zXZ", 5, 0, "an xz archive"},
  {"ustar", 5, 257, "a tar archive"},
  {"\x80\x02}", 3, 0, "a pickle of Python"},
  {"\x80\x02\x8a", 3, 0, "a pickle of Python"},
  {"\x80\x03}", 3, 0, "a pickle of Python"},
  {"\x80\x04\x95", 3, 0, "a pickle of Python"},
  {"\x80\x05\x95", 3, 0, "a pickle of Python"},
  {"MATLAB", 6, 0, "a file of MATLAB"},
  {"PAR1", 4, 0, "a parquet file"},
  {"\x89HDF", 4, 0, "an HDF5 file"},
  {"GGUF", 4, 0, "a GGUF file"},
  {"version https://git-lfs", 23, 0, "a pointer of Git LFS to the file"},
  {"<!DOCTYPE", 9, 0, "a web page"},
  {"<!doctype", 9, 0, "a web page"},
  {"<html", 5, 0, "a web page"},
};

const gchar *
ddpm_foreign_get_name (gconstpointer bytes, gsize size)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i].offset + formats[i].size <= size
        && memcmp ((const gchar *) bytes + formats[i].offset, formats[i].bytes,
            formats[i].size) == 0)
      return formats[i].name;
  return NULL;
}
