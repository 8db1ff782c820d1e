/* gst-ddpm: CUDA backend: attention with one head, by batched gemms
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vaswani et al., "Attention is all you need" (2017), eq. 1, and its
 * derivatives, all images at once:
 *
 *   S = q k^T,  P = softmax (S / sqrt (c)) by rows,  y = P v
 *   dv = P^T dy,  dP = dy v^T,  dS = P (dP - rowsum (P dP))
 *   dq = dS k / sqrt (c),  dk = dS^T q / sqrt (c)
 *
 * S and dP are f32 for every type of activations.
 */
#include <math.h>

#include "kernels/desc.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/workspace.h"
#include "kernels/cuda/kernels/softmax.h"

enum
{ SCORES, VALUES, DV, DPROBS, DQ, DK, GEMMS };

typedef struct
{
  DdpmPlan base;
  DdpmAttentionDesc d;
  CudaGemm *gemms[GEMMS];       /* from DV on: training */
  gsize dscores, gemm_scratch;  /* their offsets in the workspace, after scores */
} AttentionPlan;

static void
attention_clear (DdpmPlan * p)
{
  AttentionPlan *plan = (AttentionPlan *) p;

  for (guint i = 0; i < GEMMS; i++)
    ddpm_cuda_gemm_free (plan->gemms[i]);
}

/* One matrix for each image, one after the other. transposed: read it as its
 * transpose */
static CudaMatrix
matrix (DdpmType type, gsize rows, gsize columns, gsize row_stride,
    gboolean transposed)
{
  const CudaMatrix m = { type, transposed ? columns : rows,
    transposed ? rows : columns, row_stride, rows * row_stride, transposed
  };

  return m;
}

static gboolean
make_gemms (AttentionPlan * plan, CudaBackend * b, GError ** error)
{
  const DdpmType act = b->base.act_type, f32 = DDPM_TYPE_F32;
  const gsize t = plan->d.tokens, c = plan->d.c;
  /* q, k or v, or their gradients, concatenated in rows of 3 c */
  const CudaMatrix third = matrix (act, t, c, 3 * c, FALSE);
  const CudaMatrix third_t = matrix (act, t, c, 3 * c, TRUE);
  const CudaMatrix y = matrix (act, t, c, c, FALSE);
  const CudaMatrix scores = matrix (f32, t, t, t, FALSE);
  const CudaMatrix probs = matrix (act, t, t, t, FALSE);
  const CudaMatrix probs_t = matrix (act, t, t, t, TRUE);
  const CudaMatrix *const operands[GEMMS][3] = {
    [SCORES] = {&third, &third_t, &scores},
    [VALUES] = {&probs, &third, &y},
    [DV] = {&probs_t, &y, &third},
    [DPROBS] = {&y, &third_t, &scores},
    [DQ] = {&probs, &third, &third},
    [DK] = {&probs_t, &third, &third},
  };
  const guint count = plan->d.training ? GEMMS : DV;

  for (guint i = 0; i < count; i++) {
    plan->gemms[i] = ddpm_cuda_gemm_new (b, plan->d.n, operands[i][0],
        operands[i][1], operands[i][2], error);
    if (plan->gemms[i] == NULL)
      return FALSE;
  }
  return TRUE;
}

static gsize
plan_scratch (AttentionPlan * plan, DdpmType act)
{
  const gsize scores = ddpm_size_mul (plan->d.n,
      ddpm_size_mul (plan->d.tokens, plan->d.tokens));
  gsize total = 0, most = 0;

  ddpm_cuda_workspace_add (&total, scores, sizeof (float));
  if (plan->d.training)
    plan->dscores =
        ddpm_cuda_workspace_add (&total, scores, ddpm_type_size (act));
  for (guint i = 0; i < GEMMS; i++) {
    if (plan->gemms[i])
      most = MAX (most, ddpm_cuda_gemm_scratch (plan->gemms[i]));
  }
  plan->gemm_scratch = ddpm_cuda_workspace_add (&total, most, 1);
  return total;
}

static DdpmPlan *
attention_new (DdpmBackend * base, const DdpmAttentionDesc * d, GError ** error)
{
  AttentionPlan *plan;

  if (!ddpm_attention_desc_check (d, error))
    return NULL;

  plan = ddpm_plan_new (sizeof (AttentionPlan), base, attention_clear, "cuda");
  plan->d = *d;
  if (!make_gemms (plan, ddpm_cuda_backend (base), error)) {
    ddpm_plan_free (&plan->base);
    return NULL;
  }
  plan->base.scratch = plan_scratch (plan, base->act_type);
  return &plan->base;
}

/* which: 0 for q or dq, 1 for k or dk, 2 for v or dv */
static gpointer
third_of (const AttentionPlan * plan, gconstpointer qkv, guint which)
{
  return ddpm_cuda_at (qkv, (gsize) which * plan->d.c
      * ddpm_type_size (plan->base.backend->act_type));
}

static void
multiply (const AttentionPlan * plan, guint which, gfloat alpha,
    gconstpointer left, gconstpointer right, gpointer out, gpointer scratch)
{
  ddpm_cuda_gemm_run (plan->gemms[which],
      ddpm_cuda_backend (plan->base.backend), alpha, left, right, 0.0f,
      out, ddpm_cuda_at (scratch, plan->gemm_scratch));
}

static void
attention_forward (DdpmPlan * p, gconstpointer qkv, gpointer y,
    gpointer probs, gpointer scratch)
{
  const AttentionPlan *plan = (const AttentionPlan *) p;
  CudaBackend *b = ddpm_cuda_plan_backend (p);
  const gsize tokens = plan->d.tokens;
  float *scores = scratch;

  if (ddpm_cuda_graph_count_call (b))
    return;
  multiply (plan, SCORES, 1.0f, third_of (plan, qkv, 0),
      third_of (plan, qkv, 1), scores, scratch);
  ddpm_cuda_kern_softmax (b->stream, b->base.act_type == DDPM_TYPE_BF16,
      plan->d.n * tokens, tokens, 1.0 / sqrt (plan->d.c), scores, probs);
  ddpm_cuda_launch_ok (b, "softmax");
  multiply (plan, VALUES, 1.0f, probs, third_of (plan, qkv, 2), y, scratch);
}

static void
attention_backward (DdpmPlan * p, gconstpointer dy, gconstpointer qkv,
    gconstpointer probs, gpointer dqkv, gpointer scratch)
{
  const AttentionPlan *plan = (const AttentionPlan *) p;
  CudaBackend *b = ddpm_cuda_plan_backend (p);
  const gsize tokens = plan->d.tokens;
  const gfloat scale = 1.0 / sqrt (plan->d.c);
  float *dprobs = scratch;
  gpointer dscores = ddpm_cuda_at (scratch, plan->dscores);

  if (ddpm_cuda_graph_count_call (b))
    return;
  multiply (plan, DV, 1.0f, probs, dy, third_of (plan, dqkv, 2), scratch);
  multiply (plan, DPROBS, 1.0f, dy, third_of (plan, qkv, 2), dprobs, scratch);
  ddpm_cuda_kern_softmax_backward (b->stream,
      b->base.act_type == DDPM_TYPE_BF16, plan->d.n * tokens, tokens, probs,
      dprobs, dscores);
  ddpm_cuda_launch_ok (b, "gradient of a softmax");
  multiply (plan, DQ, scale, dscores, third_of (plan, qkv, 1),
      third_of (plan, dqkv, 0), scratch);
  multiply (plan, DK, scale, dscores, third_of (plan, qkv, 0),
      third_of (plan, dqkv, 1), scratch);
}

void
ddpm_cuda_attention_set_ops (DdpmOps * ops)
{
  ops->attention_new = attention_new;
  ops->attention_forward = attention_forward;
  ops->attention_backward = attention_backward;
}
