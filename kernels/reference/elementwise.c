/* gst-ddpm: reference backend: swish (Ramachandran et al. 2017), nearest
 * upsampling, sums, and embeddings: rows of a table
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include "kernels/reference/private.h"

double
ddpm_ref_swish (double x)
{
  return x / (1.0 + exp (-x));
}

double
ddpm_ref_swish_derivative (double x)
{
  const double sigmoid = 1.0 / (1.0 + exp (-x));

  return sigmoid * (1.0 + x * (1.0 - sigmoid));
}

static void
swish_forward (DdpmBackend * b, gsize count, const float *x, float *y)
{
  for (gsize i = 0; i < count; i++)
    y[i] = ddpm_ref_swish (x[i]);
}

static void
swish_backward (DdpmBackend * b, gsize count, const float *x, const float *dy,
    float *dx)
{
  for (gsize i = 0; i < count; i++)
    dx[i] = dy[i] * ddpm_ref_swish_derivative (x[i]);
}

/* y[row][column] = x[row / 2][column / 2] */
static void
upsample_forward (DdpmBackend * b, guint n, guint h, guint w, guint c,
    gconstpointer x, gpointer y)
{
  const gsize pixel = c * ddpm_type_size (b->act_type);
  const guint8 *in = x;
  guint8 *out = y;

  /* all images, one below the other: n h rows of x */
  for (gsize row = 0; row < (gsize) 2 * n * h; row++) {
    for (gsize column = 0; column < (gsize) 2 * w; column++) {
      memcpy (out, in + (row / 2 * w + column / 2) * pixel, pixel);
      out += pixel;
    }
  }
}

/* dx[row][column] = the sum of the four dy that it was copied to */
static void
upsample_backward (DdpmBackend * b, guint n, guint h, guint w, guint c,
    gconstpointer dy, gpointer dx, gboolean add)
{
  const DdpmType type = b->act_type;
  const gsize right = c, below = (gsize) 2 * w * c;

  for (gsize row = 0; row < (gsize) n * h; row++) {
    for (gsize column = 0; column < w; column++) {
      for (gsize i = 0; i < c; i++) {
        const gsize e = (2 * row * 2 * w + 2 * column) * c + i;

        ddpm_ref_store_or_add (type, dx, (row * w + column) * c + i,
            ddpm_ref_load (type, dy, e)
            + ddpm_ref_load (type, dy, e + right)
            + ddpm_ref_load (type, dy, e + below)
            + ddpm_ref_load (type, dy, e + below + right), add);
      }
    }
  }
}

static void
accumulate (DdpmBackend * b, gsize count, gconstpointer x, gpointer y)
{
  for (gsize i = 0; i < count; i++)
    ddpm_ref_store_or_add (b->act_type, y, i, ddpm_ref_load (b->act_type, x, i),
        TRUE);
}

static void
scale (DdpmBackend * b, gsize count, gfloat factor, gpointer y)
{
  for (gsize i = 0; i < count; i++)
    ddpm_ref_store (b->act_type, y, i, factor * ddpm_ref_load (b->act_type, y,
            i));
}

static void
split_channels (DdpmBackend * b, gsize pixels, guint c, const float *x,
    float *first, float *second)
{
  for (gsize i = 0; i < pixels; i++) {
    memcpy (first + i * c, x + i * 2 * c, c * sizeof (float));
    if (second)
      memcpy (second + i * c, x + (i * 2 + 1) * c, c * sizeof (float));
  }
}

static void
join_channels (DdpmBackend * b, gsize pixels, guint c, const float *first,
    const float *second, float *y)
{
  for (gsize i = 0; i < pixels; i++) {
    memcpy (y + i * 2 * c, first + i * c, c * sizeof (float));
    if (second)
      memcpy (y + (i * 2 + 1) * c, second + i * c, c * sizeof (float));
    else
      memset (y + (i * 2 + 1) * c, 0, c * sizeof (float));
  }
}

static void
embedding (DdpmBackend * b, guint n, guint dim, const float *table,
    const gint * t, float *out)
{
  for (gsize i = 0; i < n; i++)
    memcpy (out + i * dim, table + (gsize) t[i] * dim, dim * sizeof (float));
}

static void
embedding_add (DdpmBackend * b, guint n, guint dim, const float *table,
    const gint * index, float *out)
{
  for (gsize i = 0; i < n; i++) {
    for (gsize k = 0; index[i] >= 0 && k < dim; k++)
      out[i * dim + k] += table[(gsize) index[i] * dim + k];
  }
}

static void
embedding_backward (DdpmBackend * b, guint n, guint dim, guint rows,
    const gint * index, const float *dy, float *dtable, gboolean add)
{
  for (gsize row = 0; row < rows; row++) {
    for (gsize k = 0; k < dim; k++) {
      double sum = 0.0;

      for (gsize i = 0; i < n; i++)
        sum += index[i] == (gint) row ? dy[i * dim + k] : 0.0;
      ddpm_ref_store_or_add (DDPM_TYPE_F32, dtable, row * dim + k, sum, add);
    }
  }
}

void
ddpm_ref_elements_set_ops (DdpmOps * ops)
{
  ops->upsample_forward = upsample_forward;
  ops->upsample_backward = upsample_backward;
  ops->accumulate = accumulate;
  ops->scale = scale;
  ops->split_channels = split_channels;
  ops->join_channels = join_channels;
  ops->embedding = embedding;
  ops->embedding_add = embedding_add;
  ops->embedding_backward = embedding_backward;
  ops->swish_forward = swish_forward;
  ops->swish_backward = swish_backward;
}
