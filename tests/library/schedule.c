/* gst-ddpm: the schedule against published numbers and a second implementation
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "tests/support/dump.h"
#include "tests/support/sampler.h"
#include "tests/support/test.h"

static void
assert_close (gdouble found, gdouble expected, gdouble relative)
{
  g_assert_cmpfloat (fabs (found - expected), <=, relative * fabs (expected));
}

TEST (linear_has_the_published_numbers)
{
  g_autoptr (DdpmSchedule) s =
      make_schedule (DDPM_SCHEDULE_LINEAR, 1000, 1e-4, 0.02);

  g_assert_cmpuint (s->T, ==, 1000);
  assert_close (s->betas[0], 1e-4, 1e-15);
  assert_close (s->betas[999], 0.02, 1e-15);
  assert_close (s->alphas_bar[0], 0.9999, 1e-15);
  assert_close (s->alphas_bar[1], 0.9997800921, 1e-10);
  assert_close (s->alphas_bar[499], 0.0785872429, 1e-8);
  assert_close (s->alphas_bar[999], 4.0358297654e-05, 1e-9);
  assert_close (s->reciprocal_alphas_bar_m1_sqrt[0], 0.010001, 1e-4);
  assert_close (s->reciprocal_alphas_bar_m1_sqrt[999], 157.4073, 1e-6);
  assert_close (s->posterior_variance[487], 0.00979157, 1e-6);
  assert_close (s->posterior_variance[999], 0.01999998, 1e-6);
}

TEST (first_posterior_is_exact)
{
  DdpmSchedule *s = make_schedule (DDPM_SCHEDULE_LINEAR, 1000, 1e-4, 0.02);

  /* in float32 the first is 0.99983 */
  g_assert_cmpfloat (s->posterior_mean_coef1[0], ==, 1.0);
  g_assert_cmpfloat (s->posterior_mean_coef2[0], ==, 0.0);
  g_assert_cmpfloat (s->posterior_variance[0], ==, 0.0);
  g_assert_cmpfloat (s->alphas_bar_prev[0], ==, 1.0);
  ddpm_schedule_free (s);
}

TEST (cosine_is_capped)
{
  g_autoptr (DdpmSchedule) s =
      make_schedule (DDPM_SCHEDULE_COSINE, 1000, 1e-4, 0.02);
  guint t;

  g_assert_cmpfloat (s->betas[999], ==, 0.999);
  for (t = 0; t < 1000; t++) {
    g_assert_cmpfloat (s->betas[t], >, 0.0);
    g_assert_cmpfloat (s->betas[t], <=, 0.999);
  }
  /* half way: f (1/2) / f (0) */
  assert_close (s->alphas_bar[499],
      pow (cos (0.508 / 1.008 * G_PI / 2) / cos (0.008 / 1.008 * G_PI / 2), 2),
      1e-12);
}

static void
assert_table (JsonObject * tables, const gchar * name, const gdouble * found,
    guint T)
{
  JsonArray *expected = json_object_get_array_member (tables, name);
  guint t;

  g_assert_cmpuint (json_array_get_length (expected), ==, T);
  for (t = 0; t < T; t++)
    assert_close (found[t], json_array_get_double_element (expected, t), 1e-13);
}

TEST (tables_agree_with_long_double)
{
  JsonArray *dump = test_json_load ("schedule.json");
  guint i;

  g_assert_cmpuint (json_array_get_length (dump), ==, 4);
  for (i = 0; i < json_array_get_length (dump); i++) {
    JsonObject *entry = json_array_get_object_element (dump, i);
    JsonObject *tables = json_object_get_object_member (entry, "tables");
    gboolean linear = g_str_equal ("linear",
        json_object_get_string_member (entry, "kind"));
    guint T = json_object_get_int_member (entry, "T");
    DdpmSchedule *s = make_schedule (linear ? DDPM_SCHEDULE_LINEAR :
        DDPM_SCHEDULE_COSINE, T,
        json_object_get_double_member (entry, "beta_start"),
        json_object_get_double_member (entry, "beta_end"));

    assert_table (tables, "betas", s->betas, T);
    assert_table (tables, "alphas", s->alphas, T);
    assert_table (tables, "alphas_bar", s->alphas_bar, T);
    assert_table (tables, "alphas_bar_prev", s->alphas_bar_prev, T);
    assert_table (tables, "sqrt_alphas_bar", s->sqrt_alphas_bar, T);
    assert_table (tables, "sqrt_one_minus_alphas_bar",
        s->sqrt_one_minus_alphas_bar, T);
    assert_table (tables, "reciprocal_alphas_bar_sqrt",
        s->reciprocal_alphas_bar_sqrt, T);
    assert_table (tables, "reciprocal_alphas_bar_m1_sqrt",
        s->reciprocal_alphas_bar_m1_sqrt, T);
    assert_table (tables, "posterior_mean_coef1", s->posterior_mean_coef1, T);
    assert_table (tables, "posterior_mean_coef2", s->posterior_mean_coef2, T);
    assert_table (tables, "posterior_variance", s->posterior_variance, T);
    ddpm_schedule_free (s);
  }
  json_array_unref (dump);
}

TEST (states_are_one_above_timesteps)
{
  g_autoptr (DdpmSchedule) s =
      make_schedule (DDPM_SCHEDULE_LINEAR, 10, 1e-4, 0.02);
  guint t;

  g_assert_cmpfloat (ddpm_schedule_alpha_bar_of_state (s, 0), ==, 1.0);
  for (t = 0; t < 10; t++)
    g_assert_cmpfloat (ddpm_schedule_alpha_bar_of_state (s, t + 1), ==,
        s->alphas_bar[t]);
}

static void
assert_refused (guint T, gdouble beta_start, gdouble beta_end)
{
  DdpmConfig config;

  ddpm_config_init_defaults (&config);
  config.timesteps = T;
  config.beta_start = beta_start;
  config.beta_end = beta_end;
  assert_fails (ddpm_schedule_new (&config, &error), DDPM_ERROR_SETTINGS, NULL);
}

TEST (what_no_number_can_hold_is_refused)
{
  assert_refused (DDPM_MAX_TIMESTEPS, 1e-4, 0.02);      /* alpha-bar is 0 */
  assert_refused (1000, 0.5, 0.5);      /* 1 / alpha-bar is infinite in float */
  assert_refused (10, 1e-300, 0.02);    /* 1 - alpha-bar is 0 in float */
  assert_refused (0, 1e-4, 0.02);       /* and what the configuration forbids */
}
