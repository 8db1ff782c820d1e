/* gst-ddpm: CUDA backend: the layout of a convolution's tensors in cuDNN
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C and CUDA share this file. cuDNN takes activations as NHWC and weights as
 * KRSC, with channels padded with zeros. The channels of a convolution's two
 * sources are concatenated within each pixel.
 */
#pragma once

#include <stddef.h>

#include "kernels/host-device.h"

/* Engines for tensor cores read 16 bytes at a time: 8 channels of bf16 */
DDPM_HOST_DEVICE unsigned
ddpm_cuda_padded_channels (unsigned channels)
{
  return (channels + 7) / 8 * 8;
}

/* --- pixels --------------------------------------------------------------- */

typedef struct
{
  size_t pixels;
  unsigned c0, c1;              /* channels of the sources; c1 0: only one */
  unsigned padded;              /* c0 + c1 or more */
} CudaChannels;

typedef struct
{
  int source;                   /* 0 or 1; -1: padding */
  size_t element;               /* of the source */
} CudaChannelPlace;

/* The element of a source that channel c of a padded pixel is copied from, and
 * that its gradient is copied to */
DDPM_HOST_DEVICE CudaChannelPlace
ddpm_cuda_channel_place (const CudaChannels * channels, size_t pixel, unsigned
    c)
{
  const unsigned c0 = channels->c0, c1 = channels->c1;
  CudaChannelPlace place = { -1, 0 };

  if (c < c0) {
    place.source = 0;
    place.element = pixel * c0 + c;
  } else if (c < c0 + c1) {
    place.source = 1;
    place.element = pixel * c1 + (c - c0);
  }
  return place;
}

/* --- weights -------------------------------------------------------------- */

/* PyTorch's weights are KCRS, [cout][cin][taps]; cuDNN's are KRSC with padded
 * channels, [cout padded][taps][cin padded]. ddpm_conv_desc_check () ensures
 * that 32 bits can index them. */
typedef struct
{
  unsigned cout, cin, taps;
  unsigned cout_padded, cin_padded;
} CudaWeightShape;

DDPM_HOST_DEVICE unsigned
ddpm_cuda_kcrs_count (const CudaWeightShape * s)
{
  return s->cout * s->cin * s->taps;
}

DDPM_HOST_DEVICE unsigned
ddpm_cuda_krsc_count (const CudaWeightShape * s)
{
  return s->cout_padded * s->taps * s->cin_padded;
}

/* Index in KRSC of weight i in KCRS */
DDPM_HOST_DEVICE unsigned
ddpm_cuda_krsc_index (const CudaWeightShape * s, unsigned i)
{
  const unsigned tap = i % s->taps;
  const unsigned ci = i / s->taps % s->cin;
  const unsigned co = i / s->taps / s->cin;

  return (co * s->taps + tap) * s->cin_padded + ci;
}

/* Index in KCRS of weight i in KRSC; ddpm_cuda_kcrs_count (): padding */
DDPM_HOST_DEVICE unsigned
ddpm_cuda_kcrs_index (const CudaWeightShape * s, unsigned i)
{
  const unsigned ci = i % s->cin_padded;
  const unsigned tap = i / s->cin_padded % s->taps;
  const unsigned co = i / s->cin_padded / s->taps;

  return ci < s->cin && co < s->cout ? (co * s->cin + ci) * s->taps + tap
      : ddpm_cuda_kcrs_count (s);
}

/* --- sums over pixels ----------------------------------------------------- */

/* Pixels are summed in chunks of this many pixels: enough chunks for a large
 * GPU, and the same ones on every GPU, so that sums have the same bits. */
DDPM_HOST_DEVICE size_t
ddpm_cuda_chunk_pixels (size_t pixels)
{
  const size_t least = 64, most_chunks = 512;
  const size_t even = (pixels + most_chunks - 1) / most_chunks;

  return even > least ? even : least;
}

DDPM_HOST_DEVICE size_t
ddpm_cuda_chunk_count (size_t pixels)
{
  const size_t chunk = ddpm_cuda_chunk_pixels (pixels);

  return (pixels + chunk - 1) / chunk;
}
