/* gst-ddpm: ddpm-bench: memory that the process uses
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * All of it is read from Linux's /proc.
 */
#include <stdio.h>
#include <string.h>

#include "tools/bench/process.h"

/* Finds the first line that begins with name, and returns the text behind its
 * colon; NULL: there is none */
static gchar *
find_line (const gchar * path, const gchar * name)
{
  gchar *contents, *found = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &contents, NULL, NULL))
    return NULL;
  lines = g_strsplit (contents, "\n", -1);
  g_free (contents);
  for (guint i = 0; lines[i] && found == NULL; i++) {
    const gchar *colon = strchr (lines[i], ':');

    if (colon && g_str_has_prefix (lines[i], name))
      found = g_strstrip (g_strdup (colon + 1));
  }
  return found;
}

guint64
bench_peak_memory_read (void)
{
  g_autofree gchar *text = find_line ("/proc/self/status", "VmHWM");

  return text ? g_ascii_strtoull (text, NULL, 10) * 1024 : 0;
}

/* proc(5): 5 sets the peak to the memory that is resident now. */
gboolean
bench_peak_memory_reset (void)
{
  FILE *file = fopen ("/proc/self/clear_refs", "we");
  gboolean ok;

  if (file == NULL)
    return FALSE;
  ok = fputs ("5", file) >= 0;
  return fclose (file) == 0 && ok;
}

gchar *
bench_processor_name (void)
{
  gchar *name = find_line ("/proc/cpuinfo", "model name");

  return name ? name : g_strdup ("unknown");
}
