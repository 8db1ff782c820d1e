/* gst-ddpm: ddpmdenoise: settings that change while the stream plays
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A value holds from the next batch that begins to be computed. What cannot be
 * used is refused with one warning, and the values before stay in effect.
 */
#include <math.h>

#include "plugins/ddpmdenoise/private.h"

static gboolean
differs (const GstDdpmDenoiseSettings * a, const GstDdpmDenoiseSettings * b)
{
  return a->steps != b->steps || a->eta != b->eta
      || a->guidance != b->guidance || a->label_position != b->label_position
      || g_strcmp0 (a->label, b->label) != 0
      || g_strcmp0 (a->model, b->model) != 0;
}

static gboolean
is_same_sampling (const DdpmSamplerSpec * a, const DdpmSamplerSpec * b)
{
  return a->kind == b->kind && a->steps == b->steps && a->eta == b->eta
      && a->guidance == b->guidance && a->spacing == b->spacing;
}

/* With a trajectory, the number of steps is one of frames. */
static gboolean
check_steps (GstDdpmDenoise * self, guint n_steps, GError ** error)
{
  if (n_steps == self->n_steps
      || self->session->settings.emit == GST_DDPM_DENOISE_EMIT_FINAL)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "The number of steps cannot change from %u to %u in PLAYING with "
      "emit=trajectory", self->n_steps, n_steps);
  return FALSE;
}

static void
set_steps (GstDdpmDenoise * self, const DdpmSamplerSpec * spec, guint n_steps)
{
  self->spec = *spec;
  self->n_steps = n_steps;
  if (self->session->settings.emit == GST_DDPM_DENOISE_EMIT_FINAL)
    self->interval = n_steps;
}

/* Upstream is asked for states of its size, if it has another one. */
static void
use_session (GstDdpmDenoise * self, GstDdpmDenoiseSession * session)
{
  const DdpmModel *model = session->model;
  GstDdpmDenoiseSession *before;

  GST_OBJECT_LOCK (self);
  before = self->session;
  self->session = session;
  GST_OBJECT_UNLOCK (self);
  gst_ddpm_denoise_session_free (before);
  gst_ddpm_denoise_session_tell (session, GST_ELEMENT (self));
  if (model->width > 0 && (model->width != self->info.width
          || model->height != self->info.height))
    gst_base_transform_reconfigure_sink (GST_BASE_TRANSFORM (self));
}

static gboolean
change_model (GstDdpmDenoise * self, const GstDdpmDenoiseSettings * s,
    GError ** error)
{
  g_autoptr (GstCaps) caps =
      gst_pad_get_current_caps (GST_BASE_TRANSFORM_SINK_PAD (self));
  g_autoptr (GstDdpmDenoiseSession) session =
      gst_ddpm_denoise_session_new_beside (self->session, GST_ELEMENT (self), s,
      error);
  g_autoptr (DdpmDenoiser) denoiser = NULL;
  GstDdpmTensorInfo info;
  DdpmSamplerSpec spec;

  if (session == NULL
      || !gst_ddpm_denoise_session_accept (session, caps, &info, &spec, error))
    return FALSE;
  denoiser = ddpm_denoiser_new (session->model, session->backend, info.batch,
      info.width, info.height, &spec, error);
  if (denoiser == NULL
      || !check_steps (self, ddpm_denoiser_get_n_steps (denoiser), error))
    return FALSE;
  ddpm_denoiser_free (self->denoiser);
  self->denoiser = g_steal_pointer (&denoiser);
  set_steps (self, &spec, ddpm_denoiser_get_n_steps (self->denoiser));
  use_session (self, g_steal_pointer (&session));
  return TRUE;
}

static gboolean
set_sampling (GstDdpmDenoise * self, const GstDdpmDenoiseSettings * s,
    const DdpmLabels * labels, GError ** error)
{
  DdpmSamplerSpec spec;

  gst_ddpm_denoise_session_get_spec (self->session, s, labels,
      self->spec.start, &self->info, &spec);
  if (is_same_sampling (&spec, &self->spec))
    return TRUE;
  if (!ddpm_denoiser_set_spec (self->denoiser, &spec, error))
    return FALSE;
  if (!check_steps (self, ddpm_denoiser_get_n_steps (self->denoiser), error)) {
    ddpm_denoiser_set_spec (self->denoiser, &self->spec, NULL);
    return FALSE;
  }
  set_steps (self, &spec, ddpm_denoiser_get_n_steps (self->denoiser));
  return TRUE;
}

static gboolean
change (GstDdpmDenoise * self, const GstDdpmDenoiseSettings * s,
    GError ** error)
{
  GstDdpmDenoiseSettings *held = &self->session->settings;
  g_autoptr (DdpmLabels) labels = NULL;

  if (g_strcmp0 (s->model, held->model) != 0)
    return change_model (self, s, error);
  labels = ddpm_labels_new (self->session->model, s->label, error);
  if (labels == NULL
      || !gst_ddpm_denoise_check_label_position (self->session->model, s, error)
      || !set_sampling (self, s, labels, error))
    return FALSE;
  ddpm_labels_free (self->session->labels);
  self->session->labels = g_steal_pointer (&labels);
  held->steps = s->steps;
  held->eta = s->eta;
  held->guidance = s->guidance;
  held->label_position = s->label_position;
  if (s->label != held->label) {
    g_free (held->label);
    held->label = g_strdup (s->label);
  }
  return TRUE;
}

#define CHOOSE(member, equal) \
  if (!(equal)) \
    wanted.member = s->member

/* What is in effect, with what has been set since the last try: a value that
 * was refused then does not stand in the way of others. The strings stay
 * theirs. */
static GstDdpmDenoiseSettings
choose_new (const GstDdpmDenoiseSettings * s,
    const GstDdpmDenoiseSettings * tried, const GstDdpmDenoiseSettings * held)
{
  GstDdpmDenoiseSettings wanted = *held;

  CHOOSE (steps, s->steps == tried->steps);
  CHOOSE (eta, s->eta == tried->eta);
  CHOOSE (guidance, s->guidance == tried->guidance);
  CHOOSE (label_position, s->label_position == tried->label_position);
  CHOOSE (label, g_strcmp0 (s->label, tried->label) == 0);
  CHOOSE (model, g_strcmp0 (s->model, tried->model) == 0);
  return wanted;
}

void
gst_ddpm_denoise_update_settings (GstDdpmDenoise * self, GstClockTime time)
{
  g_auto (GstDdpmDenoiseSettings) s = { 0 };
  GstDdpmDenoiseSettings wanted;
  g_autoptr (GError) error = NULL;

  if (GST_CLOCK_TIME_IS_VALID (time))
    gst_object_sync_values (GST_OBJECT (self), time);
  /* change () checks numbers too. */
  gst_ddpm_element_copy_settings (GST_ELEMENT (self), &s, NULL);
  if (!differs (&s, &self->tried))
    return;
  wanted = choose_new (&s, &self->tried, &self->session->settings);
  if (!change (self, &wanted, &error))
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS, ("%s. The settings before "
            "stay in effect", error->message), (NULL));
  gst_ddpm_denoise_settings_clear (&self->tried);
  self->tried = s;
  s = (GstDdpmDenoiseSettings) {
  0};
}
