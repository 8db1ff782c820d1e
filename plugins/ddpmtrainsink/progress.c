/* gst-ddpm: the progress of a training run, as text and as a structure
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmtrainsink/progress.h"

/* Decay per step of the sums that give the speed */
#define SPEED_DECAY 0.95

static guint64
div_ceil (guint64 a, guint64 b)
{
  return a / b + (a % b != 0);
}

static void
append_place (GString * text, const GstDdpmTrainReport * r)
{
  if (r->epoch > 0) {
    g_string_append_printf (text, "epoch %" G_GUINT64_FORMAT, r->epoch);
    if (r->n_epochs > 0)
      g_string_append_printf (text, "/%" G_GUINT64_FORMAT, r->n_epochs);
    g_string_append_printf (text, " iter %" G_GUINT64_FORMAT "/%"
        G_GUINT64_FORMAT, div_ceil (r->epoch_position, r->batch_size),
        div_ceil (r->epoch_size, r->batch_size));
  }
  if (r->epoch == 0 || r->max_steps > 0) {
    g_string_append_printf (text, "%sstep %" G_GUINT64_FORMAT,
        text->len > 0 ? " " : "", r->stats.step);
    if (r->max_steps > 0)
      g_string_append_printf (text, "/%" G_GUINT64_FORMAT, r->max_steps);
  }
}

static GstClockTime
time_left (const GstDdpmTrainReport * r)
{
  gdouble ns;

  if (r->images_left == GST_DDPM_IMAGES_UNKNOWN || r->images_per_second <= 0.)
    return GST_CLOCK_TIME_NONE;
  ns = r->images_left / r->images_per_second * GST_SECOND;
  return ns < G_MAXINT64 ? (GstClockTime) ns : GST_CLOCK_TIME_NONE;
}

gchar *
gst_ddpm_train_report_to_string (const GstDdpmTrainReport * r)
{
  GString *text = g_string_new (NULL);
  GstClockTime left = time_left (r);

  append_place (text, r);
  g_string_append_printf (text, " loss %.4f (smoothed %.4f)", r->stats.loss,
      r->stats.loss_smoothed);
  if (r->images_per_second > 0.)
    g_string_append_printf (text, r->images_per_second < 10. ?
        " %.2f images/s" : " %.0f images/s", r->images_per_second);
  if (GST_CLOCK_TIME_IS_VALID (left)) {
    guint64 s = left / GST_SECOND;

    g_string_append_printf (text, ", %" G_GUINT64_FORMAT ":%02u:%02u left",
        s / 3600, (guint) (s / 60 % 60), (guint) (s % 60));
  }
  return g_string_free (text, FALSE);
}

GstStructure *
gst_ddpm_train_report_to_structure (const GstDdpmTrainReport * r,
    const gchar * name)
{
  /* *INDENT-OFF* */
  return gst_structure_new (name,
      "step", G_TYPE_UINT64, r->stats.step,
      "epoch", G_TYPE_UINT, (guint) r->epoch,
      "samples-seen", G_TYPE_UINT64, r->stats.samples,
      "loss", G_TYPE_DOUBLE, r->stats.loss,
      "loss-ema", G_TYPE_DOUBLE, r->stats.loss_smoothed,
      "learning-rate", G_TYPE_DOUBLE, r->stats.learning_rate,
      "grad-norm", G_TYPE_DOUBLE, r->stats.grad_norm,
      "images-per-second", G_TYPE_DOUBLE, r->images_per_second,
      "time-left", G_TYPE_UINT64, time_left (r),
      "running-time", G_TYPE_UINT64, r->running_time,
      "stream-time", G_TYPE_UINT64, r->stream_time, NULL);
  /* *INDENT-ON* */
}

void
gst_ddpm_train_progress_restart (GstDdpmTrainProgress * p)
{
  p->last_step = g_get_monotonic_time ();
}

gdouble
gst_ddpm_train_progress_add (GstDdpmTrainProgress * p, guint n)
{
  gint64 now = g_get_monotonic_time ();

  p->images = SPEED_DECAY * p->images + n;
  p->seconds = SPEED_DECAY * p->seconds
      + (now - p->last_step) / (gdouble) G_USEC_PER_SEC;
  p->last_step = now;
  return p->seconds > 0. ? p->images / p->seconds : 0.;
}

gboolean
gst_ddpm_train_progress_is_due (const GstDdpmTrainProgress * p)
{
  return p->last_report == 0 || g_get_monotonic_time () - p->last_report
      >= (gint64) p->interval * G_USEC_PER_SEC;
}

void
gst_ddpm_train_progress_set_reported (GstDdpmTrainProgress * p)
{
  p->last_report = g_get_monotonic_time ();
}
