/* gst-ddpm: terms of the variational bound, means with their errors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "gst-ddpm/model/schedule.h"
#include "gst-ddpm/evaluate/bound.h"
#include "gst-ddpm/evaluate/estimate.h"
#include "tests/support/test.h"

TEST (pixels_of_all_levels_have_probability_1)
{
  const gdouble means[] = { -7.0, -1.0, -0.3, 0.0, 0.5019, 1.0, 40.0 };
  const gdouble sigmas[] = { 1e-4, 0.007, 0.1, 3.0 };

  for (guint r = 0; r < 2; r++) {
    for (guint m = 0; m < G_N_ELEMENTS (means); m++) {
      for (guint s = 0; s < G_N_ELEMENTS (sigmas); s++) {
        gdouble sum = 0.0;

        for (guint pixel = 0; pixel < 256; pixel++)
          sum += exp (ddpm_bound_log_pixel (r, pixel, means[m], sigmas[s]));
        g_assert_cmpfloat_with_epsilon (sum, 1.0, 1e-12);
      }
    }
  }
}

TEST (a_pixel_is_as_likely_as_its_mirror_image)
{
  for (guint pixel = 0; pixel < 256; pixel++) {
    gdouble one = ddpm_bound_log_pixel (DDPM_DATA_RANGE_SYMMETRIC, pixel, 0.2,
        0.05);
    gdouble other = ddpm_bound_log_pixel (DDPM_DATA_RANGE_SYMMETRIC,
        255 - pixel, -0.2, 0.05);

    g_assert_cmpfloat_with_epsilon (one, other, 1e-9 * fabs (one));
  }
}

/* The density in the middle of a bin times its width is its probability, where
 * sigma is large against the width. */
TEST (narrow_bins_have_the_density_of_the_normal)
{
  const gdouble sigma = 0.5, width = 2.0 / 255.0;

  for (guint pixel = 1; pixel < 255; pixel++) {
    gdouble z = (pixel * width - 1.0 - 0.1) / sigma;
    gdouble density = -0.5 * z * z - log (sigma * sqrt (2.0 * G_PI));

    g_assert_cmpfloat_with_epsilon (ddpm_bound_log_pixel
        (DDPM_DATA_RANGE_SYMMETRIC, pixel, 0.1, sigma), density + log (width),
        1e-4);
  }
}

/* Past the range of erfc () too: from 1 sigma away to 100,000 */
TEST (far_pixels_are_ever_less_likely)
{
  gdouble before = 0.0;

  for (gdouble far = 1.0; far < 1e5; far *= 1.01) {
    gdouble log_p = ddpm_bound_log_pixel (DDPM_DATA_RANGE_UNIT, 255,
        1.0 - 0.5 / 255.0 - 0.01 * far, 0.01);

    g_assert_true (isfinite (log_p));
    g_assert_cmpfloat (log_p, <, before);
    /* bounds on the tail: Abramowitz & Stegun 1964, eq. 7.1.13 */
    g_assert_cmpfloat (log_p, <, -0.5 * far * far);
    g_assert_cmpfloat (log_p, >, -0.5 * far * far - log (far + 1.0 / far)
        - log (sqrt (2.0 * G_PI)) - 1e-9 * far * far);
    before = log_p;
  }
}

static DdpmSchedule *
default_schedule (void)
{
  DdpmConfig config;

  ddpm_config_init_defaults (&config);
  return ddpm_schedule_new (&config, NULL);
}

TEST (a_perfect_model_costs_nothing_with_the_variance_of_the_posterior)
{
  g_autoptr (DdpmSchedule) schedule = default_schedule ();

  for (guint t = 1; t < schedule->T; t++) {
    g_assert_cmpfloat (ddpm_bound_kl (schedule, DDPM_VARIANCE_FIXED_SMALL, t,
            0.0), ==, 0.0);
    g_assert_cmpfloat (ddpm_bound_kl (schedule, DDPM_VARIANCE_FIXED_LARGE, t,
            0.0), >, 0.0);
  }
}

/* Ho et al. 2020, eq. 12: beta^2 / (2 sigma^2 alpha (1 - alpha-bar)) times the
 * square of the error in eps */
TEST (a_term_is_that_of_the_error_in_eps)
{
  g_autoptr (DdpmSchedule) s = default_schedule ();
  const gdouble eps_mse = 0.37;

  for (guint t = 1; t < s->T; t += 37) {
    gdouble x_0_mse = eps_mse * (1.0 - s->alphas_bar[t]) / s->alphas_bar[t];
    gdouble expected = s->betas[t] * s->betas[t] * eps_mse
        / (2.0 * s->posterior_variance[t] * s->alphas[t]
        * (1.0 - s->alphas_bar[t]));

    g_assert_cmpfloat_with_epsilon (ddpm_bound_kl (s,
            DDPM_VARIANCE_FIXED_SMALL, t, x_0_mse), expected, 1e-8 * expected);
  }
}

/* By the plain formulas, in two passes */
TEST (means_have_the_standard_error_of_the_textbook)
{
  const gdouble values[] = { 1e6 + 1, 1e6 + 4, 1e6 - 2, 1e6 + 7, 1e6 };
  DdpmMean mean = { 0 };
  DdpmEstimate estimate;

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    ddpm_mean_add (&mean, values[i]);
  estimate = ddpm_mean_get (&mean);
  g_assert_cmpfloat_with_epsilon (estimate.value, 1e6 + 2, 1e-9);
  /* squares 1 + 4 + 16 + 25 + 4 = 50, of 4 degrees of freedom */
  g_assert_cmpfloat_with_epsilon (estimate.error, sqrt (50.0 / 4.0 / 5.0),
      1e-9);
}

TEST (a_ratio_has_the_error_of_its_residuals)
{
  const gdouble a[] = { 2.0, 5.0, 3.0, 8.0 }, b[] = { 1.0, 2.0, 2.0, 4.0 };
  DdpmRatio ratio = { 0 };
  DdpmEstimate estimate;
  gdouble squares = 0.0;

  for (guint i = 0; i < 4; i++)
    ddpm_ratio_add (&ratio, a[i], b[i]);
  estimate = ddpm_ratio_get (&ratio);
  g_assert_cmpfloat_with_epsilon (estimate.value, 2.0, 1e-12);
  for (guint i = 0; i < 4; i++)
    squares += (a[i] - 2.0 * b[i]) * (a[i] - 2.0 * b[i]);
  g_assert_cmpfloat_with_epsilon (estimate.error,
      sqrt (squares / 3.0 * 4.0) / 9.0, 1e-12);
}

TEST (what_is_not_known_is_not_a_number)
{
  DdpmMean mean = { 0 };
  DdpmRatio ratio = { 0 };

  g_assert_true (isnan (ddpm_mean_get (&mean).value));
  g_assert_true (isnan (ddpm_ratio_get (&ratio).value));
  ddpm_mean_add (&mean, 3.0);
  ddpm_ratio_add (&ratio, 3.0, 2.0);
  g_assert_cmpfloat (ddpm_mean_get (&mean).value, ==, 3.0);
  g_assert_true (isnan (ddpm_mean_get (&mean).error));
  g_assert_cmpfloat (ddpm_ratio_get (&ratio).value, ==, 1.5);
  g_assert_true (isnan (ddpm_ratio_get (&ratio).error));
}
