/* gst-ddpm: CUDA backend: small operations on elements
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/kernels/launches.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/staging.h"

/* Timesteps or labels that one slot of the staging ring holds */
#define STAGED (CUDA_STAGING_SIZE / sizeof (gint))

static gboolean
is_bf16 (const CudaBackend * b)
{
  return b->base.act_type == DDPM_TYPE_BF16;
}

/* The rows of all images follow one another: n h rows. */
static void
upsample_forward (DdpmBackend * base, guint n, guint h, guint w,
    guint c, gconstpointer x, gpointer y)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  DDPM_CUDA_LAUNCH (b, "upsampling", ddpm_cuda_kern_upsample_forward,
      (gsize) n * h, w, c, is_bf16 (b), x, y);
}

static void
upsample_backward (DdpmBackend * base, guint n, guint h, guint w,
    guint c, gconstpointer dy, gpointer dx, gboolean add)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  DDPM_CUDA_LAUNCH (b, "gradient of upsampling",
      ddpm_cuda_kern_upsample_backward, (gsize) n * h, w, c, is_bf16 (b), dy,
      dx, add);
}

static void
accumulate (DdpmBackend * base, gsize count, gconstpointer x, gpointer y)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  DDPM_CUDA_LAUNCH (b, "addition", ddpm_cuda_kern_accumulate, count,
      is_bf16 (b), x, y);
}

static void
scale (DdpmBackend * base, gsize count, gfloat factor, gpointer y)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  DDPM_CUDA_LAUNCH (b, "scaling", ddpm_cuda_kern_scale, count, factor,
      is_bf16 (b), y);
}

static void
split_channels (DdpmBackend * base, gsize pixels, guint c, const float *x,
    float *first, float *second)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  DDPM_CUDA_LAUNCH (b, "splitting channels", ddpm_cuda_kern_split_channels,
      pixels, c, x, first, second);
}

static void
join_channels (DdpmBackend * base, gsize pixels, guint c, const float *first,
    const float *second, float *y)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  DDPM_CUDA_LAUNCH (b, "joining channels", ddpm_cuda_kern_join_channels,
      pixels, c, first, second, y);
}

/* Runs a kernel on rows of a table, as many at a time as can be staged. */
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
        ddpm_cuda_stage_args (b, index + first, count * sizeof (gint));

    if (staged == NULL)
      return;
    DDPM_CUDA_LAUNCH (b, what, kernel, count, dim, table, staged,
        out + first * dim);
  }
}

static void
embedding (DdpmBackend * b, guint n, guint dim, const float *table,
    const gint * t, float *out)
{
  look_up (b, ddpm_cuda_kern_embedding, "time embedding", n, dim, table, t,
      out);
}

static void
embedding_add (DdpmBackend * b, guint n, guint dim,
    const float *table, const gint * index, float *out)
{
  look_up (b, ddpm_cuda_kern_embedding_add, "label embedding", n, dim,
      table, index, out);
}

/* Without any label, the gradient is 0. */
static void
embedding_backward (DdpmBackend * base, guint n, guint dim,
    guint rows, const gint * index, const float *dy, float *dtable,
    gboolean add)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (n == 0 && !add)
    ddpm_cuda_zero (base, dtable, (gsize) rows * dim * sizeof (float));
  for (gsize first = 0; first < n; first += STAGED) {
    const guint count = MIN (n - first, STAGED);
    const gint *staged =
        ddpm_cuda_stage_args (b, index + first, count * sizeof (gint));

    if (staged == NULL)
      return;
    DDPM_CUDA_LAUNCH (b, "gradient of the label embedding",
        ddpm_cuda_kern_embedding_backward, count, dim, rows, staged,
        dy + first * dim, dtable, add || first > 0);
  }
}

static void
swish_forward (DdpmBackend * base, gsize count, const float *x, float *y)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  DDPM_CUDA_LAUNCH (b, "swish", ddpm_cuda_kern_swish_forward, count, x, y);
}

static void
swish_backward (DdpmBackend * base, gsize count, const float *x,
    const float *dy, float *dx)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  DDPM_CUDA_LAUNCH (b, "gradient of swish", ddpm_cuda_kern_swish_backward,
      count, x, dy, dx);
}

void
ddpm_cuda_elements_set_ops (DdpmOps * ops)
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
