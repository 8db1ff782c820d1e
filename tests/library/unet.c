/* gst-ddpm: the UNet against PyTorch and against itself
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/net.h"
#include "tests/support/test.h"

static void
check (DdpmBackendKind kind, TestNet make, const gchar * file)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (kind);

  check_against_pytorch (backend, make, file);
}

static gfloat *
evaluate_on (DdpmBackendKind kind, guint batch, guint64 first_sample,
    gboolean training, const DdpmDropout * drop, gfloat ** grads)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (kind);

  return evaluate (backend, batch, first_sample, training, drop, grads);
}

TEST (reference_agrees_with_pytorch)
{
  check (DDPM_BACKEND_REFERENCE, test_net_square, "unet-square.safetensors");
  check (DDPM_BACKEND_REFERENCE, test_net_oblong, "unet-oblong.safetensors");
}

TEST (cpu_agrees_with_pytorch)
{
  check (DDPM_BACKEND_CPU, test_net_square, "unet-square.safetensors");
  check (DDPM_BACKEND_CPU, test_net_oblong, "unet-oblong.safetensors");
}

TEST (cpu_agrees_with_pytorch_on_the_notebook_s_network)
{
  check (DDPM_BACKEND_CPU, test_net_notebook, "unet-notebook.safetensors");
}

TEST (labels_agree_with_pytorch)
{
  for (guint kind = DDPM_BACKEND_REFERENCE; kind <= DDPM_BACKEND_CPU; kind++)
    check (kind, test_net_labelled, "unet-labelled.safetensors");
}

/* diffusers' UNet2DModel, with all that the notebook's network does not have */
TEST (networks_of_other_programs_agree_with_pytorch)
{
  for (guint kind = DDPM_BACKEND_REFERENCE; kind <= DDPM_BACKEND_CPU; kind++) {
    check (kind, test_net_padding, "unet-padding.safetensors");
    check (kind, test_net_variance, "unet-variance.safetensors");
    check (kind, test_net_middle, "unet-middle.safetensors");
    check (kind, test_net_heads, "unet-heads.safetensors");
  }
}

/* 16384 tokens, whose probabilities would take 1 GiB */
static void
net_many_tokens (DdpmConfig * config, guint * width, guint * height)
{
  test_net_tiny (config, width, height);
  *width = *height = 128;
}

TEST (attention_to_many_pixels_needs_little_memory)
{
  const gsize count = 3 * 128 * 128;
  g_autoptr (DdpmBackend) b = test_backend_new (DDPM_BACKEND_CPU);
  g_autofree gfloat *out = NULL;
  DdpmConfig config;
  guint width, height;

  net_many_tokens (&config, &width, &height);
  for (guint training = 0; training < 2; training++) {
    DdpmUnet *unet = assert_ok (ddpm_unet_new (&config, b, 1, width, height,
            training, 0, &error));

    g_assert_cmpuint (ddpm_unet_get_memory (unet), <, 100 << 20);
    ddpm_unet_free (unet);
  }
  out = evaluate_net (b, net_many_tokens, 1, 0, FALSE, NULL, NULL);
  for (gsize i = 0; i < count; i++)
    g_assert_true (isfinite (out[i]));
}

TEST (an_image_does_not_depend_on_its_batch)
{
  gsize elements = 3 * 8 * 8;
  guint kind;

  for (kind = DDPM_BACKEND_REFERENCE; kind <= DDPM_BACKEND_CPU; kind++) {
    g_autofree gfloat *alone = evaluate_on (kind, 1, 5, FALSE, NULL, NULL);
    g_autofree gfloat *together = evaluate_on (kind, 8, 0, FALSE, NULL, NULL);

    if (kind == DDPM_BACKEND_REFERENCE)
      g_assert_cmpmem (alone, elements * 4, together + 5 * elements,
          elements * 4);
    g_assert_cmpfloat (test_relative_distance (alone, together + 5 * elements,
            elements), <, 1e-5);
  }
}

TEST (memory_plan_of_training_gives_the_same_output_as_of_sampling)
{
  g_autofree gfloat *grads = NULL;
  g_autofree gfloat *trained =
      evaluate_on (DDPM_BACKEND_REFERENCE, 2, 0, TRUE, NULL, &grads);
  g_autofree gfloat *sampled =
      evaluate_on (DDPM_BACKEND_REFERENCE, 2, 0, FALSE, NULL, NULL);

  g_assert_cmpmem (trained, 2 * 192 * 4, sampled, 2 * 192 * 4);
}

TEST (reference_and_cpu_agree_with_dropout)
{
  DdpmDropout drop = {.seed = 9,.first_sample = 100 };
  g_autofree gfloat *g_ref = NULL, *g_cpu = NULL, *g_none = NULL;
  g_autofree gfloat *ref =
      evaluate_on (DDPM_BACKEND_REFERENCE, 2, 0, TRUE, &drop, &g_ref);
  g_autofree gfloat *cpu =
      evaluate_on (DDPM_BACKEND_CPU, 2, 0, TRUE, &drop, &g_cpu);
  g_autofree gfloat *none =
      evaluate_on (DDPM_BACKEND_REFERENCE, 2, 0, TRUE, NULL, &g_none);

  g_assert_cmpfloat (test_relative_distance (cpu, ref, 2 * 192), <, 1e-5);
  g_assert_cmpfloat (test_relative_distance (g_cpu, g_ref, 100000), <, 1e-4);
  g_assert_cmpfloat (test_relative_distance (none, ref, 2 * 192), >, 1e-3);
}

TEST (sizes_that_the_levels_do_not_divide_are_refused)
{
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_REFERENCE);
  DdpmConfig config;
  guint width, height;

  test_net_square (&config, &width, &height);
  assert_fails (ddpm_unet_new (&config, backend, 1, 7, 8, FALSE, 0, &error),
      DDPM_ERROR_SETTINGS, NULL);
}

TEST (batches_beyond_all_memory_are_refused)
{
  static const guint batches[] = { G_MAXINT32, G_MAXUINT };
  g_autoptr (DdpmBackend) backend = test_backend_new (DDPM_BACKEND_REFERENCE);
  DdpmConfig config;
  guint width, height, i;

  test_net_square (&config, &width, &height);
  for (i = 0; i < G_N_ELEMENTS (batches); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (ddpm_unet_new (&config, backend, batches[i], 1024, 1024,
            FALSE, 0, &error));
    g_assert_true (g_error_matches (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE)
        || g_error_matches (error, DDPM_ERROR, DDPM_ERROR_SETTINGS));
  }
}
