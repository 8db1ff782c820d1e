/* gst-ddpm: the settings of ddpmdenoise, as properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmdenoise/settings.h"
#include "plugins/common/caps.h"
#include "plugins/common/trained.h"
#include "plugins/ddpmdenoise/private.h"

/* Of an enum or number: to be chosen by the model and the sampler */
#define AUTO -1

/* "auto", followed by the samplers of the library */
static GEnumValue sampler_values[16] = {
  {AUTO, "As the model says; otherwise dpmpp-2m for v-prediction models that "
        "are not step-distilled, otherwise ddim", "auto"},
};

static const GEnumValue spacing_values[] = {
  {AUTO, "As the model says; otherwise linear for ddpm, quadratic for others",
      "auto"},
  {DDPM_SPACING_LINEAR, "Steps of equal length", "linear"},
  {DDPM_SPACING_QUADRATIC, "Shorter steps towards the image", "quadratic"},
  {DDPM_SPACING_LEADING, "Every (T / steps)th timestep from 0 on, as in "
        "diffusers", "leading"},
  {DDPM_SPACING_TRAILING, "Every (T / steps)th timestep from T - 1 down, as "
        "in diffusers", "trailing"},
  {DDPM_SPACING_LINSPACE, "Timesteps from 0 to T - 1, as in diffusers",
      "linspace"},
  {0, NULL, NULL},
};

static const GEnumValue variance_values[] = {
  {AUTO, "As the model says; otherwise learned-range if it predicts one, "
        "otherwise fixed-small", "auto"},
  {DDPM_VARIANCE_FIXED_SMALL, "Variance of the posterior, beta tilde",
      "fixed-small"},
  {DDPM_VARIANCE_FIXED_LARGE, "beta, for sampling with all timesteps",
      "fixed-large"},
  {DDPM_VARIANCE_LEARNED_RANGE, "Between both, as the network predicts "
        "(Nichol & Dhariwal 2021)", "learned-range"},
  {0, NULL, NULL},
};

static const GEnumValue clip_values[] = {
  {AUTO, "As the model says; otherwise true", "auto"},
  {FALSE, "Leave it as it is", "false"},
  {TRUE, "Clip it", "true"},
  {0, NULL, NULL},
};

static const GEnumValue emit_values[] = {
  {GST_DDPM_DENOISE_EMIT_FINAL, "The final state only", "final"},
  {GST_DDPM_DENOISE_EMIT_TRAJECTORY, "The states on the way too",
      "trajectory"},
  {0, NULL, NULL},
};

#define AT(member) G_STRUCT_OFFSET (GstDdpmDenoiseSettings, member)
#define LIVE_NUMBER \
    .flags = GST_PARAM_CONTROLLABLE | GST_PARAM_MUTABLE_PLAYING

/* *INDENT-OFF* */
static const GstDdpmProperty properties[] = {
  {"model", "Model",
      "Checkpoint, file of PyTorch (safetensors, .pt), folder of diffusers, or "
      "name of a built-in model (empty: the first built-in model)",
      GST_DDPM_STRING, AT (model), .flags = GST_PARAM_MUTABLE_PLAYING},
  GST_DDPM_COMPUTE_PROPERTIES (GstDdpmDenoiseSettings),
  {"sampler", "Sampler", "Sampling algorithm", GST_DDPM_ENUM, AT (sampler),
      .enum_name = "GstDdpmDenoiseSampler", .enum_values = sampler_values},
  /**
   * GstDdpmDenoise:steps:
   *
   * An element that makes only a part of the way (start-timestep,
   * stop-timestep) makes only that part of the steps.
   *
   * Since: 0.1
   */
  {"steps", "Sampling steps",
      "Number of sampling steps from pure noise to the image (0: one per "
      "timestep of the model, -1: as many as the model says or was distilled "
      "to, otherwise the default of the sampler)",
      GST_DDPM_INT, AT (steps), AUTO, DDPM_MAX_TIMESTEPS, LIVE_NUMBER},
  {"spacing", "Timestep spacing",
      "How the sampling steps are spaced over the timesteps (Song et al. "
      "2021, appendix D.2; Lin et al. 2024, table 2)", GST_DDPM_ENUM, AT (spacing),
      .enum_name = "GstDdpmDenoiseSpacing", .enum_values = spacing_values},
  {"eta", "Eta",
      "Amount of noise that each ddim step adds (0: none, 1: as much as "
      "ancestral sampling, -1: as the model says, otherwise 0; sampler=auto "
      "uses 1 for models that predict epsilon or the image, are not "
      "step-distilled and say nothing)",
      GST_DDPM_DOUBLE, AT (eta), AUTO, 1, LIVE_NUMBER},
  {"variance", "Variance",
      "Variance of the noise that each ddpm step adds (Ho et al. 2020, "
      "section 3.2)", GST_DDPM_ENUM, AT (variance),
      .enum_name = "GstDdpmDenoiseVariance", .enum_values = variance_values},
  {"clip-x0", "Clip predicted image",
      "Clip the image that each step predicts to the data range of the model, "
      "or to another range that it says", GST_DDPM_ENUM, AT (clip_x0),
      .enum_name = "GstDdpmDenoiseClip", .enum_values = clip_values},
  /**
   * GstDdpmDenoise:data-range:
   *
   * This and the following properties tell what the file of a model does not
   * say, or says wrong. A message tells what is assumed where neither does.
   *
   * Since: 0.1
   */
  GST_DDPM_TRAINED_PROPERTIES (GstDdpmDenoiseSettings),
  {"start-timestep", "Start timestep",
      "Timestep of the input state (-1: as in the caps, otherwise that of "
      "pure noise)", GST_DDPM_INT, AT (start_timestep), AUTO,
      DDPM_MAX_TIMESTEPS},
  /**
   * GstDdpmDenoise:stop-timestep:
   *
   * A second ddpmdenoise can continue from this state. Both together give the
   * same bits as one element if the sampler is ddpm or ddim, which look at one
   * state only, and if the steps of one element visit this state: with all
   * timesteps they visit each one, with steps=25 spacing=linear of 1000 every
   * 40th. dpmpp-2m also uses the step before, which the second element has not
   * seen, so its first step is of first order.
   *
   * Since: 0.1
   */
  {"stop-timestep", "Stop timestep",
      "Timestep of the state to stop at (0: the image)", GST_DDPM_UINT,
      AT (stop_timestep), 0, DDPM_MAX_TIMESTEPS},
  /**
   * GstDdpmDenoise:resample:
   *
   * After each step, noise leads back to where the step began, and the step is
   * made again (Lugmayr et al. 2022, "RePaint", where the paper makes each one
   * ten times). Each time takes as long as the first.
   *
   * Since: 0.2
   */
  {"resample", "Resample",
      "How often each step is made for states of which a part is known, so that "
      "what is generated fits it (1: once)", GST_DDPM_UINT, AT (resample), 1,
      DDPM_MAX_RESAMPLE},
  /**
   * GstDdpmDenoise:label:
   *
   * For example "ship,3,none". Sample n has the same label in every run: an
   * image remains a function of the model, the settings, the seed and n.
   *
   * Since: 0.1
   */
  {"label", "Class labels",
      "Comma-separated class labels, by number or name, that the samples have "
      "in turn (none: no label, empty: every class in turn)",
      GST_DDPM_STRING, AT (label), .flags = GST_PARAM_MUTABLE_PLAYING},
  /**
   * GstDdpmDenoise:label-position:
   *
   * 2.5 is half class 2 and half class 3: their embeddings are mixed. A
   * #GstControlSource can lead all samples from class to class.
   *
   * Since: 0.2
   */
  {"label-position", "Label position",
      "Class of all samples, between two if it is no whole number (-1: label "
      "says it)", GST_DDPM_DOUBLE, AT (label_position), AUTO, DDPM_MAX_CLASSES,
      LIVE_NUMBER},
  /**
   * GstDdpmDenoise:guidance:
   *
   * Scale of classifier-free guidance (Ho & Salimans 2022, eq. 6, where it is
   * called 1 + w). Values other than 0 and 1 evaluate the network twice a step.
   * A guidance-distilled model does not need that.
   *
   * Since: 0.1
   */
  {"guidance", "Guidance scale",
      "Classifier-free guidance scale (0: ignore the label, 1: no guidance, "
      "-1: 3, or 1 for models that are guidance-distilled or have only seen "
      "images with labels)", GST_DDPM_DOUBLE,
      AT (guidance), AUTO, DDPM_MAX_GUIDANCE, LIVE_NUMBER},
  {"emit", "Output states", "Which states to output as video frames",
      GST_DDPM_ENUM, AT (emit), .enum_name = "GstDdpmDenoiseEmit",
      .enum_values = emit_values},
  /**
   * GstDdpmDenoise:trajectory-interval:
   *
   * The final state is always output. Without columns, all samples of a buffer
   * are shown in one state before the next state is shown.
   *
   * Since: 0.1
   */
  {"trajectory-interval", "Trajectory interval",
      "Number of steps from one output state to the next with emit=trajectory",
      GST_DDPM_UINT, AT (trajectory_interval), 1, DDPM_MAX_TIMESTEPS},
  {"columns", "Mosaic columns",
      "Number of samples side by side in a frame, which then shows all samples "
      "of a buffer (0: one sample per frame)", GST_DDPM_UINT, AT (columns), 0,
      DDPM_MAX_BATCH},
};
/* *INDENT-ON* */

static void
list_samplers (void)
{
  const DdpmSamplerInfo *info;

  for (guint i = 0; (info = ddpm_sampler_get_info (i)); i++) {
    g_assert (i + 2 < G_N_ELEMENTS (sampler_values));
    sampler_values[i + 1] = (GEnumValue) {
    i, info->title, info->name};
  }
}

static void
settings_init (gpointer settings)
{
  GstDdpmDenoiseSettings *s = settings;

  /* the first call is class_init's, before it registers the enum */
  if (sampler_values[1].value_nick == NULL)
    list_samplers ();
  memset (s, 0, sizeof (*s));
  s->model = g_strdup ("");
  s->compute.device_id = -1;
  s->sampler = AUTO;
  s->steps = AUTO;
  s->spacing = AUTO;
  s->eta = AUTO;
  s->variance = AUTO;
  s->clip_x0 = AUTO;
  s->trained = gst_ddpm_trained_auto;
  s->start_timestep = AUTO;
  s->label = g_strdup ("");
  s->label_position = AUTO;
  s->guidance = AUTO;
  s->trajectory_interval = 1;
  s->resample = 1;
}

const GstDdpmPropertyTable gst_ddpm_denoise_properties = {
  properties, G_N_ELEMENTS (properties),
  G_STRUCT_OFFSET (GstDdpmDenoise, settings), sizeof (GstDdpmDenoiseSettings),
  settings_init
};

void
gst_ddpm_denoise_settings_clear (GstDdpmDenoiseSettings * settings)
{
  gst_ddpm_settings_clear (&gst_ddpm_denoise_properties, settings);
}

void
gst_ddpm_denoise_settings_to_spec (const GstDdpmDenoiseSettings * s,
    const DdpmConfig * config, guint start, DdpmSamplerSpec * spec)
{
  ddpm_sampler_spec_init (spec, config);
  if (s->sampler != AUTO)
    ddpm_sampler_spec_choose (spec, config, s->sampler);
  if (s->steps != AUTO)
    spec->steps = s->steps == 0 ? config->timesteps : (guint) s->steps;
  if (s->spacing != AUTO)
    spec->spacing = s->spacing;
  if (s->eta != AUTO)
    spec->eta = s->eta;
  if (s->variance != AUTO)
    spec->variance = s->variance;
  if (s->clip_x0 != AUTO)
    spec->clip_x0 = s->clip_x0;
  spec->start = start;
  spec->stop = s->stop_timestep;
  if (s->guidance != AUTO)
    spec->guidance = s->guidance;
}
