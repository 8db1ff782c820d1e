/* gst-ddpm: CUDA backend: images to a picture, and pictures to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/kernels/common.cuh"
#include "kernels/cuda/kernels/launch.cuh"

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
ddpm_cuda_kern_to_picture (cudaStream_t stream, const float *x,
    const DdpmPicture * p)
{
  const size_t pixels =
      (size_t) ddpm_picture_width (p) * ddpm_picture_height (p);

  launch (to_picture, grid_size (pixels, THREADS), THREADS, 0, stream, *p,
      pixels, x);
}

static __global__ void
from_picture (DdpmPicture p, size_t pixels, uint8_t *to)
{
  const uint32_t width = ddpm_picture_width (&p);
  const size_t step = (size_t) gridDim.x * blockDim.x;

  for (size_t i = (size_t) blockIdx.x * blockDim.x + threadIdx.x; i < pixels;
      i += step)
    ddpm_picture_take_pixel (&p, (uint32_t) (i % width),
        (uint32_t) (i / width), to);
}

void
ddpm_cuda_kern_from_picture (cudaStream_t stream, const DdpmPicture * p,
    uint8_t *pixels)
{
  const size_t count =
      (size_t) ddpm_picture_width (p) * ddpm_picture_height (p);

  launch (from_picture, grid_size (count, THREADS), THREADS, 0, stream, *p,
      count, pixels);
}

static __global__ void
from_pixels (DdpmPixels p, size_t elements, size_t count,
    const uint8_t *pixels, const uint8_t *mirrored, float *x)
{
  const size_t step = (size_t) gridDim.x * blockDim.x;

  for (size_t i = (size_t) blockIdx.x * blockDim.x + threadIdx.x; i < count;
      i += step) {
    const size_t image = i / elements;

    x[i] = ddpm_pixels_element (&p, pixels + image * elements,
        mirrored[image], i % elements);
  }
}

void
ddpm_cuda_kern_from_pixels (cudaStream_t stream, unsigned n, const DdpmPixels *
    p, const uint8_t *pixels, const uint8_t *mirrored, float *x)
{
  const size_t elements = (size_t) p->height * p->width * p->channels;

  launch (from_pixels, grid_size (n * elements, THREADS), THREADS, 0, stream,
      *p, elements, n * elements, pixels, mirrored, x);
}
