/* gst-ddpm: tests of images that become noisy states
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/pixels.h"
#include "gst-ddpm/sample/diffuser.h"
#include "tests/support/sampling.h"
#include "tests/support/test.h"

#define IMAGES 3
#define N 192                   /* floats of an image of the test network */

static void
diffuse (DdpmBackendKind kind, guint batch, guint64 first_sample,
    const guint8 * pixels, gfloat * x)
{
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_labelled, &width, &height);
  g_autoptr (DdpmBackend) backend = test_backend_new (kind);
  g_autoptr (DdpmDiffuser) d = assert_ok (ddpm_diffuser_new (model, backend,
          batch, width, height, 2, &error));

  g_assert_cmpuint (width * height * model->config.image_channels, ==, N);
  assert_ok (ddpm_diffuser_run (d, pixels, 7, first_sample, x, &error));
}

TEST (batch_has_the_bits_of_its_images_on_each_backend)
{
  guint8 pixels[IMAGES * N];
  gfloat batch[IMAGES * N], one[N];

  for (guint i = 0; i < IMAGES * N; i++)
    pixels[i] = 7 * i;
  diffuse (DDPM_BACKEND_CPU, IMAGES, 5, pixels, batch);
  for (guint i = 0; i < IMAGES; i++) {
    diffuse (DDPM_BACKEND_REFERENCE, 1, 5 + i, pixels + i * N, one);
    g_assert_cmpmem (one, sizeof one, batch + i * N, sizeof one);
  }
}

TEST (state_0_is_the_image)
{
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_labelled, &width, &height);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  g_autoptr (DdpmDiffuser) d = assert_ok (ddpm_diffuser_new (model, backend, 1,
          width, height, 0, &error));
  guint8 pixels[N];
  gfloat x[N], x_0[N];

  for (guint i = 0; i < N; i++)
    pixels[i] = i;
  ddpm_pixels_to_float (model->config.data_range, pixels, N, x_0);
  assert_ok (ddpm_diffuser_run (d, pixels, 7, 0, x, &error));
  g_assert_cmpmem (x, sizeof x, x_0, sizeof x_0);
}

TEST (states_that_cannot_be_are_refused)
{
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_labelled, &width, &height);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  const guint T = model->config.timesteps;

  assert_fails (ddpm_diffuser_new (model, backend, 1, width, height, T + 1,
          &error), DDPM_ERROR_SETTINGS, "no state");
  assert_fails (ddpm_diffuser_new (model, backend, 0, width, height, T,
          &error), DDPM_ERROR_SETTINGS, "batch");
  assert_fails (ddpm_diffuser_new (model, backend, 1, 0, height, T, &error),
      DDPM_ERROR_SETTINGS, "0x");
}

TEST (distilled_models_know_few_states)
{
  DdpmConfig config;

  ddpm_config_init_defaults (&config);
  g_assert_cmpuint (ddpm_diffuser_choose_state (&config, 400), ==, 400);
  config.steps = 4;             /* 1000, 563, 250, 63 */
  g_assert_cmpuint (ddpm_diffuser_choose_state (&config, 1000), ==, 1000);
  g_assert_cmpuint (ddpm_diffuser_choose_state (&config, 400), ==, 250);
  g_assert_cmpuint (ddpm_diffuser_choose_state (&config, 407), ==, 563);
  g_assert_cmpuint (ddpm_diffuser_choose_state (&config, 0), ==, 63);
}
