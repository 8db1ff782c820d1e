/* gst-ddpm: fuzzing the files of cuDNN's plans
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input: whether a good first line and checksum are put before it (an odd
 * number), and the file
 */
#include <string.h>
#include <glib/gstdio.h>

#include "kernels/cuda/plan-cache.h"
#include "tests/fuzz/fuzz.h"

#define TITLE "machine:graph\n"

static CudaPlanCache *cache;
static gchar *path;             /* of the plan */

/* The cache itself chooses the name. */
static void
find_path (void)
{
  const gchar *folder = fuzz_get_folder ();
  GDir *dir;

  cache = ddpm_cuda_plan_cache_new (folder, "machine");
  ddpm_cuda_plan_cache_write (cache, "graph", "plan");
  dir = g_dir_open (folder, 0, NULL);
  path = g_build_filename (folder, g_dir_read_name (dir), NULL);
  g_dir_close (dir);
}

void
fuzz_one (FuzzInput * in)
{
  const gboolean has_sum = fuzz_take_uint32 (in) & 1;
  gsize size;
  g_autofree gchar *text = fuzz_take_text (in, &size);
  g_autofree gchar *sum =
      g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  g_autofree gchar *whole = g_strconcat ("gst-ddpm plan of cuDNN, format 1\n",
      sum, "\n", text, NULL);
  g_autofree gchar *plan = NULL;

  if (path == NULL)
    find_path ();
  if (has_sum)
    size = strlen (whole);
  fuzz_write_path (path, has_sum ? whole : text, size, size);
  g_chmod (path, 0600);
  plan = ddpm_cuda_plan_cache_read (cache, "graph");
  if (has_sum)
    g_assert_cmpstr (plan, ==, g_str_has_prefix (text, TITLE) ?
        text + strlen (TITLE) : NULL);
}
