/* gst-ddpm: the configuration of a scheduler of diffusers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/diffusers-config.h"

#include <string.h>

#include "gst-ddpm/files/file-tensor.h"

const gchar *const ddpm_diffusers_schedules[] =
    { "linear", "squaredcos_cap_v2", "scaled_linear", "sigmoid", NULL };
const gchar *const ddpm_diffusers_predictions[] =
    { "epsilon", "v_prediction", "sample", NULL };
const gchar *const ddpm_diffusers_variances[] = { "fixed_small", "fixed_large",
  "learned_range", "fixed_small_log", "fixed_large_log", NULL
};

const gchar *const ddpm_diffusers_spacings[] =
    { "leading", "trailing", "linspace", NULL };

/* --- classes ---------------------------------------------------------- */

#define OTHER (-1)              /* DDIM is used, and told */

/**
 * Class: a class of schedulers, and its defaults
 * @name: without "Scheduler" at its end
 * @sampler: #DdpmSamplerKind, or %OTHER
 * @clip: of one that clips nothing, that of DDIM in its place
 * @refused: why its networks cannot be played; NULL: they can
 */
typedef struct
{
  const gchar *name;
  gint sampler;
  DdpmSpacing spacing;
  gboolean clip, alpha_to_one;
  gdouble beta_start, beta_end;
  const gchar *refused;
} Class;

#define SIGMAS "its networks see noise levels instead of timesteps"
#define FLOW "its networks learn the velocity of a flow"
#define USUAL 1e-4, 0.02
#define LATENT 0.00085, 0.012
#define DDPM DDPM_SAMPLER_DDPM
#define DDIM DDPM_SAMPLER_DDIM
#define DPMPP_2M DDPM_SAMPLER_DPMPP_2M
#define LEADING DDPM_SPACING_LEADING
#define LINSPACE DDPM_SPACING_LINSPACE

static const Class classes[] = {
  {"DDPM", DDPM, LEADING, TRUE, TRUE, USUAL, NULL},
  {"DDPMParallel", DDPM, LEADING, TRUE, TRUE, USUAL, NULL},
  {"DDIM", DDIM, LEADING, TRUE, TRUE, USUAL, NULL},
  {"DDIMParallel", DDIM, LEADING, TRUE, TRUE, USUAL, NULL},
  {"DPMSolverMultistep", DPMPP_2M, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"PNDM", OTHER, LEADING, TRUE, FALSE, USUAL, NULL},
  {"DEISMultistep", OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"UniPCMultistep", OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"DPMSolverSinglestep", OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"SASolver", OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"EulerDiscrete", OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"EulerAncestralDiscrete", OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"LMSDiscrete", OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"HeunDiscrete", OTHER, LINSPACE, FALSE, TRUE, LATENT, NULL},
  {"KDPM2Discrete", OTHER, LINSPACE, TRUE, TRUE, LATENT, NULL},
  {"KDPM2AncestralDiscrete", OTHER, LINSPACE, TRUE, TRUE, LATENT, NULL},
  {"DPMSolverSDE", OTHER, LINSPACE, TRUE, TRUE, LATENT, NULL},
  {"RePaint", OTHER, LEADING, TRUE, TRUE, USUAL, NULL},
  {"ScoreSdeVe", 0, 0, 0, 0, 0, 0, SIGMAS " (score SDE, variance exploding)"},
  {"ScoreSdeVp", 0, 0, 0, 0, 0, 0,
      "its time is continuous (score SDE, variance preserving)"},
  {"KarrasVe", 0, 0, 0, 0, 0, 0, SIGMAS " (EDM)"},
  {"EDMEuler", 0, 0, 0, 0, 0, 0, SIGMAS " (EDM)"},
  {"EDMDPMSolverMultistep", 0, 0, 0, 0, 0, 0, SIGMAS " (EDM)"},
  {"CMStochasticIterative", 0, 0, 0, 0, 0, 0, SIGMAS " (consistency models)"},
  {"FlowMatchEulerDiscrete", 0, 0, 0, 0, 0, 0, FLOW},
  {"FlowMatchHeunDiscrete", 0, 0, 0, 0, 0, 0, FLOW},
  {"FlowMatchLCM", 0, 0, 0, 0, 0, 0, FLOW},
};

/* NULL: it cannot be played, which is now an error of json */
static const Class *
find_class (DdpmJson * json)
{
  const gchar *name = ddpm_json_get_string (json, "_class_name", "");
  const gchar *reason = "gst-ddpm does not know this one";
  g_autofree gchar *expected = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (classes); i++) {
    const gsize size = strlen (classes[i].name);

    if (strncmp (name, classes[i].name, size) != 0
        || strcmp (name + size, "Scheduler") != 0)
      continue;
    if (classes[i].refused == NULL)
      return &classes[i];
    reason = classes[i].refused;
  }
  expected = g_strdup_printf ("a scheduler of timesteps, such as DDPMScheduler "
      "or DDIMScheduler (%s)", reason);
  ddpm_json_refuse (json, "_class_name", expected);
  return NULL;
}

/* --- noise ------------------------------------------------------------ */

/* Versions before 0.11 say predict_epsilon. */
static void
read_prediction (DdpmJson * json, DdpmConfig * config)
{
  const gboolean epsilon = ddpm_json_get_bool (json, "predict_epsilon", TRUE);

  config->prediction = ddpm_json_get_choice (json, "prediction_type",
      ddpm_diffusers_predictions,
      epsilon ? DDPM_PREDICTION_EPSILON : DDPM_PREDICTION_SAMPLE);
}

/* How noise is added, as the network has learnt it */
static void
read_noise (DdpmJson * json, const Class * class, DdpmConfig * config)
{
  config->timesteps = ddpm_json_get_uint (json, "num_train_timesteps", 1000);
  config->schedule = ddpm_json_get_choice (json, "beta_schedule",
      ddpm_diffusers_schedules, 0);
  config->beta_start =
      ddpm_json_get_double (json, "beta_start", class->beta_start);
  config->beta_end = ddpm_json_get_double (json, "beta_end", class->beta_end);
  read_prediction (json, config);
  config->zero_snr = ddpm_json_get_bool (json, "rescale_betas_zero_snr", FALSE);
  if (config->zero_snr && config->prediction == DDPM_PREDICTION_EPSILON)
    ddpm_json_refuse (json, "rescale_betas_zero_snr", "false where "
        "prediction_type is epsilon (the eps of a state that is pure noise "
        "says nothing of the image)");
  if (ddpm_json_has (json, "trained_betas")
      && !ddpm_json_is_null (json, "trained_betas"))
    ddpm_json_refuse (json, "trained_betas", "null (a schedule that "
        "beta_schedule names)");
  if (ddpm_json_get_bool (json, "use_flow_sigmas", FALSE))
    ddpm_json_refuse (json, "use_flow_sigmas", "false");
}

/* --- sampling --------------------------------------------------------- */

/* Those of an algorithm that is not ours, if one of them is set */
static gboolean
has_other_sigmas (DdpmJson * json)
{
  static const gchar *const flags[] = { "use_karras_sigmas",
    "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas",
    "euler_at_final", "use_dynamic_shifting"
  };
  gboolean other = ddpm_json_is_finite (json, "lambda_min_clipped");

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    other |= ddpm_json_get_bool (json, flags[i], FALSE);
  return other;
}

/* Has DPM-Solver++ settings of another algorithm than ours? */
static gboolean
is_other_solver (DdpmJson * json)
{
  static const gchar *const strings[][2] = {
    {"algorithm_type", "dpmsolver++"}, {"solver_type", "midpoint"},
    {"final_sigmas_type", "zero"},
  };
  gboolean other = has_other_sigmas (json);

  other |= ddpm_json_get_uint (json, "solver_order", 2) != 2;
  other |= !ddpm_json_get_bool (json, "lower_order_final", TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    other |= strcmp (ddpm_json_get_string (json, strings[i][0],
            strings[i][1]), strings[i][1]) != 0;
  return other;
}

static DdpmSamplerKind
choose_sampler (DdpmJson * json, const Class * class, GPtrArray * remarks)
{
  const gboolean solver = class->sampler == DPMPP_2M;

  if (class->sampler != OTHER && !(solver && is_other_solver (json)))
    return class->sampler;
  g_ptr_array_add (remarks, g_strdup_printf ("sampler ddim in the place of "
          "%sScheduler%s, which gst-ddpm does not have", class->name,
          solver ? " with these settings" : ""));
  return DDIM;
}

/* Only ancestral sampling has a variance. In diffusers, the names that end with
 * _log mean the same, with other roundings. */
static void
read_variance (DdpmJson * json, DdpmConfig * config)
{
  static const gint kinds[] = { DDPM_VARIANCE_FIXED_SMALL,
    DDPM_VARIANCE_FIXED_LARGE, DDPM_VARIANCE_LEARNED_RANGE,
    DDPM_VARIANCE_FIXED_SMALL, DDPM_VARIANCE_FIXED_LARGE
  };
  gint variance;

  if (!ddpm_json_has (json, "variance_type") && config->learned_variance)
    return;
  variance = kinds[ddpm_json_get_choice (json, "variance_type",
          ddpm_diffusers_variances, 0)];
  if (variance == DDPM_VARIANCE_LEARNED_RANGE && !config->learned_variance)
    ddpm_json_refuse (json, "variance_type", "one that is not learned, because "
        "out_channels is in_channels");
  config->sampling.variance = variance;
}

static void
read_clipping (DdpmJson * json, DdpmSampling * sampling, gboolean clip)
{
  sampling->clip = sampling->sampler != DPMPP_2M
      && ddpm_json_get_bool (json, "clip_sample", clip);
  sampling->clip_range = ddpm_json_get_double (json, "clip_sample_range", 1.0);
  if (!(sampling->clip_range > 0.0))
    ddpm_json_refuse (json, "clip_sample_range", "a number above 0");
  if (ddpm_json_get_bool (json, "thresholding", FALSE))
    ddpm_json_refuse (json, "thresholding", "false");
  ddpm_json_has (json, "dynamic_thresholding_ratio");
  ddpm_json_has (json, "sample_max_value");
}

static void
read_sampling (DdpmJson * json, const Class * class, DdpmConfig * config,
    GPtrArray * remarks)
{
  DdpmSampling *sampling = &config->sampling;

  sampling->sampler = choose_sampler (json, class, remarks);
  sampling->spacing = DDPM_SPACING_LEADING + ddpm_json_get_choice (json,
      "timestep_spacing", ddpm_diffusers_spacings,
      class->spacing - DDPM_SPACING_LEADING);
  sampling->steps_offset = ddpm_json_get_uint (json, "steps_offset", 0);
  sampling->keep_eps = TRUE;
  sampling->final_alpha_first =
      !ddpm_json_get_bool (json, "set_alpha_to_one", class->alpha_to_one);
  read_clipping (json, sampling, class->clip);
  if (sampling->sampler == DDPM)
    read_variance (json, config);
}

/* --- the configuration ------------------------------------------------ */

/* What says nothing of images */
static void
skip_keys (DdpmJson * json)
{
  static const gchar *const keys[] = { "tensor_format", "timestep_values" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    ddpm_json_has (json, keys[i]);
}

/* What is assumed of a scheduler, but for what trained says */
static gchar *
describe_assumed (const DdpmConfig * config, const DdpmTrained * trained)
{
  const DdpmTrained *t = trained;
  GString *s = g_string_new ("there is no scheduler_config.json; assumed: ");

  if (t->schedule < 0)
    g_string_append (s, "a linear schedule, ");
  if (t->schedule != DDPM_SCHEDULE_COSINE
      && (t->beta_start < 0.0 || t->beta_end < 0.0))
    g_string_append_printf (s, "betas of %g to %g, ",
        t->beta_start >= 0.0 ? t->beta_start : config->beta_start,
        t->beta_end >= 0.0 ? t->beta_end : config->beta_end);
  if (t->timesteps == 0)
    g_string_append_printf (s, "T = %u, ", config->timesteps);
  if (t->prediction < 0)
    g_string_append (s, "prediction of epsilon, ");
  g_string_append (s, "sampler ddpm");
  return g_string_free (s, FALSE);
}

/* Of an object without keys, the class DDPM */
static gboolean
assume_scheduler (DdpmConfig * config, const DdpmTrained * trained,
    GPtrArray * remarks, GError ** error)
{
  g_autoptr (DdpmJson) json = ddpm_json_new ("{}", 2, "", error);

  if (json == NULL)
    return FALSE;
  read_noise (json, &classes[0], config);
  read_sampling (json, &classes[0], config, remarks);
  g_ptr_array_add (remarks, describe_assumed (config, trained));
  return ddpm_json_check (json, error);
}

gboolean
ddpm_diffusers_read_scheduler (DdpmJson * json, DdpmConfig * config,
    const DdpmTrained * trained, GPtrArray * remarks, GError ** error)
{
  g_autofree gchar *unknown = NULL;
  const Class *class;

  config->sampling.always_labelled = config->classes > 0;
  if (json == NULL)
    return assume_scheduler (config, trained, remarks, error);
  class = find_class (json);
  if (class == NULL)
    return ddpm_json_check (json, error);
  read_noise (json, class, config);
  read_sampling (json, class, config, remarks);
  skip_keys (json);
  if (class->sampler != OTHER
      && (unknown = ddpm_json_list_unknown (json)) != NULL)
    g_ptr_array_add (remarks, g_strconcat ("unknown keys of "
            "scheduler_config.json are ignored: ", unknown, NULL));
  return ddpm_json_check (json, error);
}
