/* gst-ddpm: CPU backend: the patches of a convolution, part by part
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/patches.h"

G_BEGIN_DECLS

/* An output of a phase */
typedef struct
{
  gsize image, y, x;
} CpuPlace;

static inline gsize
ddpm_cpu_phase_count (const CpuPatches * p, const CpuPhase * phase)
{
  return p->n * phase->height * phase->width;
}

static inline CpuPlace
ddpm_cpu_phase_at (const CpuPhase * phase, gsize i)
{
  const gsize of_image = phase->height * phase->width;
  const CpuPlace place = { i / of_image, i % of_image / phase->width,
    i % phase->width
  };

  return place;
}

static inline void
ddpm_cpu_place_move_on (CpuPlace * place, const CpuPhase * phase)
{
  if (++place->x < phase->width)
    return;
  place->x = 0;
  if (++place->y < phase->height)
    return;
  place->y = 0;
  place->image++;
}

/* Patches of an input, cut into parts of so many taps and channels at most */
typedef struct
{
  guint input;
  gsize taps, channels;
} CpuPartSize;

typedef struct
{
  guint input;
  gsize tap, taps, channel, channels;
} CpuPart;

/* As deep as a block of a product: a tap, or as many as have no more */
CpuPartSize ddpm_cpu_part_size (const CpuPatches * p, guint input);
gsize ddpm_cpu_part_count (const CpuPatches * p, const CpuPhase * phase,
    const CpuPartSize * size);
CpuPart ddpm_cpu_part_at (const CpuPatches * p, const CpuPhase * phase,
    const CpuPartSize * size, gsize i);

/* Parts of the patches of some outputs, one @step after the other, and so are
 * their taps tap_step: zeros outside of x */
void ddpm_cpu_part_gather (const CpuPatches * p, const CpuPhase * phase,
    const CpuPart * part, gsize first, gsize count, const float *x,
    float *patches, gsize step, gsize tap_step);

G_END_DECLS
