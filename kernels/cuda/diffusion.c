/* gst-ddpm: CUDA backend: noise, the forward process, the loss and the step of
 * the reverse process
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "kernels/cuda/private.h"

/* Coefficients, and losses, that the stage takes at a time */
#define STAGED_FLOATS (CUDA_STAGE_MAX / sizeof (float))
#define STAGED_DOUBLES (CUDA_STAGE_MAX / sizeof (double))

void
cuda_noise (DdpmBackend * base, guint64 seed, guint64 first_sample,
    guint32 stream, guint n, guint elements, float *out)
{
  CudaBackend *b = cuda_backend (base);
  const CudaNoise args = { seed, first_sample, stream };
  const CudaNoise *staged = cuda_stage (b, &args, sizeof args);

  if (staged == NULL || cuda_replayed (b))
    return;
  cuda_kern_noise (b->stream, staged, n, elements, out);
  cuda_launched (b, "noise");
}

void
cuda_q_sample (DdpmBackend * base, guint n, guint elements, const float *a,
    const float *s, const float *x_0, const float *eps, float *x_t)
{
  CudaBackend *b = cuda_backend (base);

  for (gsize first = 0; first < n; first += STAGED_FLOATS) {
    const guint count = MIN (n - first, STAGED_FLOATS);
    const gsize at = first * elements;
    const float *staged_a = cuda_stage (b, a + first, count * sizeof (float));
    const float *staged_s = cuda_stage (b, s + first, count * sizeof (float));

    if (staged_a == NULL || staged_s == NULL)
      return;
    if (cuda_replayed (b))
      continue;
    cuda_kern_q_sample (b->stream, count, elements, staged_a, staged_s,
        x_0 + at, eps + at, x_t + at);
    cuda_launched (b, "the forward process");
  }
}

/* The losses are added up where the stage has put zeros. They are 0 where
 * something fails, which is kept. */
void
cuda_mse (DdpmBackend * base, guint n, guint n_valid, guint elements,
    const float *scale, const float *pred, const float *target, float *dpred,
    double *loss)
{
  CudaBackend *b = cuda_backend (base);

  memset (loss, 0, n * sizeof (double));
  for (gsize first = 0; first < n; first += STAGED_DOUBLES) {
    const guint count = MIN (n - first, STAGED_DOUBLES);
    const gsize at = first * elements, size = count * sizeof (double);
    const CudaLoss args = { n_valid > first ? n_valid - first : 0 };
    const CudaLoss *staged = cuda_stage (b, &args, sizeof args);
    const float *scales = cuda_stage (b, scale + first, count * sizeof (float));
    double *sums = cuda_stage (b, loss + first, size);

    if (staged == NULL || scales == NULL || sums == NULL)
      return;
    if (!cuda_replayed (b)) {
      cuda_kern_mse (b->stream, staged, scales, count, elements, pred + at,
          target + at, dpred + at, sums);
      if (!cuda_launched (b, "the loss"))
        return;
    }
    cuda_download (base, loss + first, sums, size);
  }
}

void
cuda_guide (DdpmBackend * base, gsize count, gfloat w, const float *without,
    float *eps)
{
  CudaBackend *b = cuda_backend (base);

  if (cuda_replayed (b))
    return;
  cuda_kern_guide (b->stream, count, w, without, eps);
  cuda_launched (b, "guidance");
}

void
cuda_reverse_step (DdpmBackend * base, const DdpmReverseStep * step,
    guint64 seed, guint64 first_sample, guint n, guint elements, float *x,
    const float *eps, float *x_0_prev)
{
  CudaBackend *b = cuda_backend (base);
  const CudaReverse args = { *step, seed, first_sample };
  const CudaReverse *staged = cuda_stage (b, &args, sizeof args);

  if (staged == NULL || cuda_replayed (b))
    return;
  cuda_kern_reverse_step (b->stream, staged, n, elements, x, eps, x_0_prev);
  cuda_launched (b, "the reverse step");
}
