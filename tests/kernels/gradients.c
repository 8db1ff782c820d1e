/* gst-ddpm: the reference backend: every derivative against differences
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loss is a sum of outputs, weighted with dy, in double; its derivative
 * by x is taken from four points, (f(x-2h) - 8 f(x-h) + 8 f(x+h) - f(x+2h))
 * / 12h. Outputs are floats, so h is not small.
 */
#include "tests/support/kernels.h"
#include "tests/support/test.h"

typedef double (*LossFunc) (gconstpointer op);

#define H (1.0f / 32.0f)

static void
assert_gradient (const float *gradient, float *x, gsize count, LossFunc loss,
    gconstpointer op)
{
  g_autofree double *expected = g_new (double, count);

  for (gsize i = 0; i < count; i++) {
    const float here = x[i];
    double f[5];

    for (gint k = -2; k <= 2; k++) {
      x[i] = here + k * H;
      f[k + 2] = k ? loss (op) : 0.0;
    }
    x[i] = here;
    expected[i] = (f[0] - 8.0 * f[1] + 8.0 * f[3] - f[4]) / (12.0 * H);
  }
  test_assert_close (gradient, expected, count, 2e-4);
}

static double
weighted_sum (const float *weights, const float *values, gsize count)
{
  double sum = 0.0;

  for (gsize i = 0; i < count; i++)
    sum += (double) weights[i] * values[i];
  return sum;
}

/* got = gradient + what was there, in float */
static void
assert_added (const float *got, const float *before, const float *gradient,
    gsize count)
{
  g_autofree double *expected = g_new (double, count);

  for (gsize i = 0; i < count; i++)
    expected[i] = (double) before[i] + gradient[i];
  test_assert_close (got, expected, count, 3e-7);
}

/* --- convolution --- */

typedef struct
{
  const gchar *name;
  DdpmConvDesc d;
} ConvCase;

static const ConvCase conv_cases[] = {
  {"3x3", {2, 4, 3, 3, 0, 5, 3, 1, 0, 0, TRUE}},
  {"1x1", {2, 3, 3, 5, 0, 9, 1, 1, 0, 0, TRUE}},
  {"stride-2", {2, 4, 6, 3, 0, 4, 3, 2, 0, 0, TRUE}},
  {"stride-2-odd", {1, 5, 3, 2, 0, 8, 3, 2, 0, 0, TRUE}},
  {"two-sources", {2, 3, 4, 5, 4, 3, 3, 1, 0, 0, TRUE}},
  {"padded-at-the-end", {2, 4, 6, 3, 0, 4, 3, 2, 0, 0, TRUE, TRUE}},
  {"padded-at-the-end-odd", {1, 5, 3, 2, 3, 3, 3, 2, 0, 0, TRUE, TRUE}},
};

typedef struct
{
  DdpmPlan *plan;
  gsize size0, size1, weights, outputs;
  guint cout;
  float *x0, *x1, *weight, *bias, *dy, *y;
  gpointer scratch;
} Conv;

static void
conv_init (Conv * op, DdpmBackend * b, const DdpmConvDesc * d)
{
  const gsize pixels = d->n * d->height * d->width;

  op->plan = b->ops->conv_new (b, d, NULL);
  op->size0 = pixels * d->cin0;
  op->size1 = pixels * d->cin1;
  op->cout = d->cout;
  op->weights = d->cout * (d->cin0 + d->cin1) * d->kernel * d->kernel;
  op->outputs = d->n * ((d->height + d->stride - 1) / d->stride)
      * ((d->width + d->stride - 1) / d->stride) * d->cout;
  op->x0 = test_random (1, op->size0);
  op->x1 = test_random (2, op->size1);
  op->weight = test_random (3, op->weights);
  op->bias = test_random (4, d->cout);
  op->dy = test_random (5, op->outputs);
  op->y = test_unwritten (op->outputs);
  op->scratch = test_scratch (op->plan);
}

static void
conv_clear (Conv * op)
{
  g_free (op->x0);
  g_free (op->x1);
  g_free (op->weight);
  g_free (op->bias);
  g_free (op->dy);
  g_free (op->y);
  test_plan_free (op->plan, op->scratch);
}

static double
conv_loss (gconstpointer data)
{
  const Conv *op = data;
  const DdpmOps *ops = op->plan->ops;

  ops->conv_set_weights (op->plan, op->weight, op->bias);
  ops->conv_forward (op->plan, op->x0, op->x1, NULL, op->y, op->scratch);
  return weighted_sum (op->dy, op->y, op->outputs);
}

TABLE_TEST (conv_data_gradient, conv_cases)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  Conv op;
  g_autofree float *dx0 = NULL, *dx1 = NULL, *only = NULL;
  g_autofree float *added = NULL, *before = NULL;

  conv_init (&op, b, &row->d);
  dx0 = test_unwritten (op.size0);
  dx1 = test_unwritten (op.size1);
  only = test_unwritten (op.size1);
  added = test_random (9, op.size0);
  before = test_random (9, op.size0);
  b->ops->conv_set_weights (op.plan, op.weight, op.bias);
  b->ops->conv_backward_data (op.plan, op.dy, dx0, FALSE,
      op.size1 ? dx1 : NULL, FALSE, op.scratch);
  assert_gradient (dx0, op.x0, op.size0, conv_loss, &op);
  if (op.size1) {
    assert_gradient (dx1, op.x1, op.size1, conv_loss, &op);
    b->ops->conv_backward_data (op.plan, op.dy, NULL, FALSE, only, FALSE,
        op.scratch);
    test_assert_same_bits (only, dx1, op.size1 * sizeof (float));
  }
  b->ops->conv_backward_data (op.plan, op.dy, added, TRUE, NULL, FALSE,
      op.scratch);
  assert_added (added, before, dx0, op.size0);
  conv_clear (&op);
}

TABLE_TEST (conv_weight_gradient, conv_cases)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  Conv op;
  g_autofree float *dweight = NULL, *dbias = NULL;
  g_autofree float *added = NULL, *before = NULL;

  conv_init (&op, b, &row->d);
  dweight = test_unwritten (op.weights);
  dbias = test_unwritten (op.cout);
  b->ops->conv_backward_weights (op.plan, op.x0, op.x1, op.dy, dweight, dbias,
      FALSE, op.scratch);
  assert_gradient (dweight, op.weight, op.weights, conv_loss, &op);
  assert_gradient (dbias, op.bias, op.cout, conv_loss, &op);

  /* one array for both: the bias after the weights */
  added = test_random (9, op.weights + op.cout);
  before = test_random (9, op.weights + op.cout);
  b->ops->conv_backward_weights (op.plan, op.x0, op.x1, op.dy, added,
      added + op.weights, TRUE, op.scratch);
  assert_added (added, before, dweight, op.weights);
  assert_added (added + op.weights, before + op.weights, dbias, op.cout);
  conv_clear (&op);
}

/* --- group norm --- */

typedef struct
{
  const gchar *name;
  DdpmNormDesc d;
  gfloat drop;
} NormCase;

static const NormCase norm_cases[] = {
  {"plain", {2, 6, 8, 0, 4, 1e-5f, FALSE, FALSE, TRUE}, 0.0f},
  {"swish", {2, 6, 8, 0, 2, 1e-5f, TRUE, FALSE, TRUE}, 0.0f},
  {"groups-over-the-seam", {1, 6, 64, 32, 32, 1e-5f, TRUE, FALSE, TRUE},
      0.0f},
  {"time-bias", {3, 6, 12, 0, 4, 1e-6f, TRUE, TRUE, TRUE}, 0.0f},
  {"dropout", {2, 5, 6, 3, 3, 1e-5f, TRUE, FALSE, TRUE}, 0.4f},
  {"modulation", {3, 6, 9, 0, 3, 1e-6f, TRUE, FALSE, TRUE, TRUE}, 0.0f},
  {"modulation-and-dropout", {2, 12, 8, 0, 8, 1e-2f, TRUE, FALSE, TRUE, TRUE},
      0.3f},
};

#define STRIDE 20               /* of rows of the time bias or modulation */

typedef struct
{
  DdpmPlan *plan;
  const DdpmDropout *drop;
  gsize size0, size1, channels, biases;
  float *x0, *x1, *bias, *gamma, *beta, *dy, *y, *stats;
  gpointer scratch;
} Norm;

static void
norm_init (Norm * op, DdpmBackend * b, const DdpmNormDesc * d)
{
  op->plan = b->ops->norm_new (b, d, NULL);
  op->size0 = (gsize) d->n * d->pixels * d->c0;
  op->size1 = (gsize) d->n * d->pixels * d->c1;
  op->channels = d->c0 + d->c1;
  op->biases = d->n * STRIDE;
  op->x0 = test_random (1, op->size0);
  op->x1 = test_random (2, op->size1);
  op->bias = test_random (3, op->biases);
  op->gamma = test_random (4, op->channels);
  op->beta = test_random (5, op->channels);
  op->dy = test_random (6, op->size0 + op->size1);
  op->y = test_unwritten (op->size0 + op->size1);
  op->stats = test_unwritten (d->n * d->groups * 2);
  op->scratch = test_scratch (op->plan);
}

static void
norm_clear (Norm * op)
{
  g_free (op->x0);
  g_free (op->x1);
  g_free (op->bias);
  g_free (op->gamma);
  g_free (op->beta);
  g_free (op->dy);
  g_free (op->y);
  g_free (op->stats);
  test_plan_free (op->plan, op->scratch);
}

static double
norm_loss (gconstpointer data)
{
  const Norm *op = data;

  op->plan->ops->norm_forward (op->plan, op->x0, op->x1, op->bias, STRIDE,
      op->gamma, op->beta, op->drop, op->y, op->stats, op->scratch);
  return weighted_sum (op->dy, op->y, op->size0 + op->size1);
}

static void
norm_backward (const Norm * op, float *dx0, float *dx1, float *dgamma,
    float *dbeta, float *dbias, gboolean add)
{
  op->plan->ops->norm_backward (op->plan, op->dy, op->x0, op->x1, op->bias,
      STRIDE, op->gamma, op->beta, op->drop, op->stats, dx0, add, dx1, add,
      dgamma, dbeta, add, dbias, op->scratch);
}

static void
assert_time_bias_gradient (Norm * op, const NormCase * test, const float *dbias)
{
  const guint numbers = (test->d.modulation ? 2 : 1) * test->d.c0;

  for (guint image = 0; image < test->d.n; image++) {
    assert_gradient (dbias + image * STRIDE, op->bias + image * STRIDE,
        numbers, norm_loss, op);
    /* what lies between the rows is somebody else's */
    for (guint c = numbers; c < STRIDE; c++)
      g_assert_true (isnan (dbias[image * STRIDE + c]));
  }
}

TABLE_TEST (norm_gradient, norm_cases)
{
  const DdpmDropout drop = { row->drop, 77, 5, 1000 };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  Norm op = {.drop = row->drop > 0.0f ? &drop : NULL };
  g_autofree float *dx = NULL, *added = NULL, *before = NULL, *dbias = NULL;
  g_autofree float *dparams = NULL, *added_params = NULL, *params = NULL;
  const gboolean timed = row->d.time_bias || row->d.modulation;
  gsize size, channels;

  norm_init (&op, b, &row->d);
  size = op.size0 + op.size1;
  channels = op.channels;
  dx = test_unwritten (size);
  dparams = test_unwritten (2 * channels);
  dbias = test_unwritten (op.biases);
  norm_loss (&op);
  norm_backward (&op, dx, op.size1 ? dx + op.size0 : NULL, dparams,
      dparams + channels, timed ? dbias : NULL, FALSE);
  assert_gradient (dx, op.x0, op.size0, norm_loss, &op);
  if (op.size1)
    assert_gradient (dx + op.size0, op.x1, op.size1, norm_loss, &op);
  assert_gradient (dparams, op.gamma, channels, norm_loss, &op);
  assert_gradient (dparams + channels, op.beta, channels, norm_loss, &op);
  if (timed)
    assert_time_bias_gradient (&op, row, dbias);

  added = test_random (9, size);
  before = test_random (9, size);
  added_params = test_random (8, 2 * channels);
  params = test_random (8, 2 * channels);
  norm_loss (&op);
  norm_backward (&op, added, op.size1 ? added + op.size0 : NULL,
      added_params, added_params + channels, timed ? dbias : NULL, TRUE);
  assert_added (added, before, dx, size);
  assert_added (added_params, params, dparams, 2 * channels);
  if (timed)                    /* always = */
    assert_time_bias_gradient (&op, row, dbias);
  norm_clear (&op);
}

/* --- attention --- */

enum
{ N = 2, TOKENS = 5, C = 9 };

typedef struct
{
  DdpmPlan *plan;
  float *qkv, *dy;
  gpointer scratch;
  float y[N * TOKENS * C], kept[3 * N * TOKENS * TOKENS];
} Attention;

static double
attention_loss (gconstpointer data)
{
  Attention *op = (Attention *) data;

  op->plan->ops->attention_forward (op->plan, op->qkv, op->y, op->kept,
      op->scratch);
  return weighted_sum (op->dy, op->y, N * TOKENS * C);
}

static const struct
{
  const gchar *name;
  guint heads;
} attentions[] = {
  {"one-head", 1}, {"three-heads", 3},
};

TABLE_TEST (attention_gradient, attentions)
{
  const DdpmAttentionDesc d = { N, TOKENS, C, row->heads, TRUE };
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *qkv = test_random (1, N * TOKENS * 3 * C);
  g_autofree float *dy = test_random (2, N * TOKENS * C);
  g_autofree float *dqkv = test_unwritten (N * TOKENS * 3 * C);
  Attention op = { b->ops->attention_new (b, &d, NULL), qkv, dy };

  op.scratch = test_scratch (op.plan);
  attention_loss (&op);
  b->ops->attention_backward (op.plan, dy, qkv, op.kept, dqkv, op.scratch);
  assert_gradient (dqkv, qkv, N * TOKENS * 3 * C, attention_loss, &op);
  test_plan_free (op.plan, op.scratch);
}

/* --- linear --- */

enum
{ ROWS = 3, IN = 7, OUT = 4 };

typedef struct
{
  DdpmPlan *plan;
  float *x, *weight, *bias, *dy;
  gpointer scratch;
} Linear;

static double
linear_loss (gconstpointer data)
{
  const Linear *op = data;
  float y[ROWS * OUT];

  op->plan->ops->linear_forward (op->plan, op->x, op->weight, op->bias, y,
      op->scratch);
  return weighted_sum (op->dy, y, ROWS * OUT);
}

TEST (linear_gradient)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *x = test_random (1, ROWS * IN);
  g_autofree float *weight = test_random (2, OUT * IN);
  g_autofree float *bias = test_random (3, OUT);
  g_autofree float *dy = test_random (4, ROWS * OUT);
  g_autofree float *dx = test_unwritten (ROWS * IN);
  g_autofree float *dweight = test_unwritten (OUT * IN);
  g_autofree float *added = test_random (5, OUT * IN);
  g_autofree float *before = test_random (5, OUT * IN);
  float dbias[OUT], dbias_twice[OUT];
  Linear op = { b->ops->linear_new (b, ROWS, IN, OUT, NULL), x, weight, bias,
    dy
  };

  op.scratch = test_scratch (op.plan);
  b->ops->linear_backward (op.plan, x, weight, dy, dx, dweight, dbias, FALSE,
      op.scratch);
  assert_gradient (dx, x, ROWS * IN, linear_loss, &op);
  assert_gradient (dweight, weight, OUT * IN, linear_loss, &op);
  assert_gradient (dbias, bias, OUT, linear_loss, &op);

  memcpy (dbias_twice, dbias, sizeof dbias);
  b->ops->linear_backward (op.plan, x, weight, dy, NULL, added, dbias_twice,
      TRUE, op.scratch);
  assert_added (added, before, dweight, OUT * IN);
  assert_added (dbias_twice, dbias, dbias, OUT);
  test_plan_free (op.plan, op.scratch);
}

/* --- the small ones --- */

enum
{ SMALL = 2 * 3 * 2 * 5 };      /* 2 images, 3 x 2 pixels, 5 channels */

typedef struct
{
  DdpmBackend *b;
  const float *x, *target, *dy;
} Small;

static double
swish_loss (gconstpointer data)
{
  const Small *op = data;
  float y[SMALL];

  op->b->ops->swish_forward (op->b, SMALL, op->x, y);
  return weighted_sum (op->dy, y, SMALL);
}

static double
upsample_loss (gconstpointer data)
{
  const Small *op = data;
  float y[4 * SMALL];

  op->b->ops->upsample_forward (op->b, 2, 3, 2, 5, op->x, y);
  return weighted_sum (op->dy, y, 4 * SMALL);
}

static double
scale_loss (gconstpointer data)
{
  const Small *op = data;
  float y[SMALL];

  memcpy (y, op->x, sizeof (y));
  op->b->ops->scale (op->b, SMALL, 0.7f, y);
  return weighted_sum (op->dy, y, SMALL);
}

/* The halves of 2 x 5 channels */
static double
split_loss (gconstpointer data)
{
  const Small *op = data;
  float y[SMALL];

  op->b->ops->split_channels (op->b, SMALL / 10, 5, op->x, y, y + SMALL / 2);
  return weighted_sum (op->dy, y, SMALL);
}

static double
first_half_loss (gconstpointer data)
{
  const Small *op = data;
  float y[SMALL / 2];

  op->b->ops->split_channels (op->b, SMALL / 10, 5, op->x, y, NULL);
  return weighted_sum (op->dy, y, SMALL / 2);
}

static const float mse_scale[] = { 0.125f, 0.5f };

static double
mse_loss (gconstpointer data)
{
  const Small *op = data;
  float dpred[SMALL];
  double loss[2];

  op->b->ops->mse (op->b, 2, 2, SMALL / 2, mse_scale, op->x, op->target,
      dpred, loss);
  return mse_scale[0] * loss[0] + mse_scale[1] * loss[1];
}

TEST (small_gradients)
{
  g_autoptr (DdpmBackend) b = test_reference (DDPM_PRECISION_F32);
  g_autofree float *x = test_random (1, SMALL);
  g_autofree float *target = test_random (2, SMALL);
  g_autofree float *dy = test_random (3, 4 * SMALL);
  const Small op = { b, x, target, dy };
  g_autofree float *dx = test_unwritten (SMALL);
  g_autofree float *added = test_random (9, SMALL);
  g_autofree float *before = test_random (9, SMALL);
  double loss[2];

  b->ops->swish_backward (b, SMALL, x, dy, dx);
  assert_gradient (dx, x, SMALL, swish_loss, &op);

  b->ops->mse (b, 2, 2, SMALL / 2, mse_scale, x, target, dx, loss);
  assert_gradient (dx, x, SMALL, mse_loss, &op);

  memcpy (dx, dy, SMALL * sizeof (float));
  b->ops->scale (b, SMALL, 0.7f, dx);
  assert_gradient (dx, x, SMALL, scale_loss, &op);

  b->ops->join_channels (b, SMALL / 10, 5, dy, dy + SMALL / 2, dx);
  assert_gradient (dx, x, SMALL, split_loss, &op);
  b->ops->join_channels (b, SMALL / 10, 5, dy, NULL, dx);
  assert_gradient (dx, x, SMALL, first_half_loss, &op);

  b->ops->upsample_backward (b, 2, 3, 2, 5, dy, dx, FALSE);
  assert_gradient (dx, x, SMALL, upsample_loss, &op);
  b->ops->upsample_backward (b, 2, 3, 2, 5, dy, added, TRUE);
  assert_added (added, before, dx, SMALL);
}
