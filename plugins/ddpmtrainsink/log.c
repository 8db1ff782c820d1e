/* gst-ddpm: the CSV log of a training run
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <stdio.h>
#include <glib/gstdio.h>
#include "plugins/ddpmtrainsink/log.h"

#define HEADER \
    "step,epoch,loss,smoothed_loss,learning_rate,grad_norm,images_per_second\n"
/* of a row of ours, more than enough */
#define MAX_ROW 512

struct _GstDdpmTrainLog
{
  gchar *location;
  FILE *file;
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

/* Copies the header and the rows up to step. */
static gboolean
copy_rows (FILE * from, FILE * to, guint64 step, const gchar * location,
    GError ** error)
{
  gchar row[MAX_ROW] = "";

  if (fgets (row, sizeof (row), from) == NULL && !ferror (from))
    return TRUE;
  if (strcmp (row, HEADER) != 0) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s is not a log of ddpmtrainsink to go on with: expected the first "
        "line to be \"%.*s\"", location, (int) strlen (HEADER) - 1, HEADER);
    return FALSE;
  }
  do {
    if (fputs (row, to) == EOF)
      return set_error (error, DDPM_ERROR_WRITE, location, "write");
    /* A row that the killed process did not finish ends without newline. */
  } while (fgets (row, sizeof (row), from) && strchr (row, '\n')
      && g_ascii_isdigit (row[0]) && g_ascii_strtoull (row, NULL, 10) <= step);
  if (fflush (to) != 0)
    return set_error (error, DDPM_ERROR_WRITE, location, "write");
  return TRUE;
}

/* Replaces the log by its rows up to step. */
static gboolean
cut_behind (const gchar * location, guint64 step, GError ** error)
{
  g_autofree gchar *part = g_strconcat (location, ".part", NULL);
  FILE *from = g_fopen (location, "re"), *to = NULL;
  gboolean ok = FALSE;

  if (from == NULL)
    return errno == ENOENT ? TRUE
        : set_error (error, DDPM_ERROR_READ, location, "read");
  to = g_fopen (part, "we");
  if (to == NULL)
    set_error (error, DDPM_ERROR_WRITE, part, "write");
  else
    ok = copy_rows (from, to, step, location, error);
  fclose (from);
  if (to)
    fclose (to);
  if (ok && g_rename (part, location) != 0)
    ok = set_error (error, DDPM_ERROR_WRITE, location, "replace");
  if (!ok && to)
    g_unlink (part);
  return ok;
}

/* A terminal has no rows to be cut; to open a pipe would be to wait for its
 * reader. */
static gboolean
begin_behind (const gchar * location, guint64 step, GError ** error)
{
  GStatBuf st;

  if (g_stat (location, &st) != 0 || S_ISREG (st.st_mode))
    return cut_behind (location, step, error);
  if (S_ISCHR (st.st_mode))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_WRITE,
      "Cannot write the log %s: expected a file, found a folder or a pipe",
      location);
  return FALSE;
}

GstDdpmTrainLog *
gst_ddpm_train_log_open (const gchar * location, guint64 step, GError ** error)
{
  GstDdpmTrainLog *log;
  FILE *file;

  if (!begin_behind (location, step, error))
    return NULL;
  file = g_fopen (location, "ae");
  if (file == NULL) {
    set_error (error, DDPM_ERROR_WRITE, location, "write");
    return NULL;
  }
  log = g_new0 (GstDdpmTrainLog, 1);
  log->location = g_strdup (location);
  log->file = file;
  /* in append mode the position is not known before the first write */
  if (fseek (file, 0, SEEK_END) == 0 && ftell (file) == 0)
    fputs (HEADER, file);
  if (!gst_ddpm_train_log_flush (log, error)) {
    gst_ddpm_train_log_close (log);
    return NULL;
  }
  return log;
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
  fputc ('\n', log->file);
}

gboolean
gst_ddpm_train_log_flush (GstDdpmTrainLog * log, GError ** error)
{
  if (fflush (log->file) != 0 || ferror (log->file))
    return set_error (error, DDPM_ERROR_WRITE, log->location, "write");
  return TRUE;
}
