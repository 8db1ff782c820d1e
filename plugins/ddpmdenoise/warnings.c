/* gst-ddpm: ddpmdenoise: warnings of settings that are ignored or give bad
 * images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmdenoise/warnings.h"

#define WARN(element, ...) \
    GST_ELEMENT_WARNING (element, RESOURCE, SETTINGS, (__VA_ARGS__), (NULL))

/* With fixed-large, a step adds more noise than the model knows of. With all
 * timesteps the difference is nothing, with a quarter of 1000 it is about three
 * levels of 8-bit colour, and soon snow (Song et al. 2021, table 1, last row). */
static void
warn_of_variance (GstElement * element, const GstDdpmDenoiseSession * session,
    const DdpmSamplerSpec * spec, const gchar * sampler)
{
  const guint T = session->model->config.timesteps;
  const gint variance = session->settings.variance;

  if (variance < 0 || variance == DDPM_VARIANCE_FIXED_SMALL)
    return;
  if (spec->kind != DDPM_SAMPLER_DDPM)
    WARN (element, "variance=%s has no effect: it is for sampler=ddpm, and the "
        "sampler is %s", variance == DDPM_VARIANCE_FIXED_LARGE ?
        "fixed-large" : "learned-range", sampler);
  else if (variance == DDPM_VARIANCE_FIXED_LARGE && spec->steps < T / 4)
    WARN (element, "variance=fixed-large leaves noise in images of %u steps: "
        "expected steps=0, which makes all %u, or variance=fixed-small",
        spec->steps, T);
}

/* ddpm adds as much noise as ddim with an eta of 1, dpmpp-2m none. */
static void
warn_of_eta (GstElement * element, const GstDdpmDenoiseSession * session,
    const DdpmSamplerSpec * spec, const gchar * sampler)
{
  const gdouble eta = session->settings.eta;
  const gdouble fixed = spec->kind == DDPM_SAMPLER_DDPM ? 1.0 : 0.0;

  if (eta >= 0.0 && spec->kind != DDPM_SAMPLER_DDIM && eta != fixed)
    WARN (element, "eta=%g has no effect: it is for sampler=ddim, and the "
        "sampler is %s", eta, sampler);
}

static void
warn_of_guidance (GstElement * element, const GstDdpmDenoiseSession * session)
{
  const GstDdpmDenoiseSettings *s = &session->settings;
  const DdpmModel *model = session->model;
  const gboolean guides = s->guidance > 0.0 && s->guidance != 1.0;

  if (guides && model->config.classes == 0)
    WARN (element, "guidance=%g has no effect: %s has no classes", s->guidance,
        model->location);
  else if (guides && !ddpm_labels_any (session->labels))
    WARN (element, "guidance=%g has no effect: label=%s leaves all samples "
        "without a label", s->guidance, s->label);
  else if (guides && model->config.sampling.always_labelled)
    WARN (element, "guidance=%g cannot give good images: %s has only seen "
        "images with labels, expected guidance=1", s->guidance,
        model->location);
  else if (guides && model->config.guidance != 1.0)
    WARN (element, "guidance=%g guides twice: %s was distilled with a guidance "
        "scale of %g, expected guidance=1", s->guidance, model->location,
        model->config.guidance);
  else if (s->guidance == 0.0 && s->label && *s->label
      && ddpm_labels_any (session->labels))
    WARN (element, "label=%s has no effect: guidance=0 ignores labels",
        s->label);
}

void
gst_ddpm_denoise_warn_of_settings (GstElement * element,
    const GstDdpmDenoiseSession * session)
{
  const GstDdpmDenoiseSettings *s = &session->settings;
  const DdpmConfig *config = &session->model->config;
  const gchar *sampler;
  DdpmSamplerSpec spec;

  gst_ddpm_denoise_settings_to_spec (s, config, config->timesteps, &spec);
  sampler = ddpm_sampler_get_info (spec.kind)->name;
  warn_of_variance (element, session, &spec, sampler);
  warn_of_eta (element, session, &spec, sampler);
  warn_of_guidance (element, session);
  if (s->trajectory_interval > 1 && s->emit == GST_DDPM_DENOISE_EMIT_FINAL)
    WARN (element, "trajectory-interval=%u has no effect without "
        "emit=trajectory", s->trajectory_interval);
}

/* Is a size at least twice, or at most half, of that of the training images? */
static gboolean
is_far (guint size, guint trained)
{
  return size >= 2 * trained || 2 * size <= trained;
}

void
gst_ddpm_denoise_warn_of_states (GstElement * element,
    const GstDdpmDenoiseSession * session, const GstDdpmTensorInfo * info)
{
  const DdpmModel *model = session->model;
  const guint columns = session->settings.columns;

  if (model->width > 0 && (is_far (info->width, model->width)
          || is_far (info->height, model->height)))
    WARN (element, "States of %ux%u will not become good images: %s was "
        "trained on images of %ux%u", info->width, info->height,
        model->location, model->width, model->height);
  if (session->settings.resample > 1 && !info->known)
    WARN (element, "resample=%u has no effect: no part of the images is known",
        session->settings.resample);
  if (columns > info->batch)
    WARN (element, "columns=%u leaves black columns in every frame: buffers "
        "have %u sample%s, as batch-size of ddpmnoise says", columns,
        info->batch, info->batch > 1 ? "s" : "");
}
