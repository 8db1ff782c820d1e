/* gst-ddpm: whole sampling runs
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/ops.h"
#include "tests/support/sampling.h"
#include "tests/support/test.h"

static gfloat *
sample (DdpmModel * model, DdpmBackendKind kind, guint batch, guint width,
    guint height, DdpmSamplerSpec spec, const gfloat * x, guint64 first)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (kind);

  return sample_on (backend, model, batch, width, height, spec, x, first);
}

static void
check (DdpmBackendKind kind, TestNet make, const gchar * file)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (kind);

  check_samples_against_pytorch (backend, make, file);
}

TEST (reference_samples_what_pytorch_samples)
{
  check (DDPM_BACKEND_REFERENCE, test_net_square, "sample-square.safetensors");
}

TEST (cpu_samples_what_pytorch_samples)
{
  check (DDPM_BACKEND_CPU, test_net_square, "sample-square.safetensors");
  check (DDPM_BACKEND_CPU, test_net_oblong, "sample-oblong.safetensors");
}

TEST (two_halves_give_the_bits_of_one_run)
{
  static const DdpmSamplerKind kinds[] =
      { DDPM_SAMPLER_DDPM, DDPM_SAMPLER_DDIM };
  guint width, height, i;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  g_autofree gfloat *x = pure_noise (0, BATCH, 192);

  for (i = 0; i < G_N_ELEMENTS (kinds); i++) {
    DdpmSamplerSpec spec = {.kind = kinds[i],.clip_x0 = TRUE,.eta = 0.5 };
    g_autofree gfloat *whole = NULL, *half = NULL, *rest = NULL;

    whole = sample (model, DDPM_BACKEND_CPU, BATCH, width, height, spec, x, 0);
    spec.stop = 9;
    half = sample (model, DDPM_BACKEND_CPU, BATCH, width, height, spec, x, 0);
    spec.start = 9;
    spec.stop = 0;
    rest =
        sample (model, DDPM_BACKEND_CPU, BATCH, width, height, spec, half, 0);
    g_assert_cmpmem (rest, BATCH * 192 * 4, whole, BATCH * 192 * 4);
  }
}

TEST (another_specification_gives_the_bits_of_a_new_denoiser)
{
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);
  g_autofree gfloat *x = pure_noise (0, 1, 192);
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.steps = 3,.clip_x0 = TRUE,
    .start = model->config.timesteps,.guidance = 1.0
  };
  g_autoptr (DdpmDenoiser) d = assert_ok (ddpm_denoiser_new (model, backend, 1,
          width, height, &spec, &error));
  g_autofree gfloat *fresh = NULL;
  gfloat kept[192];

  ddpm_denoiser_begin (d, x, SEED, 0);
  g_assert_true (ddpm_denoiser_step (d));
  spec.kind = DDPM_SAMPLER_DPMPP_2M;
  spec.steps = 5;
  assert_ok (ddpm_denoiser_set_spec (d, &spec, &error));
  g_assert_false (ddpm_denoiser_step (d));
  g_assert_cmpuint (ddpm_denoiser_get_n_steps (d), ==, 5);
  ddpm_denoiser_begin (d, x, SEED, 0);
  while (ddpm_denoiser_step (d));
  assert_ok (ddpm_denoiser_read (d, kept, &error));
  fresh = sample_on (backend, model, 1, width, height, spec, x, 0);
  g_assert_cmpmem (kept, sizeof kept, fresh, sizeof kept);

  spec.steps = model->config.timesteps + 1;
  assert_fails (ddpm_denoiser_set_spec (d, &spec, &error),
      DDPM_ERROR_SETTINGS, "steps");
  g_assert_cmpuint (ddpm_denoiser_get_n_steps (d), ==, 5);
}

TEST (a_sample_does_not_depend_on_its_batch)
{
  guint width, height, kind;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  g_autofree gfloat *x = pure_noise (0, 8, 192);
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDPM,.clip_x0 = TRUE };

  for (kind = DDPM_BACKEND_REFERENCE; kind <= DDPM_BACKEND_CPU; kind++) {
    g_autofree gfloat *all = NULL, *one = NULL;
    guint i;

    all = sample (model, kind, 8, width, height, spec, x, 0);
    one = sample (model, kind, 1, width, height, spec, x + 6 * 192, 6);
    if (kind == DDPM_BACKEND_REFERENCE)
      g_assert_cmpmem (one, 192 * 4, all + 6 * 192, 192 * 4);
    for (i = 0; i < 192; i++)
      g_assert_cmpfloat_with_epsilon (one[i], all[6 * 192 + i], 1e-5);
  }
}

TEST (solvers_of_few_steps_end_near_many_steps)
{
  guint width, height, i;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  g_autofree gfloat *x = pure_noise (0, BATCH, 192);
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.clip_x0 = TRUE };
  g_autofree gfloat *many = NULL, *few = NULL;
  gdouble distance = 0, norm = 0;

  many = sample (model, DDPM_BACKEND_CPU, BATCH, width, height, spec, x, 0);
  spec.kind = DDPM_SAMPLER_DPMPP_2M;
  few = sample (model, DDPM_BACKEND_CPU, BATCH, width, height, spec, x, 0);
  for (i = 0; i < BATCH * 192; i++) {
    distance += (many[i] - few[i]) * (many[i] - few[i]);
    norm += many[i] * many[i];
  }
  g_assert_cmpfloat (distance, <, 0.1 * norm);
}

TEST (a_backend_with_memory_of_its_own_gets_the_weights)
{
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_REFERENCE);
  g_autofree gfloat *x = pure_noise (0, 1, 192);
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.steps = 2 };
  g_autofree gfloat *shared = NULL, *uploaded = NULL;

  g_assert_true (backend->host_memory);
  shared = sample_on (backend, model, 1, width, height, spec, x, 0);
  backend->host_memory = FALSE;
  uploaded = sample_on (backend, model, 1, width, height, spec, x, 0);
  g_assert_cmpmem (uploaded, 192 * 4, shared, 192 * 4);
}

TEST (stepping_past_the_end_says_so)
{
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_REFERENCE);
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DDIM,.steps = 1,.start =
        model->config.timesteps
  };
  g_autoptr (DdpmDenoiser) denoiser = ddpm_denoiser_new (model, backend, 1,
      width, height, &spec, NULL);
  g_autofree gfloat *x = pure_noise (0, 1, 192);

  g_assert_false (ddpm_denoiser_step (denoiser));
  ddpm_denoiser_begin (denoiser, x, 0, 0);
  g_assert_true (ddpm_denoiser_step (denoiser));
  g_assert_false (ddpm_denoiser_step (denoiser));
}

static DdpmDenoiser *
two_steps_of (DdpmModel * model, guint width, guint height)
{
  const DdpmSamplerSpec spec = {.steps = 2,.start = 20,.eta = 1.0 };
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_CPU);

  return assert_ok (ddpm_denoiser_new (model, backend, BATCH, width, height,
          &spec, &error));
}

/* Memory of a backend on the host is the host's: so both ways can be compared. */
TEST (states_and_pictures_go_by_memory_of_the_backend)
{
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  g_autoptr (DdpmDenoiser) denoiser = two_steps_of (model, width, height);
  g_autofree gfloat *x = pure_noise (0, BATCH, 192);
  gfloat read[BATCH * 192], copied[BATCH * 192];
  guint8 pixels[192], painted[192];
  const DdpmPicture picture = {.n = 1,.columns = 1,.pixel_stride = 3,
    .component = {painted, painted + 1, painted + 2},
    .stride = {3 * width, 3 * width, 3 * width}
  };

  ddpm_denoiser_begin (denoiser, x, 0, 0);
  while (ddpm_denoiser_step (denoiser));
  g_assert_true (ddpm_denoiser_read (denoiser, read, NULL));

  ddpm_denoiser_begin_from (denoiser, x, 0, 0);
  while (ddpm_denoiser_step (denoiser));
  g_assert_true (ddpm_denoiser_wait (denoiser, NULL));
  g_assert_true (ddpm_denoiser_copy (denoiser, copied, NULL));
  g_assert_cmpmem (copied, sizeof (copied), read, sizeof (read));
  g_assert_true (ddpm_denoiser_paint (denoiser, 1, &picture, NULL, NULL));
  ddpm_pixels_from_float (model->config.data_range, read + 192, 192, pixels);
  g_assert_cmpmem (painted, sizeof (painted), pixels, sizeof (pixels));
}

TEST (noise_and_pixels_of_a_seed_are_those_of_the_arrays)
{
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  g_autoptr (DdpmDenoiser) denoiser = two_steps_of (model, width, height);
  g_autoptr (GBytes) bytes = NULL;
  g_autofree gfloat *x = pure_noise (5, BATCH, 192);
  guint8 pixels[BATCH * 192];
  GError *error = NULL;

  ddpm_denoiser_begin (denoiser, x, SEED, 5);
  while (ddpm_denoiser_step (denoiser));
  g_assert_true (ddpm_denoiser_read (denoiser, x, NULL));
  ddpm_pixels_from_float (model->config.data_range, x, BATCH * 192, pixels);

  ddpm_denoiser_begin_with_noise (denoiser, NULL, SEED, 5, &error);
  g_assert_no_error (error);
  while (ddpm_denoiser_step (denoiser));
  bytes = ddpm_denoiser_read_pixels (denoiser, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
      pixels, sizeof (pixels));
}

TABLE_TEST (weights_that_overflow_are_an_error, test_backends)
{
  DdpmSamplerSpec spec = {.steps = 4,.start = 20,.clip_x0 = TRUE };
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  g_autoptr (DdpmBackend) backend = test_backend_new (row->kind);
  g_autoptr (DdpmDenoiser) denoiser = NULL;
  g_autofree gfloat *x = pure_noise (0, BATCH, 192);

  for (gsize i = 0; i < model->params->trainable; i++)
    model->weights[i] *= 1e18f;
  denoiser = assert_ok (ddpm_denoiser_new (model, backend, BATCH, width, height,
          &spec, &error));
  ddpm_denoiser_begin (denoiser, x, SEED, 0);
  g_assert_false (ddpm_denoiser_step (denoiser));
  assert_fails (ddpm_denoiser_read (denoiser, x, &error), DDPM_ERROR_DIVERGED,
      "not finite at timestep 19");
}

/* Says stop at one call. Several threads may ask. */
typedef struct
{
  gint calls, stop_at;
} Stop;

static gboolean
should_stop (gpointer data)
{
  Stop *stop = data;

  return g_atomic_int_add (&stop->calls, 1) == stop->stop_at;
}

TABLE_TEST (a_cancelled_step_is_made_again, test_backends)
{
  DdpmSamplerSpec spec = {.kind = DDPM_SAMPLER_DPMPP_2M,.steps = 3,.start = 20,
    .guidance = 2.0
  };
  static const gint labels[BATCH] = { 1, 0 };
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_labelled, &width, &height);
  g_autoptr (DdpmBackend) backend = test_backend_new (row->kind);
  g_autoptr (DdpmDenoiser) denoiser = assert_ok (ddpm_denoiser_new (model,
          backend, BATCH, width, height, &spec, &error));
  g_autofree gfloat *x = pure_noise (0, BATCH, 192);
  gfloat expected[BATCH * 192], found[BATCH * 192];
  Stop stop = { 0, 0 };
  guint cancelled = 0;

  g_assert_true (ddpm_denoiser_set_labels (denoiser, labels, NULL));
  ddpm_denoiser_begin (denoiser, x, SEED, 0);
  while (ddpm_denoiser_step (denoiser));
  assert_ok (ddpm_denoiser_read (denoiser, expected, &error));

  ddpm_denoiser_begin (denoiser, x, SEED, 0);
  ddpm_denoiser_set_cancel (denoiser, should_stop, &stop);
  while (ddpm_denoiser_get_state (denoiser) > 0) {
    const guint state = ddpm_denoiser_get_state (denoiser);

    stop.calls = 0;
    if (ddpm_denoiser_step (denoiser)) {
      stop.stop_at = 0;
      continue;
    }
    g_assert_cmpuint (ddpm_denoiser_get_state (denoiser), ==, state);
    assert_ok (ddpm_denoiser_wait (denoiser, &error));
    stop.stop_at += 1 + stop.stop_at / 4;
    cancelled++;
  }
  assert_ok (ddpm_denoiser_read (denoiser, found, &error));
  g_assert_cmpmem (found, sizeof found, expected, sizeof expected);
  g_assert_cmpuint (cancelled, >, 20);
}
