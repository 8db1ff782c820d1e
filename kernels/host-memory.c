/* gst-ddpm: how much memory of the host a process can still use
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Linux gives out more memory than there is, and kills a process that touches
 * too much of it. So a caller compares what it needs with what is available
 * before it begins. Memory that holds copies of files counts as available: the
 * kernel drops them first.
 */
#include "kernels/host-memory.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Keeps the smaller one. limit: (transfer full) */
static void
lower_memory (DdpmHostMemory * memory, guint64 available, gchar * limit)
{
  if (available >= memory->available) {
    g_free (limit);
    return;
  }
  g_free (memory->limit);
  memory->available = available;
  memory->limit = limit;
}

static guint64
subtract (guint64 limit, guint64 used)
{
  return limit > used ? limit - used : 0;
}

static gchar *
read_text (const gchar * root, const gchar * folder, const gchar * name)
{
  g_autofree gchar *path = g_strconcat (root, folder, "/", name, NULL);
  gchar *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

/* The number after a key at the beginning of a line; 0: there is none */
static guint64
find_number (const gchar * text, const gchar * key)
{
  const gsize length = strlen (key);

  for (const gchar * line = text; line; line = strchr (line, '\n')) {
    line += *line == '\n';
    if (strncmp (line, key, length) == 0)
      return g_ascii_strtoull (line + length, NULL, 10);
  }
  return 0;
}

/* G_MAXUINT64: there is no such file, or no limit */
static guint64
read_limit (const gchar * root, const gchar * folder, const gchar * name)
{
  g_autofree gchar *text = read_text (root, folder, name);
  guint64 limit;

  if (text == NULL || !g_ascii_isdigit (*text))
    return G_MAXUINT64;
  limit = g_ascii_strtoull (text, NULL, 10);
  return limit >= G_MAXINT64 / 2 ? G_MAXUINT64 : limit;
}

/* --- the machine ---------------------------------------------------------- */

static guint64
look_at_machine (DdpmHostMemory * memory, const gchar * root)
{
  g_autofree gchar *text = read_text (root, "/proc", "meminfo");
  const guint64 available = find_number (text, "MemAvailable:") * 1024;
  const guint64 swap = find_number (text, "SwapFree:") * 1024;

  if (available > 0)
    lower_memory (memory, available + swap,
        g_strdup ("MemAvailable and SwapFree of /proc/meminfo"));
  return swap;
}

/* --- control groups ------------------------------------------------------- */

/* Names of files and keys in both versions of the kernel's interface */
typedef struct
{
  const gchar *mount, *limit, *usage;
  const gchar *file_keys[2];    /* memory.stat: copies of files */
  const gchar *swap_limit, *swap_usage; /* NULL: they count swap with memory */
} Version;

static const Version versions[] = {
  {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
      {"total_inactive_file ", "total_active_file "}, NULL, NULL},
  {"/sys/fs/cgroup", "memory.max", "memory.current",
        {"inactive_file ", "active_file "}, "memory.swap.max",
      "memory.swap.current"},
};

/* The group's swap, as far as the machine has it */
static guint64
get_swap (const Version * v, const gchar * root, const gchar * folder,
    guint64 swap)
{
  const guint64 limit = v->swap_limit == NULL ? G_MAXUINT64
      : read_limit (root, folder, v->swap_limit);

  if (limit == G_MAXUINT64)
    return swap;
  return MIN (swap, subtract (limit, read_limit (root, folder, v->swap_usage)));
}

static void
look_at_group (DdpmHostMemory * memory, const Version * v, const gchar * root,
    const gchar * folder, guint64 swap)
{
  const guint64 limit = read_limit (root, folder, v->limit);
  const guint64 usage = read_limit (root, folder, v->usage);
  g_autofree gchar *stat = NULL;
  guint64 files;

  if (limit == G_MAXUINT64 || usage == G_MAXUINT64)
    return;
  stat = read_text (root, folder, "memory.stat");
  files = find_number (stat, v->file_keys[0])
      + find_number (stat, v->file_keys[1]);
  lower_memory (memory, subtract (limit, subtract (usage, files))
      + get_swap (v, root, folder, swap),
      g_strdup_printf ("%s of the cgroup %s", v->limit, folder));
}

/* The group and all above it: in a container, the path may be that of the
 * machine, of which only the upper end is there. */
static void
look_at_path (DdpmHostMemory * memory, const Version * v, const gchar * root,
    const gchar * path, guint64 swap)
{
  g_autofree gchar *folder = g_strconcat (v->mount,
      strcmp (path, "/") == 0 ? "" : path, NULL);

  while (strlen (folder) >= strlen (v->mount)) {
    look_at_group (memory, v, root, folder, swap);
    *strrchr (folder, '/') = '\0';
  }
}

/* Lines such as "0::/user.slice", or "4:memory:/user.slice" in version 1 */
static void
look_at_groups (DdpmHostMemory * memory, const gchar * root, guint64 swap)
{
  g_autofree gchar *text = read_text (root, "/proc/self", "cgroup");
  g_auto (GStrv) lines = g_strsplit (text ? text : "", "\n", -1);

  for (guint i = 0; lines[i]; i++) {
    g_auto (GStrv) fields = g_strsplit (lines[i], ":", 3);
    g_auto (GStrv) controllers = NULL;

    if (g_strv_length (fields) < 3)
      continue;
    controllers = g_strsplit (fields[1], ",", -1);
    if (*fields[1] == '\0')
      look_at_path (memory, &versions[1], root, fields[2], swap);
    else if (g_strv_contains ((const gchar * const *) controllers, "memory"))
      look_at_path (memory, &versions[0], root, fields[2], swap);
  }
}

/* --- resource limits ------------------------------------------------------ */

/* column: of /proc/self/statm, in pages */
static void
look_at_resource (DdpmHostMemory * memory, const gchar * root, gint resource,
    guint column, const gchar * name)
{
  g_autofree gchar *text = read_text (root, "/proc/self", "statm");
  g_auto (GStrv) columns = g_strsplit (text ? text : "", " ", -1);
  struct rlimit limit;

  if (getrlimit (resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY
      || g_strv_length (columns) <= column)
    return;
  lower_memory (memory, subtract (limit.rlim_cur,
          g_ascii_strtoull (columns[column], NULL, 10) * getpagesize ()),
      g_strdup (name));
}

/* --- all of them ---------------------------------------------------------- */

void
ddpm_host_memory_init (DdpmHostMemory * memory, const gchar * root)
{
  const gchar *test = g_getenv ("GST_DDPM_TEST_MEMORY");
  guint64 swap;

  memory->available = G_MAXUINT64;
  memory->limit = NULL;
  if (test) {
    lower_memory (memory, g_ascii_strtoull (test, NULL, 10) << 20,
        g_strdup ("GST_DDPM_TEST_MEMORY"));
    return;
  }
  swap = look_at_machine (memory, root);
  look_at_groups (memory, root, swap);
  look_at_resource (memory, root, RLIMIT_AS, 0, "RLIMIT_AS (ulimit -v)");
  look_at_resource (memory, root, RLIMIT_DATA, 5, "RLIMIT_DATA (ulimit -d)");
}

void
ddpm_host_memory_clear (DdpmHostMemory * memory)
{
  g_clear_pointer (&memory->limit, g_free);
}
