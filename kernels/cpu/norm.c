/* gst-ddpm: CPU backend: group norm, swish, time bias, dropout and concat
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Wu & He, "Group normalization" (2018), in two passes over an image: the
 * moments of each block of pixels, channel by channel, joined to those of the
 * groups; then everything else at once.
 */
#include <omp.h>
#include "kernels/cpu/norm.h"

/* Elements of a block: 32 KiB of floats */
#define BLOCK 8192
/* With this many images for each thread, whole images are shared out: one
 * stays in the cache from the first pass to the second. */
#define IMAGES_PER_THREAD 4

static const gchar *
norm_implementation (DdpmPlan * p, guint kind)
{
  return ddpm_cpu_plan_backend (p)->kernels->name;
}

static void
lay_out (CpuNorm * norm)
{
  const gsize n = norm->d.n, c = norm->c;
  const gsize threads = norm->base.plan.backend->threads;
  const gsize slots = norm->by_image ? threads : n;
  gsize total = 0;

  norm->sums_at =
      ddpm_cpu_layout_add (&total, norm->blocks * 3 * c, sizeof (float));
  norm->work_at = ddpm_cpu_layout_add (&total, 3 * c, sizeof (double));
  norm->vectors_at = ddpm_cpu_layout_add (&total, CPU_NORM_VECTORS * c,
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
  norm->base.plan.scratch = total;
}

DdpmPlan *
ddpm_cpu_norm_new (DdpmBackend * b, const DdpmNormDesc * d, GError ** error)
{
  const gsize c = (gsize) d->c0 + d->c1;
  CpuNorm *norm;

  if (!ddpm_norm_desc_check (d, error))
    return NULL;

  norm = g_new0 (CpuNorm, 1);
  ddpm_cpu_plan_init (&norm->base, b, NULL, norm_implementation);
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
  lay_out (norm);
  return &norm->base.plan;
}

static void
run_by_image (const CpuNormCall * call, const CpuNormPass * pass)
{
  const CpuNorm *norm = call->norm;

#pragma omp parallel for schedule(static)
  for (gsize image = 0; image < norm->d.n; image++) {
    gpointer slot = ddpm_cpu_at (call->scratch,
        omp_get_thread_num () * norm->slot_bytes);

    for (gsize block = 0; block < norm->blocks; block++)
      pass->collect (call, image, block, slot);
    pass->join (call, image, slot);
    for (gsize block = 0; block < norm->blocks; block++)
      pass->apply (call, image, block, slot);
  }
}

static void
run_by_block (const CpuNormCall * call, const CpuNormPass * pass)
{
  const CpuNorm *norm = call->norm;
  const gsize blocks = norm->d.n * norm->blocks;

#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (gsize k = 0; k < blocks; k++)
      pass->collect (call, k / norm->blocks, k % norm->blocks,
          ddpm_cpu_at (call->scratch, k / norm->blocks * norm->slot_bytes));
#pragma omp for schedule(static)
    for (gsize image = 0; image < norm->d.n; image++)
      pass->join (call, image, ddpm_cpu_at (call->scratch,
              image * norm->slot_bytes));
#pragma omp for schedule(static)
    for (gsize k = 0; k < blocks; k++)
      pass->apply (call, k / norm->blocks, k % norm->blocks,
          ddpm_cpu_at (call->scratch, k / norm->blocks * norm->slot_bytes));
  }
}

/* The same blocks are joined in the same order either way. */
void
ddpm_cpu_norm_run (const CpuNormCall * call, const CpuNormPass * pass)
{
  if (call->norm->by_image)
    run_by_image (call, pass);
  else
    run_by_block (call, pass);
}

void
ddpm_cpu_norm_spread_stats (const CpuNormCall * call, gsize image,
    gpointer slot)
{
  const CpuNorm *norm = call->norm;
  const gsize per_group = norm->c / norm->d.groups;
  const float *stats = call->stats + image * norm->d.groups * 2;
  const float *time_bias = call->time_bias
      ? call->time_bias + image * call->time_bias_stride : NULL;
  float *mean = ddpm_cpu_norm_vector (norm, slot, CPU_NORM_MEAN);
  float *rstd = ddpm_cpu_norm_vector (norm, slot, CPU_NORM_RSTD);
  float *scale = ddpm_cpu_norm_vector (norm, slot, CPU_NORM_SCALE);

  for (gsize g = 0; g < norm->d.groups; g++) {
    for (gsize i = g * per_group; i < (g + 1) * per_group; i++) {
      mean[i] = stats[2 * g] - (time_bias ? time_bias[i] : 0.0f);
      rstd[i] = stats[2 * g + 1];
      scale[i] = stats[2 * g + 1] * call->gamma[i];
    }
  }
}

const float *
ddpm_cpu_norm_keep (const CpuNormCall * call, gsize image, gsize block)
{
  const CpuNorm *norm = call->norm;
  const gsize elements = norm->block * norm->c;
  float *keep;

  if (call->drop == NULL || call->drop->p == 0.0f)
    return NULL;
  keep = (float *) ddpm_cpu_at (call->scratch, norm->keep_at)
      + omp_get_thread_num () * elements;
  call->backend->kernels->random->dropout (call->drop, image,
      block * elements, ddpm_cpu_norm_block_pixels (norm, block) * norm->c,
      keep);
  return keep;
}

static void
collect_moments (const CpuNormCall * call, gsize image, gsize block,
    gpointer slot)
{
  const CpuNorm *norm = call->norm;
  float *moments = (float *) ddpm_cpu_at (slot, norm->sums_at)
      + block * 2 * norm->c;

  for (guint s = 0; s < norm->n_sources; s++)
    call->backend->kernels->norm->moments (call->backend->base.act_type,
        ddpm_cpu_norm_block_pixels (norm, block), norm->channels[s],
        ddpm_cpu_norm_block_of_source (norm, call->x[s], s, image, block),
        moments + norm->first[s], moments + norm->c + norm->first[s]);
}

static void
join_moments (const CpuNormCall * call, gsize image, gpointer slot)
{
  const CpuNorm *norm = call->norm;

  call->backend->kernels->norm->group_stats (norm->d.pixels, norm->block,
      norm->c, norm->d.groups, norm->d.eps, ddpm_cpu_at (slot, norm->sums_at),
      call->time_bias ? call->time_bias + image * call->time_bias_stride : NULL,
      ddpm_cpu_at (slot, norm->work_at),
      call->stats + image * norm->d.groups * 2);
  ddpm_cpu_norm_spread_stats (call, image, slot);
}

static void
normalize (const CpuNormCall * call, gsize image, gsize block, gpointer slot)
{
  const CpuNorm *norm = call->norm;
  const float *keep = ddpm_cpu_norm_keep (call, image, block);
  const float *mean = ddpm_cpu_norm_vector (norm, slot, CPU_NORM_MEAN);
  const float *scale = ddpm_cpu_norm_vector (norm, slot, CPU_NORM_SCALE);

  for (guint s = 0; s < norm->n_sources; s++) {
    const gsize first = norm->first[s];

    call->backend->kernels->norm->normalize (call->backend->base.act_type,
        ddpm_cpu_norm_block_pixels (norm, block), norm->channels[s], norm->c,
        ddpm_cpu_norm_block_of_source (norm, call->x[s], s, image, block),
        mean + first, scale + first, call->beta + first, norm->d.swish,
        keep ? keep + first : NULL,
        ddpm_cpu_norm_block_of_result (norm, call->y, s, image, block));
  }
}

void
ddpm_cpu_norm_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    const float *time_bias, gsize time_bias_stride, const float *gamma,
    const float *beta, const DdpmDropout * drop, gpointer y, float *stats,
    gpointer scratch)
{
  static const CpuNormPass pass = { collect_moments, join_moments, normalize };
  CpuNorm *norm = (CpuNorm *) p;
  const CpuNormCall call = {
    .norm = norm,
    .backend = ddpm_cpu_plan_backend (p),
    .x = {x0, x1},
    .time_bias = norm->d.time_bias ? time_bias : NULL,
    .time_bias_stride = time_bias_stride,
    .gamma = gamma,
    .beta = beta,
    .drop = drop,
    .y = y,
    .stats = stats,
    .scratch = scratch,
  };

  ddpm_cpu_norm_run (&call, &pass);
}
