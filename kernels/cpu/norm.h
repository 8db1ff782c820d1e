/* gst-ddpm: CPU backend: the plan of a group norm
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/private.h"

G_BEGIN_DECLS

/* What is per channel; see CpuNormKernels */
typedef enum
{
  CPU_NORM_MEAN,
  CPU_NORM_RSTD,
  CPU_NORM_SCALE,
  CPU_NORM_OFFSET,
  CPU_NORM_SLOPE,
  CPU_NORM_VECTORS
} CpuNormVector;

/* An image is cut into blocks of pixels that fit the first-level cache. */
typedef struct
{
  CpuPlan base;
  DdpmNormDesc d;
  gsize c;                      /* c0 + c1 */
  gsize first[2], channels[2];  /* of each source */
  guint n_sources;
  gsize block, blocks;          /* pixels of a block; blocks of an image */
  gboolean by_image;            /* a thread takes an image, or a block */
  /* The workspace: slots, one per thread or image, of: */
  gsize slot_bytes;
  gsize sums_at;                /* [blocks][3][c] float: of each block */
  gsize work_at;                /* [3][c] double */
  gsize vectors_at;             /* [CPU_NORM_VECTORS][c] float */
  gsize dz_at;                  /* [pixels][c] float */
  /* and after them: */
  gsize keep_at;                /* [threads][block][c] float: dropout */
  gsize image_sums_at;          /* [n][2][c] float: dbeta, dgamma by image */
  gsize column_sums_at;
} CpuNorm;

/* The arguments of one call. dy, dx and what follows: backward only */
typedef struct
{
  CpuNorm *norm;
  CpuBackend *backend;
  gconstpointer x[2];
  const float *time_bias;       /* NULL: none */
  gsize time_bias_stride;
  const float *gamma, *beta;
  const DdpmDropout *drop;      /* NULL: none */
  gpointer y;
  float *stats;
  gpointer scratch;

  gconstpointer dy;
  gpointer dx[2];
  gboolean add[2];
  float *dtime_bias;
} CpuNormCall;

/* Over all images: collect (every block), join (the image), apply (every
 * block); slot is the image's or the thread's part of the workspace. */
typedef struct
{
  void (*collect) (const CpuNormCall * call, gsize image, gsize block,
      gpointer slot);
  void (*join) (const CpuNormCall * call, gsize image, gpointer slot);
  void (*apply) (const CpuNormCall * call, gsize image, gsize block,
      gpointer slot);
} CpuNormPass;

void ddpm_cpu_norm_run (const CpuNormCall * call, const CpuNormPass * pass);

/* Pixels of a block, the last one of which may be smaller */
static inline gsize
ddpm_cpu_norm_block_pixels (const CpuNorm * norm, gsize block)
{
  return MIN (norm->block, norm->d.pixels - block * norm->block);
}

/* A block of source s of an image, or of y */
static inline gpointer
ddpm_cpu_norm_block_of_source (const CpuNorm * norm, gconstpointer x, guint s,
    gsize image, gsize block)
{
  const gsize pixel = image * norm->d.pixels + block * norm->block;

  return ddpm_cpu_at (x, pixel * norm->channels[s]
      * ddpm_type_size (norm->base.plan.backend->act_type));
}

static inline gpointer
ddpm_cpu_norm_block_of_result (const CpuNorm * norm, gconstpointer y, guint s,
    gsize image, gsize block)
{
  const gsize pixel = image * norm->d.pixels + block * norm->block;

  return ddpm_cpu_at (y, (pixel * norm->c + norm->first[s])
      * ddpm_type_size (norm->base.plan.backend->act_type));
}

static inline float *
ddpm_cpu_norm_vector (const CpuNorm * norm, gpointer slot, CpuNormVector which)
{
  return (float *) ddpm_cpu_at (slot, norm->vectors_at) + which * norm->c;
}

/* Fills MEAN (less the time bias), RSTD and SCALE of an image. */
void ddpm_cpu_norm_spread_stats (const CpuNormCall * call, gsize image,
    gpointer slot);
/* Dropout's factors of a block, or NULL */
const float *ddpm_cpu_norm_keep (const CpuNormCall * call, gsize image,
    gsize block);

G_END_DECLS
