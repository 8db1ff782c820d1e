/* gst-ddpm: CUDA backend: images as a picture, and pictures as images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/private.h"

void
cuda_to_picture (DdpmBackend * base, const float *x, const DdpmPicture * p)
{
  CudaBackend *b = cuda_backend (base);

  if (cuda_replayed (b))
    return;
  cuda_kern_to_picture (b->stream, x, p);
  cuda_launched (b, "the picture");
}

void
cuda_from_picture (DdpmBackend * base, const DdpmPicture * p, guint8 * pixels)
{
  CudaBackend *b = cuda_backend (base);

  if (cuda_replayed (b))
    return;
  cuda_kern_from_picture (b->stream, p, pixels);
  cuda_launched (b, "bytes of a picture");
}

void
cuda_from_pixels (DdpmBackend * base, guint n, const DdpmPixels * p,
    const guint8 * pixels, const guint8 * mirrored, float *x)
{
  CudaBackend *b = cuda_backend (base);
  const gsize elements = (gsize) p->height * p->width * p->channels;

  for (gsize first = 0; first < n; first += CUDA_STAGE_MAX) {
    const guint count = MIN (n - first, CUDA_STAGE_MAX);
    const guint8 *staged = cuda_stage (b, mirrored + first, count);

    if (staged == NULL)
      return;
    if (cuda_replayed (b))
      continue;
    cuda_kern_from_pixels (b->stream, count, p, pixels + first * elements,
        staged, x + first * elements);
    cuda_launched (b, "images of bytes");
  }
}
