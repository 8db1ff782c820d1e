/* gst-ddpm: whole networks on the CUDA backend without a device. Its kernels run
 * on the CPU (tests/support/host-cuda.h), and stand-ins for cuDNN and cuBLASLt
 * compute convolutions and matrix products by the formula.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/memory.h"
#include "kernels/cuda/operations.h"
#include "tests/support/host-backend.h"
#include "tests/support/net.h"

#define IMAGES 2

static CudaBackend
network_backend (DdpmType type)
{
  CudaBackend b = host_backend (type);

  g_atomic_ref_count_init (&b.base.refcount);
  return b;
}

static void
backend_clear (CudaBackend * b)
{
  g_assert_true (g_atomic_ref_count_compare (&b->base.refcount, 1));
  g_clear_pointer (&b->convolutions, g_hash_table_unref);
}

/* All at once that the networks of the dumps have by twos and threes */
static void
net_everything (DdpmConfig * config, guint * width, guint * height)
{
  test_net_heads (config, width, height);
  config->learned_variance = TRUE;
  config->down_padding = DDPM_PADDING_END;
  config->middle_scale = G_SQRT2;
  *height = 6;
}

typedef struct
{
  const gchar *name;
  TestNet make;
  const gchar *dump;
} NamedNet;

static const NamedNet nets[] = {
  {"labelled", test_net_labelled, "unet-labelled.safetensors"},
  {"padding", test_net_padding, "unet-padding.safetensors"},
  {"heads", test_net_heads, "unet-heads.safetensors"},
  {"variance", test_net_variance, "unet-variance.safetensors"},
  {"middle", test_net_middle, "unet-middle.safetensors"},
};

static const NamedNet all_nets[] = {
  {"labelled", test_net_labelled}, {"padding", test_net_padding},
  {"heads", test_net_heads}, {"variance", test_net_variance},
  {"middle", test_net_middle}, {"everything", net_everything},
};

TABLE_TEST (f32_agrees_with_pytorch, nets)
{
  CudaBackend b = network_backend (DDPM_TYPE_F32);

  check_against_pytorch (&b.base, row->make, row->dump);
  backend_clear (&b);
}

static gsize
count_outputs (TestNet make)
{
  DdpmConfig config;
  guint width, height;

  make (&config, &width, &height);
  return (gsize) IMAGES *width * height *
      ddpm_config_get_out_channels (&config);
}

static gsize
count_weights (TestNet make)
{
  DdpmConfig config;
  guint width, height;
  DdpmParams *params;
  gsize count;

  make (&config, &width, &height);
  params = assert_ok (ddpm_params_new (&config, &error));
  count = params->trainable;
  ddpm_params_free (params);
  return count;
}

/* Rounding errors accumulate over a network, so the measure of bf16 is how far
 * that of the reference is off. */
static void
assert_near (DdpmType type, const gchar * what, const gfloat * got,
    const gfloat * exact, const gfloat * rounded, gsize count)
{
  const gdouble distance = test_relative_distance (got, exact, count);
  const gdouble limit = type == DDPM_TYPE_F32 ? 1e-5
      : 2 * test_relative_distance (rounded, exact, count);

  g_test_message ("%s: off by %.3g of at most %.3g", what, distance, limit);
  g_assert_cmpfloat (distance, <=, limit);
}

/* There and back, with dropout, whose masks must be the same */
TABLE_TEST (outputs_and_gradients_are_the_reference_s, all_nets)
{
  const DdpmDropout drop = {.p = 0.3,.seed = 9,.first_sample = 100 };
  g_autoptr (DdpmBackend) exact = test_reference (DDPM_PRECISION_F32);
  g_autoptr (DdpmBackend) rounded = test_reference (DDPM_PRECISION_BF16);
  g_autofree gfloat *g_exact = NULL, *g_rounded = NULL;
  g_autofree gfloat *y_exact =
      evaluate_net (exact, row->make, IMAGES, 0, TRUE, &drop, &g_exact);
  g_autofree gfloat *y_rounded =
      evaluate_net (rounded, row->make, IMAGES, 0, TRUE, &drop, &g_rounded);

  for (guint i = 0; i < G_N_ELEMENTS (host_precisions); i++) {
    const DdpmType type = host_precisions[i].type;
    CudaBackend b = network_backend (type);
    g_autofree gfloat *g = NULL;
    g_autofree gfloat *y =
        evaluate_net (&b.base, row->make, IMAGES, 0, TRUE, &drop, &g);

    assert_near (type, "outputs", y, y_exact, y_rounded,
        count_outputs (row->make));
    assert_near (type, "gradients", g, g_exact, g_rounded,
        count_weights (row->make));
    backend_clear (&b);
  }
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  host_ops.zero = ddpm_cuda_zero;
  ddpm_cuda_attention_set_ops (&host_ops);
  ddpm_cuda_convolution_set_ops (&host_ops);
  ddpm_cuda_diffusion_set_ops (&host_ops);
  ddpm_cuda_elements_set_ops (&host_ops);
  ddpm_cuda_linear_set_ops (&host_ops);
  ddpm_cuda_norm_set_ops (&host_ops);
  return g_test_run ();
}
