/* gst-ddpm: fuzzing the EXIF data of PNG and WebP pictures
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <fcntl.h>
#include <unistd.h>

#include "plugins/imagefoldersrc/exif.h"
#include "tests/fuzz/fuzz.h"

void
fuzz_one (FuzzInput * in)
{
  const gint fd = open (fuzz_write_file (in->data, in->size), O_RDONLY);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpuint (gst_ddpm_exif_read_orientation (fd), <=, 8);
  close (fd);
}
