/* gst-ddpm: progress messages of a task that takes long
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/ticker.h"

#define FIRST_SECOND 2

struct _GstDdpmTicker
{
  GstElement *element;
  gchar *text;
  gint64 begin;                 /* monotonic microseconds */
  GThread *thread;
  gint next;                    /* second to tell */
  GMutex lock;
  GCond ended;
  gboolean has_ended;           /* with the lock */
};

static void
post_second (GstDdpmTicker * ticker, GstProgressType type)
{
  const gint seconds =
      (g_get_monotonic_time () - ticker->begin) / G_TIME_SPAN_SECOND;
  g_autofree gchar *text = g_strdup_printf ("%s: %d s", ticker->text, seconds);

  gst_element_post_message (ticker->element,
      gst_message_new_progress (GST_OBJECT (ticker->element), type, "ddpm-task",
          text));
}

static gpointer
tick (gpointer data)
{
  GstDdpmTicker *ticker = data;

  g_mutex_lock (&ticker->lock);
  while (!ticker->has_ended) {
    if (g_cond_wait_until (&ticker->ended, &ticker->lock,
            ticker->begin + ticker->next * G_TIME_SPAN_SECOND))
      continue;
    g_mutex_unlock (&ticker->lock);
    post_second (ticker, ticker->next == FIRST_SECOND ?
        GST_PROGRESS_TYPE_START : GST_PROGRESS_TYPE_CONTINUE);
    ticker->next++;
    g_mutex_lock (&ticker->lock);
  }
  g_mutex_unlock (&ticker->lock);
  return NULL;
}

GstDdpmTicker *
gst_ddpm_ticker_new (GstElement * element, const gchar * what,
    const gchar * object)
{
  GstDdpmTicker *ticker = g_new0 (GstDdpmTicker, 1);

  ticker->text = g_strdup_printf ("%s %s", what, object);
  ticker->element = element;
  ticker->begin = g_get_monotonic_time ();
  ticker->next = FIRST_SECOND;
  g_mutex_init (&ticker->lock);
  g_cond_init (&ticker->ended);
  ticker->thread = g_thread_new ("ddpm-ticker", tick, ticker);
  return ticker;
}

void
gst_ddpm_ticker_free (GstDdpmTicker * ticker)
{
  g_mutex_lock (&ticker->lock);
  ticker->has_ended = TRUE;
  g_cond_signal (&ticker->ended);
  g_mutex_unlock (&ticker->lock);
  g_thread_join (ticker->thread);
  if (ticker->next > FIRST_SECOND)
    post_second (ticker, GST_PROGRESS_TYPE_COMPLETE);
  g_mutex_clear (&ticker->lock);
  g_cond_clear (&ticker->ended);
  g_free (ticker->text);
  g_free (ticker);
}
