/* gst-ddpm: CUDA backend: images as a picture
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kern-common.cuh"
#include "kern-launch.cuh"

#define THREADS 256

static __global__ void
to_picture (DdpmPicture p, size_t pixels, const float *x)
{
  const uint32_t width = ddpm_picture_width (&p);
  const size_t step = (size_t) gridDim.x * blockDim.x;

  for (size_t i = (size_t) blockIdx.x * blockDim.x + threadIdx.x; i < pixels;
      i += step)
    ddpm_picture_paint_pixel (&p, x, (uint32_t) (i % width),
        (uint32_t) (i / width));
}

void
cuda_kern_to_picture (cudaStream_t stream, const float *x,
    const DdpmPicture * p)
{
  const size_t pixels =
      (size_t) ddpm_picture_width (p) * ddpm_picture_height (p);

  launch (to_picture, grid_size (pixels, THREADS), THREADS, 0, stream, *p,
      pixels, x);
}
