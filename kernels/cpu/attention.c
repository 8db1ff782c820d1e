/* gst-ddpm: CPU backend: attention
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vaswani et al., "Attention is all you need" (2017), eq. 1, and its
 * derivatives: products of strided views of q, k and v, with a softmax of each
 * row between them. Of each head, with c channels:
 *
 *   S = q k^T / sqrt (c),  P = softmax (S) by rows,  y = P v
 *   dv = P^T dy,  dP = dy v^T,  dS = P (dP - rowsum (P dP))
 *   dq = dS k / sqrt (c),  dk = dS^T q / sqrt (c)
 *
 * S and P grow with the square of the tokens, so only a block of their rows is
 * in memory at a time. If P is too large to be kept, the backward pass computes
 * each block again.
 */
#include <math.h>
#include "kernels/cpu/gemm.h"

/* With rows of so many tokens, an attention can take seconds. */
#define LONG_ROW 1024
/* Scores of a block: enough work for many threads */
#define BLOCK_SCORES ((gsize) 1 << 20)
/* Scores of a piece of work: ten microseconds or so */
#define PIECE_SCORES 8192
/* With fewer channels of a head, tiles are mostly zeros. */
#define BF16_CHANNELS 32

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
  gboolean widened;             /* activations have another type */
  gboolean keeps;               /* P, for the backward pass */
  DdpmAttentionBlock block;
  CpuGemm gemm[2][N_PRODUCTS];  /* [1]: of a last block that is smaller */
  /* Offsets in the workspace: S and then P, dP and then dS, these rounded to
   * operands in bf16, and operands that are widened activations */
  gsize scores_at, dprobs_at, rounded_at, qkv_at, y_at, dqkv_at, work_at;
} CpuAttention;

/* --- planning ------------------------------------------------------------- */

static void
clear_gemms (DdpmPlan * p)
{
  CpuAttention *a = (CpuAttention *) p;

  for (guint i = 0; i < N_PRODUCTS; i++) {
    ddpm_cpu_gemm_clear (&a->gemm[0][i]);
    ddpm_cpu_gemm_clear (&a->gemm[1][i]);
  }
}

/* The products of blocks of so many images and rows of queries */
static void
plan_gemms (CpuAttention * a, CpuGemm * gemm, gsize images, gsize rows)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&a->base);
  const gsize t = a->d.tokens, c = a->d.c, head = c / a->d.heads;
  const DdpmType type = a->type;
  /* from one matrix to the next: images, or heads */
  const gsize qkv_step = a->d.heads == 1 ? t * 3 * c : head;
  const gsize y_step = a->d.heads == 1 ? t * c : head;
  const CpuMatrix queries = { type, rows, head, {qkv_step, 3 * c, 1} };
  const CpuMatrix keys = { type, t, head, {qkv_step, 3 * c, 1} };
  const CpuMatrix keys_transposed = { type, head, t, {qkv_step, 1, 3 * c} };
  const CpuMatrix y = { type, rows, head, {y_step, c, 1} };
  const CpuMatrix scores = { DDPM_TYPE_F32, rows, t, {rows * t, t, 1} };
  const CpuMatrix probs = { type, rows, t, {rows * t, t, 1} };
  const CpuMatrix probs_transposed = { type, t, rows, {rows * t, 1, t} };
  const CpuMatrix *const operands[N_PRODUCTS][3] = {
    {&queries, &keys_transposed, &scores}, {&probs, &keys, &y},
    {&y, &keys_transposed, &scores}, {&probs_transposed, &y, &keys},
    {&probs, &keys, &queries}, {&probs_transposed, &queries, &keys}
  };
  const guint count = a->d.training ? N_PRODUCTS : DPROBS;

  for (guint i = 0; i < count; i++)
    ddpm_cpu_gemm_init (&gemm[i], b, images * a->block.heads, operands[i][0],
        operands[i][1], operands[i][2]);
}

static void
plan_blocks (CpuAttention * a)
{
  const gsize images = a->d.n % a->block.images;
  const gsize rows = a->d.tokens % a->block.rows;

  plan_gemms (a, a->gemm[0], a->block.images, a->block.rows);
  if (images || rows)
    plan_gemms (a, a->gemm[1], images ? images : a->block.images,
        rows ? rows : a->block.rows);
  for (guint kind = 0; kind < 3; kind++)
    a->base.implementation[kind] = a->gemm[0][2 * kind].name;
}

static void
lay_out (CpuAttention * a)
{
  const DdpmAttentionBlock *block = &a->block;
  const gsize scores = block->images * block->heads * block->rows * a->d.tokens;
  const gsize tokens = block->images * a->d.tokens, c = a->d.c;
  const gsize training = !!a->d.training, widened = !!a->widened;
  const gsize bf16 = a->type == DDPM_TYPE_BF16;
  gsize total = 0, work = 0;

  for (guint i = 0; i < N_PRODUCTS; i++)
    work = MAX (work, MAX (a->gemm[0][i].scratch, a->gemm[1][i].scratch));
  a->scores_at = ddpm_cpu_layout_add (&total, scores, sizeof (float));
  a->dprobs_at =
      ddpm_cpu_layout_add (&total, training * scores, sizeof (float));
  a->rounded_at = ddpm_cpu_layout_add (&total, bf16 * scores, sizeof (guint16));
  a->qkv_at =
      ddpm_cpu_layout_add (&total, widened * tokens * 3 * c, sizeof (float));
  a->y_at = ddpm_cpu_layout_add (&total, widened * tokens * c, sizeof (float));
  a->dqkv_at = ddpm_cpu_layout_add (&total,
      training * widened * tokens * 3 * c, sizeof (float));
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
  a->block = ddpm_attention_get_block (d, BLOCK_SCORES);
  a->keeps = ddpm_attention_kept_size (d, 1) > 0;
  /* In blocks, dk and dv are sums of products, which are not to be rounded. */
  a->type = ((CpuBackend *) b)->tiles
      && (d->heads == 1 || d->c / d->heads >= BF16_CHANNELS)
      && (a->block.rows == d->tokens || !d->training) ?
      DDPM_TYPE_BF16 : DDPM_TYPE_F32;
  a->widened = a->type != b->act_type;
  plan_blocks (a);
  lay_out (a);
  return &a->base;
}

/* --- executing ------------------------------------------------------------ */

/* A block, and what the products read and write */
typedef struct
{
  CpuAttention *a;
  CpuBackend *backend;
  gpointer scratch;
  float scale;
  CpuGemm *gemm;
  gsize scores;                 /* rows of S in the block */
  gboolean add;                 /* to dk and dv of the blocks before */
  /* of its first image and head, those of queries also of its first row */
  gconstpointer queries, keys, values;
  gpointer y, dqueries, dkeys, dvalues; /* y: or dy */
  gpointer kept;                /* P; NULL: not kept */
} Block;

static void
multiply (const Block * block, Product product, gconstpointer left,
    gconstpointer right, gpointer out, gboolean add)
{
  ddpm_cpu_gemm_run (&block->gemm[product], block->backend, left, right, out,
      add, ddpm_cpu_at (block->scratch, block->a->work_at));
}

/* The operands of a block, of tensors that begin with its first image */
static void
set_operands (Block * block, gsize head, gsize row, gconstpointer qkv,
    gpointer y, gpointer dqkv)
{
  const CpuAttention *a = block->a;
  const gsize size = ddpm_type_size (a->type), c = a->d.c;
  const gsize channel = c / a->d.heads * head;

  block->queries = ddpm_cpu_at (qkv, (row * 3 * c + channel) * size);
  block->keys = ddpm_cpu_at (qkv, (c + channel) * size);
  block->values = ddpm_cpu_at (qkv, (2 * c + channel) * size);
  block->y = ddpm_cpu_at (y, (row * c + channel) * size);
  block->add = row > 0;
  if (dqkv) {
    block->dqueries = ddpm_cpu_at (dqkv, (row * 3 * c + channel) * size);
    block->dkeys = ddpm_cpu_at (dqkv, (c + channel) * size);
    block->dvalues = ddpm_cpu_at (dqkv, (2 * c + channel) * size);
  }
}

static gboolean
is_row_skipped (const Block * block)
{
  return block->a->d.tokens >= LONG_ROW
      && ddpm_cpu_is_cancelled (block->backend);
}

/* Rows of scores, and what becomes of them */
typedef struct
{
  const Block *block;
  gsize rows;                   /* of a piece */
  float *scores, *dprobs;
  gconstpointer probs;
  gpointer out;
  DdpmType type;                /* of out */
} Rows;

static void
for_each_row (Rows * rows, CpuForFunc func)
{
  const Block *block = rows->block;

  rows->rows = MAX (1, PIECE_SCORES / block->a->d.tokens);
  ddpm_cpu_thread_for (ddpm_cpu_count_pieces (block->scores, rows->rows), func,
      rows);
}

static void
softmax_piece (gconstpointer data, gsize i, guint thread)
{
  const Rows *rows = data;
  const CpuAttention *a = rows->block->a;
  const CpuKernels *k = rows->block->backend->kernels;
  const gsize t = a->d.tokens, end = MIN (rows->block->scores,
      (i + 1) * rows->rows);

  for (gsize row = i * rows->rows; row < end; row++) {
    float *s = rows->scores + row * t;
    gpointer p = ddpm_cpu_at (rows->out, row * t * ddpm_type_size (rows->type));

    if (is_row_skipped (rows->block))
      return;
    k->softmax->softmax (rows->type, t, rows->block->scale, s, p);
    if (a->widened && rows->block->kept)
      k->element->copy (rows->type, DDPM_TYPE_F32, 1, t, t, p, s, FALSE);
    else if (a->widened)
      k->element->round_to_bf16 (t, s);
  }
}

/* Computes P, and stores it if it is kept. Returns: P as an operand */
static gconstpointer
compute_probs (const Block * block)
{
  const CpuAttention *a = block->a;
  float *scores = ddpm_cpu_at (block->scratch, a->scores_at);
  gpointer probs = block->kept ? block->kept
      : a->type == DDPM_TYPE_BF16 ? ddpm_cpu_at (block->scratch, a->rounded_at)
      : scores;
  Rows rows = {.block = block,.scores = scores,.out = probs,
    .type = block->kept ? a->base.backend->act_type : a->type
  };

  multiply (block, SCORES, block->queries, block->keys, scores, FALSE);
  for_each_row (&rows, softmax_piece);
  return a->widened ? scores : probs;
}

/* P as an operand, for the backward pass */
static gconstpointer
get_probs (const Block * block)
{
  const CpuAttention *a = block->a;
  float *probs = ddpm_cpu_at (block->scratch, a->scores_at);

  if (block->kept == NULL)
    return compute_probs (block);
  if (!a->widened)
    return block->kept;
  ddpm_cpu_copy (block->backend, a->base.backend->act_type, DDPM_TYPE_F32,
      block->scores, a->d.tokens, a->d.tokens, block->kept, probs, FALSE);
  return probs;
}

static void
softmax_gradient_piece (gconstpointer data, gsize i, guint thread)
{
  const Rows *rows = data;
  const CpuAttention *a = rows->block->a;
  const CpuKernels *k = rows->block->backend->kernels;
  const gsize t = a->d.tokens, row_bytes = t * ddpm_type_size (a->type);
  const gsize end = MIN (rows->block->scores, (i + 1) * rows->rows);

  for (gsize row = i * rows->rows; row < end; row++) {
    gpointer ds = ddpm_cpu_at (rows->out, row * row_bytes);

    if (is_row_skipped (rows->block))
      return;
    k->softmax->softmax_gradient (a->type, t, rows->block->scale,
        ddpm_cpu_at (rows->probs, row * row_bytes), rows->dprobs + row * t, ds);
    if (a->widened)
      k->element->round_to_bf16 (t, ds);
  }
}

/* dS as an operand, from P and dP; in f32 in the place of dP */
static gconstpointer
derive_softmax (const Block * block, gconstpointer probs, float *dprobs)
{
  const CpuAttention *a = block->a;
  gpointer dscores = a->type == DDPM_TYPE_F32 ? (gpointer) dprobs
      : ddpm_cpu_at (block->scratch, a->rounded_at);
  Rows rows = {.block = block,.probs = probs,.dprobs = dprobs,.out = dscores };

  for_each_row (&rows, softmax_gradient_piece);
  return dscores;
}

static void
run_forward (const Block * block)
{
  multiply (block, VALUES, compute_probs (block), block->values, block->y,
      FALSE);
}

static void
run_backward (const Block * block)
{
  gconstpointer probs = get_probs (block), dscores;
  float *dprobs = ddpm_cpu_at (block->scratch, block->a->dprobs_at);

  multiply (block, DVALUES, probs, block->y, block->dvalues, block->add);
  multiply (block, DPROBS, block->y, block->values, dprobs, FALSE);
  dscores = derive_softmax (block, probs, dprobs);
  multiply (block, DQUERIES, dscores, block->keys, block->dqueries, FALSE);
  multiply (block, DKEYS, dscores, block->queries, block->dkeys, block->add);
}

/* Activations as operands of products: as they are, or converted into the
 * workspace */
static gconstpointer
widen_activations (const Block * block, gsize count, gconstpointer x, gsize at)
{
  const CpuAttention *a = block->a;

  if (!a->widened)
    return x;
  ddpm_cpu_copy (block->backend, a->base.backend->act_type, a->type, count, 1,
      1, x, ddpm_cpu_at (block->scratch, at), FALSE);
  return ddpm_cpu_at (block->scratch, at);
}

static void
store_activations (const Block * block, gsize count, gconstpointer x,
    gpointer y)
{
  const CpuAttention *a = block->a;

  if (a->widened)
    ddpm_cpu_copy (block->backend, a->type, a->base.backend->act_type, count, 1,
        1, x, y, FALSE);
}

/* Calls func for each block of some images. qkv, y and dqkv begin with the
 * first of these, kept with that of the batch. */
static void
run_blocks (Block * block, void (*func) (const Block * block), gsize image,
    gsize images, gconstpointer qkv, gpointer y, gpointer dqkv, gpointer kept)
{
  CpuAttention *a = block->a;
  const gsize t = a->d.tokens;
  const gsize probs_bytes = t * t * ddpm_type_size (a->base.backend->act_type);

  for (gsize head = 0; head < a->d.heads; head += a->block.heads) {
    for (gsize row = 0; row < t; row += a->block.rows) {
      const gsize rows = MIN (a->block.rows, t - row);

      if (ddpm_cpu_is_cancelled (block->backend))
        return;
      block->gemm = a->gemm[images < a->block.images || rows < a->block.rows];
      block->scores = images * a->block.heads * rows;
      block->kept = a->keeps ? ddpm_cpu_at (kept,
          (image * a->d.heads + head) * probs_bytes) : NULL;
      set_operands (block, head, row, qkv, y, dqkv);
      func (block);
    }
  }
}

static void
attention_forward (DdpmPlan * p, gconstpointer qkv, gpointer y, gpointer kept,
    gpointer scratch)
{
  CpuAttention *a = (CpuAttention *) p;
  const gsize size = ddpm_type_size (p->backend->act_type);
  const gsize t = a->d.tokens, c = a->d.c;
  Block block = { a, ddpm_cpu_plan_backend (p), scratch,
    1.0 / sqrt (c / a->d.heads)
  };

  for (gsize image = 0; image < a->d.n; image += a->block.images) {
    const gsize images = MIN (a->block.images, a->d.n - image);
    gpointer y_at = ddpm_cpu_at (y, image * t * c * size);
    gpointer out = a->widened ? ddpm_cpu_at (scratch, a->y_at) : y_at;

    run_blocks (&block, run_forward, image, images, widen_activations (&block,
            images * t * 3 * c, ddpm_cpu_at (qkv, image * t * 3 * c * size),
            a->qkv_at), out, NULL, kept);
    store_activations (&block, images * t * c, out, y_at);
  }
}

static void
attention_backward (DdpmPlan * p, gconstpointer dy, gconstpointer qkv,
    gconstpointer kept, gpointer dqkv, gpointer scratch)
{
  CpuAttention *a = (CpuAttention *) p;
  const gsize size = ddpm_type_size (p->backend->act_type);
  const gsize t = a->d.tokens, c = a->d.c;
  Block block = { a, ddpm_cpu_plan_backend (p), scratch,
    1.0 / sqrt (c / a->d.heads)
  };

  for (gsize image = 0; image < a->d.n; image += a->block.images) {
    const gsize images = MIN (a->block.images, a->d.n - image);
    const gsize qkv_count = images * t * 3 * c;
    const gsize qkv_offset = image * t * 3 * c * size;
    gpointer dqkv_at = ddpm_cpu_at (dqkv, qkv_offset);
    gpointer out = a->widened ? ddpm_cpu_at (scratch, a->dqkv_at) : dqkv_at;

    run_blocks (&block, run_backward, image, images,
        widen_activations (&block, qkv_count, ddpm_cpu_at (qkv, qkv_offset),
            a->qkv_at), (gpointer) widen_activations (&block, images * t * c,
            ddpm_cpu_at (dy, image * t * c * size), a->y_at), out,
        (gpointer) kept);
    store_activations (&block, qkv_count, out, dqkv_at);
  }
}

void
ddpm_cpu_attention_set_ops (DdpmOps * ops)
{
  ops->attention_new = attention_new;
  ops->attention_forward = attention_forward;
  ops->attention_backward = attention_backward;
}
