/* gst-ddpm: progress messages of a task that takes long
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/common/ticker.h"

#define FIRST_SECOND 2

struct _GstDdpmTicker
{
  GstElement *element;
  gchar *code, *text;
  gint64 begin;                 /* monotonic microseconds */
  GThread *thread;
  GMutex lock;
  GCond ended;
  gboolean has_ended;           /* with the lock */
};

static void
post_second (GstDdpmTicker * ticker, gint second)
{
  g_autofree gchar *text = g_strdup_printf ("%s: %d s", ticker->text, second);

  gst_element_post_message (ticker->element,
      gst_message_new_progress (GST_OBJECT (ticker->element),
          GST_PROGRESS_TYPE_CONTINUE, ticker->code, text));
}

static gpointer
tick (gpointer data)
{
  GstDdpmTicker *ticker = data;
  gint second = FIRST_SECOND;

  g_mutex_lock (&ticker->lock);
  while (!ticker->has_ended) {
    if (g_cond_wait_until (&ticker->ended, &ticker->lock,
            ticker->begin + second * G_TIME_SPAN_SECOND))
      continue;
    g_mutex_unlock (&ticker->lock);
    post_second (ticker, second++);
    g_mutex_lock (&ticker->lock);
  }
  g_mutex_unlock (&ticker->lock);
  return NULL;
}

GstDdpmTicker *
gst_ddpm_ticker_new (GstElement * element, const gchar * code,
    const gchar * what, const gchar * object)
{
  GstDdpmTicker *ticker = g_new0 (GstDdpmTicker, 1);

  ticker->text = g_strdup_printf ("%s %s", what, object);
  ticker->element = element;
  ticker->code = g_strdup (code);
  ticker->begin = g_get_monotonic_time ();
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
  g_mutex_clear (&ticker->lock);
  g_cond_clear (&ticker->ended);
  g_free (ticker->code);
  g_free (ticker->text);
  g_free (ticker);
}
