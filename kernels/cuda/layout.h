/* gst-ddpm: CUDA backend: where elements of a convolution lie
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * C and CUDA compile the same text. cuDNN computes with pixels and weights of
 * padded channels; what is padded is zero. The two sources of a convolution
 * lie side by side in a pixel.
 */
#pragma once

#include <stddef.h>

#include "kernels/host-device.h"

/* Engines for tensor cores read 16 bytes at a time: 8 channels of bf16. */
DDPM_HOST_DEVICE unsigned
ddpm_cuda_padded_channels (unsigned channels)
{
  return (channels + 7) / 8 * 8;
}

/* --- pixels ------------------------------------------------------------------ */

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

/* Where channel c of a padded pixel comes from, and its gradient goes to */
DDPM_HOST_DEVICE CudaChannelPlace
ddpm_cuda_channel_place (const CudaChannels * channels, size_t pixel, unsigned c)
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

/* --- weights ----------------------------------------------------------------- */

/* Plain weights are [cout][cin][taps], as PyTorch has them; padded ones are
 * [cout padded][taps][cin padded], cuDNN's K, R S, C. ddpm_conv_desc_check ()
 * sees to it that 32 bits count them. */
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

/* Where plain weight i is among the padded ones */
DDPM_HOST_DEVICE unsigned
ddpm_cuda_krsc_index (const CudaWeightShape * s, unsigned i)
{
  const unsigned tap = i % s->taps;
  const unsigned ci = i / s->taps % s->cin;
  const unsigned co = i / s->taps / s->cin;

  return (co * s->taps + tap) * s->cin_padded + ci;
}

/* Which plain weight padded weight i is; as many as there are: none */
DDPM_HOST_DEVICE unsigned
ddpm_cuda_kcrs_index (const CudaWeightShape * s, unsigned i)
{
  const unsigned ci = i % s->cin_padded;
  const unsigned tap = i / s->cin_padded % s->taps;
  const unsigned co = i / s->cin_padded / s->taps;

  return ci < s->cin && co < s->cout ? (co * s->cin + ci) * s->taps + tap
      : ddpm_cuda_kcrs_count (s);
}

/* --- sums over pixels -------------------------------------------------------- */

/* They are made of parts: enough for a large machine, and the same ones on
 * every machine. Each is a sum over so many pixels. */
DDPM_HOST_DEVICE size_t
ddpm_cuda_chunk_pixels (size_t pixels)
{
  const size_t least = 64, most_parts = 512;
  const size_t even = (pixels + most_parts - 1) / most_parts;

  return even > least ? even : least;
}

DDPM_HOST_DEVICE size_t
ddpm_cuda_chunk_count (size_t pixels)
{
  const size_t part = ddpm_cuda_chunk_pixels (pixels);

  return (pixels + part - 1) / part;
}
