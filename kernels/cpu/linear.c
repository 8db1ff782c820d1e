/* gst-ddpm: CPU backend: the linear layers of the time embedding
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   y[r][o]     = bias[o] + sum over i of x[r][i] weight[o][i]
 *   dx[r][i]    = sum over o of dy[r][o] weight[o][i]
 *   dweight[o][i] = sum over r of dy[r][o] x[r][i]
 *   dbias[o]    = sum over r of dy[r][o]
 */
#include "kernels/cpu/gemm.h"

typedef struct
{
  DdpmPlan base;
  gsize rows, in, out;
  CpuGemm forward;              /* weight, x^T, y^T */
  CpuGemm backward_data;        /* dy, weight, dx */
  CpuGemm backward_weights;     /* dy^T, x, dweight */
  gsize sums, work;             /* offsets in the workspace */
} CpuLinear;

/* There are few rows. With the weights as the left factor, they are read once,
 * and need not be packed. */
static void
plan_gemms (CpuLinear * l, CpuBackend * b)
{
  const DdpmType f32 = DDPM_TYPE_F32;
  const CpuMatrix x = { f32, l->rows, l->in, {0, l->in, 1} };
  const CpuMatrix x_transposed = { f32, l->in, l->rows, {0, 1, l->in} };
  const CpuMatrix y = { f32, l->rows, l->out, {0, l->out, 1} };
  const CpuMatrix y_transposed = { f32, l->out, l->rows, {0, 1, l->out} };
  const CpuMatrix weight = { f32, l->out, l->in, {0, l->in, 1} };

  ddpm_cpu_gemm_init (&l->forward, b, 1, &weight, &x_transposed, &y_transposed);
  ddpm_cpu_gemm_init (&l->backward_data, b, 1, &y, &weight, &x);
  ddpm_cpu_gemm_init (&l->backward_weights, b, 1, &y_transposed, &x, &weight);
}

static DdpmPlan *
linear_new (DdpmBackend * base, guint rows, guint in, guint out,
    GError ** error)
{
  CpuBackend *b = (CpuBackend *) base;
  CpuLinear *l;
  gsize total = 0;

  if (!ddpm_linear_check (rows, in, out, error))
    return NULL;

  l = ddpm_plan_new (sizeof (CpuLinear), base, NULL, b->kernels->gemm->name);
  l->rows = rows;
  l->in = in;
  l->out = out;
  plan_gemms (l, b);
  l->sums =
      ddpm_cpu_layout_add (&total, ddpm_cpu_column_sums_scratch (rows, out), 1);
  l->work =
      ddpm_cpu_layout_add (&total, MAX (l->forward.scratch,
          MAX (l->backward_data.scratch, l->backward_weights.scratch)), 1);
  l->base.scratch = total;
  return &l->base;
}

static void
linear_forward (DdpmPlan * p, const float *x, const float *weight,
    const float *bias, float *y, gpointer scratch)
{
  CpuLinear *l = (CpuLinear *) p;
  CpuBackend *b = ddpm_cpu_plan_backend (p);

  ddpm_cpu_gemm_run (&l->forward, b, weight, x, y, FALSE,
      ddpm_cpu_at (scratch, l->work));
  b->kernels->element->add_rows (l->rows, l->out, bias, y);
}

static void
linear_backward (DdpmPlan * p, const float *x, const float *weight,
    const float *dy, float *dx, float *dweight, float *dbias, gboolean add,
    gpointer scratch)
{
  CpuLinear *l = (CpuLinear *) p;
  CpuBackend *b = ddpm_cpu_plan_backend (p);
  gpointer work = ddpm_cpu_at (scratch, l->work);

  if (dx)
    ddpm_cpu_gemm_run (&l->backward_data, b, dy, weight, dx, FALSE, work);
  ddpm_cpu_gemm_run (&l->backward_weights, b, dy, x, dweight, add, work);
  ddpm_cpu_column_sums (b, DDPM_TYPE_F32, l->rows, l->out, l->out, dy, dbias,
      add, ddpm_cpu_at (scratch, l->sums));
}

void
ddpm_cpu_linear_set_ops (DdpmOps * ops)
{
  ops->linear_new = linear_new;
  ops->linear_forward = linear_forward;
  ops->linear_backward = linear_backward;
}
