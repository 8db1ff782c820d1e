/* gst-ddpm: reference backend: attention with one head
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vaswani et al., "Attention is all you need" (2017), eq. 1, and its derivatives by
 * the chain rule, image by image:
 *
 *   S = q k^T / sqrt (c),  P = softmax (S) by rows,  y = P v
 *   dv = P^T dy,  dP = dy v^T,  dS = P (dP - rowsum (P dP))
 *   dq = dS k / sqrt (c),  dk = dS^T q / sqrt (c)
 */
#include <math.h>
#include "kernels/reference/private.h"

typedef struct
{
  DdpmPlan base;
  DdpmAttentionDesc d;
} RefAttention;

/* The workspace of one image */
typedef struct
{
  float *qkv;                   /* [tokens][3 c] */
  float *panels;                /* the right factor of a product */
  double *scores;               /* [tokens][tokens]: S, then dP */
  float *probs;                 /* [tokens][tokens]: P, then dS */
  double *out;                  /* [tokens][c] */
  float *dy;                    /* [tokens][c] */
} AttentionScratch;

static gsize
lay_out_scratch (const RefAttention * attention, gpointer scratch,
    AttentionScratch * s)
{
  const gsize tokens = attention->d.tokens, c = attention->d.c;
  const gsize panels = MAX (ddpm_ref_panels_size (tokens, c),
      MAX (ddpm_ref_panels_size (c, tokens),
          ddpm_ref_panels_size (tokens, tokens)));
  gsize used = 0;

  s->qkv = ddpm_ref_alloc_part (scratch, &used, tokens * 3 * c, sizeof (float));
  s->panels = ddpm_ref_alloc_part (scratch, &used, panels, sizeof (float));
  s->scores =
      ddpm_ref_alloc_part (scratch, &used, tokens * tokens, sizeof (double));
  s->probs =
      ddpm_ref_alloc_part (scratch, &used, tokens * tokens, sizeof (float));
  s->out = ddpm_ref_alloc_part (scratch, &used, tokens * c, sizeof (double));
  if (attention->d.training)
    s->dy = ddpm_ref_alloc_part (scratch, &used, tokens * c, sizeof (float));
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
  attention->base.scratch = lay_out_scratch (attention, NULL, &s);
  return &attention->base;
}

static void
load_floats (DdpmType type, gconstpointer src, gsize first, gsize count,
    float *dst)
{
  for (gsize i = 0; i < count; i++)
    dst[i] = ddpm_ref_load (type, src, first + i);
}

/* out [m][n] = a [m][k] b [k][n], b in panels */
static void
multiply_panels (gsize m, gsize n, gsize k, const float *a, gsize a_row_stride,
    gsize a_column_stride, const float *panels, double *out)
{
  memset (out, 0, m * n * sizeof (double));
  ddpm_ref_multiply_add (m, n, k, a, a_row_stride, a_column_stride, panels,
      out, n);
}

/* scores [i][j] = sum over l of a[i][l] b[j][l]: S sqrt (c) = q k^T, or dP =
 * dy v^T. Rows of a are a_stride apart; b is the k or v of qkv. */
static void
multiply_rows (const RefAttention * attention, const float *a, gsize a_stride,
    const float *b, const AttentionScratch * s)
{
  const gsize tokens = attention->d.tokens, c = attention->d.c;

  ddpm_ref_pack (c, tokens, b, 1, 3 * c, s->panels);
  multiply_panels (tokens, tokens, c, a, a_stride, 1, s->panels, s->scores);
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

static void
attention_forward (DdpmPlan * p, gconstpointer qkv, gpointer y, gpointer probs,
    gpointer scratch)
{
  const RefAttention *attention = (const RefAttention *) p;
  const DdpmType type = p->backend->act_type;
  const gsize tokens = attention->d.tokens, c = attention->d.c;
  const double scale = 1.0 / sqrt (c);
  AttentionScratch s;

  lay_out_scratch (attention, scratch, &s);
  for (gsize image = 0; image < attention->d.n; image++) {
    const gsize first_prob = image * tokens * tokens;

    load_floats (type, qkv, image * tokens * 3 * c, tokens * 3 * c, s.qkv);
    multiply_rows (attention, s.qkv, 3 * c, s.qkv + c, &s);
    for (gsize row = 0; row < tokens; row++)
      apply_softmax (tokens, scale, s.scores + row * tokens);
    for (gsize i = 0; i < tokens * tokens; i++)
      ddpm_ref_store (type, probs, first_prob + i, s.scores[i]);

    load_floats (type, probs, first_prob, tokens * tokens, s.probs);
    ddpm_ref_pack (tokens, c, s.qkv + 2 * c, 3 * c, 1, s.panels);
    multiply_panels (tokens, c, tokens, s.probs, tokens, 1, s.panels, s.out);
    for (gsize i = 0; i < tokens * c; i++)
      ddpm_ref_store (type, y, image * tokens * c + i, s.out[i]);
  }
}

/* Stores dq, dk or dv (third 0, 1, 2): out [tokens][c] times scale */
static void
store_third (const RefAttention * attention, const double *out, double scale,
    gsize image, guint third, gpointer dqkv)
{
  const gsize tokens = attention->d.tokens, c = attention->d.c;

  for (gsize row = 0; row < tokens; row++) {
    for (gsize i = 0; i < c; i++)
      ddpm_ref_store (attention->base.backend->act_type, dqkv,
          ((image * tokens + row) * 3 + third) * c + i,
          scale * out[row * c + i]);
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

static void
attention_backward (DdpmPlan * p, gconstpointer dy, gconstpointer qkv,
    gconstpointer probs, gpointer dqkv, gpointer scratch)
{
  const RefAttention *attention = (const RefAttention *) p;
  const DdpmType type = p->backend->act_type;
  const gsize tokens = attention->d.tokens, c = attention->d.c;
  const double scale = 1.0 / sqrt (c);
  AttentionScratch s;

  lay_out_scratch (attention, scratch, &s);
  for (gsize image = 0; image < attention->d.n; image++) {
    load_floats (type, qkv, image * tokens * 3 * c, tokens * 3 * c, s.qkv);
    load_floats (type, probs, image * tokens * tokens, tokens * tokens,
        s.probs);
    load_floats (type, dy, image * tokens * c, tokens * c, s.dy);

    ddpm_ref_pack (tokens, c, s.dy, c, 1, s.panels);
    multiply_panels (tokens, c, tokens, s.probs, 1, tokens, s.panels, s.out);
    store_third (attention, s.out, 1.0, image, 2, dqkv);

    multiply_rows (attention, s.dy, c, s.qkv + 2 * c, &s);
    for (gsize row = 0; row < tokens; row++)
      derive_softmax (tokens, s.scores + row * tokens, s.probs + row * tokens);

    ddpm_ref_pack (tokens, c, s.qkv + c, 3 * c, 1, s.panels);
    multiply_panels (tokens, c, tokens, s.probs, tokens, 1, s.panels, s.out);
    store_third (attention, s.out, scale, image, 0, dqkv);

    ddpm_ref_pack (tokens, c, s.qkv, 3 * c, 1, s.panels);
    multiply_panels (tokens, c, tokens, s.probs, 1, tokens, s.panels, s.out);
    store_third (attention, s.out, scale, image, 1, dqkv);
  }
}

void
ddpm_ref_attention_set_ops (DdpmOps * ops)
{
  ops->attention_new = attention_new;
  ops->attention_forward = attention_forward;
  ops->attention_backward = attention_backward;
}
