/* gst-ddpm: whole sampling runs of test networks, on any backend
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/sampling.h"

/* Runs spec on a batch; start 0 stands for T. Returns the last state. */
gfloat *
sample_on (DdpmBackend * backend, DdpmModel * model, guint batch, guint width,
    guint height, DdpmSamplerSpec spec, const gfloat * x, guint64 first)
{
  g_autoptr (DdpmDenoiser) denoiser = NULL;
  gfloat *out = g_new (gfloat,
      (gsize) batch * width * height * model->config.image_channels);
  guint steps = 0;

  if (spec.start == 0)
    spec.start = model->config.timesteps;
  denoiser =
      assert_ok (ddpm_denoiser_new (model, backend, batch, width, height, &spec,
          &error));
  ddpm_denoiser_begin (denoiser, x, SEED, first);
  g_assert_cmpuint (ddpm_denoiser_get_state (denoiser), ==, spec.start);
  while (ddpm_denoiser_step (denoiser))
    steps++;
  g_assert_cmpuint (steps, ==, ddpm_denoiser_get_n_steps (denoiser));
  g_assert_cmpuint (ddpm_denoiser_get_state (denoiser), ==, spec.stop);
  assert_ok (ddpm_denoiser_read (denoiser, out, &error));
  return out;
}

gfloat *
pure_noise (guint64 first, guint batch, gsize elements)
{
  gfloat *x = g_new (gfloat, batch * elements);
  guint i;

  for (i = 0; i < batch; i++)
    ddpm_noise_normal (SEED, first + i, DDPM_STREAM_X_T, 0, elements,
        x + i * elements);
  return x;
}

/* Relative to the largest value, and after mapping to pixels one level */
void
assert_same_state (const gfloat * got, const gfloat * expected, gsize count)
{
  gfloat largest = 0;
  gsize i;

  for (i = 0; i < count; i++)
    largest = MAX (largest, fabsf (expected[i]));
  for (i = 0; i < count; i++) {
    guint8 a, b;

    g_assert_cmpfloat_with_epsilon (got[i], expected[i], 1e-4 * largest);
    ddpm_pixels_from_float (DDPM_DATA_RANGE_SYMMETRIC, got + i, 1, &a);
    ddpm_pixels_from_float (DDPM_DATA_RANGE_SYMMETRIC, expected + i, 1, &b);
    g_assert_cmpint (ABS (a - b), <=, 1);
  }
}

void
check_samples_against_pytorch (DdpmBackend * backend, TestNet make,
    const gchar * file)
{
  static const struct
  {
    const gchar *name;
    gboolean clip;
    DdpmVariance variance;
  } variants[] = {
    {"small", FALSE, DDPM_VARIANCE_FIXED_SMALL},
    {"clipped", TRUE, DDPM_VARIANCE_FIXED_SMALL},
    {"large", FALSE, DDPM_VARIANCE_FIXED_LARGE},
  };
  g_autoptr (TestDump) dump = test_dump_open (file);
  guint width, height, i;
  g_autoptr (DdpmModel) model = test_model_of (make, &width, &height);
  gsize elements = (gsize) width * height * model->config.image_channels;
  g_autofree gfloat *x = pure_noise (FIRST, BATCH, elements);

  assert_same_state (x, test_dump_get_floats (dump, "x_T", BATCH * elements),
      BATCH * elements);
  for (i = 0; i < G_N_ELEMENTS (variants); i++) {
    g_autofree gchar *half = g_strconcat (variants[i].name, ".x_half", NULL);
    g_autofree gchar *whole = g_strconcat (variants[i].name, ".x_0", NULL);
    DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDPM,
      .variance = variants[i].variance,.clip_x0 = variants[i].clip
    };
    g_autofree gfloat *x_0 = NULL, *x_half = NULL;

    x_0 = sample_on (backend, model, BATCH, width, height, spec, x, FIRST);
    assert_same_state (x_0, test_dump_get_floats (dump, whole,
            BATCH * elements), BATCH * elements);
    spec.stop = model->config.timesteps / 2;
    x_half = sample_on (backend, model, BATCH, width, height, spec, x, FIRST);
    assert_same_state (x_half, test_dump_get_floats (dump, half,
            BATCH * elements), BATCH * elements);
  }
}
