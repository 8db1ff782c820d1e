/* gst-ddpm: CUDA backend: images to a picture, and pictures to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/kernels/common.cuh"

void
ddpm_cuda_kern_to_picture (cudaStream_t stream, const float *x,
    const DdpmPicture * picture)
{
  const DdpmPicture p = *picture;
  const uint32_t width = ddpm_picture_width (&p);

  launch_for_each (stream, (size_t) width * ddpm_picture_height (&p),
      [=] __device__ (size_t i) {
        ddpm_picture_paint_pixel (&p, x, (uint32_t) (i % width),
            (uint32_t) (i / width));
      });
}

void
ddpm_cuda_kern_from_picture (cudaStream_t stream, const DdpmPicture * picture,
    uint8_t *pixels)
{
  const DdpmPicture p = *picture;
  const uint32_t width = ddpm_picture_width (&p);

  launch_for_each (stream, (size_t) width * ddpm_picture_height (&p),
      [=] __device__ (size_t i) {
        ddpm_picture_take_pixel (&p, (uint32_t) (i % width),
            (uint32_t) (i / width), pixels);
      });
}

void
ddpm_cuda_kern_from_pixels (cudaStream_t stream, unsigned n,
    const DdpmPixels * description, const uint8_t *pixels,
    const uint8_t *mirrored, float *x)
{
  const DdpmPixels p = *description;
  const size_t elements = (size_t) p.height * p.width * p.channels;

  launch_for_each (stream, n * elements, [=] __device__ (size_t i) {
        const size_t image = i / elements;

        x[i] = ddpm_pixels_element (&p, pixels + image * elements,
            mirrored[image], i % elements);
      });
}
