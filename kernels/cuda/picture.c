/* gst-ddpm: CUDA backend: images to a picture, and pictures to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/kernels/launches.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/staging.h"

static void
to_picture (DdpmBackend * base, const float *x, const DdpmPicture * p)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  DDPM_CUDA_LAUNCH (b, "painting a picture", ddpm_cuda_kern_to_picture, x, p);
}

static void
from_picture (DdpmBackend * base, const DdpmPicture * p, guint8 * pixels)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  DDPM_CUDA_LAUNCH (b, "reading a picture", ddpm_cuda_kern_from_picture, p,
      pixels);
}

static void
from_pixels (DdpmBackend * base, guint n, const DdpmPixels * p,
    const guint8 * pixels, const guint8 * mirrored, float *x)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  const gsize elements = (gsize) p->height * p->width * p->channels;

  for (gsize first = 0; first < n; first += CUDA_STAGING_SIZE) {
    const guint count = MIN (n - first, CUDA_STAGING_SIZE);
    const guint8 *staged = ddpm_cuda_stage_args (b, mirrored + first, count);

    if (staged == NULL)
      return;
    DDPM_CUDA_LAUNCH (b, "images from bytes", ddpm_cuda_kern_from_pixels, count,
        p, pixels + first * elements, staged, x + first * elements);
  }
}

void
ddpm_cuda_picture_set_ops (DdpmOps * ops)
{
  ops->to_picture = to_picture;
  ops->from_picture = from_picture;
  ops->from_pixels = from_pixels;
}
