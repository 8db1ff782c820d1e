/* gst-ddpm: which shapes operations can have, on any backend
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/desc.h"

/* Whether some tensors of this many elements can be addressed in double */
static gboolean
addressable (gsize count)
{
  return count <= G_MAXSSIZE / (8 * sizeof (double));
}

/* The kernels of oneDNN and cuDNN use 32 bits for offsets within a few rows of a
 * tensor, and within the weights. */
static gboolean
conv_is_possible (const DdpmConvDesc * d)
{
  const gsize cin = (gsize) d->cin0 + d->cin1;
  const gsize row = ddpm_size_mul ((gsize) d->width + 2, cin + d->cout + 64);

  return d->n > 0 && d->height > 0 && d->width > 0 && d->cin0 > 0
      && d->cout > 0 && (d->kernel == 1 || d->kernel == 3)
      && (d->stride == 1 || d->stride == 2)
      && (!d->pad_end || (d->kernel == 3 && d->stride == 2))
      && d->n <= G_MAXINT32 && d->height <= G_MAXINT16
      && d->width <= G_MAXINT16 && row <= G_MAXINT32 / 16
      && addressable (ddpm_size_mul (d->n, ddpm_size_mul ((gsize) d->height
              + 2, row)))
      && ddpm_size_mul (cin + 32, (gsize) d->cout + 16) <= G_MAXINT32 / 9;
}

gboolean
ddpm_conv_desc_check (const DdpmConvDesc * d, GError ** error)
{
  if (conv_is_possible (d))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "convolution of %u images %u x %u, %u + %u to %u channels, kernel %u, "
      "stride %u%s: expected sizes that memory can hold, kernel 1 or 3, "
      "stride 1 or 2, padding at the end only with kernel 3 and stride 2", d->n,
      d->width, d->height, d->cin0, d->cin1, d->cout, d->kernel, d->stride,
      d->pad_end ? ", padded at the end" : "");
  return FALSE;
}

gboolean
ddpm_norm_desc_check (const DdpmNormDesc * d, GError ** error)
{
  const gsize c = (gsize) d->c0 + d->c1;

  if (d->n > 0 && d->pixels > 0 && d->c0 > 0 && d->groups > 0
      && c <= G_MAXINT32 && c % d->groups == 0 && !(d->time_bias && d->c1 != 0)
      && !(d->modulation && (d->c1 != 0 || d->time_bias))
      && addressable (ddpm_size_mul (ddpm_size_mul (d->pixels, c + 64),
              (gsize) d->n + 3)))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "group norm of %u images, %u pixels, %u + %u channels, %u groups%s: "
      "expected groups that divide the channels, a time bias or a modulation "
      "only where there is one source, and sizes that memory can hold", d->n,
      d->pixels, d->c0, d->c1, d->groups, d->time_bias ? ", time bias"
      : d->modulation ? ", modulation" : "");
  return FALSE;
}

gboolean
ddpm_attention_desc_check (const DdpmAttentionDesc * d, GError ** error)
{
  const gsize tokens = (gsize) d->tokens + 8;
  const gsize per_token = 4 * tokens + 8 * (gsize) d->c;

  if (d->n > 0 && d->tokens > 0 && d->c > 0 && d->heads > 0
      && d->c % d->heads == 0
      && addressable (ddpm_size_mul (ddpm_size_mul (per_token, tokens),
              (gsize) d->n + 1)))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "attention of %u images, %u tokens, %u channels, %u heads: expected "
      "sizes that memory can hold, and heads that divide the channels", d->n,
      d->tokens, d->c, d->heads);
  return FALSE;
}

/* Probabilities of an image that a forward pass keeps */
#define MOST_KEPT ((gsize) 1 << 20)
#define BLOCK_ROWS 32

/* The probabilities of an image */
static gsize
count_probs (const DdpmAttentionDesc * d)
{
  return ddpm_size_mul (d->heads, ddpm_size_mul (d->tokens, d->tokens));
}

DdpmAttentionBlock
ddpm_attention_get_block (const DdpmAttentionDesc * d, gsize scores)
{
  const gsize tokens = d->tokens;
  DdpmAttentionBlock block = { 1, 1, tokens };
  gsize heads;                  /* of any image */

  if (count_probs (d) > MOST_KEPT)
    block.rows = MIN (tokens,
        MAX (scores / tokens / BLOCK_ROWS, 1) * BLOCK_ROWS);
  heads = MAX (scores / (block.rows * tokens), 1);
  if (d->heads == 1)
    block.images = MIN (heads, d->n);
  else
    block.heads = MIN (heads, d->heads);
  while (d->heads % block.heads != 0)
    block.heads--;
  return block;
}

gsize
ddpm_attention_kept_size (const DdpmAttentionDesc * d, gsize act_size)
{
  const gsize probs = count_probs (d);

  return d->training && probs <= MOST_KEPT ?
      ddpm_size_mul (d->n, probs * act_size) : 0;
}

gboolean
ddpm_linear_check (guint rows, guint in, guint out, GError ** error)
{
  if (rows > 0 && in > 0 && out > 0 && addressable (ddpm_size_mul (in, out))
      && addressable (ddpm_size_mul (rows, MAX (in, out))))
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "linear layer of %u rows from %u to %u: expected sizes that memory "
      "can hold", rows, in, out);
  return FALSE;
}
