/* gst-ddpm: which shapes operations can have, on any backend
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/ops.h"

G_BEGIN_DECLS

/* a b, or G_MAXSIZE if that is too large for a gsize */
static inline gsize
ddpm_size_mul (gsize a, gsize b)
{
  gsize product;

  return g_size_checked_mul (&product, a, b) ? product : G_MAXSIZE;
}

/* Rows of zeros above an image, and columns to the left of it */
static inline guint
ddpm_conv_padding_before (const DdpmConvDesc * d)
{
  return d->pad_end ? 0 : d->kernel / 2;
}

/* Return FALSE for an impossible shape, with DDPM_ERROR_SETTINGS. The tensors
 * of any other shape fit into a gssize, in bytes, even as double and with
 * borders: products of its sizes need no further check. */
gboolean ddpm_conv_desc_check (const DdpmConvDesc * d, GError ** error);
gboolean ddpm_norm_desc_check (const DdpmNormDesc * d, GError ** error);
gboolean ddpm_attention_desc_check (const DdpmAttentionDesc * d,
    GError ** error);

/* What an attention computes at once. There is no more than one image, or no
 * more than one head. A last block may have fewer images or rows. */
typedef struct
{
  gsize images, heads, rows;    /* rows: queries */
} DdpmAttentionBlock;

/* The largest block of at most so many scores, or 32 rows of them. These are
 * all rows where the forward pass keeps P. */
DdpmAttentionBlock ddpm_attention_get_block (const DdpmAttentionDesc * d,
    gsize scores);
/* Bytes that the forward pass keeps for the backward pass: P [n][heads][tokens]
 * [tokens], rounded to activations, where an image has at most 2^20 of these.
 * Otherwise 0: the backward pass computes them again. */
gsize ddpm_attention_kept_size (const DdpmAttentionDesc * d, gsize act_size);
gboolean ddpm_linear_check (guint rows, guint in, guint out, GError ** error);

G_END_DECLS
