/* gst-ddpm: the list of the pictures in a folder and in those below it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/imagefoldersrc/folder.h"
#include "gst-ddpm/ddpm.h"

/* A folder with pictures. Those of all folders are one list. */
typedef struct
{
  gchar *path;                  /* below the location; "" is the location */
  gint label;
  guint first, n;               /* its files, in .files */
  guint64 index;                /* of its first picture, in the order of output */
} Directory;

struct _GstDdpmFolder
{
  gchar *location;
  gchar *shown;                 /* the location, in messages */
  GArray *directories;          /* of Directory, in the order of output */
  GArray *files;                /* of guint32: where the name begins in .names */
  GByteArray *names;            /* with their final zeros */
  gchar *class_names;
  gchar *notes, *problems;

  /* while listing */
  guint n_problems;
  guint64 n_others;             /* files that are no pictures */
};

/* Limit of .names, whose offsets have 32 bits */
#define MAX_NAMES (G_MAXUINT32 - 2 * NAME_MAX)

static const gchar *const endings[] = {
  ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif",
  ".tiff",
};

static void
clear_directory (gpointer data)
{
  g_free (((Directory *) data)->path);
}

static gboolean
is_picture_name (const gchar * name)
{
  const gchar *ending = strrchr (name, '.');

  for (guint i = 0; ending && i < G_N_ELEMENTS (endings); i++)
    if (g_ascii_strcasecmp (ending, endings[i]) == 0)
      return TRUE;
  return FALSE;
}

/* --- one folder ------------------------------------------------------------- */

static gint
compare_strings (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const gchar * const *) a, *(const gchar * const *) b);
}

static int
compare_names (const void *a, const void *b, void *names)
{
  return strcmp ((const char *) names + *(const guint32 *) a,
      (const char *) names + *(const guint32 *) b);
}

/* The kind of an entry, as in its d_type. Of a link it is that of its target; one
 * that leads nowhere is taken for a file, whose reader will report it. */
static guint
get_kind (gint fd, const struct dirent *entry)
{
  struct stat status;

  if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
    return entry->d_type;
  if (fstatat (fd, entry->d_name, &status, 0) != 0)
    return DT_REG;
  return S_ISREG (status.st_mode) ? DT_REG
      : S_ISDIR (status.st_mode) ? DT_DIR : DT_UNKNOWN;
}

static gboolean
add_file (GstDdpmFolder * folder, const gchar * name, GError ** error)
{
  const guint32 offset = folder->names->len;

  if (!is_picture_name (name)) {
    folder->n_others++;
    return TRUE;
  }
  if (offset > MAX_NAMES)
    goto too_many;
  g_byte_array_append (folder->names, (const guint8 *) name, strlen (name) + 1);
  g_array_append_val (folder->files, offset);
  return TRUE;

too_many:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "Cannot list the pictures in %s: expected file names of at most 4 GiB in "
      "all, found more", folder->shown);
  return FALSE;
}

/* Adds the pictures of an open folder to .files, and the names of the folders
 * in it to children. Both are sorted. Where reading fails, what was read before
 * stays. */
static gboolean
read_entries (GstDdpmFolder * folder, DIR * dir, GPtrArray * children,
    GError ** error)
{
  const guint first = folder->files->len;
  struct dirent *entry;
  gint problem;

  for (;;) {
    guint kind;

    errno = 0;
    entry = readdir (dir);
    if (entry == NULL)
      break;
    if (entry->d_name[0] == '.')
      continue;
    kind = get_kind (dirfd (dir), entry);
    if (kind == DT_DIR)
      g_ptr_array_add (children, g_strdup (entry->d_name));
    else if (kind == DT_REG && !add_file (folder, entry->d_name, error))
      return FALSE;
  }
  problem = errno;
  g_ptr_array_sort (children, compare_strings);
  if (folder->files->len > first)
    qsort_r (&g_array_index (folder->files, guint32, first),
        folder->files->len - first, sizeof (guint32), compare_names,
        folder->names->data);
  if (problem != 0)
    goto failed;
  return TRUE;

failed:
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (problem), "%s",
      g_strerror (problem));
  return FALSE;
}

/* Device and inode */
static gchar *
get_identity (gint fd)
{
  struct stat status;

  if (fstat (fd, &status) != 0)
    return NULL;
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
      (guint64) status.st_dev, (guint64) status.st_ino);
}

/* Reads a folder that is not in visited. path: below the location. */
static gboolean
read_folder (GstDdpmFolder * folder, const gchar * path, gint label,
    GHashTable * visited, GPtrArray * children, GError ** error)
{
  g_autofree gchar *full = g_build_filename (folder->location, path, NULL);
  Directory directory = {.label = label,.first = folder->files->len };
  gchar *identity;
  gint fd;
  DIR *dir;
  gboolean ok = TRUE;

  /* A pipe must not be waited for. */
  fd = open (full, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
  dir = fd < 0 ? NULL : fdopendir (fd);
  if (dir == NULL)
    goto cannot_open;
  identity = get_identity (fd);
  if (identity && g_hash_table_add (visited, identity))
    ok = read_entries (folder, dir, children, error);
  closedir (dir);

  directory.n = folder->files->len - directory.first;
  if (directory.n > 0) {
    directory.path = g_strdup (path);
    g_array_append_val (folder->directories, directory);
  }
  return ok;

cannot_open:
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "%s",
      g_strerror (errno));
  if (fd >= 0)
    close (fd);
  return FALSE;
}

/* --- all folders ---------------------------------------------------------- */

static gint
compare_directories (gconstpointer a, gconstpointer b)
{
  const Directory *first = a, *second = b;

  if (first->label != second->label)
    return first->label < second->label ? -1 : 1;
  return strcmp (first->path, second->path);
}

static void
add_problem (GstDdpmFolder * folder, const gchar * path, const GError * error)
{
  g_autofree gchar *full = g_build_filename (folder->location, path, NULL);
  g_autofree gchar *shown = g_filename_display_name (full);

  if (folder->n_problems++ == 0)
    folder->problems = g_strdup_printf ("%s: %s", shown, error->message);
}

/* Lists a folder and those below it. A folder that cannot be read is left out. */
static gboolean
list_class (GstDdpmFolder * folder, const gchar * name, gint label,
    GHashTable * visited, GError ** error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) children = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (paths, g_strdup (name));
  while (paths->len > 0) {
    g_autofree gchar *path = g_ptr_array_steal_index (paths, paths->len - 1);
    g_autoptr (GError) problem = NULL;

    if (!read_folder (folder, path, label, visited, children, &problem)) {
      if (problem->domain == DDPM_ERROR) {
        g_propagate_error (error, g_steal_pointer (&problem));
        return FALSE;
      }
      add_problem (folder, path, problem);
    }
    /* the first one last, which is taken next */
    for (guint i = children->len; i > 0; i--)
      g_ptr_array_add (paths, g_build_filename (path,
              g_ptr_array_index (children, i - 1), NULL));
    g_ptr_array_set_size (children, 0);
  }
  return TRUE;
}

/* A name that is valid in a list of names, "a,b,c" */
static gchar *
get_class_name (const gchar * name)
{
  gchar *valid = g_utf8_make_valid (name, -1), *c;

  for (c = valid; *c != '\0'; c = g_utf8_next_char (c)) {
    if (c - valid + g_utf8_skip[*(guchar *) c] > DDPM_MAX_CLASS_NAME) {
      *c = '\0';
      break;
    }
    if (*c == ',')
      *c = ';';
    else if ((guchar) * c < 0x20 || *c == 0x7f)
      *c = '?';
    else if ((guchar) * c == 0xc2 && (guchar) c[1] < 0xa0)
      c[1] = 0xbf;              /* control characters of Latin 1: "¿" */
  }
  if (*g_strstrip (valid) == '\0') {
    g_free (valid);
    return g_strdup ("?");
  }
  return valid;
}

static void
add_note (GstDdpmFolder * folder, gchar * note)
{
  g_autofree gchar *old = folder->notes;

  folder->notes = old ? g_strdup_printf ("%s. %s", old, note) : g_strdup (note);
  g_free (note);
}

/* classes: names of the folders in the location */
static void
note_classes (GstDdpmFolder * folder, GPtrArray * classes)
{
  g_autofree guint *counts = g_new0 (guint, classes->len + 1);
  g_autoptr (GString) names = g_string_new (NULL);
  g_autofree gchar *first_empty = NULL;
  guint n_empty = 0, n_full = 0, unlabelled = 0, i;

  for (i = 0; i < folder->directories->len; i++) {
    Directory *directory = &g_array_index (folder->directories, Directory, i);

    if (directory->label < 0)
      unlabelled += directory->n;
    else
      counts[directory->label] += directory->n;
  }
  for (i = 0; i < classes->len; i++) {
    g_autofree gchar *name = get_class_name (g_ptr_array_index (classes, i));

    g_string_append_printf (names, "%s%s", i > 0 ? "," : "", name);
    n_full += counts[i] > 0;
    n_empty += counts[i] == 0;
    if (counts[i] == 0 && first_empty == NULL)
      first_empty = g_steal_pointer (&name);
  }
  if (n_full == 0)
    return;
  if (classes->len > DDPM_MAX_CLASSES)
    goto too_many;
  folder->class_names = g_string_free (g_steal_pointer (&names), FALSE);
  if (n_empty > 0)
    add_note (folder, g_strdup_printf ("%u of %u classes have no pictures; the "
            "first of them is %s", n_empty, classes->len, first_empty));
  if (unlabelled > 0)
    add_note (folder,
        g_strdup_printf ("%u of %u pictures are beside the folders "
            "of the classes and have no label", unlabelled,
            folder->files->len));
  return;

too_many:
  add_note (folder, g_strdup_printf ("%u folders are more than the %d classes "
          "that a model can have: no picture has a label", classes->len,
          DDPM_MAX_CLASSES));
  for (i = 0; i < folder->directories->len; i++)
    g_array_index (folder->directories, Directory, i).label = DDPM_NO_LABEL;
}

/* Adds the numbers of the first pictures. */
static void
number_pictures (GstDdpmFolder * folder)
{
  guint64 index = 0;

  g_array_sort (folder->directories, compare_directories);
  for (guint i = 0; i < folder->directories->len; i++) {
    Directory *directory = &g_array_index (folder->directories, Directory, i);

    directory->index = index;
    index += directory->n;
  }
}

static gboolean
list_all (GstDdpmFolder * folder, GError ** error)
{
  g_autoptr (GHashTable) visited =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) classes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) problem = NULL;
  g_autofree gchar *root = NULL;
  GHashTableIter iter;
  gpointer key;

  if (!read_folder (folder, "", DDPM_NO_LABEL, visited, classes, &problem))
    goto cannot_read;
  g_hash_table_iter_init (&iter, visited);
  if (g_hash_table_iter_next (&iter, &key, NULL))
    root = g_strdup (key);
  for (guint i = 0; i < classes->len; i++) {
    /* Two classes may link to the same folder. */
    g_hash_table_remove_all (visited);
    if (root)
      g_hash_table_add (visited, g_strdup (root));
    if (!list_class (folder, g_ptr_array_index (classes, i), i, visited, error))
      return FALSE;
  }
  number_pictures (folder);
  note_classes (folder, classes);
  return TRUE;

cannot_read:
  if (problem->domain == DDPM_ERROR) {
    g_propagate_error (error, g_steal_pointer (&problem));
    return FALSE;
  }
  if (g_error_matches (problem, G_FILE_ERROR, G_FILE_ERROR_NOTDIR))
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_READ,
        "Cannot list the pictures in %s: expected a folder, found something "
        "else: give the folder that it is in", folder->shown);
  else
    g_set_error (error, DDPM_ERROR, g_error_matches (problem, G_FILE_ERROR,
            G_FILE_ERROR_NOENT) ? DDPM_ERROR_NOT_FOUND : DDPM_ERROR_READ,
        "Cannot list the pictures in %s: expected a folder, but: %s",
        folder->shown, problem->message);
  return FALSE;
}

GstDdpmFolder *
gst_ddpm_folder_list (const gchar * location, GError ** error)
{
  g_autoptr (GstDdpmFolder) folder = g_new0 (GstDdpmFolder, 1);

  folder->location = g_strdup (location);
  folder->shown = g_filename_display_name (location);
  folder->directories = g_array_new (FALSE, FALSE, sizeof (Directory));
  g_array_set_clear_func (folder->directories, clear_directory);
  folder->files = g_array_new (FALSE, FALSE, sizeof (guint32));
  folder->names = g_byte_array_new ();
  if (!list_all (folder, error))
    return NULL;
  if (folder->n_problems > 1) {
    g_autofree gchar *first = folder->problems;

    folder->problems = g_strdup_printf ("%s, and %u others", first,
        folder->n_problems - 1);
  }
  if (folder->files->len == 0)
    goto no_pictures;
  return g_steal_pointer (&folder);

no_pictures:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NOT_FOUND,
      "Found no pictures in %s, nor in folders below it: expected names that "
      "end in .jpg, .png, .webp, .bmp, .gif or .tif, found %" G_GUINT64_FORMAT
      " other files%s%s", folder->shown, folder->n_others,
      folder->problems ? "; cannot read " : "",
      folder->problems ? folder->problems : "");
  return NULL;
}

void
gst_ddpm_folder_free (GstDdpmFolder * folder)
{
  g_array_unref (folder->directories);
  g_array_unref (folder->files);
  g_byte_array_unref (folder->names);
  g_free (folder->location);
  g_free (folder->shown);
  g_free (folder->class_names);
  g_free (folder->notes);
  g_free (folder->problems);
  g_free (folder);
}

/* --- what is in the list ------------------------------------------------------ */

guint64
gst_ddpm_folder_get_n_pictures (const GstDdpmFolder * folder)
{
  return folder->files->len;
}

/* The folder of a picture: the last one that begins at index or before it */
static const Directory *
find_directory (const GstDdpmFolder * folder, guint64 index)
{
  guint low = 0, high = folder->directories->len;

  while (high - low > 1) {
    const guint middle = low + (high - low) / 2;

    if (g_array_index (folder->directories, Directory, middle).index <= index)
      low = middle;
    else
      high = middle;
  }
  return &g_array_index (folder->directories, Directory, low);
}

gchar *
gst_ddpm_folder_get_path (const GstDdpmFolder * folder, guint64 index)
{
  const Directory *directory = find_directory (folder, index);
  const guint32 name = g_array_index (folder->files, guint32,
      directory->first + (index - directory->index));

  return g_build_filename (folder->location, directory->path,
      (const gchar *) folder->names->data + name, NULL);
}

gint
gst_ddpm_folder_get_label (const GstDdpmFolder * folder, guint64 index)
{
  if (folder->class_names == NULL)
    return DDPM_NO_LABEL;
  return find_directory (folder, index)->label;
}

const gchar *
gst_ddpm_folder_get_class_names (const GstDdpmFolder * folder)
{
  return folder->class_names;
}

const gchar *
gst_ddpm_folder_get_notes (const GstDdpmFolder * folder)
{
  return folder->notes;
}

const gchar *
gst_ddpm_folder_get_problems (const GstDdpmFolder * folder)
{
  return folder->problems;
}
