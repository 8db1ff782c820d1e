/* gst-ddpm: the configuration of a scheduler of diffusers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/diffusers-config.h"

#include <string.h>

#include "gst-ddpm/files/file-tensor.h"

/* What a scheduler says of the noise and of sampling */
typedef struct
{
  guint timesteps;
  guint schedule, prediction, variance, spacing;        /* in lists below */
  gdouble beta_start, beta_end;
  gboolean zero_snr;
  gboolean clip;
  gdouble clip_range;
  guint steps_offset;
  gboolean alpha_to_one;
} Settings;

static const gchar *const schedules[] =
    { "linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", NULL };
static const gchar *const predictions[] =
    { "epsilon", "v_prediction", "sample", NULL };
static const gchar *const variances[] = { "fixed_small", "fixed_large",
  "learned_range", "fixed_small_log", "fixed_large_log", NULL
};
static const gchar *const spacings[] =
    { "leading", "trailing", "linspace", NULL };

#define LEADING 0
#define LINSPACE 2
#define LEARNED_RANGE 2

/* --- classes ---------------------------------------------------------- */

typedef enum
{
  SAMPLER_DDPM,
  SAMPLER_DDIM,
  SAMPLER_DPMPP_2M,
  SAMPLER_OTHER,                /* DDIM is used, and told */
} Sampler;

/**
 * Class: a class of schedulers, and its defaults
 * @name: without "Scheduler" at its end
 * @refused: why its networks cannot be played; NULL: they can
 */
typedef struct
{
  const gchar *name;
  Sampler sampler;
  guint spacing;
  gboolean clip, alpha_to_one;
  gdouble beta_start, beta_end;
  const gchar *refused;
} Class;

#define SIGMAS "its networks see noise levels instead of timesteps"
#define FLOW "its networks learn the velocity of a flow"
#define USUAL 1e-4, 0.02
#define LATENT 0.00085, 0.012

static const Class classes[] = {
  {"DDPM", SAMPLER_DDPM, LEADING, TRUE, TRUE, USUAL, NULL},
  {"DDPMParallel", SAMPLER_DDPM, LEADING, TRUE, TRUE, USUAL, NULL},
  {"DDIM", SAMPLER_DDIM, LEADING, TRUE, TRUE, USUAL, NULL},
  {"DDIMParallel", SAMPLER_DDIM, LEADING, TRUE, TRUE, USUAL, NULL},
  {"DPMSolverMultistep", SAMPLER_DPMPP_2M, LINSPACE, FALSE, TRUE, USUAL, NULL},
  {"PNDM", SAMPLER_OTHER, LEADING, TRUE, FALSE, USUAL, NULL},
  {"DEISMultistep", SAMPLER_OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"UniPCMultistep", SAMPLER_OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"DPMSolverSinglestep", SAMPLER_OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"SASolver", SAMPLER_OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"EulerDiscrete", SAMPLER_OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"EulerAncestralDiscrete", SAMPLER_OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"LMSDiscrete", SAMPLER_OTHER, LINSPACE, TRUE, TRUE, USUAL, NULL},
  {"HeunDiscrete", SAMPLER_OTHER, LINSPACE, TRUE, TRUE, LATENT, NULL},
  {"KDPM2Discrete", SAMPLER_OTHER, LINSPACE, TRUE, TRUE, LATENT, NULL},
  {"KDPM2AncestralDiscrete", SAMPLER_OTHER, LINSPACE, TRUE, TRUE, LATENT, NULL},
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

/* --- settings --------------------------------------------------------- */

static void
init_settings (Settings * s, const Class * class)
{
  memset (s, 0, sizeof *s);
  s->timesteps = 1000;
  s->beta_start = class->beta_start;
  s->beta_end = class->beta_end;
  s->spacing = class->spacing;
  s->clip = class->clip;
  s->clip_range = 1.0;
  s->alpha_to_one = class->alpha_to_one;
}

/* How noise is added, as the network has learnt it */
static void
read_noise (DdpmJson * json, Settings * s)
{
  s->timesteps = ddpm_json_get_uint (json, "num_train_timesteps", s->timesteps);
  s->schedule = ddpm_json_get_choice (json, "beta_schedule", schedules, 0);
  s->beta_start = ddpm_json_get_double (json, "beta_start", s->beta_start);
  s->beta_end = ddpm_json_get_double (json, "beta_end", s->beta_end);
  s->zero_snr = ddpm_json_get_bool (json, "rescale_betas_zero_snr", FALSE);
  s->prediction =
      ddpm_json_get_choice (json, "prediction_type", predictions, 0);
  if (ddpm_json_has (json, "trained_betas")
      && !ddpm_json_is_null (json, "trained_betas"))
    ddpm_json_refuse (json, "trained_betas", "null (a schedule that "
        "beta_schedule names)");
  if (ddpm_json_get_bool (json, "use_flow_sigmas", FALSE))
    ddpm_json_refuse (json, "use_flow_sigmas", "false");
}

/* DPM-Solver++ clips nothing, and only ancestral sampling has a variance. */
static void
read_sampling (DdpmJson * json, const Class * class, Settings * s)
{
  const gboolean clips = class->sampler != SAMPLER_DPMPP_2M;

  if (clips)
    s->clip = ddpm_json_get_bool (json, "clip_sample", s->clip);
  s->clip_range = ddpm_json_get_double (json, "clip_sample_range", 1.0);
  if (!(s->clip_range > 0.0))
    ddpm_json_refuse (json, "clip_sample_range", "a number above 0");
  if (ddpm_json_get_bool (json, "thresholding", FALSE))
    ddpm_json_refuse (json, "thresholding", "false");
  ddpm_json_has (json, "dynamic_thresholding_ratio");
  ddpm_json_has (json, "sample_max_value");
  if (class->sampler == SAMPLER_DDPM)
    s->variance = ddpm_json_get_choice (json, "variance_type", variances, 0);
  s->spacing =
      ddpm_json_get_choice (json, "timestep_spacing", spacings, s->spacing);
  s->steps_offset = ddpm_json_get_uint (json, "steps_offset", 0);
  s->alpha_to_one =
      ddpm_json_get_bool (json, "set_alpha_to_one", s->alpha_to_one);
}

/* --- samplers --------------------------------------------------------- */

/* Has DPM-Solver++ settings of another algorithm than ours? */
static gboolean
is_other_solver (DdpmJson * json)
{
  static const gchar *const flags[] = { "use_karras_sigmas",
    "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas",
    "euler_at_final", "use_dynamic_shifting"
  };
  static const gchar *const strings[][2] = {
    {"algorithm_type", "dpmsolver++"}, {"solver_type", "midpoint"},
    {"final_sigmas_type", "zero"},
  };
  gboolean other = ddpm_json_get_uint (json, "solver_order", 2) != 2
      || !ddpm_json_get_bool (json, "lower_order_final", TRUE);

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    other |= ddpm_json_get_bool (json, flags[i], FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    other |= strcmp (ddpm_json_get_string (json, strings[i][0],
            strings[i][1]), strings[i][1]) != 0;
  return other;
}

static Sampler
choose_sampler (DdpmJson * json, const Class * class, GPtrArray * told)
{
  Sampler sampler = class->sampler;

  if (sampler == SAMPLER_DPMPP_2M && is_other_solver (json))
    sampler = SAMPLER_OTHER;
  if (sampler != SAMPLER_OTHER)
    return sampler;
  g_ptr_array_add (told, g_strdup_printf ("sampler ddim in the place of "
          "%sScheduler%s, which gst-ddpm does not have", class->name,
          class->sampler == SAMPLER_DPMPP_2M ? " with these settings" : ""));
  return SAMPLER_DDIM;
}

/* --- the configuration ------------------------------------------------ */

static void
adopt (DdpmJson * json, const Settings * s, DdpmConfig * config)
{
  static const gchar *const names[] = { "linear", "squaredcos_cap_v2" };
  const gchar *schedule = schedules[s->schedule];

  config->timesteps = s->timesteps;
  config->beta_start = s->beta_start;
  config->beta_end = s->beta_end;
  config->prediction = s->prediction;
  config->schedule = strcmp (schedule, names[1]) == 0 ? DDPM_SCHEDULE_COSINE :
      DDPM_SCHEDULE_LINEAR;
  if (strcmp (schedule, names[config->schedule]) != 0)
    ddpm_json_refuse (json, "beta_schedule", "linear or squaredcos_cap_v2");
  if (strcmp (predictions[s->prediction], "sample") == 0)
    ddpm_json_refuse (json, "prediction_type", "epsilon or v_prediction");
  if (s->zero_snr)
    ddpm_json_refuse (json, "rescale_betas_zero_snr", "false");
}

gboolean
ddpm_diffusers_read_scheduler (DdpmJson * json, DdpmConfig * config,
    GPtrArray * told, GError ** error)
{
  g_autofree gchar *unknown = NULL;
  const Class *class;
  Settings settings;

  if (json == NULL) {
    init_settings (&settings, &classes[0]);
    adopt (NULL, &settings, config);
    g_ptr_array_add (told, g_strdup_printf ("there is no "
            "scheduler_config.json; assumed: a linear schedule of betas %g to "
            "%g, T = %u, prediction of epsilon, sampler ddpm",
            config->beta_start, config->beta_end, config->timesteps));
    return TRUE;
  }
  class = find_class (json);
  if (class == NULL)
    return ddpm_json_check (json, error);
  init_settings (&settings, class);
  read_noise (json, &settings);
  read_sampling (json, class, &settings);
  if (settings.variance == LEARNED_RANGE && !config->learned_variance)
    ddpm_json_refuse (json, "variance_type", "one that is not learned, because "
        "out_channels is in_channels");
  choose_sampler (json, class, told);
  adopt (json, &settings, config);
  if (class->sampler != SAMPLER_OTHER
      && (unknown = ddpm_json_list_unknown (json)) != NULL)
    g_ptr_array_add (told, g_strconcat ("unknown keys of "
            "scheduler_config.json are ignored: ", unknown, NULL));
  return ddpm_json_check (json, error);
}
