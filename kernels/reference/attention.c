/* gst-ddpm: reference backend: attention
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vaswani et al., "Attention is all you need" (2017), eq. 1, and its derivatives by
 * the chain rule. Of each head of an image, with c channels:
 *
 *   S = q k^T / sqrt (c),  P = softmax (S) by rows,  y = P v
 *   dv = P^T dy,  dP = dy v^T,  dS = P (dP - rowsum (P dP))
 *   dq = dS k / sqrt (c),  dk = dS^T q / sqrt (c)
 *
 * Some rows of queries are computed at a time; dk and dv are sums over all of
 * them.
 */
#include <math.h>
#include "kernels/reference/private.h"

/* Rows of queries in a block */
#define MOST_ROWS 64

typedef struct
{
  DdpmPlan base;
  DdpmAttentionDesc d;
  gboolean keeps;               /* P, for the backward pass */
} RefAttention;

/* The workspace: tensors of an image, then of a head and of a block of rows */
typedef struct
{
  float *qkv;                   /* [tokens][3 channels] */
  float *dy;                    /* [tokens][channels] */
  double *dk, *dv;              /* [tokens][c] */
  double *scores;               /* [rows][tokens]: S, then dP */
  float *probs;                 /* [rows][tokens]: P, then dS */
  double *out;                  /* [rows][c]: y or dq */
  float *panels;                /* the right factor of a product */
} AttentionScratch;

/* Some rows of one head of an image */
typedef struct
{
  gsize image, head, row, rows;
  /* [rows or tokens][c], with the strides of qkv and dy */
  const float *q, *k, *v, *dy;
} Block;

static gsize
get_head_channels (const RefAttention * attention)
{
  return attention->d.c / attention->d.heads;
}

static double
get_scale (const RefAttention * attention)
{
  return 1.0 / sqrt (get_head_channels (attention));
}

static gsize
lay_out_scratch (const RefAttention * attention, gpointer scratch,
    AttentionScratch * s)
{
  const gsize tokens = attention->d.tokens, channels = attention->d.c;
  const gsize c = get_head_channels (attention);
  const gsize rows = MIN (tokens, MOST_ROWS);
  const gsize panels = MAX (ddpm_ref_panels_size (tokens, c),
      ddpm_ref_panels_size (c, tokens));
  gsize used = 0;

  s->qkv = ddpm_ref_alloc_part (scratch, &used, tokens * 3 * channels,
      sizeof (float));
  s->panels = ddpm_ref_alloc_part (scratch, &used, panels, sizeof (float));
  s->scores =
      ddpm_ref_alloc_part (scratch, &used, rows * tokens, sizeof (double));
  s->probs =
      ddpm_ref_alloc_part (scratch, &used, rows * tokens, sizeof (float));
  s->out = ddpm_ref_alloc_part (scratch, &used, rows * c, sizeof (double));
  if (attention->d.training) {
    s->dy =
        ddpm_ref_alloc_part (scratch, &used, tokens * channels, sizeof (float));
    s->dk = ddpm_ref_alloc_part (scratch, &used, tokens * c, sizeof (double));
    s->dv = ddpm_ref_alloc_part (scratch, &used, tokens * c, sizeof (double));
  }
  return used;
}

static DdpmPlan *
attention_new (DdpmBackend * b, const DdpmAttentionDesc * d, GError ** error)
{
  RefAttention *attention;
  AttentionScratch s;

  if (!ddpm_attention_desc_check (d, error))
    return NULL;

  attention = ddpm_plan_new (sizeof (RefAttention), b, NULL, "reference");
  attention->d = *d;
  attention->keeps = ddpm_attention_kept_size (d, 1) > 0;
  attention->base.scratch = lay_out_scratch (attention, NULL, &s);
  return &attention->base;
}

static Block
get_block (const RefAttention * attention, gsize image, gsize head, gsize row,
    const AttentionScratch * s)
{
  const gsize channels = attention->d.c;
  const gsize channel = head * get_head_channels (attention);

  return (Block) {
  .image = image,.head = head,.row = row,.rows =
        MIN (MOST_ROWS, attention->d.tokens - row),.q =
        s->qkv + row * 3 * channels + channel,.k =
        s->qkv + channels + channel,.v =
        s->qkv + 2 * channels + channel,.dy =
        s->dy ? s->dy + row * channels + channel : NULL,};
}

static void
load_floats (DdpmType type, gconstpointer src, gsize first, gsize count,
    float *dst)
{
  for (gsize i = 0; i < count; i++)
    dst[i] = ddpm_ref_load (type, src, first + i);
}

/* scores [i][j] = sum over l of a[i][l] b[j][l]: S sqrt (c) = q k^T, or dP =
 * dy v^T. Rows of a are a_stride apart; b is the k or v of qkv. */
static void
multiply_rows (const RefAttention * attention, gsize rows, const float *a,
    gsize a_stride, const float *b, const AttentionScratch * s)
{
  const gsize tokens = attention->d.tokens, c = get_head_channels (attention);

  ddpm_ref_pack (c, tokens, b, 1, 3 * attention->d.c, s->panels);
  memset (s->scores, 0, rows * tokens * sizeof (double));
  ddpm_ref_multiply_add (rows, tokens, c, a, a_stride, 1, s->panels,
      s->scores, tokens);
}

/* out [i][l] = sum over j of probs[i][j] b[j][l]: y = P v, or dq sqrt (c) = dS
 * k */
static void
multiply_probs (const RefAttention * attention, gsize rows, const float *b,
    const AttentionScratch * s)
{
  const gsize tokens = attention->d.tokens, c = get_head_channels (attention);

  ddpm_ref_pack (tokens, c, b, 3 * attention->d.c, 1, s->panels);
  memset (s->out, 0, rows * c * sizeof (double));
  ddpm_ref_multiply_add (rows, c, tokens, s->probs, tokens, 1, s->panels,
      s->out, c);
}

/* sums [j][l] += sum over i of probs[i][j] b[i][l]: dv = P^T dy, or
 * dk sqrt (c) = dS^T q */
static void
multiply_add_transposed (const RefAttention * attention, gsize rows,
    const float *b, gsize b_stride, const AttentionScratch * s, double *sums)
{
  const gsize tokens = attention->d.tokens, c = get_head_channels (attention);

  ddpm_ref_pack (rows, c, b, b_stride, 1, s->panels);
  ddpm_ref_multiply_add (tokens, c, rows, s->probs, 1, tokens, s->panels,
      sums, c);
}

static void
apply_softmax (gsize count, double scale, double *row)
{
  double largest = row[0], sum = 0.0;

  for (gsize i = 1; i < count; i++)
    largest = MAX (largest, row[i]);
  for (gsize i = 0; i < count; i++) {
    row[i] = exp (scale * (row[i] - largest));
    sum += row[i];
  }
  for (gsize i = 0; i < count; i++)
    row[i] /= sum;
}

/* Where the probabilities of a block are kept */
static gsize
get_first_kept (const RefAttention * attention, const Block * block)
{
  const gsize tokens = attention->d.tokens;

  return ((block->image * attention->d.heads + block->head) * tokens
      + block->row) * tokens;
}

/* P, rounded to activations */
static void
compute_probs (const RefAttention * attention, const Block * block,
    const AttentionScratch * s)
{
  const DdpmType type = attention->base.backend->act_type;
  const gsize tokens = attention->d.tokens;

  multiply_rows (attention, block->rows, block->q, 3 * attention->d.c,
      block->k, s);
  for (gsize row = 0; row < block->rows; row++)
    apply_softmax (tokens, get_scale (attention), s->scores + row * tokens);
  for (gsize i = 0; i < block->rows * tokens; i++)
    s->probs[i] = type == DDPM_TYPE_F32 ? (float) s->scores[i]
        : ddpm_bf16_to_float (ddpm_bf16_from_float ((float) s->scores[i]));
}

/* Stores rows of y, dq, dk or dv: values [rows][c] times scale. first: the
 * place of the first one; stride: of rows */
static void
store_rows (const RefAttention * attention, gsize rows, const double *values,
    double scale, gpointer dst, gsize first, gsize stride)
{
  const gsize c = get_head_channels (attention);

  for (gsize row = 0; row < rows; row++) {
    for (gsize i = 0; i < c; i++)
      ddpm_ref_store (attention->base.backend->act_type, dst,
          first + row * stride + i, scale * values[row * c + i]);
  }
}

static void
run_forward (const RefAttention * attention, const Block * block, gpointer y,
    gpointer kept, const AttentionScratch * s)
{
  const gsize tokens = attention->d.tokens, channels = attention->d.c;

  compute_probs (attention, block, s);
  if (attention->keeps) {
    for (gsize i = 0; i < block->rows * tokens; i++)
      ddpm_ref_store (attention->base.backend->act_type, kept,
          get_first_kept (attention, block) + i, s->probs[i]);
  }
  multiply_probs (attention, block->rows, block->v, s);
  store_rows (attention, block->rows, s->out, 1.0, y,
      (block->image * tokens + block->row) * channels
      + block->head * get_head_channels (attention), channels);
}

static void
attention_forward (DdpmPlan * p, gconstpointer qkv, gpointer y, gpointer kept,
    gpointer scratch)
{
  const RefAttention *attention = (const RefAttention *) p;
  const gsize tokens = attention->d.tokens;
  const gsize qkv_count = tokens * 3 * attention->d.c;
  AttentionScratch s = { 0, };

  lay_out_scratch (attention, scratch, &s);
  for (gsize image = 0; image < attention->d.n; image++) {
    load_floats (p->backend->act_type, qkv, image * qkv_count, qkv_count,
        s.qkv);
    for (gsize head = 0; head < attention->d.heads; head++) {
      for (gsize row = 0; row < tokens; row += MOST_ROWS) {
        const Block block = get_block (attention, image, head, row, &s);

        run_forward (attention, &block, y, kept, &s);
      }
    }
  }
}

/* Writes dS, made of P and dP, in the place of P. */
static void
derive_softmax (gsize count, const double *dp, float *p)
{
  double sum = 0.0;

  for (gsize i = 0; i < count; i++)
    sum += p[i] * dp[i];
  for (gsize i = 0; i < count; i++)
    p[i] = p[i] * (dp[i] - sum);
}

/* Stores dq of a block; adds to dk and dv of its head. */
static void
run_backward (const RefAttention * attention, const Block * block,
    gconstpointer kept, gpointer dqkv, const AttentionScratch * s)
{
  const gsize tokens = attention->d.tokens, channels = attention->d.c;

  if (attention->keeps)
    load_floats (attention->base.backend->act_type, kept,
        get_first_kept (attention, block), block->rows * tokens, s->probs);
  else
    compute_probs (attention, block, s);
  multiply_add_transposed (attention, block->rows, block->dy, channels, s,
      s->dv);

  multiply_rows (attention, block->rows, block->dy, channels, block->v, s);
  for (gsize row = 0; row < block->rows; row++)
    derive_softmax (tokens, s->scores + row * tokens, s->probs + row * tokens);

  multiply_probs (attention, block->rows, block->k, s);
  store_rows (attention, block->rows, s->out, get_scale (attention), dqkv,
      (block->image * tokens + block->row) * 3 * channels
      + block->head * get_head_channels (attention), 3 * channels);
  multiply_add_transposed (attention, block->rows, block->q, 3 * channels, s,
      s->dk);
}

static void
derive_head (const RefAttention * attention, gsize image, gsize head,
    gconstpointer kept, gpointer dqkv, const AttentionScratch * s)
{
  const gsize tokens = attention->d.tokens, channels = attention->d.c;
  const gsize c = get_head_channels (attention);
  const gsize first = image * tokens * 3 * channels + head * c;

  memset (s->dk, 0, tokens * c * sizeof (double));
  memset (s->dv, 0, tokens * c * sizeof (double));
  for (gsize row = 0; row < tokens; row += MOST_ROWS) {
    const Block block = get_block (attention, image, head, row, s);

    run_backward (attention, &block, kept, dqkv, s);
  }
  store_rows (attention, tokens, s->dk, get_scale (attention), dqkv,
      first + channels, 3 * channels);
  store_rows (attention, tokens, s->dv, 1.0, dqkv, first + 2 * channels,
      3 * channels);
}

static void
attention_backward (DdpmPlan * p, gconstpointer dy, gconstpointer qkv,
    gconstpointer kept, gpointer dqkv, gpointer scratch)
{
  const RefAttention *attention = (const RefAttention *) p;
  const DdpmType type = p->backend->act_type;
  const gsize count = (gsize) attention->d.tokens * attention->d.c;
  AttentionScratch s = { 0, };

  lay_out_scratch (attention, scratch, &s);
  for (gsize image = 0; image < attention->d.n; image++) {
    load_floats (type, qkv, image * 3 * count, 3 * count, s.qkv);
    load_floats (type, dy, image * count, count, s.dy);
    for (gsize head = 0; head < attention->d.heads; head++)
      derive_head (attention, image, head, kept, dqkv, &s);
  }
}

void
ddpm_ref_attention_set_ops (DdpmOps * ops)
{
  ops->attention_new = attention_new;
  ops->attention_forward = attention_forward;
  ops->attention_backward = attention_backward;
}
