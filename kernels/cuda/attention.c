/* gst-ddpm: CUDA backend: attention, by batched gemms
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vaswani et al., "Attention is all you need" (2017), eq. 1, and its
 * derivatives. Of each head, with c channels:
 *
 *   S = q k^T,  P = softmax (S / sqrt (c)) by rows,  y = P v
 *   dv = P^T dy,  dP = dy v^T,  dS = P (dP - rowsum (P dP))
 *   dq = dS k / sqrt (c),  dk = dS^T q / sqrt (c)
 *
 * S and dP are f32 for every type of activations. A block of them is in memory
 * at a time; if P is too large to be kept, the backward pass computes each
 * block again.
 */
#include <math.h>

#include "kernels/desc.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/workspace.h"
#include "kernels/cuda/kernels/softmax.h"

/* Scores of a block: 64 MiB, so that a product takes longer than its launch */
#define BLOCK_SCORES ((gsize) 1 << 24)

enum
{ SCORES, VALUES, DV, DPROBS, DQ, DK, GEMMS };

typedef struct
{
  DdpmPlan base;
  DdpmAttentionDesc d;
  gboolean keeps;               /* P, for the backward pass */
  DdpmAttentionBlock block;
  CudaGemm *gemms[2][GEMMS];    /* from DV on: training; [1]: of a last block
                                 * that is smaller */
  /* offsets in the workspace, after scores */
  gsize probs, dscores, gemm_scratch;
} AttentionPlan;

/* --- planning ------------------------------------------------------------- */

static void
attention_clear (DdpmPlan * p)
{
  AttentionPlan *plan = (AttentionPlan *) p;

  for (guint i = 0; i < GEMMS; i++) {
    ddpm_cuda_gemm_free (plan->gemms[0][i]);
    ddpm_cuda_gemm_free (plan->gemms[1][i]);
  }
}

/* transposed: read it as its transpose */
static CudaMatrix
matrix (DdpmType type, gsize rows, gsize columns, gsize row_stride,
    gsize batch_stride, gboolean transposed)
{
  const CudaMatrix m = { type, transposed ? columns : rows,
    transposed ? rows : columns, row_stride, batch_stride, transposed
  };

  return m;
}

/* The products of a block of so many images and rows of queries */
static gboolean
make_gemms (AttentionPlan * plan, CudaGemm ** gemms, gsize images, gsize rows,
    GError ** error)
{
  CudaBackend *b = ddpm_cuda_backend (plan->base.backend);
  const DdpmType act = b->base.act_type, f32 = DDPM_TYPE_F32;
  const gsize t = plan->d.tokens, c = plan->d.c, head = c / plan->d.heads;
  /* from one matrix to the next: images, or heads. q, k, v and their gradients
   * are concatenated in rows of 3 c */
  const gsize qkv_step = plan->d.heads == 1 ? t * 3 * c : head;
  const gsize y_step = plan->d.heads == 1 ? t * c : head;
  const CudaMatrix queries = matrix (act, rows, head, 3 * c, qkv_step, FALSE);
  const CudaMatrix keys = matrix (act, t, head, 3 * c, qkv_step, FALSE);
  const CudaMatrix keys_t = matrix (act, t, head, 3 * c, qkv_step, TRUE);
  const CudaMatrix y = matrix (act, rows, head, c, y_step, FALSE);
  const CudaMatrix scores = matrix (f32, rows, t, t, rows * t, FALSE);
  const CudaMatrix probs = matrix (act, rows, t, t, rows * t, FALSE);
  const CudaMatrix probs_t = matrix (act, rows, t, t, rows * t, TRUE);
  const CudaMatrix *const operands[GEMMS][3] = {
    [SCORES] = {&queries, &keys_t, &scores},
    [VALUES] = {&probs, &keys, &y},
    [DV] = {&probs_t, &y, &keys},
    [DPROBS] = {&y, &keys_t, &scores},
    [DQ] = {&probs, &keys, &queries},
    [DK] = {&probs_t, &queries, &keys},
  };
  const guint count = plan->d.training ? GEMMS : DV;

  for (guint i = 0; i < count; i++) {
    gemms[i] = ddpm_cuda_gemm_new (b, images * plan->block.heads,
        operands[i][0], operands[i][1], operands[i][2], error);
    if (gemms[i] == NULL)
      return FALSE;
  }
  return TRUE;
}

static gboolean
make_all_gemms (AttentionPlan * plan, GError ** error)
{
  const DdpmAttentionBlock *block = &plan->block;
  const gsize images = plan->d.n % block->images;
  const gsize rows = plan->d.tokens % block->rows;

  return make_gemms (plan, plan->gemms[0], block->images, block->rows, error)
      && ((images == 0 && rows == 0) || make_gemms (plan, plan->gemms[1],
          images ? images : block->images, rows ? rows : block->rows, error));
}

static gsize
plan_scratch (AttentionPlan * plan, DdpmType act)
{
  const DdpmAttentionBlock *block = &plan->block;
  const gsize scores =
      block->images * block->heads * block->rows * plan->d.tokens;
  gsize total = 0, most = 0;

  ddpm_cuda_workspace_add (&total, scores, sizeof (float));
  if (!plan->keeps)
    plan->probs =
        ddpm_cuda_workspace_add (&total, scores, ddpm_type_size (act));
  if (plan->d.training)
    plan->dscores =
        ddpm_cuda_workspace_add (&total, scores, ddpm_type_size (act));
  for (guint i = 0; i < 2 * GEMMS; i++) {
    const CudaGemm *gemm = plan->gemms[i / GEMMS][i % GEMMS];

    if (gemm)
      most = MAX (most, ddpm_cuda_gemm_scratch (gemm));
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
  plan->keeps = ddpm_attention_kept_size (d, 1) > 0;
  plan->block = ddpm_attention_get_block (d, BLOCK_SCORES);
  if (!make_all_gemms (plan, error)) {
    ddpm_plan_free (&plan->base);
    return NULL;
  }
  plan->base.scratch = plan_scratch (plan, base->act_type);
  return &plan->base;
}

/* --- launching ------------------------------------------------------------ */

/**
 * Block: some images, or some heads of one, and some rows of their queries
 * @count: of the rows of S
 * @first: number of its first row: dk and dv of the blocks before are added to
 * @queries, @keys, @values, @y: of its first image and head, or of their
 *   gradients; queries and y also of its first row
 * @probs: P
 */
typedef struct
{
  const AttentionPlan *plan;
  gpointer scratch;
  CudaGemm *const *gemms;
  gsize count, first;
  gconstpointer queries, keys, values;
  gpointer y, dqueries, dkeys, dvalues;
  gpointer probs;
} Block;

typedef void (*BlockFunc) (const Block * block);

static gfloat
get_scale (const AttentionPlan * plan)
{
  return 1.0 / sqrt (plan->d.c / plan->d.heads);
}

static void
multiply (const Block * block, guint which, gfloat alpha, gconstpointer left,
    gconstpointer right, gfloat beta, gpointer out)
{
  const AttentionPlan *plan = block->plan;

  ddpm_cuda_gemm_run (block->gemms[which],
      ddpm_cuda_backend (plan->base.backend), alpha, left, right, beta, out,
      ddpm_cuda_at (block->scratch, plan->gemm_scratch));
}

static void
compute_probs (const Block * block)
{
  CudaBackend *b = ddpm_cuda_backend (block->plan->base.backend);
  float *scores = block->scratch;

  multiply (block, SCORES, 1.0f, block->queries, block->keys, 0.0f, scores);
  ddpm_cuda_kern_softmax (b->stream, b->base.act_type == DDPM_TYPE_BF16,
      block->count, block->plan->d.tokens, get_scale (block->plan), scores,
      block->probs);
  ddpm_cuda_launch_ok (b, "softmax");
}

static void
launch_forward (const Block * block)
{
  compute_probs (block);
  multiply (block, VALUES, 1.0f, block->probs, block->values, 0.0f, block->y);
}

static void
launch_backward (const Block * block)
{
  const AttentionPlan *plan = block->plan;
  CudaBackend *b = ddpm_cuda_backend (plan->base.backend);
  const gfloat scale = get_scale (plan), beta = block->first > 0 ? 1.0f : 0.0f;
  float *dprobs = block->scratch;
  gpointer dscores = ddpm_cuda_at (block->scratch, plan->dscores);

  if (!plan->keeps)
    compute_probs (block);
  multiply (block, DV, 1.0f, block->probs, block->y, beta, block->dvalues);
  multiply (block, DPROBS, 1.0f, block->y, block->values, 0.0f, dprobs);
  ddpm_cuda_kern_softmax_backward (b->stream,
      b->base.act_type == DDPM_TYPE_BF16, block->count, plan->d.tokens,
      block->probs, dprobs, dscores);
  ddpm_cuda_launch_ok (b, "gradient of a softmax");
  multiply (block, DQ, scale, dscores, block->keys, 0.0f, block->dqueries);
  multiply (block, DK, scale, dscores, block->queries, beta, block->dkeys);
}

/* qkv, y and dqkv: NULL, or of the block's first image; kept: of the batch */
static void
set_pointers (Block * block, gsize image, gsize head, gconstpointer qkv,
    gpointer y, gpointer dqkv, gpointer kept)
{
  const AttentionPlan *plan = block->plan;
  const gsize size = ddpm_type_size (plan->base.backend->act_type);
  const gsize t = plan->d.tokens, c = plan->d.c;
  const gsize channel = c / plan->d.heads * head;
  const gsize query = block->first * 3 * c + channel;

  block->queries = ddpm_cuda_at (qkv, query * size);
  block->keys = ddpm_cuda_at (qkv, (c + channel) * size);
  block->values = ddpm_cuda_at (qkv, (2 * c + channel) * size);
  block->y = ddpm_cuda_at (y, (block->first * c + channel) * size);
  block->probs = plan->keeps ? ddpm_cuda_at (kept,
      (image * plan->d.heads + head) * t * t * size)
      : ddpm_cuda_at (block->scratch, plan->probs);
  if (dqkv) {
    block->dqueries = ddpm_cuda_at (dqkv, query * size);
    block->dkeys = ddpm_cuda_at (dqkv, (c + channel) * size);
    block->dvalues = ddpm_cuda_at (dqkv, (2 * c + channel) * size);
  }
}

/* dqkv: NULL in a forward pass */
static void
launch_blocks (const AttentionPlan * plan, BlockFunc launch,
    gconstpointer qkv, gpointer y, gpointer dqkv, gpointer kept,
    gpointer scratch)
{
  const DdpmAttentionBlock *most = &plan->block;
  const gsize size = ddpm_type_size (plan->base.backend->act_type);
  const gsize t = plan->d.tokens, c = plan->d.c;
  Block block = {.plan = plan,.scratch = scratch };

  for (gsize image = 0; image < plan->d.n; image += most->images) {
    const gsize images = MIN (most->images, plan->d.n - image);
    const gsize offset = image * t * c * size;

    for (gsize head = 0; head < plan->d.heads; head += most->heads) {
      for (gsize row = 0; row < t; row += most->rows) {
        const gsize rows = MIN (most->rows, t - row);

        block.gemms = plan->gemms[images < most->images || rows < most->rows];
        block.count = images * most->heads * rows;
        block.first = row;
        set_pointers (&block, image, head, ddpm_cuda_at (qkv, 3 * offset),
            ddpm_cuda_at (y, offset),
            dqkv ? ddpm_cuda_at (dqkv, 3 * offset) : NULL, kept);
        launch (&block);
      }
    }
  }
}

static void
attention_forward (DdpmPlan * p, gconstpointer qkv, gpointer y,
    gpointer kept, gpointer scratch)
{
  if (!ddpm_cuda_graph_count_call (ddpm_cuda_plan_backend (p)))
    launch_blocks ((const AttentionPlan *) p, launch_forward, qkv, y, NULL,
        kept, scratch);
}

static void
attention_backward (DdpmPlan * p, gconstpointer dy, gconstpointer qkv,
    gconstpointer kept, gpointer dqkv, gpointer scratch)
{
  if (!ddpm_cuda_graph_count_call (ddpm_cuda_plan_backend (p)))
    launch_blocks ((const AttentionPlan *) p, launch_backward, qkv,
        (gpointer) dy, dqkv, (gpointer) kept, scratch);
}

void
ddpm_cuda_attention_set_ops (DdpmOps * ops)
{
  ops->attention_new = attention_new;
  ops->attention_forward = attention_forward;
  ops->attention_backward = attention_backward;
}
