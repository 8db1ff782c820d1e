/* gst-ddpm: reference backend: attention with one head
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vaswani et al., "Attention is all you need" (2017), eq. 1, and its
 * derivatives, image by image:
 *
 *   S = q k^T / sqrt (c),  P = softmax (S) by rows,  y = P v
 *   dv = P^T dy,  dP = dy v^T,  dS = P (dP - rowsum (P dP))
 *   dq = dS k / sqrt (c),  dk = dS^T q / sqrt (c)
 */
#include <math.h>
#include "kernels/reference/private.h"

typedef struct
{
  DdpmRefPlan base;
  DdpmAttentionDesc d;
} RefAttention;

/* The workspace, all of one image */
typedef struct
{
  float *qkv;                   /* [tokens][3 c] */
  float *panels;                /* of any of the products' right sides */
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

  s->qkv = ddpm_ref_take (scratch, &used, tokens * 3 * c, sizeof (float));
  s->panels = ddpm_ref_take (scratch, &used, panels, sizeof (float));
  s->scores = ddpm_ref_take (scratch, &used, tokens * tokens, sizeof (double));
  s->probs = ddpm_ref_take (scratch, &used, tokens * tokens, sizeof (float));
  s->out = ddpm_ref_take (scratch, &used, tokens * c, sizeof (double));
  if (attention->d.training)
    s->dy = ddpm_ref_take (scratch, &used, tokens * c, sizeof (float));
  return used;
}

DdpmPlan *
ddpm_ref_attention_new (DdpmBackend * b, const DdpmAttentionDesc * d,
    GError ** error)
{
  RefAttention *attention;
  AttentionScratch s;

  if (!ddpm_attention_desc_check (d, error))
    return NULL;

  attention = g_new0 (RefAttention, 1);
  attention->d = *d;
  ddpm_ref_plan_init (&attention->base, b,
      lay_out_scratch (attention, NULL, &s));
  return &attention->base.plan;
}

static void
load (DdpmType type, gconstpointer src, gsize first, gsize count, float *dst)
{
  for (gsize i = 0; i < count; i++)
    dst[i] = ddpm_ref_load (type, src, first + i);
}

/* out = a b, b in panels */
static void
multiply (gsize m, gsize n, gsize k, const float *a, gsize a_row_stride,
    gsize a_column_stride, const float *panels, double *out)
{
  memset (out, 0, m * n * sizeof (double));
  ddpm_ref_multiply_add (m, n, k, a, a_row_stride, a_column_stride, panels,
      out, n);
}

/* scores = a k^T, or dy v^T: of a [tokens][c], rows a_stride apart, with
 * every row of b [tokens][c], a part of qkv */
static void
multiply_rows (const RefAttention * attention, const float *a, gsize a_stride,
    const float *b, const AttentionScratch * s)
{
  const gsize tokens = attention->d.tokens, c = attention->d.c;

  ddpm_ref_pack (c, tokens, b, 1, 3 * c, s->panels);
  multiply (tokens, tokens, c, a, a_stride, 1, s->panels, s->scores);
}

static void
softmax_row (gsize count, double scale, double *row)
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

void
ddpm_ref_attention_forward (DdpmPlan * p, gconstpointer qkv, gpointer y,
    gpointer probs, gpointer scratch)
{
  const RefAttention *attention = (const RefAttention *) p;
  const DdpmType type = p->backend->act_type;
  const gsize tokens = attention->d.tokens, c = attention->d.c;
  const double scale = 1.0 / sqrt (c);
  AttentionScratch s;

  lay_out_scratch (attention, scratch, &s);
  for (gsize image = 0; image < attention->d.n; image++) {
    const gsize first_prob = image * tokens * tokens;

    load (type, qkv, image * tokens * 3 * c, tokens * 3 * c, s.qkv);
    multiply_rows (attention, s.qkv, 3 * c, s.qkv + c, &s);
    for (gsize row = 0; row < tokens; row++)
      softmax_row (tokens, scale, s.scores + row * tokens);
    for (gsize i = 0; i < tokens * tokens; i++)
      ddpm_ref_store (type, probs, first_prob + i, s.scores[i]);

    load (type, probs, first_prob, tokens * tokens, s.probs);
    ddpm_ref_pack (tokens, c, s.qkv + 2 * c, 3 * c, 1, s.panels);
    multiply (tokens, c, tokens, s.probs, tokens, 1, s.panels, s.out);
    for (gsize i = 0; i < tokens * c; i++)
      ddpm_ref_store (type, y, image * tokens * c + i, s.out[i]);
  }
}

/* One of dq, dk, dv: out [tokens][c] times scale, into its third of dqkv */
static void
store_third (const RefAttention * attention, const double *out, double scale,
    gsize image, guint third, gpointer dqkv)
{
  const gsize tokens = attention->d.tokens, c = attention->d.c;

  for (gsize row = 0; row < tokens; row++) {
    for (gsize i = 0; i < c; i++)
      ddpm_ref_store (attention->base.plan.backend->act_type, dqkv,
          ((image * tokens + row) * 3 + third) * c + i,
          scale * out[row * c + i]);
  }
}

/* dS from P (probs) and dP (scores), in the place of P */
static void
softmax_backward_row (gsize count, const double *dp, float *p)
{
  double sum = 0.0;

  for (gsize i = 0; i < count; i++)
    sum += p[i] * dp[i];
  for (gsize i = 0; i < count; i++)
    p[i] = p[i] * (dp[i] - sum);
}

void
ddpm_ref_attention_backward (DdpmPlan * p, gconstpointer dy,
    gconstpointer qkv, gconstpointer probs, gpointer dqkv, gpointer scratch)
{
  const RefAttention *attention = (const RefAttention *) p;
  const DdpmType type = p->backend->act_type;
  const gsize tokens = attention->d.tokens, c = attention->d.c;
  const double scale = 1.0 / sqrt (c);
  AttentionScratch s;

  lay_out_scratch (attention, scratch, &s);
  for (gsize image = 0; image < attention->d.n; image++) {
    load (type, qkv, image * tokens * 3 * c, tokens * 3 * c, s.qkv);
    load (type, probs, image * tokens * tokens, tokens * tokens, s.probs);
    load (type, dy, image * tokens * c, tokens * c, s.dy);

    ddpm_ref_pack (tokens, c, s.dy, c, 1, s.panels);
    multiply (tokens, c, tokens, s.probs, 1, tokens, s.panels, s.out);
    store_third (attention, s.out, 1.0, image, 2, dqkv);

    multiply_rows (attention, s.dy, c, s.qkv + 2 * c, &s);
    for (gsize row = 0; row < tokens; row++)
      softmax_backward_row (tokens, s.scores + row * tokens,
          s.probs + row * tokens);

    ddpm_ref_pack (tokens, c, s.qkv + c, 3 * c, 1, s.panels);
    multiply (tokens, c, tokens, s.probs, tokens, 1, s.panels, s.out);
    store_third (attention, s.out, scale, image, 0, dqkv);

    ddpm_ref_pack (tokens, c, s.qkv, 3 * c, 1, s.panels);
    multiply (tokens, c, tokens, s.probs, 1, tokens, s.panels, s.out);
    store_third (attention, s.out, scale, image, 1, dqkv);
  }
}
