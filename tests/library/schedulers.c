/* gst-ddpm: schedules and whole sampling against the schedulers of diffusers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * schedulers.json tells what was computed, and how.
 */
#include <math.h>

#include "tests/support/dump.h"
#include "tests/support/kernels.h"
#include "tests/support/sampler.h"
#include "tests/support/test.h"

enum
{ SEED = 3, ELEMENTS = 4 };

static gint
choice (JsonObject * o, const gchar * name, const gchar * otherwise,
    const gchar * const *choices)
{
  const gchar *text =
      json_object_get_string_member_with_default (o, name, otherwise);

  for (gint i = 0; choices[i]; i++)
    if (g_str_equal (choices[i], text))
      return i;
  g_error ("%s: what is '%s'?", name, text);
}

static gdouble
number (JsonObject * o, const gchar * name, gdouble otherwise)
{
  return json_object_get_double_member_with_default (o, name, otherwise);
}

static gboolean
is_true (JsonObject * o, const gchar * name, gboolean otherwise)
{
  return json_object_get_boolean_member_with_default (o, name, otherwise);
}

static DdpmConfig
config_of (JsonObject * o)
{
  static const gchar *const schedules[] = { "linear", "squaredcos_cap_v2",
    "scaled_linear", "sigmoid", NULL
  };
  static const gchar *const predictions[] = { "epsilon", "v_prediction",
    "sample", NULL
  };
  static const gchar *const variances[] = { "fixed_small", "fixed_large",
    "learned_range", NULL
  };
  DdpmConfig config;
  DdpmSampling *s = &config.sampling;

  ddpm_config_init_defaults (&config);
  config.schedule = choice (o, "beta_schedule", "linear", schedules);
  config.timesteps = json_object_get_int_member (o, "num_train_timesteps");
  config.beta_start = number (o, "beta_start", 1e-4);
  config.beta_end = number (o, "beta_end", 0.02);
  config.zero_snr = is_true (o, "rescale_betas_zero_snr", FALSE);
  config.prediction = choice (o, "prediction_type", "epsilon", predictions);
  s->variance = choice (o, "variance_type", "fixed_small", variances);
  config.learned_variance = s->variance == DDPM_VARIANCE_LEARNED_RANGE;
  s->clip = is_true (o, "clip_sample", TRUE);
  s->clip_range = number (o, "clip_sample_range", 1.0);
  s->steps_offset =
      json_object_get_int_member_with_default (o, "steps_offset", 0);
  s->final_alpha_first = !is_true (o, "set_alpha_to_one", TRUE);
  return config;
}

static DdpmConfig
config_of_run (JsonObject * run)
{
  static const gchar *const samplers[] = { "ddpm", "ddim", "dpmpp", NULL };
  static const gchar *const spacings[] = { "leading", "trailing", "linspace",
    NULL
  };
  JsonObject *o = json_object_get_object_member (run, "config");
  JsonObject *arguments = json_object_get_object_member (run, "arguments");
  DdpmConfig config = config_of (o);
  DdpmSampling *s = &config.sampling;

  s->sampler = choice (run, "sampler", NULL, samplers);
  s->steps = json_object_get_int_member (run, "steps");
  s->spacing = DDPM_SPACING_LEADING + choice (o, "timestep_spacing",
      s->sampler == DDPM_SAMPLER_DPMPP_2M ? "linspace" : "leading", spacings);
  s->eta = number (arguments, "eta", 0.0);
  s->keep_eps = !is_true (arguments, "use_clipped_model_output", FALSE);
  if (s->sampler == DDPM_SAMPLER_DPMPP_2M)
    s->clip = FALSE;            /* it has no such setting */
  return config;
}

TEST (schedules_have_the_betas_of_diffusers)
{
  g_autoptr (JsonArray) dump = test_json_load ("schedulers.json");
  JsonArray *all = json_array_get_array_element (dump, 0);

  g_assert_cmpuint (json_array_get_length (all), ==, 8);
  for (guint i = 0; i < json_array_get_length (all); i++) {
    JsonObject *entry = json_array_get_object_element (all, i);
    JsonArray *betas = json_object_get_array_member (entry, "betas");
    DdpmConfig config = config_of (entry);
    g_autoptr (DdpmSchedule) schedule = NULL;

    if (config.zero_snr)
      config.prediction = DDPM_PREDICTION_V;
    schedule = assert_ok (ddpm_schedule_new (&config, &error));
    g_assert_cmpuint (json_array_get_length (betas), ==, schedule->T);
    for (guint t = 0; t < schedule->T; t++)
      g_assert_cmpfloat_with_epsilon (schedule->betas[t],
          json_array_get_double_element (betas, t), 1e-12);
    g_assert_true ((schedule->alphas_bar[schedule->T - 1] == 0.0)
        == config.zero_snr);
  }
}

/* --- whole sampling ------------------------------------------------------- */

/* v NULL: the network predicts no variance */
static void
predict (const DdpmConfig * config, const float *x, guint t, float *pred,
    float *v)
{
  const gdouble of_x = config->prediction == DDPM_PREDICTION_SAMPLE ? 0 : 0.9;

  for (guint i = 0; i < ELEMENTS; i++) {
    pred[i] = sin (3.0 * x[i]) / 2 + cos (t / 7.0) / 2 + of_x * x[i];
    if (v)
      v[i] = cos (5.0 * x[i]) - 0.2;
  }
}

static void
assert_state (const float *x, JsonArray * expected, gdouble largest)
{
  for (guint i = 0; i < ELEMENTS; i++)
    g_assert_cmpfloat_with_epsilon (x[i],
        json_array_get_double_element (expected, i), 1e-5 * largest);
}

static gdouble
largest_of (JsonArray * state)
{
  gdouble largest = 1.0;

  for (guint i = 0; i < json_array_get_length (state); i++)
    largest = MAX (largest, fabs (json_array_get_double_element (state, i)));
  return largest;
}

static void
assert_run (JsonObject * run)
{
  const DdpmConfig config = config_of_run (run);
  JsonArray *states = json_object_get_array_member (run, "states");
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autoptr (DdpmSchedule) schedule =
      assert_ok (ddpm_schedule_new (&config, &error));
  g_autoptr (DdpmSampler) sampler = NULL;
  float x[ELEMENTS], pred[ELEMENTS], v[ELEMENTS], x_0_prev[ELEMENTS] = { 0 };
  DdpmSamplerSpec spec;

  ddpm_sampler_spec_init (&spec, &config);
  sampler = assert_ok (ddpm_sampler_new (schedule, &config, &spec, &error));
  g_assert_cmpuint (sampler->n_steps, ==, json_array_get_length (states));
  g_assert_cmpint (sampler->prediction, ==, config.prediction);
  b->ops->noise (b, SEED, 0, 0, 0, 1, ELEMENTS, x);
  for (guint i = 0; i < sampler->n_steps; i++) {
    const DdpmSamplerStep *step = &sampler->steps[i];
    JsonArray *state = json_array_get_array_element (states, i);

    predict (&config, x, step->t, pred, config.learned_variance ? v : NULL);
    b->ops->reverse_step (b, &step->coefs, SEED, 0, 1, ELEMENTS, x, pred,
        sampler->multistep ? x_0_prev : NULL);
    if (sampler->learned_noise)
      b->ops->learned_noise (b, &step->coefs, SEED, 0, 1, ELEMENTS, v, x);
    assert_state (x, state, largest_of (state));
  }
}

TEST (samplers_make_the_steps_of_diffusers)
{
  g_autoptr (JsonArray) dump = test_json_load ("schedulers.json");
  JsonArray *runs = json_array_get_array_element (dump, 1);

  for (guint i = 0; i < json_array_get_length (runs); i++) {
    JsonObject *run = json_array_get_object_element (runs, i);
    g_autoptr (JsonNode) config = json_node_copy (json_object_get_member (run,
            "config"));
    g_autofree gchar *text = json_to_string (config, FALSE);

    g_test_message ("run %u: %s, %s", i, json_object_get_string_member (run,
            "sampler"), text);
    assert_run (run);
  }
  g_assert_cmpuint (json_array_get_length (runs), >=, 45);
}

/* --- what a model recommends ---------------------------------------------- */

static DdpmSamplerSpec
spec_of_model (const DdpmConfig * config)
{
  DdpmSamplerSpec spec;

  ddpm_sampler_spec_init (&spec, config);
  return spec;
}

static DdpmConfig
recommending (void)
{
  DdpmConfig config;

  ddpm_config_init_defaults (&config);
  config.classes = 3;
  config.sampling = (DdpmSampling) {
  DDPM_SAMPLER_DDIM, 40, DDPM_SPACING_TRAILING, 1, 0.5,
        DDPM_VARIANCE_FIXED_LARGE, 0, 2.0, TRUE, TRUE, TRUE};
  return config;
}

TEST (a_model_is_sampled_as_it_recommends)
{
  const DdpmConfig config = recommending ();
  const DdpmSamplerSpec spec = spec_of_model (&config);

  g_assert_cmpint (spec.kind, ==, DDPM_SAMPLER_DDIM);
  g_assert_cmpuint (spec.steps, ==, 40);
  g_assert_cmpint (spec.spacing, ==, DDPM_SPACING_TRAILING);
  g_assert_cmpuint (spec.steps_offset, ==, 1);
  g_assert_cmpfloat (spec.eta, ==, 0.5);
  g_assert_cmpint (spec.variance, ==, DDPM_VARIANCE_FIXED_LARGE);
  g_assert_false (spec.clip_x0);
  g_assert_cmpfloat (spec.clip_range, ==, 2.0);
  g_assert_true (spec.keep_eps);
  g_assert_true (spec.final_alpha_first);
  g_assert_cmpfloat (spec.guidance, ==, 1.0);
}

TEST (steps_and_eta_are_for_the_sampler_that_is_recommended)
{
  const DdpmConfig config = recommending ();
  DdpmSamplerSpec spec = spec_of_model (&config);

  ddpm_sampler_spec_choose (&spec, &config, DDPM_SAMPLER_DPMPP_2M);
  g_assert_cmpuint (spec.steps, ==, 5);
  g_assert_cmpfloat (spec.eta, ==, 0.0);
  g_assert_cmpint (spec.spacing, ==, DDPM_SPACING_TRAILING);
  ddpm_sampler_spec_choose (&spec, &config, DDPM_SAMPLER_DDIM);
  g_assert_cmpuint (spec.steps, ==, 40);
  g_assert_cmpfloat (spec.eta, ==, 0.5);
}

TEST (a_distilled_model_is_sampled_as_it_was_distilled)
{
  DdpmConfig config = recommending ();
  DdpmSamplerSpec spec;

  config.steps = 4;
  config.sampling.sampler = DDPM_SAMPLER_DDPM;
  spec = spec_of_model (&config);
  g_assert_cmpint (spec.kind, ==, DDPM_SAMPLER_DDIM);
  g_assert_cmpuint (spec.steps, ==, 4);
  g_assert_cmpint (spec.spacing, ==, DDPM_SPACING_QUADRATIC);
  g_assert_cmpfloat (spec.eta, ==, 0.0);
}

/* --- parts of the way ----------------------------------------------------- */

static void
assert_states (DdpmSamplerSpec spec, const guint * states, guint n)
{
  DdpmConfig config;
  g_autoptr (DdpmSchedule) schedule = NULL;
  g_autoptr (DdpmSampler) sampler = NULL;

  ddpm_config_init_defaults (&config);
  schedule = assert_ok (ddpm_schedule_new (&config, &error));
  sampler = assert_ok (ddpm_sampler_new (schedule, &config, &spec, &error));
  g_assert_cmpuint (sampler->n_steps, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpuint (sampler->steps[i].state, ==, states[i]);
  g_assert_cmpuint (sampler->steps[n - 1].next_state, ==, spec.stop);
}

#define ASSERT_STATES(kind, start, stop, ...) G_STMT_START { \
    static const guint states[] = { __VA_ARGS__ }; \
    DdpmSamplerSpec spec = spec_of (kind, 4, start, stop); \
    spec.spacing = DDPM_SPACING_LEADING; \
    assert_states (spec, states, G_N_ELEMENTS (states)); \
  } G_STMT_END

/* The network sees timesteps 750, 500, 250 and 0. */
TEST (spacings_of_timesteps_begin_and_stop_anywhere)
{
  for (guint kind = 0; kind < 2; kind++) {
    ASSERT_STATES (kind, 1000, 0, 751, 501, 251, 1);
    ASSERT_STATES (kind, 1000, 501, 751);
    ASSERT_STATES (kind, 501, 0, 501, 251, 1);
    ASSERT_STATES (kind, 600, 0, 600, 501, 251, 1);
    ASSERT_STATES (kind, 1000, 300, 751, 501);
    ASSERT_STATES (kind, 1000, 800, 1000);
    ASSERT_STATES (kind, 999, 998, 999);
  }
}

/* However many steps there are, the network sees a timestep once at most. */
TEST (offsets_do_not_leave_the_timesteps)
{
  for (guint spacing = 0; spacing <= DDPM_SPACING_LINSPACE; spacing++) {
    for (guint kind = 0; ddpm_sampler_get_info (kind); kind++) {
      g_autoptr (DdpmSchedule) schedule = notebook_schedule ();
      DdpmSamplerSpec spec = spec_of (kind, 1000, 1000, 0);
      g_autoptr (DdpmSampler) sampler = NULL;

      spec.spacing = spacing;
      spec.steps_offset = 1000;
      sampler = make (schedule, spec);
      g_assert_cmpuint (sampler->n_steps, >=, 1);
      for (guint i = 0; i < sampler->n_steps; i++) {
        g_assert_cmpuint (sampler->steps[i].t, <, i == 0 ? 1000 :
            sampler->steps[i - 1].t);
        g_assert_true (isfinite (sampler->steps[i].coefs.c_x0));
      }
    }
  }
}
