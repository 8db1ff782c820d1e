/* gst-ddpm: the settings of ddpmdenoise, as properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "plugins/ddpmdenoise/settings.h"
#include "plugins/common/caps.h"
#include "plugins/common/cuda.h"
#include "plugins/common/error.h"
#include "plugins/common/param.h"

#define DEFAULT_MODEL ""
#define DEFAULT_BACKEND DDPM_BACKEND_AUTO
#define DEFAULT_PRECISION DDPM_PRECISION_AUTO
#define DEFAULT_THREADS 0
#define DEFAULT_SAMPLER GST_DDPM_DENOISE_SAMPLER_AUTO
#define DEFAULT_STEPS -1
#define DEFAULT_SPACING GST_DDPM_DENOISE_SPACING_AUTO
#define DEFAULT_ETA -1.0
#define DEFAULT_VARIANCE DDPM_VARIANCE_FIXED_SMALL
#define DEFAULT_CLIP_X0 TRUE
#define DEFAULT_LABEL ""
#define DEFAULT_GUIDANCE -1.0
#define DEFAULT_EMIT GST_DDPM_DENOISE_EMIT_FINAL
#define DEFAULT_TRAJECTORY_INTERVAL 1
#define DEFAULT_COLUMNS 0
#define DEFAULT_START_TIMESTEP -1
#define DEFAULT_STOP_TIMESTEP 0

#define GST_DDPM_DENOISE_SAMPLER_AUTO -1
#define GST_DDPM_DENOISE_SPACING_AUTO -1

enum
{
  PROP_0,
  PROP_MODEL,
  PROP_BACKEND,
  PROP_PRECISION,
  PROP_THREADS,
  PROP_CUDA_DEVICE_ID,
  PROP_SAMPLER,
  PROP_STEPS,
  PROP_SPACING,
  PROP_ETA,
  PROP_VARIANCE,
  PROP_CLIP_X0,
  PROP_LABEL,
  PROP_GUIDANCE,
  PROP_EMIT,
  PROP_TRAJECTORY_INTERVAL,
  PROP_COLUMNS,
  PROP_START_TIMESTEP,
  PROP_STOP_TIMESTEP,
};

/**
 * GstDdpmDenoiseSampler:
 * @auto: dpmpp-2m for a model that predicts v and has learnt no steps, ddim
 *   for others
 * @ddpm: ancestral sampling, Ho et al. 2020, algorithm 2
 * @ddim: Song et al. 2021, eq. 12
 * @dpmpp-2m: DPM-Solver++(2M), Lu et al. 2022, algorithm 2
 *
 * How the reverse steps are made.
 *
 * Since: 0.1
 */
GType
gst_ddpm_denoise_sampler_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GST_DDPM_DENOISE_SAMPLER_AUTO, "By the model", "auto"},
    {DDPM_SAMPLER_DDPM, "Ancestral sampling (Ho et al. 2020)", "ddpm"},
    {DDPM_SAMPLER_DDIM, "Implicit model (Song et al. 2021)", "ddim"},
    {DDPM_SAMPLER_DPMPP_2M, "DPM-Solver++(2M) (Lu et al. 2022)", "dpmpp-2m"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstDdpmDenoiseSampler", values));
  return type;
}

/**
 * GstDdpmDenoiseSpacing:
 * @auto: linear for ddpm, quadratic for the others
 * @linear: all steps are as long
 * @quadratic: steps are shorter towards the image
 *
 * What states of the way from noise to image are visited (Song et al. 2021,
 * appendix D.2).
 *
 * Since: 0.1
 */
GType
gst_ddpm_denoise_spacing_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GST_DDPM_DENOISE_SPACING_AUTO, "By the sampler", "auto"},
    {DDPM_SPACING_LINEAR, "All steps are as long", "linear"},
    {DDPM_SPACING_QUADRATIC, "Shorter towards the image", "quadratic"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstDdpmDenoiseSpacing", values));
  return type;
}

/**
 * GstDdpmDenoiseVariance:
 * @fixed-small: that of the posterior, beta tilde
 * @fixed-large: beta
 *
 * The variance of the noise that the ddpm sampler adds (Ho et al. 2020,
 * section 3.2).
 *
 * Since: 0.1
 */
GType
gst_ddpm_denoise_variance_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {DDPM_VARIANCE_FIXED_SMALL, "Of the posterior, beta tilde", "fixed-small"},
    {DDPM_VARIANCE_FIXED_LARGE, "Beta", "fixed-large"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstDdpmDenoiseVariance", values));
  return type;
}

/**
 * GstDdpmDenoiseEmit:
 * @final: the last state alone
 * @trajectory: states on the way too
 *
 * Which states become frames.
 *
 * Since: 0.1
 */
GType
gst_ddpm_denoise_emit_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GST_DDPM_DENOISE_EMIT_FINAL, "The last state alone", "final"},
    {GST_DDPM_DENOISE_EMIT_TRAJECTORY, "States on the way too", "trajectory"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstDdpmDenoiseEmit", values));
  return type;
}

void
gst_ddpm_denoise_settings_init (GstDdpmDenoiseSettings * s)
{
  *s = (GstDdpmDenoiseSettings) {
  .model = g_strdup (DEFAULT_MODEL),.backend = DEFAULT_BACKEND,.precision =
        DEFAULT_PRECISION,.threads = DEFAULT_THREADS,.cuda_device_id =
        -1,.sampler = DEFAULT_SAMPLER,.steps = DEFAULT_STEPS,.spacing =
        DEFAULT_SPACING,.eta = DEFAULT_ETA,.variance =
        DEFAULT_VARIANCE,.clip_x0 = DEFAULT_CLIP_X0,.label =
        g_strdup (DEFAULT_LABEL),.guidance = DEFAULT_GUIDANCE,.emit =
        DEFAULT_EMIT,.trajectory_interval =
        DEFAULT_TRAJECTORY_INTERVAL,.columns =
        DEFAULT_COLUMNS,.start_timestep =
        DEFAULT_START_TIMESTEP,.stop_timestep = DEFAULT_STOP_TIMESTEP,};
}

void
gst_ddpm_denoise_settings_clear (GstDdpmDenoiseSettings * s)
{
  g_clear_pointer (&s->model, g_free);
  g_clear_pointer (&s->label, g_free);
}

void
gst_ddpm_denoise_settings_copy (GstDdpmDenoiseSettings * to,
    const GstDdpmDenoiseSettings * from)
{
  *to = *from;
  to->model = g_strdup (from->model);
  to->label = g_strdup (from->label);
}

void
gst_ddpm_denoise_settings_to_spec (const GstDdpmDenoiseSettings * s,
    const DdpmConfig * config, guint start, DdpmSamplerSpec * spec)
{
  ddpm_sampler_spec_init (spec, config);
  if (s->sampler != GST_DDPM_DENOISE_SAMPLER_AUTO)
    spec->kind = s->sampler;
  spec->steps = s->steps < 0 ? ddpm_sampler_usual_steps (spec->kind, config)
      : s->steps == 0 ? config->timesteps : (guint) s->steps;
  spec->spacing = s->spacing != GST_DDPM_DENOISE_SPACING_AUTO ? s->spacing
      : ddpm_sampler_usual_spacing (spec->kind);
  if (s->eta != DEFAULT_ETA)
    spec->eta = s->eta;
  spec->variance = s->variance;
  spec->clip_x0 = s->clip_x0;
  spec->start = start;
  spec->stop = s->stop_timestep;
  if (s->guidance != DEFAULT_GUIDANCE)
    spec->guidance = s->guidance;
}

static void
install_model_properties (GObjectClass * klass, GParamFlags flags)
{
  /**
   * GstDdpmDenoise:model:
   *
   * A checkpoint in the safetensors format, of ddpmtrainsink or of PyTorch;
   * empty: the model that is built in.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_MODEL,
      g_param_spec_string ("model", "Model",
          "Checkpoint file, or name of a built-in model (empty: the first)",
          DEFAULT_MODEL, flags));

  /**
   * GstDdpmDenoise:backend:
   *
   * The machine that computes. What is named and cannot be had is an error.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_BACKEND,
      g_param_spec_enum ("backend", "Backend", "The machine that computes",
          GST_TYPE_DDPM_BACKEND, DEFAULT_BACKEND, flags));

  /**
   * GstDdpmDenoise:precision:
   *
   * The numbers that it computes with. What is named and cannot be had is an
   * error.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_PRECISION,
      g_param_spec_enum ("precision", "Precision",
          "The numbers that are computed with", GST_TYPE_DDPM_PRECISION,
          DEFAULT_PRECISION, flags));

  /**
   * GstDdpmDenoise:threads:
   *
   * Threads that compute.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_THREADS,
      gst_ddpm_param_spec_uint ("threads", "Threads",
          "Threads that compute (0: one for each physical core)", 0,
          DDPM_MAX_THREADS, DEFAULT_THREADS, flags));

  /**
   * GstDdpmDenoise:cuda-device-id:
   *
   * The GPU to compute on, as CUDA counts them. Where one is named, backend=auto
   * is backend=cuda.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CUDA_DEVICE_ID,
      gst_ddpm_cuda_param_spec_device_id ());
}

static void
install_sampler_properties (GObjectClass * klass, GParamFlags flags)
{
  /**
   * GstDdpmDenoise:sampler:
   *
   * How the reverse steps are made.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_SAMPLER,
      g_param_spec_enum ("sampler", "Sampler", "How reverse steps are made",
          GST_TYPE_DDPM_DENOISE_SAMPLER, DEFAULT_SAMPLER, flags));

  /**
   * GstDdpmDenoise:steps:
   *
   * Evaluations of the network from pure noise to the image, at most the
   * model's T. Where only a part of the way is gone (start-timestep,
   * stop-timestep), so is that part of the steps.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_STEPS,
      gst_ddpm_param_spec_int ("steps", "Steps",
          "Steps from noise to image (0: all T; -1: T for ddpm, 25 or those that "
          "the model has learnt for ddim, 5 for dpmpp-2m)", -1,
          DDPM_MAX_TIMESTEPS, DEFAULT_STEPS, flags));

  /**
   * GstDdpmDenoise:spacing:
   *
   * Where those steps stand. With all T of them there is no difference.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_SPACING,
      g_param_spec_enum ("spacing", "Spacing", "Where the steps stand",
          GST_TYPE_DDPM_DENOISE_SPACING, DEFAULT_SPACING, flags));

  /**
   * GstDdpmDenoise:eta:
   *
   * Of the ddim sampler: how much of the noise of an ancestral sampler is
   * added again in each step. Steps that a model has learnt are without.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_ETA,
      gst_ddpm_param_spec_double ("eta", "Eta",
          "Noise of the ddim sampler, 0 (deterministic) to 1 (ancestral; -1: 1, "
          "or 0 where the model has learnt its steps)",
          -1.0, 1.0, DEFAULT_ETA, flags));

  /**
   * GstDdpmDenoise:variance:
   *
   * Of the noise that the ddpm sampler adds; fixed-large is for all T steps.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_VARIANCE,
      g_param_spec_enum ("variance", "Variance",
          "Variance of the ddpm sampler", GST_TYPE_DDPM_DENOISE_VARIANCE,
          DEFAULT_VARIANCE, flags));

  /**
   * GstDdpmDenoise:clip-x0:
   *
   * Clip the image that a step predicts to the data range before it is used.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_CLIP_X0,
      g_param_spec_boolean ("clip-x0", "Clip x0",
          "Clip each predicted image to the data range", DEFAULT_CLIP_X0,
          flags));

  /**
   * GstDdpmDenoise:start-timestep:
   *
   * The state that comes in, where the caps do not say it.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_START_TIMESTEP,
      gst_ddpm_param_spec_int ("start-timestep", "Start timestep",
          "State that comes in (-1: what the caps say, else T, pure noise)",
          -1, DDPM_MAX_TIMESTEPS, DEFAULT_START_TIMESTEP, flags));

  /**
   * GstDdpmDenoise:stop-timestep:
   *
   * The state to stop at; another ddpmdenoise can go on from it. Two give the
   * bits of one with a sampler that looks at one state alone, ddpm or ddim, and
   * at a state that the steps of one would come by: with all T steps that is
   * any, with steps=25 spacing=linear of 1000 every 40th. The sampler dpmpp-2m uses the step before,
   * which the second element has not seen: its first step is of first order.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_STOP_TIMESTEP,
      gst_ddpm_param_spec_uint ("stop-timestep", "Stop timestep",
          "State to stop at (0: the image)", 0, DDPM_MAX_TIMESTEPS,
          DEFAULT_STOP_TIMESTEP, flags));
}

static void
install_label_properties (GObjectClass * klass, GParamFlags flags)
{
  /**
   * GstDdpmDenoise:label:
   *
   * Of a model with classes, what the samples show: a class by number or by
   * name, "none", or several of these such as "ship,3,none", which samples take
   * by turns. Sample n of an empty label shows class n mod classes, so that an
   * image stays a function of the model, the settings, the seed and the index.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_LABEL,
      g_param_spec_string ("label", "Label",
          "Classes to show, by number or name (empty: by turns; none: any)",
          DEFAULT_LABEL, flags));

  /**
   * GstDdpmDenoise:guidance:
   *
   * Of a model with classes, how far to go from what the network predicts
   * without the label towards what it does with it, and beyond (Ho & Salimans
   * 2022, eq. 6, where this is 1 + w). Other values than 0 and 1 take two
   * evaluations of the network a step; a model that has learnt guidance from a
   * teacher needs them no more.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_GUIDANCE,
      gst_ddpm_param_spec_double ("guidance", "Guidance",
          "Weight of the label (0: it says nothing, 1: what it said in "
          "training; -1: 3, or 1 where the model has learnt guidance)", -1.0,
          DDPM_MAX_GUIDANCE, DEFAULT_GUIDANCE, flags));
}

static void
install_picture_properties (GObjectClass * klass, GParamFlags flags)
{
  /**
   * GstDdpmDenoise:emit:
   *
   * Whether the states on the way become frames too. These are pictures:
   * other/tensors downstream get the last state only.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_EMIT,
      g_param_spec_enum ("emit", "Emit", "States that become frames",
          GST_TYPE_DDPM_DENOISE_EMIT, DEFAULT_EMIT, flags));

  /**
   * GstDdpmDenoise:trajectory-interval:
   *
   * With emit=trajectory, the state after every so many steps is a frame, and
   * the last one always. With several samples and no columns, the frames of
   * one state, sample by sample, come before those of the next.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_TRAJECTORY_INTERVAL,
      gst_ddpm_param_spec_uint ("trajectory-interval", "Trajectory interval",
          "Steps from one frame of a trajectory to the next", 1,
          DDPM_MAX_TIMESTEPS, DEFAULT_TRAJECTORY_INTERVAL, flags));

  /**
   * GstDdpmDenoise:columns:
   *
   * Show a batch as one mosaic so many samples wide, or each sample by itself.
   *
   * Since: 0.1
   */
  g_object_class_install_property (klass, PROP_COLUMNS,
      gst_ddpm_param_spec_uint ("columns", "Columns",
          "Samples side by side in a frame (0: one sample a frame)", 0,
          GST_DDPM_MAX_BATCH, DEFAULT_COLUMNS, flags));
}

void
gst_ddpm_denoise_settings_install (GObjectClass * klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
      | GST_PARAM_MUTABLE_READY;

  install_model_properties (klass, flags);
  install_sampler_properties (klass, flags);
  install_label_properties (klass, flags);
  install_picture_properties (klass, flags);
  gst_type_mark_as_plugin_api (GST_TYPE_DDPM_DENOISE_SAMPLER, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_DDPM_DENOISE_SPACING, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_DDPM_DENOISE_VARIANCE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_DDPM_DENOISE_EMIT, 0);
}

gboolean
gst_ddpm_denoise_settings_set (GstDdpmDenoiseSettings * s, guint id,
    const GValue * value)
{
  switch (id) {
    case PROP_MODEL:
      g_free (s->model);
      s->model = g_value_dup_string (value);
      break;
    case PROP_BACKEND:
      s->backend = g_value_get_enum (value);
      break;
    case PROP_PRECISION:
      s->precision = g_value_get_enum (value);
      break;
    case PROP_THREADS:
      s->threads = g_value_get_uint (value);
      break;
    case PROP_CUDA_DEVICE_ID:
      s->cuda_device_id = g_value_get_int (value);
      break;
    case PROP_SAMPLER:
      s->sampler = g_value_get_enum (value);
      break;
    case PROP_SPACING:
      s->spacing = g_value_get_enum (value);
      break;
    case PROP_STEPS:
      s->steps = g_value_get_int (value);
      break;
    case PROP_ETA:
      s->eta = g_value_get_double (value);
      break;
    case PROP_VARIANCE:
      s->variance = g_value_get_enum (value);
      break;
    case PROP_CLIP_X0:
      s->clip_x0 = g_value_get_boolean (value);
      break;
    case PROP_LABEL:
      g_free (s->label);
      s->label = g_value_dup_string (value);
      break;
    case PROP_GUIDANCE:
      s->guidance = g_value_get_double (value);
      break;
    case PROP_EMIT:
      s->emit = g_value_get_enum (value);
      break;
    case PROP_TRAJECTORY_INTERVAL:
      s->trajectory_interval = g_value_get_uint (value);
      break;
    case PROP_COLUMNS:
      s->columns = g_value_get_uint (value);
      break;
    case PROP_START_TIMESTEP:
      s->start_timestep = g_value_get_int (value);
      break;
    case PROP_STOP_TIMESTEP:
      s->stop_timestep = g_value_get_uint (value);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

gboolean
gst_ddpm_denoise_settings_get (const GstDdpmDenoiseSettings * s, guint id,
    GValue * value)
{
  switch (id) {
    case PROP_MODEL:
      g_value_set_string (value, s->model);
      break;
    case PROP_BACKEND:
      g_value_set_enum (value, s->backend);
      break;
    case PROP_PRECISION:
      g_value_set_enum (value, s->precision);
      break;
    case PROP_THREADS:
      g_value_set_uint (value, s->threads);
      break;
    case PROP_CUDA_DEVICE_ID:
      g_value_set_int (value, s->cuda_device_id);
      break;
    case PROP_SAMPLER:
      g_value_set_enum (value, s->sampler);
      break;
    case PROP_SPACING:
      g_value_set_enum (value, s->spacing);
      break;
    case PROP_STEPS:
      g_value_set_int (value, s->steps);
      break;
    case PROP_ETA:
      g_value_set_double (value, s->eta);
      break;
    case PROP_VARIANCE:
      g_value_set_enum (value, s->variance);
      break;
    case PROP_CLIP_X0:
      g_value_set_boolean (value, s->clip_x0);
      break;
    case PROP_LABEL:
      g_value_set_string (value, s->label);
      break;
    case PROP_GUIDANCE:
      g_value_set_double (value, s->guidance);
      break;
    case PROP_EMIT:
      g_value_set_enum (value, s->emit);
      break;
    case PROP_TRAJECTORY_INTERVAL:
      g_value_set_uint (value, s->trajectory_interval);
      break;
    case PROP_COLUMNS:
      g_value_set_uint (value, s->columns);
      break;
    case PROP_START_TIMESTEP:
      g_value_set_int (value, s->start_timestep);
      break;
    case PROP_STOP_TIMESTEP:
      g_value_set_uint (value, s->stop_timestep);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}
