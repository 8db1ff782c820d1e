/* gst-ddpm: CUDA backend: noise, the forward process, the loss and reverse
 * steps
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/kernels/launches.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/staging.h"

/* Coefficients or losses that one slot of the staging ring holds */
#define STAGED_FLOATS (CUDA_STAGING_SIZE / sizeof (float))
#define STAGED_DOUBLES (CUDA_STAGING_SIZE / sizeof (double))

static void
noise (DdpmBackend * base, guint64 seed, guint64 first_sample,
    guint32 stream, guint32 interval, guint n, guint elements, float *out)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  const CudaNoise args = { seed, first_sample, stream, interval };
  const CudaNoise *staged = ddpm_cuda_stage_args (b, &args, sizeof args);

  if (staged)
    DDPM_CUDA_LAUNCH (b, "noise", ddpm_cuda_kern_noise, staged, n, elements,
        out);
}

static void
q_sample (DdpmBackend * base, guint n, guint elements, const float *a,
    const float *s, const float *x_0, const float *eps, float *x_t)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  for (gsize first = 0; first < n; first += STAGED_FLOATS) {
    const guint count = MIN (n - first, STAGED_FLOATS);
    const gsize at = first * elements;
    const float *staged_a =
        ddpm_cuda_stage_args (b, a + first, count * sizeof (float));
    const float *staged_s =
        ddpm_cuda_stage_args (b, s + first, count * sizeof (float));

    if (staged_a == NULL || staged_s == NULL)
      return;
    DDPM_CUDA_LAUNCH (b, "q_sample", ddpm_cuda_kern_q_sample, count, elements,
        staged_a, staged_s, x_0 + at, eps + at, x_t + at);
  }
}

/* If something fails, the losses are 0, and the failure is stored. */
static void
mse (DdpmBackend * base, guint n, guint n_valid, guint elements,
    const float *scale, const float *pred, const float *target, float *dpred,
    double *loss)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  memset (loss, 0, n * sizeof (double));
  for (gsize first = 0; first < n; first += STAGED_DOUBLES) {
    const guint count = MIN (n - first, STAGED_DOUBLES);
    const gsize at = first * elements, size = count * sizeof (double);
    const CudaLoss args = { n_valid > first ? n_valid - first : 0 };
    const CudaLoss *staged = ddpm_cuda_stage_args (b, &args, sizeof args);
    const float *scales =
        ddpm_cuda_stage_args (b, scale + first, count * sizeof (float));
    double *sums = ddpm_cuda_stage_args (b, loss + first, size);

    if (staged == NULL || scales == NULL || sums == NULL)
      return;
    if (!ddpm_cuda_graph_count_call (b)) {
      ddpm_cuda_kern_mse (b->stream, staged, scales, count, elements, pred + at,
          target + at, dpred + at, sums);
      if (!ddpm_cuda_launch_ok (b, "loss"))
        return;
    }
    ddpm_cuda_download (base, loss + first, sums, size);
  }
}

static void
guide (DdpmBackend * base, gsize count, gfloat w,
    const float *without, float *eps)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  DDPM_CUDA_LAUNCH (b, "guidance", ddpm_cuda_kern_guide, count, w, without,
      eps);
}

static void
reverse_step (DdpmBackend * base, const DdpmReverseStep * step,
    guint64 seed, guint64 first_sample, guint n, guint elements, float *x,
    const float *pred, float *x_0_prev)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  const CudaReverse args = { *step, seed, first_sample };
  const CudaReverse *staged = ddpm_cuda_stage_args (b, &args, sizeof args);

  if (staged)
    DDPM_CUDA_LAUNCH (b, "reverse step", ddpm_cuda_kern_reverse_step, staged, n,
        elements, x, pred, x_0_prev);
}

static void
learned_noise (DdpmBackend * base, const DdpmReverseStep * step,
    guint64 seed, guint64 first_sample, guint n, guint elements,
    const float *v, float *x)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  const CudaReverse args = { *step, seed, first_sample };
  const CudaReverse *staged = ddpm_cuda_stage_args (b, &args, sizeof args);

  if (staged)
    DDPM_CUDA_LAUNCH (b, "learned noise", ddpm_cuda_kern_learned_noise, staged,
        n, elements, v, x);
}

void
ddpm_cuda_diffusion_set_ops (DdpmOps * ops)
{
  ops->noise = noise;
  ops->q_sample = q_sample;
  ops->mse = mse;
  ops->guide = guide;
  ops->reverse_step = reverse_step;
  ops->learned_noise = learned_noise;
}
