/* gst-ddpm: CUDA backend: images as a picture
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cuda-private.h"

void
cuda_to_picture (DdpmBackend * base, const float *x, const DdpmPicture * p)
{
  CudaBackend *b = cuda_backend (base);

  if (cuda_replayed (b))
    return;
  cuda_kern_to_picture (b->stream, x, p);
  cuda_launched (b, "the picture");
}
