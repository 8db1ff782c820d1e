/* gst-ddpm: zip archives, read by offset
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/zip.h"

#include <string.h>
#include <zip.h>

#include "gst-ddpm/files/file-tensor.h"
#include "kernels/backend.h"

/* What libzip may read to open an archive: the directory and a header before
 * each entry. It bounds the memory and the time that it takes; 20,000 entries
 * need less. */
#define MAX_DIRECTORY (4u << 20)
#define LOCAL_HEADER 30         /* bytes before an entry, without its name */
#define DIRECTORY_HEADER 46     /* bytes of the directory for one */
/* Bytes that are decompressed only to be skipped, in the whole archive: a small
 * file must not cost hours. */
#define MAX_SKIPPED (G_GUINT64_CONSTANT (1) << 30)
#define CHUNK 65536

typedef struct
{
  const gchar *name;
  guint64 size;
  gboolean compressed;
} Entry;

/**
 * DdpmZip:
 * @at: where libzip reads the input
 * @budget: bytes that it may still read
 * @problem: why it cannot read on
 * @error: as libzip is told
 * @by_name: name -> index + 1
 * @open: the entry @opened, read up to @position; or NULL
 */
struct _DdpmZip
{
  const DdpmInput *input;
  guint64 at, budget;
  GError *problem;
  zip_error_t error;

  zip_t *archive;
  GArray *entries;
  GHashTable *by_name;

  zip_file_t *open;
  guint opened;
  guint64 position, skipped;
};

static gboolean
zip_refuse (DdpmZip * zip, const gchar * found, GError ** error)
{
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected a whole zip archive, as torch.save () of PyTorch writes, "
      "found %s", zip->input->name, found);
  return FALSE;
}

/* --- what libzip reads from ------------------------------------------- */

static zip_int64_t
read_input (DdpmZip * zip, gpointer to, guint64 size)
{
  const guint64 n = MIN (size, zip->input->size - zip->at);

  if (zip->problem == NULL && n > zip->budget)
    zip_refuse (zip, "a directory that is larger than any checkpoint's",
        &zip->problem);
  if (zip->problem == NULL
      && ddpm_input_read (zip->input, zip->at, n, to, &zip->problem)) {
    zip->at += n;
    zip->budget -= n;
    return n;
  }
  zip_error_set (&zip->error, ZIP_ER_READ, 0);
  return -1;
}

static zip_int64_t
seek_input (DdpmZip * zip, gpointer to, guint64 size)
{
  const zip_int64_t at = zip_source_seek_compute_offset (zip->at,
      zip->input->size, to, size, &zip->error);

  if (at < 0)
    return -1;
  zip->at = at;
  return 0;
}

static zip_int64_t
get_stat (DdpmZip * zip, zip_stat_t * stat, guint64 size)
{
  if (size < sizeof *stat)
    return -1;
  zip_stat_init (stat);
  stat->size = zip->input->size;
  stat->valid = ZIP_STAT_SIZE;
  return sizeof *stat;
}

static zip_int64_t
serve_input (gpointer data, gpointer to, zip_uint64_t size,
    zip_source_cmd_t command)
{
  DdpmZip *zip = data;

  switch (command) {
    case ZIP_SOURCE_SUPPORTS:
      return zip_source_make_command_bitmap (ZIP_SOURCE_OPEN, ZIP_SOURCE_READ,
          ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
          ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
    case ZIP_SOURCE_OPEN:
      zip->at = 0;
      return 0;
    case ZIP_SOURCE_READ:
      return read_input (zip, to, size);
    case ZIP_SOURCE_SEEK:
      return seek_input (zip, to, size);
    case ZIP_SOURCE_TELL:
      return zip->at;
    case ZIP_SOURCE_STAT:
      return get_stat (zip, to, size);
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data (&zip->error, to, size);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
      return 0;
    default:
      zip_error_set (&zip->error, ZIP_ER_OPNOTSUPP, 0);
      return -1;
  }
}

/* --- opening ---------------------------------------------------------- */

/* Is the end of the archive missing? libzip tells it in other words since 1.11. */
static gboolean
is_cut (gint code)
{
#ifdef ZIP_ER_TRUNCATED_ZIP
  if (code == ZIP_ER_TRUNCATED_ZIP)
    return TRUE;
#endif
  return code == ZIP_ER_NOZIP;
}

static gboolean
open_archive (DdpmZip * zip, GError ** error)
{
  zip_error_t cause;
  zip_source_t *source;
  gint code;

  zip_error_init (&cause);
  source = zip_source_function_create (serve_input, zip, &cause);
  if (source != NULL)
    zip->archive = zip_open_from_source (source, ZIP_RDONLY | ZIP_CHECKCONS,
        &cause);
  if (zip->archive == NULL)
    zip_source_free (source);
  code = zip_error_code_zip (&cause);
  zip_error_fini (&cause);
  if (zip->problem != NULL) {
    g_propagate_error (error, g_steal_pointer (&zip->problem));
    return FALSE;
  }
  if (zip->archive != NULL)
    return TRUE;
  if (is_cut (code))
    return zip_refuse (zip, "one without its end: its download may have "
        "stopped; download it again", error);
  return zip_refuse (zip, code == ZIP_ER_EXISTS ? "two entries of one name" :
      "one whose entries contradict its directory; if it was downloaded, "
      "download it again", error);
}

/* "data.pkl", "a/data.pkl", not "/a", "a/../b" */
static gboolean
stays_inside (const gchar * name)
{
  g_auto (GStrv) parts = g_strsplit_set (name, "/\\", -1);

  return *name != '/' && *name != '\\'
      && !g_strv_contains ((const gchar * const *) parts, "..");
}

/* Returns what is wrong with it; NULL: nothing */
static const gchar *
add_entry (DdpmZip * zip, guint64 index, GHashTable * hashes, guint64 * sum)
{
  const guint64 wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE
      | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  zip_stat_t stat;
  Entry entry;

  if (zip_stat_index (zip->archive, index, 0, &stat) < 0
      || (stat.valid & wanted) != wanted)
    return "one whose directory is damaged";
  if (!stays_inside (stat.name))
    return "an entry with a name that leads out of it";
  if (!ddpm_file_check_hash (hashes, stat.name))
    return "names of entries that are made to collide";
  if (stat.encryption_method != ZIP_EM_NONE)
    return "an encrypted one";
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
    return "a compression other than deflate: unpack it and pack it again";
  if (stat.comp_method == ZIP_CM_STORE && stat.size != stat.comp_size)
    return "an entry of two sizes";
  if (!g_uint64_checked_add (sum, *sum, stat.comp_size)
      || !g_uint64_checked_add (sum, *sum,
          LOCAL_HEADER + DIRECTORY_HEADER + 2 * strlen (stat.name))
      || *sum > zip->input->size)
    return "entries that overlap";
  entry = (Entry) {
  stat.name, stat.size, stat.comp_method != ZIP_CM_STORE};
  g_array_append_val (zip->entries, entry);
  g_hash_table_insert (zip->by_name, (gpointer) stat.name,
      GUINT_TO_POINTER (zip->entries->len));
  return NULL;
}

static gboolean
add_entries (DdpmZip * zip, GError ** error)
{
  g_autoptr (GHashTable) hashes = g_hash_table_new (NULL, NULL);
  const zip_int64_t n = zip_get_num_entries (zip->archive, 0);
  const gchar *wrong = NULL;
  guint64 sum = 0;

  for (zip_int64_t i = 0; i < n && wrong == NULL; i++)
    wrong = add_entry (zip, i, hashes, &sum);
  return wrong == NULL || zip_refuse (zip, wrong, error);
}

DdpmZip *
ddpm_zip_open (const DdpmInput * input, GError ** error)
{
  g_autoptr (DdpmZip) zip = g_new0 (DdpmZip, 1);

  zip->input = input;
  zip->budget = MAX_DIRECTORY;
  zip_error_init (&zip->error);
  zip->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  zip->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  if (!open_archive (zip, error) || !add_entries (zip, error))
    return NULL;
  zip->budget = G_MAXUINT64;
  return g_steal_pointer (&zip);
}

static void
close_entry (DdpmZip * zip)
{
  if (zip->open != NULL)
    zip_fclose (zip->open);
  zip->open = NULL;
}

void
ddpm_zip_free (DdpmZip * zip)
{
  if (zip == NULL)
    return;
  close_entry (zip);
  if (zip->archive != NULL)
    zip_discard (zip->archive);
  zip_error_fini (&zip->error);
  g_clear_error (&zip->problem);
  g_array_unref (zip->entries);
  g_hash_table_unref (zip->by_name);
  g_free (zip);
}

/* --- entries ---------------------------------------------------------- */

static const Entry *
get_entry (DdpmZip * zip, guint entry)
{
  return &g_array_index (zip->entries, Entry, entry);
}

guint
ddpm_zip_get_n_entries (DdpmZip * zip)
{
  return zip->entries->len;
}

const gchar *
ddpm_zip_get_name (DdpmZip * zip, guint entry)
{
  return get_entry (zip, entry)->name;
}

gboolean
ddpm_zip_find (DdpmZip * zip, const gchar * name, guint * entry)
{
  const guint found =
      GPOINTER_TO_UINT (g_hash_table_lookup (zip->by_name, name));

  if (found > 0)
    *entry = found - 1;
  return found > 0;
}

guint64
ddpm_zip_get_size (DdpmZip * zip, guint entry)
{
  return get_entry (zip, entry)->size;
}

/* --- content ---------------------------------------------------------- */

static gboolean
fail_to_read (DdpmZip * zip, guint entry, GError ** error)
{
  g_autofree gchar *name = ddpm_file_quote (get_entry (zip, entry)->name);

  close_entry (zip);
  if (zip->problem != NULL) {
    g_propagate_error (error, g_steal_pointer (&zip->problem));
    return FALSE;
  }
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s: expected %" G_GUINT64_FORMAT " bytes in the entry %s, found it "
      "damaged; download it again", zip->input->name,
      get_entry (zip, entry)->size, name);
  return FALSE;
}

static gboolean
take_bytes (DdpmZip * zip, guint entry, gsize size, gpointer out,
    GError ** error)
{
  if (zip_fread (zip->open, out, size) != (zip_int64_t) size)
    return fail_to_read (zip, entry, error);
  zip->position += size;
  return TRUE;
}

/* Decompresses up to the offset. */
static gboolean
skip_to (DdpmZip * zip, guint entry, guint64 offset, GError ** error)
{
  g_autofree gchar *dropped = g_malloc (CHUNK);

  zip->skipped += offset - zip->position;
  if (zip->skipped > MAX_SKIPPED)
    return zip_refuse (zip, "one that is compressed and read in too many "
        "pieces: load it in Python and save it with torch.save ()", error);
  while (zip->position < offset)
    if (!take_bytes (zip, entry, MIN (CHUNK, offset - zip->position), dropped,
            error))
      return FALSE;
  return TRUE;
}

static gboolean
seek_entry (DdpmZip * zip, guint entry, guint64 offset, GError ** error)
{
  const gboolean compressed = get_entry (zip, entry)->compressed;

  if (zip->open == NULL || zip->opened != entry
      || (compressed && offset < zip->position)) {
    close_entry (zip);
    zip->open = zip_fopen_index (zip->archive, entry, 0);
    if (zip->open == NULL)
      return fail_to_read (zip, entry, error);
    zip->opened = entry;
    zip->position = 0;
  }
  if (compressed)
    return skip_to (zip, entry, offset, error);
  if (offset != zip->position && zip_fseek (zip->open, offset, SEEK_SET) < 0)
    return fail_to_read (zip, entry, error);
  zip->position = offset;
  return TRUE;
}

gboolean
ddpm_zip_read (DdpmZip * zip, guint entry, guint64 offset, gsize size,
    gpointer out, GError ** error)
{
  return seek_entry (zip, entry, offset, error)
      && take_bytes (zip, entry, size, out, error);
}
