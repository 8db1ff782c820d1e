/* gst-ddpm: tests of sampling where a part of the image is known
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/noise.h"
#include "gst-ddpm/model/schedule.h"
#include "tests/support/sampling.h"
#include "tests/support/test.h"

#define IMAGES 2
#define N 192                   /* floats of an image of the test network */
#define PIXELS 64

typedef struct
{
  DdpmModel *model;
  DdpmBackend *backend;
  DdpmSchedule *schedule;
  guint width, height;
  guint8 pixels[IMAGES * N], alpha[IMAGES * PIXELS];
  gfloat *x_T, x[IMAGES * N];
} Fixture;

static void
setup (Fixture * f, gconstpointer data)
{
  f->model = test_model_of (test_net_square, &f->width, &f->height);
  f->backend = test_backend_new (DDPM_BACKEND_CPU);
  f->schedule = assert_ok (ddpm_schedule_new (&f->model->config, &error));
  f->x_T = pure_noise (0, IMAGES, N);
  for (guint i = 0; i < IMAGES * N; i++)
    f->pixels[i] = 5 * i;
  for (guint i = 0; i < IMAGES * PIXELS; i++)
    f->alpha[i] = 4 * i;
}

static void
teardown (Fixture * f, gconstpointer data)
{
  ddpm_schedule_free (f->schedule);
  ddpm_backend_unref (f->backend);
  ddpm_model_unref (f->model);
  g_free (f->x_T);
}

/* In steps of all timesteps; returns the denoiser after n of them */
static DdpmDenoiser *
make_steps (Fixture * f, DdpmSamplerKind kind, guint resample, guint n)
{
  DdpmSamplerSpec spec;
  DdpmDenoiser *d;

  ddpm_sampler_spec_init (&spec, &f->model->config);
  ddpm_sampler_spec_choose (&spec, &f->model->config, kind);
  spec.steps = 0;
  spec.spacing = DDPM_SPACING_LINEAR;
  spec.resample = resample;
  d = assert_ok (ddpm_denoiser_new (f->model, f->backend, IMAGES, f->width,
          f->height, &spec, &error));
  g_assert_cmpuint (ddpm_denoiser_get_n_steps (d), ==,
      MAX (resample, 1) * f->model->config.timesteps);
  ddpm_denoiser_begin (d, f->x_T, SEED, FIRST);
  assert_ok (ddpm_denoiser_set_known (d, f->pixels, f->alpha, &error));
  while (n-- > 0)
    g_assert_true (ddpm_denoiser_step (d));
  assert_ok (ddpm_denoiser_read (d, f->x, &error));
  return d;
}

/* All known pixels have the noise of the state and of this stream. */
static void
check_known (Fixture * f, guint state, guint32 stream)
{
  const gdouble A = ddpm_schedule_alpha_bar_of_state (f->schedule, state);

  for (guint i = 0; i < IMAGES; i++) {
    gfloat x_0[N], z[N];

    ddpm_pixels_to_float (f->model->config.data_range, f->pixels + i * N, N,
        x_0);
    ddpm_noise_normal (SEED, FIRST + i, stream, 0, N, z);
    for (guint e = 0; e < N; e++)
      if (f->alpha[i * PIXELS + e / 3] >= 128)
        g_assert_cmpfloat_with_epsilon (f->x[i * N + e],
            sqrt (A) * x_0[e] + sqrt (1.0 - A) * z[e], 1e-5);
  }
}

FIXTURE_TEST (known_part_is_put_back_with_the_noise_of_the_state)
{
  const guint T = f->model->config.timesteps;
  g_autoptr (DdpmDenoiser) d = make_steps (f, DDPM_SAMPLER_DDPM, 1, 2);

  g_assert_cmpuint (ddpm_denoiser_get_state (d), ==, T - 2);
  check_known (f, T - 2, (1u << 30) + T - 2);
}

/* T, T-1, and back to T for the first time; T-1, T-2, and back to T-1 for the
 * second time, since T-1 was reached twice from T */
FIXTURE_TEST (each_return_has_noise_of_its_own)
{
  const guint T = f->model->config.timesteps;
  g_autoptr (DdpmDenoiser) first = make_steps (f, DDPM_SAMPLER_DDPM, 2, 1);
  g_autoptr (DdpmDenoiser) second = NULL, third = NULL;

  g_assert_cmpuint (ddpm_denoiser_get_state (first), ==, T);
  check_known (f, T, (1u << 30) + T + 65536);
  second = make_steps (f, DDPM_SAMPLER_DDPM, 2, 2);
  g_assert_cmpuint (ddpm_denoiser_get_state (second), ==, T - 1);
  check_known (f, T - 1, (1u << 30) + T - 1 + 65536);
  third = make_steps (f, DDPM_SAMPLER_DDPM, 2, 3);
  g_assert_cmpuint (ddpm_denoiser_get_state (third), ==, T - 1);
  check_known (f, T - 1, (1u << 30) + T - 1 + 2 * 65536);
}

static void
check_image (Fixture * f, DdpmSamplerKind kind, guint resample)
{
  const guint T = f->model->config.timesteps;
  g_autoptr (DdpmDenoiser) d = make_steps (f, kind, resample, resample * T);
  g_autoptr (GBytes) image = assert_ok (ddpm_denoiser_read_pixels (d, &error));
  const guint8 *got = g_bytes_get_data (image, NULL);

  g_assert_cmpuint (ddpm_denoiser_get_state (d), ==, 0);
  for (guint i = 0; i < IMAGES * N; i++)
    if (f->alpha[i / 3] >= 128)
      g_assert_cmpuint (got[i], ==, f->pixels[i]);
}

FIXTURE_TEST (opaque_pixels_end_as_they_were)
{
  for (guint kind = 0; ddpm_sampler_get_info (kind); kind++) {
    check_image (f, kind, 1);
    check_image (f, kind, 3);
  }
}

/* alpha 64 of 255: a quarter of what was there */
FIXTURE_TEST (others_are_blended_by_alpha)
{
  const guint T = f->model->config.timesteps;
  g_autoptr (DdpmDenoiser) blended = NULL, alone = NULL;
  gfloat with[IMAGES * N], x_0[N];

  memset (f->alpha, 64, sizeof f->alpha);
  blended = make_steps (f, DDPM_SAMPLER_DDIM, 1, T);
  memcpy (with, f->x, sizeof with);
  memset (f->alpha, 0, sizeof f->alpha);
  alone = make_steps (f, DDPM_SAMPLER_DDIM, 1, T);
  ddpm_pixels_to_float (f->model->config.data_range, f->pixels, N, x_0);
  for (guint i = 0; i < N; i++)
    g_assert_cmpfloat_with_epsilon (with[i],
        64 / 255.0 * x_0[i] + 191 / 255.0 * f->x[i], 1e-5);
}

FIXTURE_TEST (a_new_batch_knows_nothing)
{
  const guint T = f->model->config.timesteps;
  g_autoptr (DdpmDenoiser) d = make_steps (f, DDPM_SAMPLER_DDIM, 1, T);
  g_autoptr (DdpmDenoiser) fresh = NULL;
  gfloat again[IMAGES * N];

  ddpm_denoiser_begin (d, f->x_T, SEED, FIRST);
  while (ddpm_denoiser_step (d));
  assert_ok (ddpm_denoiser_read (d, again, &error));
  memset (f->alpha, 0, sizeof f->alpha);
  fresh = make_steps (f, DDPM_SAMPLER_DDIM, 1, T);
  g_assert_cmpmem (again, sizeof again, f->x, sizeof f->x);
}

FIXTURE_TEST (too_many_returns_are_refused)
{
  DdpmSamplerSpec spec;

  ddpm_sampler_spec_init (&spec, &f->model->config);
  spec.resample = DDPM_MAX_RESAMPLE + 1;
  assert_fails (ddpm_denoiser_new (f->model, f->backend, IMAGES, f->width,
          f->height, &spec, &error), DDPM_ERROR_SETTINGS, "resample");
}
