/* gst-ddpm: CUDA backend: a cache of cuDNN's plans, in files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file consists of the line FORMAT, a line with the SHA-256 of everything
 * after it, a line that names the machine and the graph, and the plan. Files
 * are untrusted: one is used only if the user owns it, nobody else can write
 * it, and it is small, complete, and for this graph and machine.
 *
 * A file's modification time says when it was last used. If a new file would
 * exceed the limit of all files together, the least recently used are deleted.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "kernels/replace.h"
#include "kernels/cuda/plan-cache.h"

#define FORMAT "gst-ddpm plan of cuDNN, format 1\n"
#define SUFFIX ".plan"
#define SUM_LENGTH 64           /* hexadecimal digits of a SHA-256 */
/* Plans with compiled kernels are up to 300 KiB long. */
#define MAX_FILE_SIZE (16 << 20)
/* Of all files: the plans of about five large networks */
#define MAX_SIZE ((guint64) 256 << 20)

struct _CudaPlanCache
{
  gchar *folder, *machine;
  guint64 max_size;             /* of all files, in bytes */
};

CudaPlanCache *
ddpm_cuda_plan_cache_new (const gchar * folder, const gchar * machine)
{
  CudaPlanCache *cache = g_new0 (CudaPlanCache, 1);

  cache->folder = g_strdup (folder);
  cache->machine = g_strdup (machine);
  cache->max_size = MAX_SIZE;
  return cache;
}

void
ddpm_cuda_plan_cache_set_max_size (CudaPlanCache * cache, guint64 size)
{
  cache->max_size = size;
}

void
ddpm_cuda_plan_cache_free (CudaPlanCache * cache)
{
  if (cache == NULL)
    return;
  g_free (cache->folder);
  g_free (cache->machine);
  g_free (cache);
}

static gchar *
title_of (const CudaPlanCache * cache, const gchar * graph)
{
  return g_strconcat (cache->machine, ":", graph, "\n", NULL);
}

static gchar *
path_of (const CudaPlanCache * cache, const gchar * title)
{
  g_autofree gchar *sum =
      g_compute_checksum_for_string (G_CHECKSUM_SHA256, title, -1);
  g_autofree gchar *name = g_strconcat (sum, SUFFIX, NULL);

  return g_build_filename (cache->folder, name, NULL);
}

/* --- reading ------------------------------------------------------------ */

/* The size of a file that may be read; -1: it may not */
static gssize
check_file (int fd)
{
  struct stat st;

  if (fstat (fd, &st) < 0 || !S_ISREG (st.st_mode)
      || st.st_uid != geteuid () || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0
      || st.st_size > MAX_FILE_SIZE)
    return -1;
  return st.st_size;
}

/* Adds a terminating zero. NULL: not all of it could be read */
static gchar *
read_whole (int fd, gsize size)
{
  gchar *text = g_malloc (size + 1);
  gsize done = 0;

  while (done < size) {
    const gssize n = read (fd, text + done, size - done);

    if (n <= 0 && !(n < 0 && errno == EINTR)) {
      g_free (text);
      return NULL;
    }
    done += MAX (n, 0);
  }
  text[size] = '\0';
  return text;
}

/* Follows no link and does not wait for a pipe. */
static gchar *
read_file (const gchar * path)
{
  const int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  gchar *text = NULL;
  gssize size;

  if (fd < 0)
    return NULL;
  size = check_file (fd);
  if (size >= 0)
    text = read_whole (fd, size);
  if (text && futimens (fd, NULL) < 0)
    g_debug ("%s: cannot set its time: %s", path, g_strerror (errno));
  close (fd);
  if (text && strlen (text) != (gsize) size)
    g_clear_pointer (&text, g_free);
  return text;
}

/* Where the plan begins in a file's text; NULL: the file is invalid */
static const gchar *
find_plan (const gchar * text, const gchar * title)
{
  g_autofree gchar *sum = NULL;

  if (!g_str_has_prefix (text, FORMAT))
    return NULL;
  text += strlen (FORMAT);
  if (strlen (text) <= SUM_LENGTH || text[SUM_LENGTH] != '\n')
    return NULL;
  sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256,
      text + SUM_LENGTH + 1, -1);
  if (strncmp (text, sum, SUM_LENGTH) != 0)
    return NULL;
  text += SUM_LENGTH + 1;
  return g_str_has_prefix (text, title) ? text + strlen (title) : NULL;
}

gchar *
ddpm_cuda_plan_cache_read (const CudaPlanCache * cache, const gchar * graph)
{
  g_autofree gchar *title = title_of (cache, graph);
  g_autofree gchar *path = path_of (cache, title);
  g_autofree gchar *text = read_file (path);
  const gchar *plan = text ? find_plan (text, title) : NULL;

  if (text && plan == NULL)
    g_debug ("%s is not a valid plan: ignored", path);
  return g_strdup (plan);
}

/* --- size --------------------------------------------------------------- */

typedef struct
{
  gchar *path;
  guint64 size;
  struct timespec used;
} File;

static void
file_free (gpointer data)
{
  File *file = data;

  g_free (file->path);
  g_free (file);
}

/* The most recently used comes first. */
static gint
compare_files (gconstpointer left, gconstpointer right)
{
  const File *a = *(File * const *) left, *b = *(File * const *) right;

  if (a->used.tv_sec != b->used.tv_sec)
    return a->used.tv_sec > b->used.tv_sec ? -1 : 1;
  return a->used.tv_nsec == b->used.tv_nsec ? 0
      : a->used.tv_nsec > b->used.tv_nsec ? -1 : 1;
}

/* The user's plans, and temporary files of interrupted writes */
static void
add_file (GPtrArray * files, const gchar * folder, const gchar * name)
{
  g_autofree gchar *path = g_build_filename (folder, name, NULL);
  struct stat st;
  File *file;

  if (strstr (name, SUFFIX) == NULL || lstat (path, &st) < 0
      || !S_ISREG (st.st_mode) || st.st_uid != geteuid ())
    return;
  file = g_new0 (File, 1);
  file->path = g_steal_pointer (&path);
  file->size = st.st_size;
  file->used = st.st_mtim;
  g_ptr_array_add (files, file);
}

/* Other processes may do the same at the same time: a file may be gone. */
static void
limit_size (const CudaPlanCache * cache, const gchar * newest)
{
  GDir *dir = g_dir_open (cache->folder, 0, NULL);
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (file_free);
  guint64 total = 0;
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir)))
    add_file (files, cache->folder, name);
  g_clear_pointer (&dir, g_dir_close);
  g_ptr_array_sort (files, compare_files);
  for (guint i = 0; i < files->len; i++) {
    const File *file = g_ptr_array_index (files, i);

    total += file->size;
    if (total > cache->max_size && !g_str_equal (file->path, newest)
        && g_unlink (file->path) == 0)
      g_debug ("deleted %s: the cache is full", file->path);
  }
}

/* --- writing ------------------------------------------------------------ */

void
ddpm_cuda_plan_cache_write (const CudaPlanCache * cache, const gchar * graph,
    const gchar * plan)
{
  g_autofree gchar *title = title_of (cache, graph);
  g_autofree gchar *path = path_of (cache, title);
  g_autofree gchar *content = g_strconcat (title, plan, NULL);
  g_autofree gchar *sum =
      g_compute_checksum_for_string (G_CHECKSUM_SHA256, content, -1);
  g_autofree gchar *text = g_strconcat (FORMAT, sum, "\n", content, NULL);
  g_autoptr (GError) error = NULL;

  if (g_mkdir_with_parents (cache->folder, 0700) != 0)
    g_debug ("%s: %s", cache->folder, g_strerror (errno));
  else if (!ddpm_replace_private_file (path, text, strlen (text), &error))
    g_debug ("cannot cache a plan: %s", error->message);
  else
    limit_size (cache, path);
}
