/* gst-ddpm: CUDA backend: images as a picture, and pictures as images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/private.h"

void
ddpm_cuda_to_picture (DdpmBackend * base, const float *x, const DdpmPicture * p)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (ddpm_cuda_replayed (b))
    return;
  ddpm_cuda_kern_to_picture (b->stream, x, p);
  ddpm_cuda_launched (b, "the picture");
}

void
ddpm_cuda_from_picture (DdpmBackend * base, const DdpmPicture * p,
    guint8 * pixels)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (ddpm_cuda_replayed (b))
    return;
  ddpm_cuda_kern_from_picture (b->stream, p, pixels);
  ddpm_cuda_launched (b, "bytes of a picture");
}

void
ddpm_cuda_from_pixels (DdpmBackend * base, guint n, const DdpmPixels * p,
    const guint8 * pixels, const guint8 * mirrored, float *x)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  const gsize elements = (gsize) p->height * p->width * p->channels;

  for (gsize first = 0; first < n; first += CUDA_STAGE_MAX) {
    const guint count = MIN (n - first, CUDA_STAGE_MAX);
    const guint8 *staged = ddpm_cuda_stage (b, mirrored + first, count);

    if (staged == NULL)
      return;
    if (ddpm_cuda_replayed (b))
      continue;
    ddpm_cuda_kern_from_pixels (b->stream, count, p, pixels + first * elements,
        staged, x + first * elements);
    ddpm_cuda_launched (b, "images of bytes");
  }
}
