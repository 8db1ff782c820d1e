/* gst-ddpm: whole networks on a GPU: sampling and training
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/gpu-test.h"
#include "tests/support/net.h"
#include "tests/support/sampling.h"
#include "gst-ddpm/train/trainer.h"
#include "kernels/timer.h"

static DdpmBackend *f32, *bf16;

static void
f32_agrees_with_pytorch (void)
{
  check_against_pytorch (f32, test_net_square, "unet-square.safetensors");
  check_against_pytorch (f32, test_net_oblong, "unet-oblong.safetensors");
}

static void
f32_agrees_with_pytorch_on_the_notebook_s_network (void)
{
  check_against_pytorch (f32, test_net_notebook, "unet-notebook.safetensors");
}

static void
f32_samples_what_pytorch_samples (void)
{
  check_samples_against_pytorch (f32, test_net_square,
      "sample-square.safetensors");
  check_samples_against_pytorch (f32, test_net_oblong,
      "sample-oblong.safetensors");
}

static DdpmBackend *
reference_of (DdpmPrecision precision)
{
  return ddpm_backend_new (DDPM_BACKEND_REFERENCE, precision, 1, NULL);
}

/* Rounding errors accumulate over a network, so the measure is how far bf16 is
 * from f32 in the reference backend. With dropout, whose masks must agree */
static void
bf16_is_as_near_to_f32_as_the_reference_s (void)
{
  const DdpmDropout drop = {.seed = 9,.first_sample = 100 };
  const gsize n = 2 * 192, n_grads = 100000;
  g_autoptr (DdpmBackend) exact = reference_of (DDPM_PRECISION_F32);
  g_autoptr (DdpmBackend) rounded = reference_of (DDPM_PRECISION_BF16);
  g_autofree gfloat *g_exact = NULL, *g_rounded = NULL, *g_got = NULL;
  g_autofree gfloat *y_exact = evaluate (exact, 2, 0, TRUE, &drop, &g_exact);
  g_autofree gfloat *y_rounded =
      evaluate (rounded, 2, 0, TRUE, &drop, &g_rounded);
  g_autofree gfloat *y_got = evaluate (bf16, 2, 0, TRUE, &drop, &g_got);

  g_assert_cmpfloat (test_relative_distance (y_got, y_exact, n), <,
      2 * test_relative_distance (y_rounded, y_exact, n));
  g_assert_cmpfloat (test_relative_distance (g_got, g_exact, n_grads), <,
      2 * test_relative_distance (g_rounded, g_exact, n_grads));
}

static void
a_run_repeats_to_the_bit (gconstpointer data)
{
  DdpmBackend *b = *(DdpmBackend * const *) data;
  const DdpmDropout drop = {.seed = 9,.first_sample = 100 };
  g_autofree gfloat *g_first = NULL, *g_again = NULL;
  g_autofree gfloat *first = evaluate (b, 4, 0, TRUE, &drop, &g_first);
  g_autofree gfloat *again = evaluate (b, 4, 0, TRUE, &drop, &g_again);

  g_assert_cmpmem (first, 4 * 192 * 4, again, 4 * 192 * 4);
  g_assert_cmpmem (g_first, 100000 * 4, g_again, 100000 * 4);
}

static void
an_image_does_not_depend_on_its_batch (void)
{
  g_autofree gfloat *alone = evaluate (f32, 1, 5, FALSE, NULL, NULL);
  g_autofree gfloat *together = evaluate (f32, 8, 0, FALSE, NULL, NULL);

  g_assert_cmpfloat (test_relative_distance (alone, together + 5 * 192, 192), <,
      1e-5);
}

/* Losses of the first optimizer steps. They depend on every kernel, on the
 * drawn timesteps, noise and dropout, and on the weights after each step. */
static void
losses_of (DdpmBackend * backend, gdouble losses[5])
{
  g_autofree guint8 *images = g_new (guint8, 8 * 192);
  g_autoptr (DdpmTrainer) trainer = NULL;
  DdpmTrainerSettings settings;
  DdpmTrainerStats stats;
  DdpmConfig config;
  guint width, height;

  test_net_square_dropout (&config, &width, &height);
  ddpm_trainer_settings_init (&settings);
  settings.batch_size = settings.micro_batch = 8;
  settings.seed = 11;
  trainer =
      assert_ok (ddpm_trainer_new (&config, &settings, width, height, backend,
          &error));
  for (guint i = 0; i < 8 * 192; i++)
    images[i] = i * 37;
  for (guint step = 0; step < 5; step++) {
    assert_ok (ddpm_trainer_step (trainer, images, NULL, 8, NULL, &stats,
            &error));
    losses[step] = stats.loss;
  }
}

static void
training_follows_the_reference (void)
{
  g_autoptr (DdpmBackend) reference = reference_of (DDPM_PRECISION_F32);
  gdouble expected[5], got[5];

  losses_of (reference, expected);
  losses_of (f32, got);
  for (guint step = 0; step < 5; step++)
    g_assert_cmpfloat_with_epsilon (got[step], expected[step],
        1e-4 * expected[step]);
}

/* While a timer is attached, graph plans make their calls one by one. */
static void
a_graph_computes_what_the_calls_do (gconstpointer data)
{
  static const DdpmSamplerKind kinds[] = { DDPM_SAMPLER_DDPM,
    DDPM_SAMPLER_DPMPP_2M
  };
  DdpmBackend *b = *(DdpmBackend * const *) data;
  g_autoptr (DdpmTimer) timer = ddpm_timer_new (CLOCK_MONOTONIC);
  gdouble in_graphs[5], by_calls[5];
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  gsize elements = (gsize) width * height * model->config.image_channels;
  g_autofree gfloat *x = pure_noise (FIRST, BATCH, elements);

  losses_of (b, in_graphs);
  ddpm_timer_attach (timer, b);
  losses_of (b, by_calls);
  ddpm_timer_attach (NULL, b);
  g_assert_cmpmem (in_graphs, sizeof in_graphs, by_calls, sizeof by_calls);
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    const DdpmSamplerSpec spec = {.kind = kinds[i],.steps = 10 };
    g_autofree gfloat *got =
        sample_on (b, model, BATCH, width, height, spec, x, FIRST);
    g_autofree gfloat *expected = NULL;

    ddpm_timer_attach (timer, b);
    expected = sample_on (b, model, BATCH, width, height, spec, x, FIRST);
    ddpm_timer_attach (NULL, b);
    g_assert_cmpmem (got, BATCH * elements * sizeof (gfloat), expected,
        BATCH * elements * sizeof (gfloat));
  }
}

/* A failure leaves nothing behind that would disturb the next network. */
static void
a_batch_that_does_not_fit_is_an_error (void)
{
  const DdpmSamplerSpec spec = {.steps = 2,.start = 10 };
  guint width, height;
  g_autoptr (DdpmModel) model =
      test_model_of (test_net_square, &width, &height);
  gsize elements = (gsize) width * height * model->config.image_channels;
  g_autofree gfloat *x = pure_noise (FIRST, BATCH, elements);
  g_autofree gfloat *before =
      sample_on (f32, model, BATCH, width, height, spec, x, FIRST);
  g_autofree gfloat *after = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (ddpm_denoiser_new (model, f32, 1 << 26, width, height, &spec,
          &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  after = sample_on (f32, model, BATCH, width, height, spec, x, FIRST);
  g_assert_cmpmem (before, BATCH * elements * sizeof (gfloat), after,
      BATCH * elements * sizeof (gfloat));
}

static void
a_gpu_that_is_not_there_is_told (void)
{
  assert_fails (ddpm_backend_new_on (DDPM_BACKEND_CUDA, DDPM_PRECISION_AUTO, 0,
          1000, NULL, &error), DDPM_ERROR_UNSUPPORTED, "GPU 1000");
}

int
main (int argc, char **argv)
{
  gchar *reason = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  f32 = gpu_backend (DDPM_PRECISION_F32, &reason);
  bf16 = f32 ? gpu_backend (DDPM_PRECISION_BF16, &reason) : NULL;
  if (reason)
    g_test_add_data_func (f32 ? "/gpu/bf16" : "/gpu/network", reason, gpu_skip);
  if (f32) {
    g_test_add_func ("/gpu/f32-agrees-with-pytorch", f32_agrees_with_pytorch);
    g_test_add_func ("/gpu/f32-agrees-with-pytorch-on-the-notebook-s-network",
        f32_agrees_with_pytorch_on_the_notebook_s_network);
    g_test_add_func ("/gpu/f32-samples-what-pytorch-samples",
        f32_samples_what_pytorch_samples);
    g_test_add_func ("/gpu/an-image-does-not-depend-on-its-batch",
        an_image_does_not_depend_on_its_batch);
    g_test_add_func ("/gpu/training-follows-the-reference",
        training_follows_the_reference);
    g_test_add_func ("/gpu/a-batch-that-does-not-fit-is-an-error",
        a_batch_that_does_not_fit_is_an_error);
    g_test_add_func ("/gpu/a-gpu-that-is-not-there-is-told",
        a_gpu_that_is_not_there_is_told);
    g_test_add_data_func ("/gpu/a-run-repeats-to-the-bit/f32", &f32,
        a_run_repeats_to_the_bit);
    g_test_add_data_func ("/gpu/a-graph-computes-what-the-calls-do/f32", &f32,
        a_graph_computes_what_the_calls_do);
  }
  if (bf16) {
    g_test_add_func ("/gpu/bf16-is-as-near-to-f32-as-the-reference-s",
        bf16_is_as_near_to_f32_as_the_reference_s);
    g_test_add_data_func ("/gpu/a-run-repeats-to-the-bit/bf16", &bf16,
        a_run_repeats_to_the_bit);
    g_test_add_data_func ("/gpu/a-graph-computes-what-the-calls-do/bf16",
        &bf16, a_graph_computes_what_the_calls_do);
  }
  status = g_test_run ();
  g_clear_pointer (&f32, ddpm_backend_unref);
  g_clear_pointer (&bf16, ddpm_backend_unref);
  g_free (reason);
  return status;
}
