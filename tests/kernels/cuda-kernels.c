/* gst-ddpm: the CUDA backend's norms and attention agree with the reference.
 * Their kernels run on the CPU (tests/support/host-cuda.h).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/failure.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/staging.h"
#include "kernels/host.h"
#include "kernels/norm-math.h"
#include "tests/support/host-cuda.h"
#include "tests/support/operations.h"
#include "tests/support/test.h"

#define TOLERANCE_F32 1e-9
#define TOLERANCE_BF16 1e-4     /* bf16 has 8 digits: (2^-9)^2 and more sums */

/* --- the backend without a device ----------------------------------------- */

static gint shared_memory = 227 << 10;  /* of a block, on Hopper */

cudaError_t
cudaDeviceGetAttribute (int *value, enum cudaDeviceAttr attribute, int device)
{
  g_assert_cmpint (attribute, ==, cudaDevAttrMaxSharedMemoryPerBlockOptin);
  *value = shared_memory;
  return cudaSuccess;
}

cudaError_t
cudaFuncSetAttribute (const void *kernel, enum cudaFuncAttribute attribute,
    int value)
{
  return cudaSuccess;
}

gboolean
ddpm_cuda_ok (CudaBackend * b, cudaError_t status, const gchar * what)
{
  g_assert_cmpint (status, ==, cudaSuccess);
  return TRUE;
}

gpointer
ddpm_cuda_stage_args (CudaBackend * b, gconstpointer src, gsize size)
{
  static guint8 stage[256];

  g_assert_cmpuint (size, <=, sizeof (stage));
  return memcpy (stage, src, size);
}

/* TRUE: as if a graph made the calls, so that nothing may be launched */
static gboolean replayed;

gboolean
ddpm_cuda_launch_ok (CudaBackend * b, const gchar * kernel)
{
  g_assert_false (replayed);
  return TRUE;
}

gboolean
ddpm_cuda_graph_replays (CudaBackend * b)
{
  return replayed;
}

void
ddpm_cuda_propagate_failure (CudaBackend * b, GError ** error)
{
  g_assert_not_reached ();
}

/* --- matrix products, by the formula -------------------------------------- */

struct _CudaGemm
{
  gsize batch;
  CudaMatrix left, right, product;
};

CudaGemm *
ddpm_cuda_gemm_new (CudaBackend * b, gsize batch, const CudaMatrix * left,
    const CudaMatrix * right, const CudaMatrix * product, GError ** error)
{
  CudaGemm *m = g_new0 (CudaGemm, 1);

  g_assert_cmpuint (left->columns, ==, right->rows);
  g_assert_cmpuint (left->rows, ==, product->rows);
  g_assert_cmpuint (right->columns, ==, product->columns);
  m->batch = batch;
  m->left = *left;
  m->right = *right;
  m->product = *product;
  return m;
}

void
ddpm_cuda_gemm_free (CudaGemm * m)
{
  g_free (m);
}

gsize
ddpm_cuda_gemm_scratch (const CudaGemm * m)
{
  return 40;
}

static gsize
place_of (const CudaMatrix * m, gsize matrix, gsize row, gsize column)
{
  return matrix * m->batch_stride + (m->transposed
      ? column * m->row_stride + row : row * m->row_stride + column);
}

static float
get (DdpmType type, gconstpointer data, gsize i)
{
  const Tensor t = {.type = type,.data = (gpointer) data };

  return tensor_get (&t, i);
}

void
ddpm_cuda_gemm_run (CudaGemm * m, CudaBackend * b, gfloat alpha,
    gconstpointer left, gconstpointer right, gfloat beta, gpointer product,
    gpointer scratch)
{
  const Tensor out = {.type = m->product.type,.data = product };

  g_assert_false (replayed);
  memset (scratch, 0xff, ddpm_cuda_gemm_scratch (m));
  for (gsize i = 0; i < m->batch; i++) {
    for (gsize row = 0; row < m->product.rows; row++) {
      for (gsize column = 0; column < m->product.columns; column++) {
        const gsize e = place_of (&m->product, i, row, column);
        double sum = 0.0;

        for (gsize k = 0; k < m->left.columns; k++)
          sum += (double) get (m->left.type, left,
              place_of (&m->left, i, row, k))
              * get (m->right.type, right, place_of (&m->right, i, k, column));
        tensor_set (&out, e, alpha * sum
            + (beta == 0.0f ? 0.0f : beta * tensor_get (&out, e)));
      }
    }
  }
}

/* --- the backend ---------------------------------------------------------- */

static gpointer
host_alloc (DdpmBackend * b, gsize size)
{
  return host_cuda_alloc (size);
}

static void
host_free (DdpmBackend * b, gpointer p)
{
  host_cuda_free (p);
}

static void
host_run (DdpmBackend * b, void (*func) (gpointer data), gpointer data)
{
  func (data);
}

static DdpmOps host_ops = {
  .run = host_run,
  .alloc = host_alloc,
  .free = host_free,
  .upload = ddpm_host_copy,
  .download = ddpm_host_copy,
};

static CudaBackend
host_backend (DdpmPrecision precision)
{
  const CudaBackend b = {.base = {.ops = &host_ops,
      .act_type = precision == DDPM_PRECISION_F32
          ? DDPM_TYPE_F32 : DDPM_TYPE_BF16}
  };

  return b;
}

/* --- cases ---------------------------------------------------------------- */

/* Compares with the reference, and with itself in other orders of threads and
 * blocks. Returns how many kernels were launched. */
static guint
check (DdpmPrecision precision, const Case * c, guint shift)
{
  CudaBackend b = host_backend (precision);
  g_autoptr (DdpmBackend) reference = test_reference (precision);
  const guint n = c->norm.n ? c->norm.n : c->attention.n;
  Outcome expected = case_run (reference, c, shift), first = { 0, };
  const guint before = host_cuda_launches ();

  for (HostCudaOrder order = 0; order < HOST_CUDA_ORDERS; order++) {
    Outcome got;

    host_cuda_set_order (order);
    got = case_run (&b.base, c, shift);
    if (order > 0) {
      outcome_assert_same_bits (&got, &first);
      outcome_clear (&got);
    } else {
      outcome_assert_close (&got, &expected, n, n,
          precision == DDPM_PRECISION_F32 ? TOLERANCE_F32 : TOLERANCE_BF16);
      first = got;
    }
  }
  outcome_clear (&expected);
  outcome_clear (&first);
  return (host_cuda_launches () - before) / HOST_CUDA_ORDERS;
}

/* Kernels of forward, backward and sums over images: 1 each, or 2, 3 and 1 */
enum
{ ONE_PASS = 3, GENERAL = 6 };

static void
check_norm (DdpmPrecision precision, guint launches, guint n, guint pixels,
    guint c0, guint c1, guint groups, guint variant, guint shift)
{
  const Case c = {
    .run = run_norm,
    .norm = {n, pixels, c0, c1, groups, 1e-5f, variant % 4 != 3,
        variant % 2 && c1 == 0, TRUE},
    .add = variant / 2 % 2,
    .dropout = variant % 3 == 1 ? 0.3f : 0.0f,
    .mean = 0.5f,
  };

  g_assert_cmpuint (check (precision, &c, shift), ==, launches);
}

static const gchar *
implementation (DdpmPrecision precision, const DdpmNormDesc * d, guint kind)
{
  CudaBackend b = host_backend (precision);
  DdpmPlan *plan = assert_ok (host_ops.norm_new (&b.base, d, &error));
  const gchar *name;

  name = plan->implementation[kind];
  ddpm_plan_free (plan);
  return name;
}

static void
the_networks_norms_take_one_pass (gconstpointer precision)
{
  static const guint shapes[][3] = {
    {1024, 128, 0}, {1024, 256, 128}, {1024, 128, 128}, {1024, 256, 0},
    {256, 256, 256}, {256, 256, 128}, {256, 128, 0}, {64, 256, 256},
    {64, 256, 128}, {64, 128, 256}, {16, 128, 128}, {16, 256, 128},
  };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    for (guint kind = 0; kind < 2; kind++) {
      const DdpmNormDesc d = { 128, shapes[i][0], shapes[i][1], shapes[i][2],
        32, 1e-5f, TRUE, FALSE, TRUE
      };

      g_assert_cmpstr (implementation (GPOINTER_TO_INT (precision), &d, kind),
          ==, "cuda:one-pass");
    }
  }
}

/* Groups of 4, 8, 12 and 16 channels, in which x0 may end and x1 begin */
static void
norms_in_one_pass (gconstpointer precision)
{
  const DdpmPrecision p = GPOINTER_TO_INT (precision);

  for (guint variant = 0; variant < 4; variant++) {
    check_norm (p, ONE_PASS, 2, 16, 32, 0, 8, variant, 0);
    check_norm (p, ONE_PASS, 2, 20, 8, 40, 4, variant + 4, 0);
    check_norm (p, ONE_PASS, 1, 33, 32, 32, 4, variant + 8, 0);
  }
  check_norm (p, ONE_PASS, 2, 64, 16, 0, 2, 1, 0);
  check_norm (p, ONE_PASS, 1, 37, 16, 8, 2, 4, 0);
  check_norm (p, ONE_PASS, 1, 520, 8, 16, 2, 10, 0);
}

/* With many images, blocks are wider. */
static void
norms_of_large_batches (gconstpointer precision)
{
  const DdpmPrecision p = GPOINTER_TO_INT (precision);

  check_norm (p, ONE_PASS, 150, 5, 64, 0, 16, 1, 0);
  check_norm (p, ONE_PASS, 140, 3, 32, 64, 8, 4, 0);
}

/* Channels that are no multiple of 16 bytes, or tensors that are not aligned to
 * them */
static void
norms_of_odd_shapes (gconstpointer precision)
{
  const DdpmPrecision p = GPOINTER_TO_INT (precision);

  for (guint variant = 0; variant < 12; variant += 2) {
    check_norm (p, GENERAL, 2, 7, 10, 0, 5, variant + 1, 0);
    check_norm (p, GENERAL, 3, 5, 3, 6, 3, variant, 0);
    check_norm (p, GENERAL, 2, 17, 16, 8, 3, variant, 1);
  }
  check_norm (p, GENERAL, 1, 1, 35, 0, 1, 1, 0);
  check_norm (p, GENERAL, 2, 50, 1, 0, 1, 2, 0);
  check_norm (p, GENERAL, 2, 9, 60, 21, 3, 4, 0);
}

static void
norms_without_enough_shared_memory (gconstpointer precision)
{
  const DdpmPrecision p = GPOINTER_TO_INT (precision);

  shared_memory = 16 << 10;
  check_norm (p, GENERAL, 1, 600, 16, 8, 2, 4, 0);
  shared_memory = 227 << 10;
}

TEST (norms_keep_the_variance_about_a_large_mean)
{
  for (guint shift = 0; shift < 2; shift++) {
    const Case c = {
      .run = run_norm,
      .norm = {2, 256, 16, 0, 4, 1e-5f, TRUE, TRUE, FALSE},
      .mean = 1000.0f,
    };
    CudaBackend b = host_backend (DDPM_PRECISION_F32);
    g_autoptr (DdpmBackend) reference = test_reference (DDPM_PRECISION_F32);
    Outcome expected = case_run (reference, &c, shift);
    Outcome got = case_run (&b.base, &c, shift);

    outcome_assert_close (&got, &expected, 2, 2, 1e-6);
    outcome_clear (&expected);
    outcome_clear (&got);
  }
}

/* A seed gives the same image in any batch. */
static void
an_image_is_the_same_in_any_batch (gconstpointer precision)
{
  const DdpmPrecision p = GPOINTER_TO_INT (precision);
  Case c = {
    .run = run_norm,
    .norm = {150, 24, 64, 0, 16, 1e-5f, TRUE, TRUE, TRUE},
    .dropout = 0.1f,
  };
  CudaBackend b = host_backend (p);
  Outcome many = case_run (&b.base, &c, 0), one;

  c.norm.n = 1;
  one = case_run (&b.base, &c, 0);
  for (guint k = 0; k < one.count; k++) {
    if (one.per_image[k])
      test_assert_same_bits (one.data[k], many.data[k],
          one.size[k] * sizeof (float));
  }
  outcome_clear (&many);
  outcome_clear (&one);
}

static void
attention (gconstpointer precision)
{
  static const guint shapes[][3] = {
    {2, 16, 32}, {1, 64, 8}, {1, 256, 4}, {3, 7, 5}, {1, 300, 3}, {2, 1, 1},
    {1, 40, 24},
  };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    for (guint shift = 0; shift < 2; shift++) {
      const Case c = {
        .run = run_attention,
        .attention = {shapes[i][0], shapes[i][1], shapes[i][2], TRUE},
      };

      check (GPOINTER_TO_INT (precision), &c, shift);
    }
  }
}

static void
a_replayed_graph_launches_nothing (gconstpointer precision)
{
  static const Case cases[] = {
    {.run = run_norm,.norm = {1, 24, 64, 0, 16, 1e-5f, TRUE, TRUE, TRUE},
        .dropout = 0.1f},
    {.run = run_norm,.norm = {1, 5, 3, 0, 3, 1e-5f, TRUE, FALSE, TRUE}},
    {.run = run_attention,.attention = {1, 7, 5, TRUE}},
  };
  const unsigned launches = host_cuda_launches ();
  CudaBackend b = host_backend (GPOINTER_TO_INT (precision));

  replayed = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Outcome none = case_run (&b.base, &cases[i], 0);

    outcome_clear (&none);
  }
  replayed = FALSE;
  g_assert_cmpuint (host_cuda_launches (), ==, launches);
}

/* --- arithmetic ----------------------------------------------------------- */

TEST (dropout_keeps_what_its_uniform_says)
{
  static const float ps[] = { 1e-9f, 0x1p-24f, 0x1.8p-23f, 0.1f, 0.3f, 0.5f,
    0.9f, 0x1.fffffep-1f, 1.0f, 7.0f
  };

  for (guint i = 0; i < G_N_ELEMENTS (ps); i++) {
    const guint32 limit = ddpm_dropout_limit (ps[i]);
    const guint32 near = MIN (limit, (1 << 23) - 1);

    for (guint32 r = near > 2 ? near - 2 : 0; r < near + 3 && r < 1 << 23; r++)
      g_assert_cmpint (ddpm_dropout_keeps (r << 9 | 0x155, limit), ==,
          ddpm_uniform (r << 9) >= ps[i]);
  }
}

TEST (swish_is_good_to_the_last_digits)
{
  for (double x = -85; x < 90; x += 0.0173) {
    const double s = 1 / (1 + exp (-(float) x));
    const double swish = (float) x * s;
    const double derivative = s * (1 + (float) x * (1 - s));

    g_assert_cmpfloat (fabs (ddpm_swish (x, FALSE) - swish), <=,
        4e-7 * fabs (swish));
    g_assert_cmpfloat (fabs (ddpm_swish_derivative (x, FALSE) - derivative),
        <=, 1e-6 * MAX (fabs (derivative), s));
  }
  g_assert_cmpfloat (ddpm_swish (-INFINITY, TRUE), !=, 0.0);
  g_assert_cmpfloat (ddpm_swish (-1e30f, TRUE), ==, 0.0);
  g_assert_cmpfloat (ddpm_swish (1e30f, TRUE), ==, 1e30f);
}

static void
add (const gchar * name, void (*func) (gconstpointer))
{
  g_autofree gchar *f32 = g_strdup_printf ("/cuda-kernels/f32/%s", name);
  g_autofree gchar *bf16 = g_strdup_printf ("/cuda-kernels/bf16/%s", name);

  g_test_add_data_func (f32, GINT_TO_POINTER (DDPM_PRECISION_F32), func);
  g_test_add_data_func (bf16, GINT_TO_POINTER (DDPM_PRECISION_BF16_EMULATED),
      func);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  ddpm_cuda_attention_set_ops (&host_ops);
  ddpm_cuda_norm_set_ops (&host_ops);
  add ("the-networks-norms-take-one-pass", the_networks_norms_take_one_pass);
  add ("norms-in-one-pass", norms_in_one_pass);
  add ("norms-of-large-batches", norms_of_large_batches);
  add ("what-a-graph-does", a_replayed_graph_launches_nothing);
  add ("norms-of-odd-shapes", norms_of_odd_shapes);
  add ("norms-without-enough-shared-memory",
      norms_without_enough_shared_memory);
  add ("an-image-is-the-same-in-any-batch", an_image_is_the_same_in_any_batch);
  add ("attention", attention);
  return g_test_run ();
}
