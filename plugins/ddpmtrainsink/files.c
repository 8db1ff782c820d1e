/* gst-ddpm: the names of a training run's files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <glib/gstdio.h>
#include "plugins/ddpmtrainsink/files.h"

#define MAX_WIDTH 20            /* digits of the largest number */

/* --- the pattern ---------------------------------------------------------- */

/* Parses "ck-%06u.bin", the name without its folder, whose length is n. */
static gboolean
parse_number (GstDdpmTrainFiles * files, const gchar * location, gsize n)
{
  const gchar *number = strchr (location + n, '%'), *end = number + 1;
  gchar *after;
  guint64 width = 0;

  if (*end == '0') {
    width = g_ascii_strtoull (end, &after, 10);
    end = after;
  }
  /* the number must end where the suffix begins */
  if (*end != 'u' || strchr (end, '%') || width > MAX_WIDTH
      || g_ascii_isdigit (end[1]))
    return FALSE;
  files->prefix = g_strndup (location, number - location);
  files->suffix = g_strdup (end + 1);
  files->width = width;
  return TRUE;
}

/* The pattern without its number, and without what separates it */
static gchar *
get_base (const GstDdpmTrainFiles * files, gsize folder)
{
  gsize length = strlen (files->prefix);

  if (length > folder && strchr ("-_.", files->prefix[length - 1]))
    length--;
  return g_strdup_printf ("%.*s%s%s", (int) length, files->prefix,
      length > folder ? "" : "checkpoint", files->suffix);
}

gboolean
gst_ddpm_train_files_init (GstDdpmTrainFiles * files, const gchar * location,
    GError ** error)
{
  const gchar *slash = strrchr (location, '/');
  const gsize folder = slash ? slash + 1 - location : 0;
  g_autofree gchar *shown = g_filename_display_name (location);
  const gboolean numbered = strchr (location + folder, '%') != NULL;

  memset (files, 0, sizeof (*files));
  if (numbered && !parse_number (files, location, folder))
    goto no_pattern;
  files->base = numbered ? get_base (files, folder) : g_strdup (location);
  files->state = ddpm_train_state_path (files->base);
  return TRUE;

no_pattern:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "location=%s: expected no %% in the file name, or one %%u for the number "
      "of the step, with no digit behind it, such as ckpt-%%06u.bin", shown);
  return FALSE;
}

void
gst_ddpm_train_files_clear (GstDdpmTrainFiles * files)
{
  g_clear_pointer (&files->base, g_free);
  g_clear_pointer (&files->state, g_free);
  g_clear_pointer (&files->prefix, g_free);
  g_clear_pointer (&files->suffix, g_free);
}

gchar *
gst_ddpm_train_files_get_checkpoint (const GstDdpmTrainFiles * files,
    guint64 step)
{
  if (files->prefix == NULL)
    return g_strdup (files->base);
  return g_strdup_printf ("%s%0*" G_GUINT64_FORMAT "%s", files->prefix,
      (int) files->width, step, files->suffix);
}

/* --- numbered checkpoints on disk ----------------------------------------- */

/* Is name, in folder, the checkpoint of a step? */
static gboolean
parse_step (const GstDdpmTrainFiles * files, const gchar * folder,
    const gchar * name, guint64 * step)
{
  const gsize before = strlen (files->prefix)
      - strlen (strrchr (files->prefix, '/') ? folder : "");
  g_autofree gchar *path = g_strconcat (folder, name, NULL);
  g_autofree gchar *expected = NULL;

  if (strlen (name) <= before || !g_ascii_isdigit (name[before]))
    return FALSE;
  *step = g_ascii_strtoull (name + before, NULL, 10);
  expected = gst_ddpm_train_files_get_checkpoint (files, *step);
  return g_str_equal (path, expected);
}

static gint
compare_steps (gconstpointer a, gconstpointer b)
{
  const guint64 *x = a, *y = b;

  return *x < *y ? -1 : *x > *y;
}

/* Returns: (transfer full): the steps whose checkpoints exist, in order */
static GArray *
list_steps (const GstDdpmTrainFiles * files)
{
  GArray *steps = g_array_new (FALSE, FALSE, sizeof (guint64));
  const gchar *slash = strrchr (files->prefix, '/'), *name;
  g_autofree gchar *folder =
      g_strndup (files->prefix, slash ? slash + 1 - files->prefix : 0);
  g_autoptr (GDir) dir = g_dir_open (*folder ? folder : ".", 0, NULL);
  guint64 step;

  while (dir && (name = g_dir_read_name (dir)))
    if (parse_step (files, folder, name, &step))
      g_array_append_val (steps, step);
  g_array_sort (steps, compare_steps);
  return steps;
}

gchar *
gst_ddpm_train_files_find_checkpoint (const GstDdpmTrainFiles * files)
{
  g_autoptr (GArray) steps = NULL;

  if (files->prefix == NULL)
    return g_file_test (files->base, G_FILE_TEST_EXISTS) ?
        g_strdup (files->base) : NULL;
  steps = list_steps (files);
  return steps->len == 0 ? NULL : gst_ddpm_train_files_get_checkpoint (files,
      g_array_index (steps, guint64, steps->len - 1));
}

gboolean
gst_ddpm_train_files_prune (const GstDdpmTrainFiles * files, guint64 step,
    guint n)
{
  g_autoptr (GArray) steps = NULL;
  gboolean ok = TRUE;
  guint i, earlier;

  if (files->prefix == NULL || n == 0)
    return TRUE;
  steps = list_steps (files);
  for (earlier = 0; earlier < steps->len
      && g_array_index (steps, guint64, earlier) < step; earlier++);
  for (i = 0; i + n <= earlier; i++) {
    g_autofree gchar *name = gst_ddpm_train_files_get_checkpoint (files,
        g_array_index (steps, guint64, i));

    ok &= g_unlink (name) == 0;
  }
  return ok;
}
