/* gst-ddpm: CPU backend: group norm, swish, time bias, dropout and concat
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Wu & He, "Group normalization" (2018), in two passes over an image. The first
 * takes the moments of each block of pixels, channel by channel, which are then
 * joined to those of the groups; the second does everything else at once.
 *
 * The backward pass does the same with other sums: with x^ = (x - mean) rstd,
 * z = gamma x^ + beta, y = keep swish (z) and N elements in a group,
 *
 *   dz     = keep swish' (z) dy
 *   dbeta  = sum dz,  dgamma = sum dz x^    (over pixels and images)
 *   dx     = rstd (gamma dz - S1 / N - x^ S2 / N)
 *   S1     = sum gamma dz,  S2 = sum gamma dz x^    (over the group)
 *   dtime  = sum dx    (over pixels)
 *
 * Its first pass leaves dz in the workspace.
 *
 * With modulation (Dhariwal & Nichol 2021), gamma (1 + scale) and beta (1 +
 * scale) + shift of an image stand in the places of gamma and beta.
 */
#include <string.h>
#include "kernels/cpu/private.h"

/* Elements of a block: 32 KiB of floats */
#define BLOCK 8192
/* A thread works on whole images if they divide evenly among the threads, or if
 * each thread gets at least this many. An image then stays in the cache from
 * the first pass to the second. */
#define IMAGES_PER_THREAD 4

/* Vectors of one number a channel; see CpuNormKernels */
typedef enum
{
  NORM_MEAN,
  NORM_RSTD,
  NORM_SCALE,
  NORM_OFFSET,
  NORM_SLOPE,
  NORM_GAMMA,                   /* both with modulation only */
  NORM_BETA,
  NORM_VECTORS
} NormVector;

/* An image is cut into blocks of pixels that fit into the first-level cache. */
typedef struct
{
  DdpmPlan base;
  DdpmNormDesc d;
  gsize c;                      /* c0 + c1 */
  gsize first[2], channels[2];  /* of each source */
  guint n_sources;
  gsize block, blocks;          /* pixels of a block; blocks of an image */
  gboolean by_image;            /* a thread works on whole images, else blocks */
  /* The workspace: slots, one per thread or image, of: */
  gsize slot_bytes;
  gsize sums_at;                /* [blocks][3][c] float: of each block */
  gsize work_at;                /* [3][c] double */
  gsize vectors_at;             /* [NORM_VECTORS][c] float */
  gsize dz_at;                  /* [pixels][c] float */
  /* and after them: */
  gsize keep_at;                /* [threads][block][c] float: dropout */
  gsize image_sums_at;          /* [n][2][c] float: dbeta, dgamma by image */
  gsize column_sums_at;
} Norm;

/* The arguments of one call; from dy on: of the backward pass only */
typedef struct
{
  Norm *norm;
  CpuBackend *backend;
  gconstpointer x[2];
  const float *time_bias;       /* NULL: none */
  const float *modulation;      /* in its place; NULL: none */
  gsize time_bias_stride;
  const float *gamma, *beta;
  const DdpmDropout *drop;      /* NULL: none */
  gpointer y;
  float *stats;
  gpointer scratch;

  gconstpointer dy;
  gpointer dx[2];
  gboolean add[2];
  float *dtime_bias, *dmodulation;
} NormCall;

/* For each image: calls collect () for each block, join () once, and apply ()
 * for each block. slot is the image's or the thread's part of the workspace. */
typedef struct
{
  void (*collect) (const NormCall * call, gsize image, gsize block,
      guint thread, gpointer slot);
  void (*join) (const NormCall * call, gsize image, gpointer slot);
  void (*apply) (const NormCall * call, gsize image, gsize block,
      guint thread, gpointer slot);
} NormPasses;

/* Number of pixels in a block; the last block may be smaller */
static gsize
count_block_pixels (const Norm * norm, gsize block)
{
  return MIN (norm->block, norm->d.pixels - block * norm->block);
}

/* A block of source s of an image, or of y */
static gpointer
locate_source_block (const Norm * norm, gconstpointer x, guint s,
    gsize image, gsize block)
{
  const gsize pixel = image * norm->d.pixels + block * norm->block;

  return ddpm_cpu_at (x, pixel * norm->channels[s]
      * ddpm_type_size (norm->base.backend->act_type));
}

static gpointer
locate_result_block (const Norm * norm, gconstpointer y, guint s,
    gsize image, gsize block)
{
  const gsize pixel = image * norm->d.pixels + block * norm->block;

  return ddpm_cpu_at (y, (pixel * norm->c + norm->first[s])
      * ddpm_type_size (norm->base.backend->act_type));
}

static float *
get_vector (const Norm * norm, gpointer slot, NormVector which)
{
  return (float *) ddpm_cpu_at (slot, norm->vectors_at) + which * norm->c;
}

/* --- planning ------------------------------------------------------------- */

static void
norm_plan_workspace (Norm * norm)
{
  const gsize n = norm->d.n, c = norm->c;
  const gsize threads = norm->base.backend->threads;
  const gsize slots = norm->by_image ? threads : n;
  gsize total = 0;

  norm->sums_at =
      ddpm_cpu_layout_add (&total, norm->blocks * 3 * c, sizeof (float));
  norm->work_at = ddpm_cpu_layout_add (&total, 3 * c, sizeof (double));
  norm->vectors_at = ddpm_cpu_layout_add (&total, NORM_VECTORS * c,
      sizeof (float));
  if (norm->d.training)
    norm->dz_at =
        ddpm_cpu_layout_add (&total, norm->d.pixels * c, sizeof (float));
  norm->slot_bytes = total;

  total = 0;
  ddpm_cpu_layout_add (&total, slots, norm->slot_bytes);
  norm->keep_at = ddpm_cpu_layout_add (&total, threads, norm->block * c
      * sizeof (float));
  if (norm->d.training) {
    norm->image_sums_at =
        ddpm_cpu_layout_add (&total, n * 2 * c, sizeof (float));
    norm->column_sums_at =
        ddpm_cpu_layout_add (&total, ddpm_cpu_column_sums_scratch (n, c), 1);
  }
  norm->base.scratch = total;
}

static DdpmPlan *
norm_new (DdpmBackend * b, const DdpmNormDesc * d, GError ** error)
{
  const gsize c = (gsize) d->c0 + d->c1;
  Norm *norm;

  if (!ddpm_norm_desc_check (d, error))
    return NULL;

  norm = ddpm_plan_new (sizeof (Norm), b, NULL,
      ((CpuBackend *) b)->kernels->name);
  norm->d = *d;
  norm->c = c;
  norm->n_sources = d->c1 ? 2 : 1;
  norm->channels[0] = d->c0;
  norm->channels[1] = d->c1;
  norm->first[1] = d->c0;
  norm->block = CLAMP (BLOCK / c, 1, d->pixels);
  norm->blocks = (d->pixels + norm->block - 1) / norm->block;
  norm->by_image = d->n % b->threads == 0
      || d->n / b->threads >= IMAGES_PER_THREAD;
  norm_plan_workspace (norm);
  return &norm->base;
}

/* --- both passes ---------------------------------------------------------- */

typedef struct
{
  const NormCall *call;
  const NormPasses *passes;
} NormRun;

static void
run_image (gconstpointer data, gsize image, guint thread)
{
  const NormRun *run = data;
  const NormCall *call = run->call;
  const Norm *norm = call->norm;
  gpointer slot = ddpm_cpu_at (call->scratch, thread * norm->slot_bytes);

  if (ddpm_cpu_is_cancelled (call->backend))
    return;
  for (gsize block = 0; block < norm->blocks; block++)
    run->passes->collect (call, image, block, thread, slot);
  run->passes->join (call, image, slot);
  for (gsize block = 0; block < norm->blocks; block++)
    run->passes->apply (call, image, block, thread, slot);
}

static gpointer
get_image_slot (const NormCall * call, gsize image)
{
  return ddpm_cpu_at (call->scratch, image * call->norm->slot_bytes);
}

static void
collect_block (gconstpointer data, gsize i, guint thread)
{
  const NormRun *run = data;
  const gsize blocks = run->call->norm->blocks, image = i / blocks;

  run->passes->collect (run->call, image, i % blocks, thread,
      get_image_slot (run->call, image));
}

static void
join_image (gconstpointer data, gsize image, guint thread)
{
  const NormRun *run = data;

  run->passes->join (run->call, image, get_image_slot (run->call, image));
}

static void
apply_block (gconstpointer data, gsize i, guint thread)
{
  const NormRun *run = data;
  const gsize blocks = run->call->norm->blocks, image = i / blocks;

  run->passes->apply (run->call, image, i % blocks, thread,
      get_image_slot (run->call, image));
}

/* Both ways add up the same blocks in the same order, so their results are
 * equal. */
static void
run_passes (const NormCall * call, const NormPasses * passes)
{
  const Norm *norm = call->norm;
  const NormRun run = { call, passes };

  if (norm->by_image) {
    ddpm_cpu_thread_for (norm->d.n, run_image, &run);
    return;
  }
  ddpm_cpu_thread_for (norm->d.n * norm->blocks, collect_block, &run);
  ddpm_cpu_thread_for (norm->d.n, join_image, &run);
  ddpm_cpu_thread_for (norm->d.n * norm->blocks, apply_block, &run);
}

/* The scales of an image, before its shifts; NULL: there are none */
static const float *
get_modulation (const NormCall * call, gsize image)
{
  return call->modulation ? call->modulation + image * call->time_bias_stride
      : NULL;
}

static const float *
get_gamma (const NormCall * call, gpointer slot)
{
  return call->modulation ? get_vector (call->norm, slot, NORM_GAMMA)
      : call->gamma;
}

static const float *
get_beta (const NormCall * call, gpointer slot)
{
  return call->modulation ? get_vector (call->norm, slot, NORM_BETA)
      : call->beta;
}

static void
modulate (const NormCall * call, gsize image, gpointer slot)
{
  const gsize c = call->norm->c;
  const float *scale = get_modulation (call, image);
  float *gamma = get_vector (call->norm, slot, NORM_GAMMA);
  float *beta = get_vector (call->norm, slot, NORM_BETA);

  for (gsize i = 0; scale && i < c; i++) {
    gamma[i] = call->gamma[i] * (1.0f + scale[i]);
    beta[i] = call->beta[i] * (1.0f + scale[i]) + scale[c + i];
  }
}

/* Expands the statistics of the groups of an image to MEAN, RSTD and SCALE of
 * each channel. The time bias is subtracted from MEAN. */
static void
spread_stats (const NormCall * call, gsize image, gpointer slot)
{
  const Norm *norm = call->norm;
  const gsize per_group = norm->c / norm->d.groups;
  const float *stats = call->stats + image * norm->d.groups * 2;
  const float *time_bias = call->time_bias
      ? call->time_bias + image * call->time_bias_stride : NULL;
  float *mean = get_vector (norm, slot, NORM_MEAN);
  float *rstd = get_vector (norm, slot, NORM_RSTD);
  float *scale = get_vector (norm, slot, NORM_SCALE);
  const float *gamma = get_gamma (call, slot);

  modulate (call, image, slot);
  for (gsize g = 0; g < norm->d.groups; g++) {
    for (gsize i = g * per_group; i < (g + 1) * per_group; i++) {
      mean[i] = stats[2 * g] - (time_bias ? time_bias[i] : 0.0f);
      rstd[i] = stats[2 * g + 1];
      scale[i] = stats[2 * g + 1] * gamma[i];
    }
  }
}

/* NULL: the kernels of every type compute */
static const CpuNormBf16Kernels *
get_bf16 (const NormCall * call)
{
  return call->backend->tiles ? call->backend->tiles->norm : NULL;
}

/* Draws the factors of dropout for a block; NULL: there is no dropout */
static const float *
draw_keep (const NormCall * call, gsize image, gsize block, guint thread)
{
  const Norm *norm = call->norm;
  const gsize elements = norm->block * norm->c;
  float *keep;

  if (call->drop == NULL || call->drop->p == 0.0f)
    return NULL;
  keep = (float *) ddpm_cpu_at (call->scratch, norm->keep_at)
      + thread * elements;
  call->backend->kernels->random->dropout (call->drop, image,
      block * elements, count_block_pixels (norm, block) * norm->c, keep);
  return keep;
}

/* --- forward -------------------------------------------------------------- */

static void
collect_moments (const NormCall * call, gsize image, gsize block,
    guint thread, gpointer slot)
{
  const Norm *norm = call->norm;
  float *moments = (float *) ddpm_cpu_at (slot, norm->sums_at)
      + block * 2 * norm->c;

  for (guint s = 0; s < norm->n_sources; s++)
    call->backend->kernels->norm->moments (call->backend->base.act_type,
        count_block_pixels (norm, block), norm->channels[s],
        locate_source_block (norm, call->x[s], s, image, block),
        moments + norm->first[s], moments + norm->c + norm->first[s]);
}

static void
join_moments (const NormCall * call, gsize image, gpointer slot)
{
  const Norm *norm = call->norm;

  call->backend->kernels->norm->group_stats (norm->d.pixels, norm->block,
      norm->c, norm->d.groups, norm->d.eps, ddpm_cpu_at (slot, norm->sums_at),
      call->time_bias ? call->time_bias + image * call->time_bias_stride : NULL,
      ddpm_cpu_at (slot, norm->work_at),
      call->stats + image * norm->d.groups * 2);
  spread_stats (call, image, slot);
}

static void
normalize (const NormCall * call, gsize image, gsize block,
    guint thread, gpointer slot)
{
  const Norm *norm = call->norm;
  const float *keep = draw_keep (call, image, block, thread);
  const float *mean = get_vector (norm, slot, NORM_MEAN);
  const float *scale = get_vector (norm, slot, NORM_SCALE);
  const CpuNormBf16Kernels *bf16 = get_bf16 (call);

  for (guint s = 0; s < norm->n_sources; s++) {
    const gsize first = norm->first[s];

    gconstpointer x = locate_source_block (norm, call->x[s], s, image, block);
    gpointer y = locate_result_block (norm, call->y, s, image, block);
    const float *shift = get_beta (call, slot) + first;

    if (bf16)
      bf16->normalize (count_block_pixels (norm, block), norm->channels[s],
          norm->c, x, mean + first, scale + first, shift, norm->d.swish,
          keep ? keep + first : NULL, y);
    else
      call->backend->kernels->norm->normalize (call->backend->base.act_type,
          count_block_pixels (norm, block), norm->channels[s], norm->c, x,
          mean + first, scale + first, shift, norm->d.swish,
          keep ? keep + first : NULL, y);
  }
}

static void
norm_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    const float *time_bias, gsize time_bias_stride, const float *gamma,
    const float *beta, const DdpmDropout * drop, gpointer y, float *stats,
    gpointer scratch)
{
  static const NormPasses passes = { collect_moments, join_moments, normalize };
  Norm *norm = (Norm *) p;
  const NormCall call = {
    .norm = norm,
    .backend = ddpm_cpu_plan_backend (p),
    .x = {x0, x1},
    .time_bias = norm->d.time_bias ? time_bias : NULL,
    .modulation = norm->d.modulation ? time_bias : NULL,
    .time_bias_stride = time_bias_stride,
    .gamma = gamma,
    .beta = beta,
    .drop = drop,
    .y = y,
    .stats = stats,
    .scratch = scratch,
  };

  run_passes (&call, &passes);
}

/* --- backward ------------------------------------------------------------- */

static void
collect_gradients (const NormCall * call, gsize image, gsize block,
    guint thread, gpointer slot)
{
  const Norm *norm = call->norm;
  const float *keep = draw_keep (call, image, block, thread);
  const float *mean = get_vector (norm, slot, NORM_MEAN);
  const float *rstd = get_vector (norm, slot, NORM_RSTD);
  float *sums =
      (float *) ddpm_cpu_at (slot, norm->sums_at) + block * 3 * norm->c;
  float *dz = (float *) ddpm_cpu_at (slot, norm->dz_at)
      + block * norm->block * norm->c;
  const CpuNormBf16Kernels *bf16 = get_bf16 (call);

  for (guint s = 0; s < norm->n_sources; s++) {
    const gsize first = norm->first[s];
    const gsize pixels = count_block_pixels (norm, block);
    gconstpointer x = locate_source_block (norm, call->x[s], s, image, block);
    gconstpointer dy = locate_result_block (norm, call->dy, s, image, block);
    const float *gamma = get_gamma (call, slot) + first;
    const float *beta = get_beta (call, slot) + first;
    const float *factors = keep ? keep + first : NULL;

    if (bf16)
      bf16->gradient (pixels, norm->channels[s], norm->c, x, dy, mean + first,
          rstd + first, gamma, beta, norm->d.swish, factors, dz + first,
          sums + first, sums + norm->c + first, sums + 2 * norm->c + first);
    else
      call->backend->kernels->norm->gradient (call->backend->base.act_type,
          pixels, norm->channels[s], norm->c, x, dy, mean + first,
          rstd + first, gamma, beta, norm->d.swish, factors, dz + first,
          sums + first, sums + norm->c + first, sums + 2 * norm->c + first);
  }
}

/* total [3][c]: sums of dz, dz x^ and x^ over the image */
static void
sum_blocks (const Norm * norm, gpointer slot, double *total)
{
  const float *sums = ddpm_cpu_at (slot, norm->sums_at);
  const gsize count = 3 * norm->c;

  memset (total, 0, count * sizeof (double));
  for (gsize block = 0; block < norm->blocks; block++, sums += count) {
    for (gsize i = 0; i < count; i++)
      total[i] += sums[i];
  }
}

static void
join_group (const NormCall * call, gsize image, gsize group,
    const double *total, gpointer slot)
{
  const Norm *norm = call->norm;
  const gsize c = norm->c, per_group = c / norm->d.groups;
  const double pixels = norm->d.pixels;
  const double *dz = total, *dz_x = total + c, *x = total + 2 * c;
  const double rstd = call->stats[(image * norm->d.groups + group) * 2 + 1];
  float *offset = get_vector (norm, slot, NORM_OFFSET);
  float *slope = get_vector (norm, slot, NORM_SLOPE);
  const float *gamma = get_gamma (call, slot);
  float *dtime = call->dtime_bias
      ? call->dtime_bias + image * call->time_bias_stride : NULL;
  double mean_dz = 0.0, mean_dz_x = 0.0;

  for (gsize i = group * per_group; i < (group + 1) * per_group; i++) {
    mean_dz += gamma[i] * dz[i];
    mean_dz_x += gamma[i] * dz_x[i];
  }
  mean_dz /= pixels * per_group;
  mean_dz_x /= pixels * per_group;
  for (gsize i = group * per_group; i < (group + 1) * per_group; i++) {
    offset[i] = rstd * mean_dz;
    slope[i] = rstd * mean_dz_x;
    if (dtime)
      dtime[i] = rstd * (gamma[i] * dz[i] - pixels * mean_dz
          - x[i] * mean_dz_x);
  }
}

/* The gradients of an image's scales and shifts; total: as of sum_blocks () */
static void
join_modulation (const NormCall * call, gsize image, const double *total)
{
  const gsize c = call->norm->c;
  float *dscale = call->dmodulation
      ? call->dmodulation + image * call->time_bias_stride : NULL;

  for (gsize i = 0; dscale && i < c; i++) {
    dscale[i] = call->gamma[i] * total[c + i] + call->beta[i] * total[i];
    dscale[c + i] = total[i];
  }
}

static void
join_gradients (const NormCall * call, gsize image, gpointer slot)
{
  const Norm *norm = call->norm;
  double *total = ddpm_cpu_at (slot, norm->work_at);
  float *kept = (float *) ddpm_cpu_at (call->scratch, norm->image_sums_at)
      + image * 2 * norm->c;
  const float *scale = get_modulation (call, image);

  sum_blocks (norm, slot, total);
  for (gsize i = 0; i < 2 * norm->c; i++)
    kept[i] = total[i] * (scale ? 1.0f + scale[i % norm->c] : 1.0f);
  join_modulation (call, image, total);
  for (gsize group = 0; group < norm->d.groups; group++)
    join_group (call, image, group, total, slot);
}

static void
apply_gradients (const NormCall * call, gsize image, gsize block,
    guint thread, gpointer slot)
{
  const Norm *norm = call->norm;
  const float *dz = (float *) ddpm_cpu_at (slot, norm->dz_at)
      + block * norm->block * norm->c;

  for (guint s = 0; s < norm->n_sources; s++) {
    const gsize first = norm->first[s];

    if (call->dx[s] == NULL)
      continue;
    call->backend->kernels->norm->input_gradient (call->backend->base.act_type,
        count_block_pixels (norm, block), norm->channels[s], norm->c,
        locate_source_block (norm, call->x[s], s, image, block),
        dz + first, get_vector (norm, slot, NORM_MEAN) + first,
        get_vector (norm, slot, NORM_RSTD) + first,
        get_vector (norm, slot, NORM_SCALE) + first,
        get_vector (norm, slot, NORM_OFFSET) + first,
        get_vector (norm, slot, NORM_SLOPE) + first,
        locate_source_block (norm, call->dx[s], s, image, block), call->add[s]);
  }
}

/* A thread that works on whole images spreads the statistics of an image before
 * its first block. Otherwise norm_backward () has done so for all images. */
static void
collect_first (const NormCall * call, gsize image, gsize block,
    guint thread, gpointer slot)
{
  if (call->norm->by_image && block == 0)
    spread_stats (call, image, slot);
  collect_gradients (call, image, block, thread, slot);
}

static void
norm_backward (DdpmPlan * p, gconstpointer dy, gconstpointer x0,
    gconstpointer x1, const float *time_bias, gsize time_bias_stride,
    const float *gamma, const float *beta, const DdpmDropout * drop,
    const float *stats, gpointer dx0, gboolean add0, gpointer dx1,
    gboolean add1, float *dgamma, float *dbeta, gboolean add, float *dtime_bias,
    gpointer scratch)
{
  static const NormPasses passes = { collect_first, join_gradients,
    apply_gradients
  };
  Norm *norm = (Norm *) p;
  CpuBackend *b = ddpm_cpu_plan_backend (p);
  const float *image_sums = ddpm_cpu_at (scratch, norm->image_sums_at);
  gpointer column_sums = ddpm_cpu_at (scratch, norm->column_sums_at);
  const NormCall call = {
    .norm = norm,
    .backend = b,
    .x = {x0, x1},
    .time_bias = norm->d.time_bias ? time_bias : NULL,
    .modulation = norm->d.modulation ? time_bias : NULL,
    .time_bias_stride = time_bias_stride,
    .gamma = gamma,
    .beta = beta,
    .drop = drop,
    .stats = (float *) stats,
    .scratch = scratch,
    .dy = dy,
    .dx = {dx0, dx1},
    .add = {add0, add1},
    .dtime_bias = norm->d.time_bias ? dtime_bias : NULL,
    .dmodulation = norm->d.modulation ? dtime_bias : NULL,
  };

  for (gsize image = 0; !norm->by_image && image < norm->d.n; image++)
    spread_stats (&call, image, ddpm_cpu_at (scratch,
            image * norm->slot_bytes));
  run_passes (&call, &passes);
  ddpm_cpu_column_sums (b, DDPM_TYPE_F32, norm->d.n, 2 * norm->c, norm->c,
      image_sums, dbeta, add, column_sums);
  ddpm_cpu_column_sums (b, DDPM_TYPE_F32, norm->d.n, 2 * norm->c, norm->c,
      image_sums + norm->c, dgamma, add, column_sums);
}

void
ddpm_cpu_norm_set_ops (DdpmOps * ops)
{
  ops->norm_new = norm_new;
  ops->norm_forward = norm_forward;
  ops->norm_backward = norm_backward;
}
