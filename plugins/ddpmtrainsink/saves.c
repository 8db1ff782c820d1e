/* gst-ddpm: a training run: its saves
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include "plugins/common/ticker.h"
#include "plugins/ddpmtrainsink/messages.h"

/* A run that was not resumed keeps what it replaces, once: after a save that
 * failed halfway, the state is its own. */
static gboolean
keep_old (GstDdpmTrainSession * session, const gchar * name, GError ** error)
{
  if (!session->keep_old || g_strcmp0 (name, session->kept_name) == 0)
    return TRUE;
  if (!ddpm_checkpoint_keep_old (name,
          session->kept_name ? NULL : session->files.base, error))
    return FALSE;
  g_free (session->kept_name);
  session->kept_name = g_strdup (name);
  return TRUE;
}

static void
prune (GstDdpmTrainSession * session)
{
  const guint n = session->settings.max_files;

  if (!gst_ddpm_train_files_prune (&session->files, session->saved_step, n))
    GST_ELEMENT_WARNING (session->element, RESOURCE, WRITE,
        ("Not all checkpoints before the last %u could be deleted: %s", n,
            g_strerror (errno)), (NULL));
}

static gboolean
save_unlocked (GstDdpmTrainSession * session, const gchar * name,
    GError ** error)
{
  g_autoptr (GHashTable) table =
      gst_ddpm_train_settings_to_table (&session->settings);

  gst_ddpm_train_session_write_place (session, table);
  session->save_time = g_get_monotonic_time ();
  session->save_failed = TRUE;
  if (!keep_old (session, name, error)
      || !ddpm_trainer_save (session->trainer, name, session->files.state,
          session->epochs_done, table, error))
    return FALSE;
  session->saved_step = session->report.stats.step;
  session->save_failed = FALSE;
  return TRUE;
}

gboolean
gst_ddpm_train_session_save (GstDdpmTrainSession * session,
    const gchar * reason, GError ** error)
{
  g_autofree gchar *name = NULL;
  g_autoptr (GstDdpmTicker) ticker = gst_ddpm_ticker_new (session->element,
      "saving", session->settings.location);
  GstDdpmTrainReport report;
  gboolean ok;

  g_atomic_int_inc (&session->savers);
  g_mutex_lock (&session->lock);
  report = session->report;
  name = gst_ddpm_train_files_get_checkpoint (&session->files,
      report.stats.step);
  ok = session->trainer && save_unlocked (session, name, error);
  g_atomic_int_add (&session->savers, -1);
  g_cond_broadcast (&session->saved);
  g_mutex_unlock (&session->lock);
  if (ok) {
    prune (session);
    gst_ddpm_train_session_post_saved (session, &report, name, reason);
  }
  return ok;
}

/* Is there a step to save that no file holds? */
static gboolean
has_unsaved_step (GstDdpmTrainSession * session)
{
  guint64 step;
  gboolean unsaved;

  g_mutex_lock (&session->lock);
  step = session->report.stats.step;
  unsaved = session->trainer && step > 0 && step != session->saved_step
      && !session->has_given_up;
  g_mutex_unlock (&session->lock);
  return unsaved;
}

gboolean
gst_ddpm_train_session_save_last (GstDdpmTrainSession * session,
    const gchar * reason, GError ** error)
{
  const guint64 step = gst_ddpm_train_session_get_step (session);
  g_autofree gchar *name =
      gst_ddpm_train_files_get_checkpoint (&session->files, step);

  if (!has_unsaved_step (session))
    return TRUE;
  gst_ddpm_train_session_tell (session, GST_PROGRESS_TYPE_CONTINUE,
      "saving step %" G_GUINT64_FORMAT " to %s", step, name);
  session->has_given_up = !gst_ddpm_train_session_save (session, reason, error);
  return !session->has_given_up;
}

/* Weights that have diverged would replace better ones. */
void
gst_ddpm_train_session_save_after (GstDdpmTrainSession * session,
    GError ** error)
{
  const guint64 step = gst_ddpm_train_session_get_step (session);
  g_autofree gchar *name =
      gst_ddpm_train_files_get_checkpoint (&session->files, step);
  g_autoptr (GError) problem = NULL, cause = g_steal_pointer (error);

  session->has_given_up |=
      g_error_matches (cause, DDPM_ERROR, DDPM_ERROR_DIVERGED);
  if (!has_unsaved_step (session))
    *error = g_steal_pointer (&cause);
  else if (gst_ddpm_train_session_save_last (session, "error", &problem))
    *error = g_error_new (cause->domain, cause->code, "%s (step %"
        G_GUINT64_FORMAT " has been saved in %s)", cause->message, step, name);
  else
    *error = g_error_new (cause->domain, cause->code, "%s (and step %"
        G_GUINT64_FORMAT " could not be saved: %s)", cause->message, step,
        problem->message);
}
