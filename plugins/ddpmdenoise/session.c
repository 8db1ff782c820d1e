/* gst-ddpm: ddpmdenoise: the model, its backend, and the states that it accepts
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmdenoise/session.h"
#include "plugins/common/error.h"
#include "plugins/common/trained.h"
#include "plugins/ddpmdenoise/caps.h"
#include "plugins/ddpmdenoise/warnings.h"
#include "gst-ddpm/ddpm.h"

/* Checks the settings as far as possible before the first state. */
static gboolean
check_sampler (const GstDdpmDenoiseSession * session, GError ** error)
{
  const DdpmConfig *config = &session->model->config;
  DdpmSamplerSpec spec;

  gst_ddpm_denoise_settings_to_spec (&session->settings, config,
      session->settings.start_timestep >= 0 ? session->settings.start_timestep :
      config->timesteps, &spec);
  return ddpm_sampler_spec_check (&spec, config, error);
}

/* Loads what the settings name, and checks them against it. */
static gboolean
load (GstDdpmDenoiseSession * session, GstElement * element, GError ** error)
{
  const GstDdpmDenoiseSettings *settings = &session->settings;

  session->model = gst_ddpm_element_load_model (element, settings->model,
      &settings->trained, error);
  if (session->model == NULL || !check_sampler (session, error))
    return FALSE;
  session->labels = ddpm_labels_new (session->model, settings->label, error);
  return session->labels
      && gst_ddpm_denoise_check_label_position (session->model, settings,
      error);
}

GstDdpmDenoiseSession *
gst_ddpm_denoise_session_new (GstDdpmCuda * cuda, GError ** error)
{
  g_autoptr (GstDdpmDenoiseSession) session = g_new0 (GstDdpmDenoiseSession, 1);

  if (!gst_ddpm_element_copy_settings (cuda->element, &session->settings, error)
      || !load (session, cuda->element, error))
    return NULL;
  session->backend = gst_ddpm_cuda_backend_new (cuda,
      &session->settings.compute, error);
  return session->backend ? g_steal_pointer (&session) : NULL;
}

GstDdpmDenoiseSession *
gst_ddpm_denoise_session_new_beside (const GstDdpmDenoiseSession * other,
    GstElement * element, const GstDdpmDenoiseSettings * settings,
    GError ** error)
{
  g_autoptr (GstDdpmDenoiseSession) session = g_new0 (GstDdpmDenoiseSession, 1);

  session->settings = *settings;
  session->settings.model = g_strdup (settings->model);
  session->settings.label = g_strdup (settings->label);
  session->backend = ddpm_backend_ref (other->backend);
  return load (session, element, error) ? g_steal_pointer (&session) : NULL;
}

void
gst_ddpm_denoise_session_free (GstDdpmDenoiseSession * session)
{
  if (session == NULL)
    return;
  g_clear_pointer (&session->backend, ddpm_backend_unref);
  g_clear_pointer (&session->labels, ddpm_labels_free);
  g_clear_pointer (&session->model, ddpm_model_unref);
  gst_ddpm_denoise_settings_clear (&session->settings);
  g_free (session);
}

static GstStructure *
session_to_structure (const GstDdpmDenoiseSession * session)
{
  const DdpmConfig *config = &session->model->config;
  g_autofree gchar *architecture = ddpm_config_to_string (config);
  g_autofree gchar *class_names = session->model->class_names ?
      g_strjoinv (",", session->model->class_names) : NULL;
  DdpmSamplerSpec spec;

  gst_ddpm_denoise_settings_to_spec (&session->settings, config,
      config->timesteps, &spec);
  return gst_structure_new ("ddpmdenoise-model",
      "location", G_TYPE_STRING, session->model->location,
      "architecture", G_TYPE_STRING, architecture,
      "parameters", G_TYPE_UINT64, ddpm_config_count_parameters (config),
      "step", G_TYPE_UINT64, session->model->step,
      "width", G_TYPE_UINT, session->model->width,
      "height", G_TYPE_UINT, session->model->height,
      "image-channels", G_TYPE_UINT, config->image_channels,
      "channels", G_TYPE_UINT, config->channels,
      "timesteps", G_TYPE_UINT, config->timesteps,
      "classes", G_TYPE_UINT, config->classes,
      "class-names", G_TYPE_STRING, class_names,
      "backend", G_TYPE_STRING, ddpm_backend_get_name (session->backend),
      "precision", G_TYPE_STRING,
      ddpm_backend_get_precision_name (session->backend),
      "device", G_TYPE_STRING, ddpm_backend_get_device (session->backend),
      "sampler", G_TYPE_STRING, ddpm_sampler_get_info (spec.kind)->name,
      "steps", G_TYPE_UINT, spec.steps, NULL);
}

void
gst_ddpm_denoise_session_tell (const GstDdpmDenoiseSession * session,
    GstElement * element)
{
  gst_element_post_message (element, gst_message_new_element (GST_OBJECT
          (element), session_to_structure (session)));
  gst_ddpm_element_post_info (element, session->model->assumptions);
  gst_ddpm_denoise_warn_of_settings (element, session);
}

static gboolean
accept_shape (const GstDdpmDenoiseSession * session,
    const GstDdpmTensorInfo * info, GError ** error)
{
  const DdpmConfig *config = &session->model->config;
  guint width, height;

  if (info->cuda && ddpm_backend_get_context (session->backend) == NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "they are in memory:CUDAMemory, but backend=%s computes on the host",
        ddpm_backend_get_name (session->backend));
    return FALSE;
  }
  if (info->channels != config->image_channels) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "they have %u channels, but %s wants %u", info->channels,
        session->model->location, config->image_channels);
    return FALSE;
  }
  if (!gst_ddpm_denoise_caps_get_frame_size (info, session->settings.columns,
          &width, &height)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "with columns=%u a frame would have %u x %u pixels, but %d x %d is the "
        "maximum", session->settings.columns, width, height,
        GST_DDPM_PICTURE_MAX_SIZE, GST_DDPM_PICTURE_MAX_SIZE);
    return FALSE;
  }
  return ddpm_config_check_size (config, info->width, info->height, error);
}

/* The timestep of the input states: from the caps, or else the property, or else
 * T */
static gboolean
accept_timestep (const GstDdpmDenoiseSession * session,
    const GstDdpmTensorInfo * info, guint * start, GError ** error)
{
  const GstDdpmDenoiseSettings *s = &session->settings;
  guint T = session->model->config.timesteps;

  if (info->timestep >= 0 && s->start_timestep >= 0
      && info->timestep != s->start_timestep) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "the caps say timestep=%d, but start-timestep is %d",
        info->timestep, s->start_timestep);
    return FALSE;
  }
  *start = info->timestep >= 0 ? (guint) info->timestep :
      s->start_timestep >= 0 ? (guint) s->start_timestep : T;
  if (*start > T || *start <= s->stop_timestep) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "they have timestep=%u, but %s with stop-timestep=%u wants %u to %u",
        *start, session->model->location, s->stop_timestep,
        s->stop_timestep + 1, T);
    return FALSE;
  }
  return TRUE;
}

gboolean
gst_ddpm_denoise_check_label_position (const DdpmModel * model,
    const GstDdpmDenoiseSettings * s, GError ** error)
{
  const guint classes = model->config.classes;

  if (s->label_position < 0.0
      || (classes > 0 && s->label_position <= classes - 1))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "label-position=%g is none of the %u classes of %s: expected -1, or 0 to "
      "the last one", s->label_position, classes, model->location);
  return FALSE;
}

void
gst_ddpm_denoise_session_get_spec (const GstDdpmDenoiseSession * session,
    const GstDdpmDenoiseSettings * s, const DdpmLabels * labels, guint start,
    const GstDdpmTensorInfo * info, DdpmSamplerSpec * spec)
{
  gst_ddpm_denoise_settings_to_spec (s, &session->model->config, start, spec);
  if (info->known)
    spec->resample = s->resample;
  /* Without labels, one evaluation per step is enough. */
  if (!ddpm_labels_any (labels) && s->label_position < 0.0)
    spec->guidance = 0.0;
}

gboolean
gst_ddpm_denoise_session_accept (const GstDdpmDenoiseSession * session,
    const GstCaps * caps, GstDdpmTensorInfo * info, DdpmSamplerSpec * spec,
    GError ** error)
{
  g_autofree gchar *dimensions = NULL;
  guint start;

  if (!gst_ddpm_tensor_info_from_caps (info, caps, error))
    return FALSE;
  if (!accept_shape (session, info, error)
      || !accept_timestep (session, info, &start, error))
    goto not_accepted;
  gst_ddpm_denoise_session_get_spec (session, &session->settings,
      session->labels, start, info, spec);
  return TRUE;

not_accepted:
  dimensions = gst_ddpm_tensor_get_dimensions (info);
  g_prefix_error (error, "Cannot denoise states of dimensions=%s: ",
      dimensions);
  return FALSE;
}
