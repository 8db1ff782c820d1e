/* gst-ddpm: CUDA backend: linear layers, all in f32
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/desc.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/kernels/launches.h"
#include "kernels/cuda/operations.h"

typedef struct
{
  DdpmPlan base;
  guint rows, in, out;
  CudaGemm *forward;            /* y += x weight^T; NULL: the few-rows kernel */
  CudaGemm *data;               /* dx = dy weight */
  CudaGemm *weights;            /* dweight = dy^T x */
} LinearPlan;

static void
linear_clear (DdpmPlan * p)
{
  LinearPlan *plan = (LinearPlan *) p;

  ddpm_cuda_gemm_free (plan->forward);
  ddpm_cuda_gemm_free (plan->data);
  ddpm_cuda_gemm_free (plan->weights);
}

/* A packed matrix, rows x columns as read; transposed: stored as columns x rows */
static CudaMatrix
matrix (guint rows, guint columns, gboolean transposed)
{
  const gsize stride = transposed ? rows : columns;
  const CudaMatrix m = { DDPM_TYPE_F32, rows, columns, stride, 0, transposed };

  return m;
}

static DdpmPlan *
linear_new (DdpmBackend * base, guint rows, guint in, guint out,
    GError ** error)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  const CudaMatrix x = matrix (rows, in, FALSE), y = matrix (rows, out, FALSE);
  const CudaMatrix weight = matrix (out, in, FALSE);
  const CudaMatrix weight_t = matrix (in, out, TRUE);
  const CudaMatrix dy_t = matrix (out, rows, TRUE);
  LinearPlan *plan;
  gsize scratch;

  if (!ddpm_linear_check (rows, in, out, error))
    return NULL;

  plan = ddpm_plan_new (sizeof (LinearPlan), base, linear_clear, "cuda");
  plan->rows = rows;
  plan->in = in;
  plan->out = out;
  plan->base.implementation[0] = "cuda:few-rows";
  if (rows > CUDA_KERN_FEW_ROWS) {
    plan->base.implementation[0] = "cublasLt";
    plan->forward = ddpm_cuda_gemm_new (b, 1, &x, &weight_t, &y, error);
    if (plan->forward == NULL)
      goto failed;
  }
  plan->data = ddpm_cuda_gemm_new (b, 1, &y, &weight, &x, error);
  if (plan->data == NULL)
    goto failed;
  plan->weights = ddpm_cuda_gemm_new (b, 1, &dy_t, &x, &weight, error);
  if (plan->weights == NULL)
    goto failed;
  scratch = MAX (ddpm_cuda_gemm_scratch (plan->data),
      ddpm_cuda_gemm_scratch (plan->weights));
  if (plan->forward)
    scratch = MAX (scratch, ddpm_cuda_gemm_scratch (plan->forward));
  plan->base.scratch = scratch;
  return &plan->base;

failed:
  ddpm_plan_free (&plan->base);
  return NULL;
}

static void
linear_forward (DdpmPlan * p, const float *x, const float *weight,
    const float *bias, float *y, gpointer scratch)
{
  const LinearPlan *plan = (const LinearPlan *) p;
  CudaBackend *b = ddpm_cuda_plan_backend (p);

  if (ddpm_cuda_graph_count_call (b))
    return;
  if (plan->forward == NULL) {
    ddpm_cuda_kern_linear_few_rows (b->stream, plan->rows, plan->in, plan->out,
        x, weight, bias, y);
    ddpm_cuda_launch_ok (b, "a linear layer");
    return;
  }
  ddpm_cuda_kern_broadcast_bias (b->stream, plan->rows, plan->out, bias, y);
  ddpm_cuda_launch_ok (b, "bias of a linear layer");
  ddpm_cuda_gemm_run (plan->forward, b, 1.0f, x, weight, 1.0f, y, scratch);
}

static void
linear_backward (DdpmPlan * p, const float *x, const float *weight,
    const float *dy, float *dx, float *dweight, float *dbias, gboolean add,
    gpointer scratch)
{
  const LinearPlan *plan = (const LinearPlan *) p;
  CudaBackend *b = ddpm_cuda_plan_backend (p);

  if (ddpm_cuda_graph_count_call (b))
    return;
  if (dx)
    ddpm_cuda_gemm_run (plan->data, b, 1.0f, dy, weight, 0.0f, dx, scratch);
  ddpm_cuda_gemm_run (plan->weights, b, 1.0f, dy, x, add ? 1.0f : 0.0f,
      dweight, scratch);
  ddpm_cuda_kern_sum_rows (b->stream, plan->rows, plan->out, dy, dbias, add);
  ddpm_cuda_launch_ok (b, "bias gradient of a linear layer");
}

void
ddpm_cuda_linear_set_ops (DdpmOps * ops)
{
  ops->linear_new = linear_new;
  ops->linear_forward = linear_forward;
  ops->linear_backward = linear_backward;
}
