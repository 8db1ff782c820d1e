/* gst-ddpm: the operations of a backend, run on made-up data
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A case says what to run; running it on a backend gives an outcome, which is
 * compared with that of another backend, run, batch or number of threads.
 */
#pragma once

#include "../kernels/ddpm-bf16.h"
#include "test-kernels.h"

#define OUTCOME_MAX 8

/* Everything that a case computed, as floats */
typedef struct
{
  guint count;
  const gchar *name[OUTCOME_MAX];
  float *data[OUTCOME_MAX];
  gsize size[OUTCOME_MAX];      /* elements */
  gboolean per_image[OUTCOME_MAX];
} Outcome;

typedef enum
{ NO_RESIDUAL, OTHER_RESIDUAL, IN_PLACE } Residual;

typedef struct _Case Case;
struct _Case
{
  void (*run) (DdpmBackend * b, const Case * c, guint shift, Outcome * out);
  DdpmConvDesc conv;
  DdpmNormDesc norm;
  DdpmAttentionDesc attention;
  guint linear[3];              /* rows, in, out */
  Residual residual;
  gboolean add;                 /* gradients are added to what is there */
  float dropout;
  float mean;                   /* of activations before a norm */
};

static inline void
outcome_clear (Outcome * out)
{
  for (guint i = 0; i < out->count; i++)
    g_free (out->data[i]);
  memset (out, 0, sizeof (*out));
}

/* --- tensors: memory of the backend, @shift elements off its alignment -------- */

typedef struct
{
  DdpmType type;
  gsize count;
  gpointer block;
  gpointer data;
} Tensor;

static inline Tensor
tensor_new (DdpmBackend * b, DdpmType type, gsize count, guint shift)
{
  Tensor t = { type, count };

  t.block = b->ops->alloc (b, (count + shift) * ddpm_type_size (type));
  g_assert_nonnull (t.block);
  t.data = (guint8 *) t.block + shift * ddpm_type_size (type);
  return t;
}

static inline void
tensor_set (const Tensor * t, gsize i, float value)
{
  if (t->type == DDPM_TYPE_F32)
    ((float *) t->data)[i] = value;
  else
    ((guint16 *) t->data)[i] = ddpm_bf16_from_float (value);
}

static inline float
tensor_get (const Tensor * t, gsize i)
{
  return t->type == DDPM_TYPE_F32 ? ((float *) t->data)[i]
      : ddpm_bf16_to_float (((guint16 *) t->data)[i]);
}

/* About [-1, 1) * size + mean; image i is the same in every batch */
static inline Tensor
tensor_random (DdpmBackend * b, DdpmType type, gsize n, gsize count,
    guint32 seed, float size, float mean, guint shift)
{
  Tensor t = tensor_new (b, type, n * count, shift);

  for (gsize image = 0; image < n; image++) {
    g_autofree float *x = test_random (seed + 1000 * image, count);

    for (gsize i = 0; i < count; i++)
      tensor_set (&t, image * count + i, size * x[i] + mean);
  }
  return t;
}

static inline void
tensor_free (DdpmBackend * b, Tensor * t)
{
  b->ops->free (b, t->block);
}

/* Takes the tensor into the outcome. */
static inline void
tensor_result (DdpmBackend * b, Tensor * t, const gchar * name,
    gboolean per_image, Outcome * out)
{
  float *data = g_new (float, t->count);

  for (gsize i = 0; i < t->count; i++)
    data[i] = tensor_get (t, i);
  g_assert_cmpuint (out->count, <, OUTCOME_MAX);
  out->name[out->count] = name;
  out->data[out->count] = data;
  out->size[out->count] = t->count;
  out->per_image[out->count++] = per_image;
  tensor_free (b, t);
}

/* --- the cases ---------------------------------------------------------------- */

static inline void
run_conv (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const DdpmConvDesc *d = &c->conv;
  const gsize in = d->height * d->width, taps = d->kernel * d->kernel;
  const gsize pixels = ((d->height - 1) / d->stride + 1)
      * ((d->width - 1) / d->stride + 1);
  const gsize cin = d->cin0 + d->cin1;
  const float scale = 1.0f / sqrtf (cin * taps);
  g_autoptr (GError) error = NULL;
  DdpmPlan *plan = b->ops->conv_new (b, d, &error);
  gpointer scratch;
  Tensor x0, x1, weight, bias, y, residual, dy, dx0, dx1, dweight, dbias;

  g_assert_no_error (error);
  scratch = test_scratch (plan);
  x0 = tensor_random (b, d->src_type, d->n, in * d->cin0, 1, 1, 0, shift);
  x1 = tensor_random (b, d->src_type, d->n, in * d->cin1, 2, 1, 0, shift);
  weight = tensor_random (b, DDPM_TYPE_F32, 1, d->cout * cin * taps, 3, scale,
      0, shift);
  bias = tensor_random (b, DDPM_TYPE_F32, 1, d->cout, 4, 1, 0, shift);
  residual = tensor_random (b, d->dst_type, d->n, pixels * d->cout, 5, 1, 0,
      shift);
  y = tensor_random (b, d->dst_type, d->n, pixels * d->cout, 6, 1, 0, shift);
  dy = tensor_random (b, d->dst_type, d->n, pixels * d->cout, 7, 1, 0, shift);
  dx0 = tensor_random (b, d->src_type, d->n, in * d->cin0, 8, 1, 0, shift);
  dx1 = tensor_random (b, d->src_type, d->n, in * d->cin1, 9, 1, 0, shift);
  dweight = tensor_random (b, DDPM_TYPE_F32, 1, d->cout * cin * taps, 10, 1, 0,
      shift);
  dbias = tensor_random (b, DDPM_TYPE_F32, 1, d->cout, 11, 1, 0, shift);

  b->ops->conv_set_weights (plan, weight.data, bias.data);
  b->ops->conv_forward (plan, x0.data, d->cin1 ? x1.data : NULL,
      c->residual == NO_RESIDUAL ? NULL
      : c->residual == IN_PLACE ? y.data : residual.data, y.data, scratch);
  if (d->training) {
    b->ops->conv_backward_data (plan, dy.data, dx0.data, c->add,
        d->cin1 ? dx1.data : NULL, c->add, scratch);
    b->ops->conv_backward_weights (plan, x0.data, d->cin1 ? x1.data : NULL,
        dy.data, dweight.data, dbias.data, c->add, scratch);
  }

  tensor_result (b, &y, "y", TRUE, out);
  tensor_result (b, &dx0, "dx0", TRUE, out);
  tensor_result (b, &dx1, "dx1", TRUE, out);
  tensor_result (b, &dweight, "dweight", FALSE, out);
  tensor_result (b, &dbias, "dbias", FALSE, out);
  tensor_free (b, &x0);
  tensor_free (b, &x1);
  tensor_free (b, &weight);
  tensor_free (b, &bias);
  tensor_free (b, &residual);
  tensor_free (b, &dy);
  b->ops->free (b, scratch);
  b->ops->plan_free (plan);
}

static inline void
run_norm (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const DdpmNormDesc *d = &c->norm;
  const DdpmType act = b->act_type, f32 = DDPM_TYPE_F32;
  const gsize channels = d->c0 + d->c1, stride = d->c0 + 5;
  const DdpmDropout drop = { c->dropout, 0x80000007u, G_GUINT64_CONSTANT
        (0x123456789abcdef), G_GUINT64_CONSTANT (0xfffffffe)
  };
  g_autoptr (GError) error = NULL;
  DdpmPlan *plan = b->ops->norm_new (b, d, &error);
  gpointer scratch;
  Tensor x0, x1, bias, gamma, beta, y, stats, dy, dx0, dx1, dgamma, dbeta,
      dbias;

  g_assert_no_error (error);
  scratch = test_scratch (plan);
  x0 = tensor_random (b, act, d->n, d->pixels * d->c0, 21, 1, c->mean, shift);
  x1 = tensor_random (b, act, d->n, d->pixels * d->c1, 22, 2, c->mean, shift);
  bias = tensor_random (b, f32, d->n, stride, 23, 1, 0, shift);
  gamma = tensor_random (b, f32, 1, channels, 24, 1, 0.5, shift);
  beta = tensor_random (b, f32, 1, channels, 25, 1, 0, shift);
  y = tensor_random (b, act, d->n, d->pixels * channels, 26, 1, 0, shift);
  stats = tensor_random (b, f32, d->n, d->groups * 2, 27, 1, 0, shift);
  dy = tensor_random (b, act, d->n, d->pixels * channels, 28, 1, 0.2, shift);
  dx0 = tensor_random (b, act, d->n, d->pixels * d->c0, 29, 1, 0, shift);
  dx1 = tensor_random (b, act, d->n, d->pixels * d->c1, 30, 1, 0, shift);
  dgamma = tensor_random (b, f32, 1, channels, 31, 1, 0, shift);
  dbeta = tensor_random (b, f32, 1, channels, 32, 1, 0, shift);
  dbias = tensor_random (b, f32, d->n, stride, 33, 1, 0, shift);

  b->ops->norm_forward (plan, x0.data, x1.data,
      d->time_bias ? bias.data : NULL, stride, gamma.data, beta.data,
      c->dropout > 0 ? &drop : NULL, y.data, stats.data, scratch);
  if (d->training)
    b->ops->norm_backward (plan, dy.data, x0.data, x1.data,
        d->time_bias ? bias.data : NULL, stride, gamma.data, beta.data,
        c->dropout > 0 ? &drop : NULL, stats.data, dx0.data, c->add,
        d->c1 ? dx1.data : NULL, c->add, dgamma.data, dbeta.data, c->add,
        d->time_bias ? dbias.data : NULL, scratch);

  tensor_result (b, &y, "y", TRUE, out);
  tensor_result (b, &stats, "stats", TRUE, out);
  tensor_result (b, &dx0, "dx0", TRUE, out);
  tensor_result (b, &dx1, "dx1", TRUE, out);
  tensor_result (b, &dgamma, "dgamma", FALSE, out);
  tensor_result (b, &dbeta, "dbeta", FALSE, out);
  tensor_result (b, &dbias, "dtime_bias", TRUE, out);
  tensor_free (b, &x0);
  tensor_free (b, &x1);
  tensor_free (b, &bias);
  tensor_free (b, &gamma);
  tensor_free (b, &beta);
  tensor_free (b, &dy);
  b->ops->free (b, scratch);
  b->ops->plan_free (plan);
}

static inline void
run_attention (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const DdpmAttentionDesc *d = &c->attention;
  const gsize t = d->tokens;
  const DdpmType act = b->act_type;
  g_autoptr (GError) error = NULL;
  DdpmPlan *plan = b->ops->attention_new (b, d, &error);
  gpointer scratch;
  Tensor qkv, y, probs, dy, dqkv;

  g_assert_no_error (error);
  scratch = test_scratch (plan);
  qkv = tensor_random (b, act, d->n, t * 3 * d->c, 41, 2, 0, shift);
  y = tensor_new (b, act, d->n * t * d->c, shift);
  probs = tensor_new (b, act, d->n * t * t, shift);
  dy = tensor_random (b, act, d->n, t * d->c, 42, 1, 0, shift);
  dqkv = tensor_new (b, act, d->n * t * 3 * d->c, shift);

  b->ops->attention_forward (plan, qkv.data, y.data, probs.data, scratch);
  if (d->training)
    b->ops->attention_backward (plan, dy.data, qkv.data, probs.data,
        dqkv.data, scratch);

  tensor_result (b, &y, "y", TRUE, out);
  tensor_result (b, &probs, "probs", TRUE, out);
  tensor_result (b, &dqkv, "dqkv", TRUE, out);
  tensor_free (b, &qkv);
  tensor_free (b, &dy);
  b->ops->free (b, scratch);
  b->ops->plan_free (plan);
}

static inline void
run_linear (DdpmBackend * b, const Case * c, guint shift, Outcome * out)
{
  const gsize rows = c->linear[0], in = c->linear[1], n_out = c->linear[2];
  const DdpmType f32 = DDPM_TYPE_F32;
  g_autoptr (GError) error = NULL;
  DdpmPlan *plan = b->ops->linear_new (b, rows, in, n_out, &error);
  gpointer scratch;
  Tensor x, weight, bias, y, dy, dx, dweight, dbias;

  g_assert_no_error (error);
  scratch = test_scratch (plan);
  x = tensor_random (b, f32, rows, in, 51, 1, 0, shift);
  weight = tensor_random (b, f32, 1, in * n_out, 52, 1, 0, shift);
  bias = tensor_random (b, f32, 1, n_out, 53, 1, 0, shift);
  y = tensor_random (b, f32, rows, n_out, 54, 1, 0, shift);
  dy = tensor_random (b, f32, rows, n_out, 55, 1, 0, shift);
  dx = tensor_random (b, f32, rows, in, 56, 1, 0, shift);
  dweight = tensor_random (b, f32, 1, in * n_out, 57, 1, 0, shift);
  dbias = tensor_random (b, f32, 1, n_out, 58, 1, 0, shift);

  b->ops->linear_forward (plan, x.data, weight.data, bias.data, y.data,
      scratch);
  b->ops->linear_backward (plan, x.data, weight.data, dy.data, dx.data,
      dweight.data, dbias.data, c->add, scratch);

  tensor_result (b, &y, "y", TRUE, out);
  tensor_result (b, &dx, "dx", TRUE, out);
  tensor_result (b, &dweight, "dweight", FALSE, out);
  tensor_result (b, &dbias, "dbias", FALSE, out);
  tensor_free (b, &x);
  tensor_free (b, &weight);
  tensor_free (b, &bias);
  tensor_free (b, &dy);
  b->ops->free (b, scratch);
  b->ops->plan_free (plan);
}

/* --- running and comparing ------------------------------------------------------ */

typedef struct
{
  DdpmBackend *backend;
  const Case *c;
  guint shift;
  Outcome *out;
} CaseJob;

static inline void
case_job (gpointer data)
{
  CaseJob *job = data;

  job->c->run (job->backend, job->c, job->shift, job->out);
}

static inline Outcome
case_run (DdpmBackend * b, const Case * c, guint shift)
{
  Outcome out = { 0, };
  CaseJob job = { b, c, shift, &out };

  b->ops->run (b, case_job, &job);
  return out;
}

/* Mean square of the difference over that of the expected, of the first
 * @images of @n images where it is by image */
static inline void
outcome_assert_close (const Outcome * got, const Outcome * expected,
    guint images, guint n, double tolerance)
{
  g_assert_cmpuint (got->count, ==, expected->count);
  for (guint k = 0; k < got->count; k++) {
    const gsize count = got->per_image[k] ? expected->size[k] / n * images
        : images == n ? expected->size[k] : 0;
    double error = 0.0, power = 0.0;

    for (gsize i = 0; i < count; i++) {
      const double e = expected->data[k][i], d = got->data[k][i] - e;

      error += d * d;
      power += e * e;
    }
    if (!(error <= tolerance * power))
      g_error ("%s: normalised mean square error %g, expected at most %g",
          got->name[k], error / power, tolerance);
  }
}

static inline void
outcome_assert_same_bits (const Outcome * a, const Outcome * b)
{
  g_assert_cmpuint (a->count, ==, b->count);
  for (guint k = 0; k < a->count; k++)
    test_assert_same_bits (a->data[k], b->data[k],
        a->size[k] * sizeof (float));
}
