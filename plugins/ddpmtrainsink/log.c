/* gst-ddpm: the CSV log of a training run
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include "plugins/ddpmtrainsink/log.h"

#define HEADER \
    "step,epoch,loss,smoothed_loss,learning_rate,grad_norm,images_per_second\n"
/* More than a row has */
#define MAX_ROW 512

struct _GstDdpmTrainLog
{
  gchar *location;
  FILE *file;
  gint failure;                 /* errno of the first failed write, or 0 */
};

static gboolean
set_error (GError ** error, gint code, const gchar * location,
    const gchar * what)
{
  gint saved = errno;

  g_set_error (error, DDPM_ERROR,
      saved == ENOSPC ? DDPM_ERROR_NO_SPACE : code,
      "Cannot %s the log %s: %s", what, location, g_strerror (saved));
  return FALSE;
}

static gboolean
check_header (FILE * file, const gchar * location, GError ** error)
{
  gchar row[MAX_ROW];

  if (fgets (row, sizeof (row), file) == NULL)
    return !ferror (file)
        || set_error (error, DDPM_ERROR_READ, location, "read");
  if (strcmp (row, HEADER) == 0)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
      "%s is not a log of ddpmtrainsink to continue: expected the first line "
      "to be \"%.*s\"", location, (int) strlen (HEADER) - 1, HEADER);
  return FALSE;
}

/* As when a checkpoint is saved, no link of another user is followed in a folder
 * that everybody may write to. The file was opened before it is checked, so
 * nobody can exchange it between. */
static gboolean
check_owner (FILE * file, const gchar * location, GError ** error)
{
  struct stat opened, named;

  if (fstat (fileno (file), &opened) != 0 || lstat (location, &named) != 0)
    return set_error (error, DDPM_ERROR_WRITE, location, "write");
  if (!S_ISREG (opened.st_mode) || (opened.st_dev == named.st_dev
          && opened.st_ino == named.st_ino))
    return TRUE;
  return ddpm_checkpoint_can_save (location, error);
}

/* A log of one training, until the file is closed. File systems without locks
 * have none. */
static gboolean
lock_file (FILE * file, const gchar * location, GError ** error)
{
  struct stat st;

  if (fstat (fileno (file), &st) != 0 || !S_ISREG (st.st_mode)
      || flock (fileno (file), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_WRITE,
      "Cannot write the log %s: another training writes it", location);
  return FALSE;
}

/* A terminal has no header. To open a pipe would be to wait for its reader. */
gboolean
gst_ddpm_train_log_check (const gchar * location, GError ** error)
{
  GStatBuf st;
  FILE *file;
  gboolean ok;

  if (g_stat (location, &st) != 0)
    return ddpm_checkpoint_can_save (location, error);
  if (!S_ISREG (st.st_mode) && !S_ISCHR (st.st_mode))
    goto no_file;
  file = g_fopen (location, "r+e");
  if (file == NULL)
    return set_error (error, DDPM_ERROR_WRITE, location, "write");
  ok = S_ISCHR (st.st_mode) || (check_owner (file, location, error)
      && lock_file (file, location, error)
      && check_header (file, location, error));
  fclose (file);
  return ok;

no_file:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_WRITE,
      "Cannot write the log %s: expected a file, found a folder or a pipe",
      location);
  return FALSE;
}

/* A row that a killed process did not finish ends without newline. */
static gboolean
is_row_up_to (const gchar * row, guint64 step)
{
  return strchr (row, '\n') && g_ascii_isdigit (row[0])
      && g_ascii_strtoull (row, NULL, 10) <= step;
}

/* Truncates a file after the last row up to step. */
static gboolean
cut_rows (GstDdpmTrainLog * log, guint64 step, GError ** error)
{
  gchar row[MAX_ROW];
  struct stat st;
  glong end = 0;

  if (fstat (fileno (log->file), &st) != 0 || !S_ISREG (st.st_mode))
    return TRUE;
  rewind (log->file);
  if (fgets (row, sizeof (row), log->file)) {
    do
      end = ftell (log->file);
    while (fgets (row, sizeof (row), log->file) && is_row_up_to (row, step));
  }
  if (ferror (log->file))
    return set_error (error, DDPM_ERROR_READ, log->location, "read");
  if (ftruncate (fileno (log->file), end) != 0)
    return set_error (error, DDPM_ERROR_WRITE, log->location, "write");
  return TRUE;
}

/* A run that begins anew keeps the log of another. */
static gboolean
keep_old (const gchar * location, GError ** error)
{
  g_autofree gchar *old = g_strconcat (location, ".old", NULL);
  GStatBuf st;

  return g_stat (location, &st) != 0 || !S_ISREG (st.st_mode)
      || st.st_size <= (goffset) strlen (HEADER)
      || g_rename (location, old) == 0
      || set_error (error, DDPM_ERROR_WRITE, location, "rename");
}

GstDdpmTrainLog *
gst_ddpm_train_log_open (const gchar * location, guint64 step, GError ** error)
{
  GstDdpmTrainLog *log;
  FILE *file;

  if (!gst_ddpm_train_log_check (location, error)
      || (step == 0 && !keep_old (location, error)))
    return NULL;
  file = g_fopen (location, "a+e");
  if (file == NULL) {
    set_error (error, DDPM_ERROR_WRITE, location, "write");
    return NULL;
  }
  log = g_new0 (GstDdpmTrainLog, 1);
  log->location = g_strdup (location);
  log->file = file;
  /* A process that is killed leaves the rows of all steps that it has saved. */
  setvbuf (file, NULL, _IOLBF, BUFSIZ);
  if (!check_owner (file, location, error)
      || !lock_file (file, location, error) || !cut_rows (log, step, error))
    goto failed;
  /* A stream that was read needs a seek before it is written. */
  if (fseek (file, 0, SEEK_END) == 0 && ftell (file) == 0
      && fputs (HEADER, file) == EOF)
    log->failure = errno;
  if (!gst_ddpm_train_log_flush (log, error))
    goto failed;
  return log;

failed:
  gst_ddpm_train_log_close (log);
  return NULL;
}

void
gst_ddpm_train_log_close (GstDdpmTrainLog * log)
{
  fclose (log->file);
  g_free (log->location);
  g_free (log);
}

void
gst_ddpm_train_log_add (GstDdpmTrainLog * log, const GstDdpmTrainReport * r)
{
  const gdouble values[] = {
    r->stats.loss, r->stats.loss_smoothed, r->stats.learning_rate,
    r->stats.grad_norm, r->images_per_second,
  };
  gchar number[G_ASCII_DTOSTR_BUF_SIZE];
  guint i;

  fprintf (log->file, "%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT,
      r->stats.step, r->epoch);
  for (i = 0; i < G_N_ELEMENTS (values); i++)
    fprintf (log->file, ",%s",
        g_ascii_formatd (number, sizeof (number), "%.9g", values[i]));
  if (fputc ('\n', log->file) == EOF && log->failure == 0)
    log->failure = errno;
}

gboolean
gst_ddpm_train_log_flush (GstDdpmTrainLog * log, GError ** error)
{
  if (fflush (log->file) != 0 && log->failure == 0)
    log->failure = errno;
  errno = log->failure;
  return log->failure == 0
      || set_error (error, DDPM_ERROR_WRITE, log->location, "write");
}
