/* gst-ddpm: the coefficients of the samplers against a second implementation,
 * each other and theory
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "tests/support/sampler.h"
#include "tests/support/dump.h"
#include "tests/support/test.h"

static void
assert_near (gdouble found, gdouble expected, gdouble tolerance)
{
  g_assert_cmpfloat (fabs (found - expected), <=, tolerance);
}

static DdpmSamplerSpec
spec_of_run (JsonObject * run)
{
  const gchar *name = json_object_get_string_member (run, "sampler");
  const DdpmSamplerInfo *info;
  guint kind = 0;
  DdpmSamplerSpec spec;

  while ((info = ddpm_sampler_get_info (kind)) && g_strcmp0 (info->name, name))
    kind++;
  g_assert_nonnull (info);
  spec = spec_of (kind, json_object_get_int_member (run, "steps"),
      json_object_get_int_member (run, "start"),
      json_object_get_int_member (run, "stop"));

  if (json_object_get_boolean_member_with_default (run, "large", FALSE))
    spec.variance = DDPM_VARIANCE_FIXED_LARGE;
  spec.eta = json_object_get_double_member_with_default (run, "eta", 0.0);
  return spec;
}

static void
assert_row (const DdpmSamplerStep * step, JsonArray * row)
{
  const gdouble found[] = { step->coefs.c_x, step->coefs.c_x0,
    step->coefs.c_x0_prev, step->coefs.sigma
  };
  guint i;

  g_assert_cmpuint (step->state, ==, json_array_get_int_element (row, 0));
  g_assert_cmpuint (step->next_state, ==, json_array_get_int_element (row, 1));
  for (i = 0; i < 4; i++) {
    gdouble expected = json_array_get_double_element (row, 2 + i);

    /* one rounding to float */
    assert_near (found[i], expected, 0x1.001p-24 * fabs (expected));
  }
}

static guint
check_runs (const DdpmSchedule * schedule, JsonArray * runs)
{
  guint i, k;

  for (i = 0; i < json_array_get_length (runs); i++) {
    JsonObject *run = json_array_get_object_element (runs, i);
    JsonArray *rows = json_object_get_array_member (run, "rows");
    g_autoptr (DdpmSampler) sampler = make (schedule, spec_of_run (run));

    g_assert_cmpuint (sampler->n_steps, ==, json_array_get_length (rows));
    for (k = 0; k < sampler->n_steps; k++)
      assert_row (&sampler->steps[k], json_array_get_array_element (rows, k));
  }
  return i;
}

TEST (coefficients_agree_with_long_double)
{
  JsonArray *dump = test_json_load ("schedule.json");
  guint i, n_runs = 0;

  for (i = 0; i < json_array_get_length (dump); i++) {
    JsonObject *entry = json_array_get_object_element (dump, i);
    gboolean linear = g_str_equal ("linear",
        json_object_get_string_member (entry, "kind"));
    g_autoptr (DdpmSchedule) schedule = make_schedule (linear ?
        DDPM_SCHEDULE_LINEAR : DDPM_SCHEDULE_COSINE,
        json_object_get_int_member (entry, "T"),
        json_object_get_double_member (entry, "beta_start"),
        json_object_get_double_member (entry, "beta_end"));

    n_runs += check_runs (schedule, json_object_get_array_member (entry,
            "runs"));
  }
  g_assert_cmpuint (n_runs, ==, 48);
  json_array_unref (dump);
}

TEST (full_ddpm_has_the_notebooks_coefficients)
{
  g_autoptr (DdpmSchedule) s = notebook_schedule ();
  g_autoptr (DdpmSampler) sampler = make (s,
      spec_of (DDPM_SAMPLER_DDPM, 0, 1000, 0));
  guint i;

  for (i = 0; i < 1000; i++) {
    const DdpmReverseStep *c = &sampler->steps[i].coefs;
    guint t = sampler->steps[i].t;

    g_assert_cmpfloat (c->x0_x, ==, (gfloat) s->reciprocal_alphas_bar_sqrt[t]);
    g_assert_cmpfloat (c->x0_pred, ==,
        (gfloat) - s->reciprocal_alphas_bar_m1_sqrt[t]);
    g_assert_cmpfloat (c->c_x0, ==, (gfloat) s->posterior_mean_coef1[t]);
    g_assert_cmpfloat (c->c_x, ==, (gfloat) s->posterior_mean_coef2[t]);
    g_assert_cmpfloat (c->sigma, ==, (gfloat) sqrt (s->posterior_variance[t]));
    g_assert_cmpfloat (c->c_x0_prev, ==, 0.0f);
  }
}

/* Ho et al. 2020, eq. 11: without clipping, the mean is
 * (x - beta / sqrt (1 - A) eps) / sqrt (alpha) */
TEST (ddpm_mean_is_the_eps_form)
{
  g_autoptr (DdpmSchedule) s = notebook_schedule ();
  g_autoptr (DdpmSampler) sampler = make (s,
      spec_of (DDPM_SAMPLER_DDPM, 0, 1000, 0));
  guint i;

  for (i = 0; i < 1000; i++) {
    const DdpmReverseStep *c = &sampler->steps[i].coefs;
    guint t = sampler->steps[i].t;
    gdouble of_x = c->c_x + (gdouble) c->c_x0 * c->x0_x;
    gdouble of_eps = (gdouble) c->c_x0 * c->x0_pred;

    assert_near (of_x, 1 / sqrt (s->alphas[t]), 2e-7);
    assert_near (of_eps, -s->betas[t] / s->sqrt_one_minus_alphas_bar[t]
        / sqrt (s->alphas[t]), 1e-8);
  }
}

TEST (fixed_large_is_beta)
{
  g_autoptr (DdpmSchedule) s = notebook_schedule ();
  DdpmSamplerSpec spec = spec_of (DDPM_SAMPLER_DDPM, 0, 1000, 0);
  g_autoptr (DdpmSampler) sampler = NULL;
  guint i;

  spec.variance = DDPM_VARIANCE_FIXED_LARGE;
  sampler = make (s, spec);
  for (i = 0; i < 999; i++)
    assert_near (sampler->steps[i].coefs.sigma,
        sqrt (s->betas[sampler->steps[i].t]), 1e-8);
  g_assert_cmpfloat (sampler->steps[999].coefs.sigma, ==, 0.0f);
}

/* Song et al. 2021, section 4.1 */
TEST (ddim_of_eta_1_is_ddpm)
{
  g_autoptr (DdpmSchedule) s = notebook_schedule ();
  DdpmSamplerSpec spec = spec_of (DDPM_SAMPLER_DDIM, 37, 1000, 0);
  g_autoptr (DdpmSampler) ddim = NULL;
  g_autoptr (DdpmSampler) ddpm = make (s,
      spec_of (DDPM_SAMPLER_DDPM, 37, 1000, 0));
  guint i;

  spec.eta = 1.0;
  ddim = make (s, spec);
  g_assert_cmpuint (ddim->n_steps, ==, 37);
  for (i = 0; i < 37; i++) {
    const DdpmReverseStep *a = &ddim->steps[i].coefs;
    const DdpmReverseStep *b = &ddpm->steps[i].coefs;

    assert_near (a->c_x, b->c_x, 1e-7);
    assert_near (a->c_x0, b->c_x0, 1e-7);
    assert_near (a->sigma, b->sigma, 1e-7);
  }
}

/* If x_0 is right, a step from N (sqrt (A) x_0, 1 - A) lands in N (sqrt (A')
 * x_0, 1 - A'): what all these samplers are derived from */
TEST (steps_keep_the_marginals)
{
  g_autoptr (DdpmSchedule) s = notebook_schedule ();
  guint k, i;

  for (k = 0; ddpm_sampler_get_info (k / 2); k++) {
    DdpmSamplerSpec spec = spec_of (k / 2, 23, 987, 0);
    g_autoptr (DdpmSampler) sampler = NULL;

    spec.eta = k % 2 ? 0.4 : 0.0;
    sampler = make (s, spec);
    for (i = 0; i < sampler->n_steps; i++) {
      const DdpmSamplerStep *step = &sampler->steps[i];
      const DdpmReverseStep *c = &step->coefs;
      gdouble A = ddpm_schedule_alpha_bar_of_state (s, step->state);
      gdouble B = ddpm_schedule_alpha_bar_of_state (s, step->next_state);

      assert_near (c->c_x * sqrt (A) + c->c_x0 + c->c_x0_prev, sqrt (B), 2e-6);
      assert_near (c->c_x * c->c_x * (1 - A) + c->sigma * c->sigma, 1 - B,
          1e-6);
    }
  }
}

TEST (last_step_is_the_predicted_image)
{
  g_autoptr (DdpmSchedule) s = notebook_schedule ();
  guint kind, steps;

  for (kind = 0; ddpm_sampler_get_info (kind); kind++) {
    for (steps = 1; steps <= 1000; steps += 333) {
      DdpmSamplerSpec spec = spec_of (kind, steps, 1000, 0);
      g_autoptr (DdpmSampler) sampler = NULL;
      const DdpmReverseStep *last;

      spec.eta = 1.0;
      spec.variance = DDPM_VARIANCE_FIXED_LARGE;
      sampler = make (s, spec);
      last = &sampler->steps[sampler->n_steps - 1].coefs;
      g_assert_cmpfloat (last->c_x, ==, 0.0f);
      g_assert_cmpfloat (last->c_x0, ==, 1.0f);
      g_assert_cmpfloat (last->c_x0_prev, ==, 0.0f);
      g_assert_cmpfloat (last->sigma, ==, 0.0f);
    }
  }
}

TEST (only_ancestral_steps_add_noise)
{
  g_autoptr (DdpmSchedule) s = notebook_schedule ();
  g_autoptr (DdpmSampler) ddpm = make (s,
      spec_of (DDPM_SAMPLER_DDPM, 10, 1000, 0));
  g_autoptr (DdpmSampler) ddim = make (s,
      spec_of (DDPM_SAMPLER_DDIM, 10, 1000, 0));
  g_autoptr (DdpmSampler) dpmpp = make (s,
      spec_of (DDPM_SAMPLER_DPMPP_2M, 10, 1000, 0));
  guint i;

  for (i = 0; i < 9; i++) {
    g_assert_cmpfloat (ddpm->steps[i].coefs.sigma, >, 0.0f);
    g_assert_cmpfloat (ddim->steps[i].coefs.sigma, ==, 0.0f);
    g_assert_cmpfloat (dpmpp->steps[i].coefs.sigma, ==, 0.0f);
  }
  g_assert_false (ddpm->multistep);
  g_assert_false (ddim->multistep);
  g_assert_true (dpmpp->multistep);
}

TEST (clipping_is_to_the_data_range)
{
  g_autoptr (DdpmSchedule) s = notebook_schedule ();
  DdpmSamplerSpec spec = spec_of (DDPM_SAMPLER_DDPM, 2, 1000, 0);
  DdpmConfig of_symmetric, of_unit;
  guint clip;

  ddpm_config_init_defaults (&of_symmetric);
  of_unit = of_symmetric;
  of_unit.data_range = DDPM_DATA_RANGE_UNIT;
  for (clip = 0; clip < 2; clip++) {
    g_autoptr (DdpmSampler) symmetric = NULL;
    g_autoptr (DdpmSampler) unit = NULL;

    spec.clip_x0 = clip;
    symmetric = assert_ok (ddpm_sampler_new (s, &of_symmetric, &spec, &error));
    unit = assert_ok (ddpm_sampler_new (s, &of_unit, &spec, &error));
    g_assert_cmpint (symmetric->steps[1].coefs.clip, ==, clip);
    g_assert_cmpint (unit->steps[1].coefs.clip, ==, clip);
    g_assert_cmpfloat (symmetric->steps[1].coefs.clip_min, ==, -1.0f);
    g_assert_cmpfloat (unit->steps[1].coefs.clip_min, ==, 0.0f);
    g_assert_cmpfloat (symmetric->steps[1].coefs.clip_max, ==, 1.0f);
    g_assert_cmpfloat (unit->steps[1].coefs.clip_max, ==, 1.0f);
  }
}

TEST (clipping_is_to_the_range_that_is_asked_for)
{
  g_autoptr (DdpmSchedule) s = notebook_schedule ();
  DdpmSamplerSpec spec = spec_of (DDPM_SAMPLER_DDPM, 2, 1000, 0);
  g_autoptr (DdpmSampler) symmetric = NULL, unit = NULL;
  DdpmConfig config;

  ddpm_config_init_defaults (&config);
  spec.clip_x0 = TRUE;
  spec.clip_range = 2.5;
  symmetric = assert_ok (ddpm_sampler_new (s, &config, &spec, &error));
  config.data_range = DDPM_DATA_RANGE_UNIT;
  unit = assert_ok (ddpm_sampler_new (s, &config, &spec, &error));
  g_assert_cmpfloat (symmetric->steps[1].coefs.clip_min, ==, -2.5f);
  g_assert_cmpfloat (symmetric->steps[1].coefs.clip_max, ==, 2.5f);
  g_assert_cmpfloat (unit->steps[1].coefs.clip_min, ==, 0.0f);
  g_assert_cmpfloat (unit->steps[1].coefs.clip_max, ==, 2.5f);
}

/* --- convergence --------------------------------------------------------- */

#define TOY_T 8000
#define TOY_STOP 640
#define TOY_VARIANCE 0.25       /* of x_0 */

static gdouble
toy_variance_of_state (const DdpmSchedule * s, guint state)
{
  gdouble A = ddpm_schedule_alpha_bar_of_state (s, state);

  return A * TOY_VARIANCE + 1 - A;
}

/* Pixels x_0 ~ N (0, v) have eps (x) = sqrt (1 - A) / (A v + 1 - A) x, and the
 * probability flow keeps x / sqrt (A v + 1 - A): how far is the sampler off? */
static gdouble
toy_error (const DdpmSchedule * s, DdpmSamplerKind kind, guint steps)
{
  g_autoptr (DdpmSampler) sampler = make (s,
      spec_of (kind, steps, TOY_T, TOY_STOP));
  gdouble x = 1.0, x_0_prev = 0.0, exact;
  guint i;

  for (i = 0; i < sampler->n_steps; i++) {
    const DdpmSamplerStep *step = &sampler->steps[i];
    const DdpmReverseStep *c = &step->coefs;
    gdouble eps = s->sqrt_one_minus_alphas_bar[step->t] * x
        / toy_variance_of_state (s, step->state);
    gdouble x_0 = c->x0_x * x + c->x0_pred * eps;

    x = c->c_x * x + c->c_x0 * x_0 + c->c_x0_prev * x_0_prev;
    x_0_prev = x_0;
  }
  exact = sqrt (toy_variance_of_state (s, TOY_STOP)
      / toy_variance_of_state (s, TOY_T));
  return fabs (x - exact);
}

/* Halved steps shrink the error by 2^order. */
static void
assert_order (DdpmSamplerKind kind, gdouble order)
{
  g_autoptr (DdpmSchedule) s = make_schedule (DDPM_SCHEDULE_LINEAR, TOY_T,
      1e-4 * 1000 / TOY_T, 0.02 * 1000 / TOY_T);
  guint steps;

  for (steps = 100; steps <= 200; steps *= 2) {
    gdouble found = log2 (toy_error (s, kind, steps)
        / toy_error (s, kind, 2 * steps));

    assert_near (found, order, 0.2);
  }
}

TEST (ddim_converges_at_first_order)
{
  assert_order (DDPM_SAMPLER_DDIM, 1.0);
}

TEST (dpmpp_2m_converges_at_second_order)
{
  assert_order (DDPM_SAMPLER_DPMPP_2M, 2.0);
}

/* Lu et al. 2022, section 4: DDIM is DPM-Solver++ of first order. */
TEST (first_step_of_dpmpp_2m_is_ddims)
{
  g_autoptr (DdpmSchedule) s = notebook_schedule ();
  g_autoptr (DdpmSampler) ddim = make (s,
      spec_of (DDPM_SAMPLER_DDIM, 20, 1000, 0));
  g_autoptr (DdpmSampler) dpmpp = make (s,
      spec_of (DDPM_SAMPLER_DPMPP_2M, 20, 1000, 0));
  const DdpmReverseStep *a = &ddim->steps[0].coefs;
  const DdpmReverseStep *b = &dpmpp->steps[0].coefs;

  assert_near (a->c_x, b->c_x, 1e-7);
  assert_near (a->c_x0, b->c_x0, 1e-7);
  g_assert_cmpfloat (b->c_x0_prev, ==, 0.0f);
  g_assert_cmpfloat (dpmpp->steps[1].coefs.c_x0_prev, !=, 0.0f);
}
