/* gst-ddpm: CPU backend: attention with one head
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vaswani et al., "Attention is all you need" (2017), eq. 1, and its
 * derivatives: products of strided views of q, k and v, with a softmax of each
 * row between them.
 *
 *   S = q k^T / sqrt (c),  P = softmax (S) by rows,  y = P v
 *   dv = P^T dy,  dP = dy v^T,  dS = P (dP - rowsum (P dP))
 *   dq = dS k / sqrt (c),  dk = dS^T q / sqrt (c)
 */
#include <math.h>
#include "kernels/cpu/gemm.h"

/* With rows of so many tokens, an attention can take seconds. */
#define LONG_ROW 1024

typedef enum
{
  SCORES,                       /* S = q k^T */
  VALUES,                       /* y = P v */
  DPROBS,                       /* dP = dy v^T */
  DVALUES,                      /* dv = P^T dy */
  DQUERIES,                     /* dq = dS k */
  DKEYS,                        /* dk = dS^T q */
  N_PRODUCTS
} Product;

typedef struct
{
  DdpmPlan base;
  DdpmAttentionDesc d;
  DdpmType type;                /* of the operands of products */
  CpuGemm gemm[N_PRODUCTS];
  /* Offsets in the workspace: two matrices of tokens by tokens, in f32 and in
   * the type of activations; where products have another type, their operands
   * in that */
  gsize scores_at, dscores_at, qkv_at, y_at, probs_at, dqkv_at, work_at;
} CpuAttention;

static void
clear_gemms (DdpmPlan * p)
{
  CpuAttention *a = (CpuAttention *) p;

  for (guint i = 0; i < N_PRODUCTS; i++)
    ddpm_cpu_gemm_clear (&a->gemm[i]);
}

static gboolean
plan_gemms (CpuAttention * a, CpuBackend * b, GError ** error)
{
  const gsize n = a->d.n, t = a->d.tokens, c = a->d.c;
  const DdpmType type = a->type;
  /* a third of qkv, y or dy, S or dP, P or dS */
  const CpuMatrix third = { type, t, c, {t * 3 * c, 3 * c, 1} };
  const CpuMatrix third_transposed = { type, c, t, {t * 3 * c, 1, 3 * c} };
  const CpuMatrix y = { type, t, c, {t * c, c, 1} };
  const CpuMatrix scores = { DDPM_TYPE_F32, t, t, {t * t, t, 1} };
  const CpuMatrix probs = { type, t, t, {t * t, t, 1} };
  const CpuMatrix probs_transposed = { type, t, t, {t * t, 1, t} };
  const CpuMatrix *const operands[N_PRODUCTS][3] = {
    {&third, &third_transposed, &scores}, {&probs, &third, &y},
    {&y, &third_transposed, &scores}, {&probs_transposed, &y, &third},
    {&probs, &third, &third}, {&probs_transposed, &third, &third}
  };
  const guint count = a->d.training ? N_PRODUCTS : DPROBS;

  for (guint i = 0; i < count; i++) {
    if (!ddpm_cpu_gemm_init (&a->gemm[i], b, n, operands[i][0],
            operands[i][1], operands[i][2], FALSE, error))
      return FALSE;
  }
  /* Each kind of pass has two products: the name is that of the slower one. */
  for (guint kind = 0; kind < 3; kind++) {
    const CpuGemm *gemm = &a->gemm[2 * kind];

    a->base.implementation[kind] =
        ddpm_cpu_primitive_is_slow (&gemm[1].primitive[0]) ? gemm[1].name
        : gemm[0].name;
  }
  return TRUE;
}

static void
lay_out (CpuAttention * a)
{
  const gsize n = a->d.n, t = a->d.tokens, c = a->d.c;
  const gsize act = ddpm_type_size (a->base.backend->act_type);
  const gsize training = !!a->d.training;
  /* 1, if activations are converted to floats before they are multiplied */
  const gsize widened = a->type != a->base.backend->act_type;
  gsize total = 0, work = 0;

  for (guint i = 0; i < N_PRODUCTS; i++)
    work = MAX (work, a->gemm[i].scratch);
  a->scores_at = ddpm_cpu_layout_add (&total, n * t * t, sizeof (float));
  a->dscores_at = ddpm_cpu_layout_add (&total, training * n * t * t, act);
  a->qkv_at =
      ddpm_cpu_layout_add (&total, widened * n * t * 3 * c, sizeof (float));
  a->y_at = ddpm_cpu_layout_add (&total, widened * n * t * c, sizeof (float));
  a->probs_at =
      ddpm_cpu_layout_add (&total, widened * n * t * t, sizeof (float));
  a->dqkv_at =
      ddpm_cpu_layout_add (&total, training * widened * n * t * 3 * c,
      sizeof (float));
  a->work_at = ddpm_cpu_layout_add (&total, work, 1);
  a->base.scratch = total;
}

static DdpmPlan *
attention_new (DdpmBackend * b, const DdpmAttentionDesc * d, GError ** error)
{
  CpuAttention *a;

  if (!ddpm_attention_desc_check (d, error))
    return NULL;

  a = ddpm_plan_new (sizeof (CpuAttention), b, clear_gemms, NULL);
  a->d = *d;
  a->type = ((CpuBackend *) b)->native_bf16 ? DDPM_TYPE_BF16 : DDPM_TYPE_F32;
  if (!plan_gemms (a, (CpuBackend *) b, error)) {
    ddpm_plan_free (&a->base);
    return NULL;
  }
  lay_out (a);
  return &a->base;
}

/* As operands of products: as they are, or converted into the workspace */
static gconstpointer
widen_activations (CpuAttention * a, gsize count, gconstpointer x,
    gpointer scratch, gsize at)
{
  DdpmBackend *b = a->base.backend;

  if (a->type == b->act_type)
    return x;
  ddpm_cpu_copy ((CpuBackend *) b, b->act_type, a->type, count, 1, 1, x,
      ddpm_cpu_at (scratch, at), FALSE);
  return ddpm_cpu_at (scratch, at);
}

static void
store_activations (CpuAttention * a, gsize count, gconstpointer x, gpointer y)
{
  DdpmBackend *b = a->base.backend;

  if (x != y)
    ddpm_cpu_copy ((CpuBackend *) b, a->type, b->act_type, count, 1, 1, x, y,
        FALSE);
}

/* q, k or v of the first token: 0, 1, 2 */
static gpointer
get_third (const CpuAttention * a, gconstpointer qkv, guint which)
{
  return ddpm_cpu_at (qkv, which * (gsize) a->d.c * ddpm_type_size (a->type));
}

static void
attention_forward (DdpmPlan * p, gconstpointer qkv, gpointer y, gpointer probs,
    gpointer scratch)
{
  CpuAttention *a = (CpuAttention *) p;
  CpuBackend *b = ddpm_cpu_plan_backend (p);
  const DdpmType act = p->backend->act_type;
  const gsize n = a->d.n, t = a->d.tokens, c = a->d.c;
  const float scale = 1.0 / sqrt (c);
  gpointer work = ddpm_cpu_at (scratch, a->work_at);
  float *scores = ddpm_cpu_at (scratch, a->scores_at);
  gpointer out = a->type == act ? y : ddpm_cpu_at (scratch, a->y_at);

  qkv = widen_activations (a, n * t * 3 * c, qkv, scratch, a->qkv_at);
  ddpm_cpu_gemm_run (&a->gemm[SCORES], b, qkv, get_third (a, qkv, 1), scores,
      FALSE, work);
#pragma omp parallel for schedule(static)
  for (gsize row = 0; row < n * t; row++)
    if (t < LONG_ROW || !ddpm_cpu_is_cancelled (b))
      b->kernels->softmax->softmax (act, t, scale, scores + row * t,
          ddpm_cpu_at (probs, row * t * ddpm_type_size (act)));
  probs =
      (gpointer) widen_activations (a, n * t * t, probs, scratch, a->probs_at);
  ddpm_cpu_gemm_run (&a->gemm[VALUES], b, probs, get_third (a, qkv, 2), out,
      FALSE, work);
  store_activations (a, n * t * c, out, y);
}

static void
attention_backward (DdpmPlan * p, gconstpointer dy, gconstpointer qkv,
    gconstpointer probs, gpointer dqkv, gpointer scratch)
{
  CpuAttention *a = (CpuAttention *) p;
  CpuBackend *b = ddpm_cpu_plan_backend (p);
  const DdpmType act = p->backend->act_type;
  const gsize n = a->d.n, t = a->d.tokens, c = a->d.c;
  const gsize row_bytes = t * ddpm_type_size (act);
  const float scale = 1.0 / sqrt (c);
  gpointer work = ddpm_cpu_at (scratch, a->work_at);
  float *dprobs = ddpm_cpu_at (scratch, a->scores_at);
  gpointer rounded = ddpm_cpu_at (scratch, a->dscores_at);
  gpointer out = a->type == act ? dqkv : ddpm_cpu_at (scratch, a->dqkv_at);
  gconstpointer wide_probs =
      widen_activations (a, n * t * t, probs, scratch, a->probs_at);
  gconstpointer dscores;

  dy = widen_activations (a, n * t * c, dy, scratch, a->y_at);
  qkv = widen_activations (a, n * t * 3 * c, qkv, scratch, a->qkv_at);
  ddpm_cpu_gemm_run (&a->gemm[DVALUES], b, wide_probs, dy, get_third (a, out,
          2), FALSE, work);
  ddpm_cpu_gemm_run (&a->gemm[DPROBS], b, dy, get_third (a, qkv, 2), dprobs,
      FALSE, work);
#pragma omp parallel for schedule(static)
  for (gsize row = 0; row < n * t; row++)
    if (t < LONG_ROW || !ddpm_cpu_is_cancelled (b))
      b->kernels->softmax->softmax_gradient (act, t, scale,
          ddpm_cpu_at (probs, row * row_bytes), dprobs + row * t,
          ddpm_cpu_at (rounded, row * row_bytes));
  dscores = widen_activations (a, n * t * t, rounded, scratch, a->probs_at);
  ddpm_cpu_gemm_run (&a->gemm[DQUERIES], b, dscores, get_third (a, qkv, 1), out,
      FALSE, work);
  ddpm_cpu_gemm_run (&a->gemm[DKEYS], b, dscores, qkv, get_third (a, out, 1),
      FALSE, work);
  store_activations (a, n * t * 3 * c, out, dqkv);
}

void
ddpm_cpu_attention_set_ops (DdpmOps * ops)
{
  ops->attention_new = attention_new;
  ops->attention_forward = attention_forward;
  ops->attention_backward = attention_backward;
}
