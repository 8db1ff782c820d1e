/* gst-ddpm: CUDA backend: nearest upsampling, sums, table look-up and swish
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/private.h"

/* Timesteps, and labels, that the stage takes at a time */
#define STAGED (CUDA_STAGE_MAX / sizeof (gint))

static gboolean
is_bf16 (const CudaBackend * b)
{
  return b->base.act_type == DDPM_TYPE_BF16;
}

/* Images lie one below the other: n h rows. */
void
ddpm_cuda_upsample_forward (DdpmBackend * base, guint n, guint h, guint w,
    guint c, gconstpointer x, gpointer y)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (ddpm_cuda_replayed (b))
    return;
  ddpm_cuda_kern_upsample_forward (b->stream, (gsize) n * h, w, c, is_bf16 (b),
      x, y);
  ddpm_cuda_launched (b, "upsampling");
}

void
ddpm_cuda_upsample_backward (DdpmBackend * base, guint n, guint h, guint w,
    guint c, gconstpointer dy, gpointer dx, gboolean add)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (ddpm_cuda_replayed (b))
    return;
  ddpm_cuda_kern_upsample_backward (b->stream, (gsize) n * h, w, c, is_bf16 (b),
      dy, dx, add);
  ddpm_cuda_launched (b, "upsampling's gradient");
}

void
ddpm_cuda_accumulate (DdpmBackend * base, gsize count, gconstpointer x,
    gpointer y)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (ddpm_cuda_replayed (b))
    return;
  ddpm_cuda_kern_accumulate (b->stream, count, is_bf16 (b), x, y);
  ddpm_cuda_launched (b, "adding");
}

/* Rows of a table, as many at a time as can be staged */
static void
look_up (DdpmBackend * base, void (*kernel) (cudaStream_t stream,
        unsigned n, size_t dim, const float *table, const int *index,
        float *out), const gchar * what, guint n, guint dim,
    const float *table, const gint * index, float *out)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  for (gsize first = 0; first < n; first += STAGED) {
    const guint count = MIN (n - first, STAGED);
    const gint *staged =
        ddpm_cuda_stage (b, index + first, count * sizeof (gint));

    if (staged == NULL)
      return;
    if (ddpm_cuda_replayed (b))
      continue;
    kernel (b->stream, count, dim, table, staged, out + first * dim);
    ddpm_cuda_launched (b, what);
  }
}

void
ddpm_cuda_embedding (DdpmBackend * b, guint n, guint dim, const float *table,
    const gint * t, float *out)
{
  look_up (b, ddpm_cuda_kern_embedding, "the time embedding", n, dim, table, t,
      out);
}

void
ddpm_cuda_embedding_add (DdpmBackend * b, guint n, guint dim,
    const float *table, const gint * index, float *out)
{
  look_up (b, ddpm_cuda_kern_embedding_add, "the label embedding", n, dim,
      table, index, out);
}

/* Without any label, gradients are 0 all the same. */
void
ddpm_cuda_embedding_backward (DdpmBackend * base, guint n, guint dim,
    guint rows, const gint * index, const float *dy, float *dtable,
    gboolean add)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (n == 0 && !add)
    ddpm_cuda_zero (base, dtable, (gsize) rows * dim * sizeof (float));
  for (gsize first = 0; first < n; first += STAGED) {
    const guint count = MIN (n - first, STAGED);
    const gint *staged =
        ddpm_cuda_stage (b, index + first, count * sizeof (gint));

    if (staged == NULL)
      return;
    if (ddpm_cuda_replayed (b))
      continue;
    ddpm_cuda_kern_embedding_backward (b->stream, count, dim, rows, staged,
        dy + first * dim, dtable, add || first > 0);
    ddpm_cuda_launched (b, "the label embedding's gradient");
  }
}

void
ddpm_cuda_swish_forward (DdpmBackend * base, gsize count, const float *x,
    float *y)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (ddpm_cuda_replayed (b))
    return;
  ddpm_cuda_kern_swish_forward (b->stream, count, x, y);
  ddpm_cuda_launched (b, "swish");
}

void
ddpm_cuda_swish_backward (DdpmBackend * base, gsize count, const float *x,
    const float *dy, float *dx)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (ddpm_cuda_replayed (b))
    return;
  ddpm_cuda_kern_swish_backward (b->stream, count, x, dy, dx);
  ddpm_cuda_launched (b, "swish's gradient");
}
