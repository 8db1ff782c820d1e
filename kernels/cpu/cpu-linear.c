/* gst-ddpm: CPU backend: the linear layers of the time embedding
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   y[r][o] = bias[o] + sum over i of x[r][i] weight[o][i]
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cpu-private.h"

typedef struct
{
  CpuPlan base;
  gsize rows, in, out;
  CpuPrimitive forward;         /* x, weight, y */
  CpuPrimitive backward_data;   /* dy, weight, dx */
  CpuPrimitive backward_weights[2];     /* dy, x, dweight; [1]: += */
  gsize sums, work;             /* offsets in the workspace */
} CpuLinear;

static void
linear_clear (DdpmPlan * p)
{
  CpuLinear *l = (CpuLinear *) p;

  cpu_primitive_clear (&l->forward);
  cpu_primitive_clear (&l->backward_data);
  cpu_primitive_clear (&l->backward_weights[0]);
  cpu_primitive_clear (&l->backward_weights[1]);
}

static const gchar *
linear_implementation (DdpmPlan * p, guint kind)
{
  CpuLinear *l = (CpuLinear *) p;

  switch (kind) {
    case 0:
      return l->forward.implementation;
    case 1:
      return l->backward_data.implementation;
    default:
      return l->backward_weights[0].implementation;
  }
}

static gboolean
plan_products (CpuLinear * l, CpuBackend * b, GError ** error)
{
  const DdpmType f32 = DDPM_TYPE_F32;
  const CpuMatrix x = { f32, l->rows, l->in, {0, l->in, 1} };
  const CpuMatrix y = { f32, l->rows, l->out, {0, l->out, 1} };
  const CpuMatrix y_transposed = { f32, l->out, l->rows, {0, 1, l->out} };
  const CpuMatrix weight = { f32, l->out, l->in, {0, l->in, 1} };
  const CpuMatrix weight_transposed = { f32, l->in, l->out, {0, 1, l->in} };

  return cpu_matmul_init (&l->forward, b, 1, &x, &weight_transposed, &y, FALSE,
      error)
      && cpu_matmul_init (&l->backward_data, b, 1, &y, &weight, &x, FALSE,
      error)
      && cpu_matmul_init (&l->backward_weights[0], b, 1, &y_transposed, &x,
      &weight, FALSE, error)
      && cpu_matmul_init (&l->backward_weights[1], b, 1, &y_transposed, &x,
      &weight, TRUE, error);
}

DdpmPlan *
cpu_linear_new (DdpmBackend * b, guint rows, guint in, guint out,
    GError ** error)
{
  CpuLinear *l;
  gsize total = 0, work;

  if (!ddpm_linear_check (rows, in, out, error))
    return NULL;

  l = g_new0 (CpuLinear, 1);
  cpu_plan_init (&l->base, b, linear_clear, linear_implementation);
  l->rows = rows;
  l->in = in;
  l->out = out;
  if (!plan_products (l, (CpuBackend *) b, error)) {
    cpu_plan_free (&l->base.plan);
    return NULL;
  }
  work = MAX (MAX (l->forward.scratch, l->backward_data.scratch),
      MAX (l->backward_weights[0].scratch, l->backward_weights[1].scratch));
  l->sums = cpu_layout_add (&total, cpu_column_sums_scratch (rows, out), 1);
  l->work = cpu_layout_add (&total, work, 1);
  l->base.plan.scratch = total;
  return &l->base.plan;
}

void
cpu_linear_forward (DdpmPlan * p, const float *x, const float *weight,
    const float *bias, float *y, gpointer scratch)
{
  CpuLinear *l = (CpuLinear *) p;
  CpuBackend *b = cpu_plan_backend (p);

  cpu_primitive_run (&l->forward, b, (gconstpointer[]) {
      x, weight, y}, cpu_at (scratch, l->work));
  b->kernels->element->add_rows (l->rows, l->out, bias, y);
}

void
cpu_linear_backward (DdpmPlan * p, const float *x, const float *weight,
    const float *dy, float *dx, float *dweight, float *dbias, gboolean add,
    gpointer scratch)
{
  CpuLinear *l = (CpuLinear *) p;
  CpuBackend *b = cpu_plan_backend (p);
  gpointer work = cpu_at (scratch, l->work);

  if (dx)
    cpu_primitive_run (&l->backward_data, b, (gconstpointer[]) {
        dy, weight, dx}
      , work);
  cpu_primitive_run (&l->backward_weights[!!add], b, (gconstpointer[]) {
      dy, x, dweight}
      , work);
  cpu_column_sums (b, DDPM_TYPE_F32, l->rows, l->out, l->out, dy, dbias, add,
      cpu_at (scratch, l->sums));
}
