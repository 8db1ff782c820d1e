/* gst-ddpm: reference backend: the linear layers of the time embedding
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   y[r][o]       = bias[o] + sum over i of x[r][i] weight[o][i]
 *   dx[r][i]      = sum over o of dy[r][o] weight[o][i]
 *   dweight[o][i] = sum over r of dy[r][o] x[r][i]
 *   dbias[o]      = sum over r of dy[r][o]
 */
#include "kernels/reference/private.h"

typedef struct
{
  DdpmPlan base;
  guint rows, in, out;
} RefLinear;

static DdpmPlan *
linear_new (DdpmBackend * b, guint rows, guint in, guint out, GError ** error)
{
  RefLinear *linear;

  if (!ddpm_linear_check (rows, in, out, error))
    return NULL;

  linear = ddpm_plan_new (sizeof (RefLinear), b, NULL, "reference");
  linear->rows = rows;
  linear->in = in;
  linear->out = out;
  linear->base.scratch = in * sizeof (double);
  return &linear->base;
}

static void
linear_forward (DdpmPlan * p, const float *x, const float *weight,
    const float *bias, float *y, gpointer scratch)
{
  const RefLinear *l = (const RefLinear *) p;

  for (gsize r = 0; r < l->rows; r++) {
    for (gsize o = 0; o < l->out; o++) {
      double sum = bias[o];

      for (gsize i = 0; i < l->in; i++)
        sum += (double) x[r * l->in + i] * weight[o * l->in + i];
      y[r * l->out + o] = sum;
    }
  }
}

static void
backward_data (const RefLinear * l, const float *weight, const float *dy,
    float *dx, double *sum)
{
  for (gsize r = 0; r < l->rows; r++) {
    memset (sum, 0, l->in * sizeof (double));
    for (gsize o = 0; o < l->out; o++) {
      const double g = dy[r * l->out + o];

      for (gsize i = 0; i < l->in; i++)
        sum[i] += g * weight[o * l->in + i];
    }
    for (gsize i = 0; i < l->in; i++)
      dx[r * l->in + i] = sum[i];
  }
}

static void
backward_weights (const RefLinear * l, const float *x, const float *dy,
    float *dweight, float *dbias, gboolean add, double *sum)
{
  for (gsize o = 0; o < l->out; o++) {
    double bias_sum = 0.0;

    memset (sum, 0, l->in * sizeof (double));
    for (gsize r = 0; r < l->rows; r++) {
      const double g = dy[r * l->out + o];

      bias_sum += g;
      for (gsize i = 0; i < l->in; i++)
        sum[i] += g * x[r * l->in + i];
    }
    for (gsize i = 0; i < l->in; i++)
      ddpm_ref_store_or_add (DDPM_TYPE_F32, dweight, o * l->in + i, sum[i],
          add);
    ddpm_ref_store_or_add (DDPM_TYPE_F32, dbias, o, bias_sum, add);
  }
}

static void
linear_backward (DdpmPlan * p, const float *x, const float *weight,
    const float *dy, float *dx, float *dweight, float *dbias, gboolean add,
    gpointer scratch)
{
  const RefLinear *l = (const RefLinear *) p;

  if (dx)
    backward_data (l, weight, dy, dx, scratch);
  backward_weights (l, x, dy, dweight, dbias, add, scratch);
}

void
ddpm_ref_linear_set_ops (DdpmOps * ops)
{
  ops->linear_new = linear_new;
  ops->linear_forward = linear_forward;
  ops->linear_backward = linear_backward;
}
