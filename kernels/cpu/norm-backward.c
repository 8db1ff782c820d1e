/* gst-ddpm: CPU backend: the derivatives of group norm and what is with it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * With x^ = (x - mean) rstd, z = gamma x^ + beta, y = keep swish (z) and N
 * elements in a group:
 *
 *   dz     = keep swish' (z) dy
 *   dbeta  = sum dz,  dgamma = sum dz x^    (over pixels and images)
 *   dx     = rstd (gamma dz - S1 / N - x^ S2 / N)
 *   S1     = sum gamma dz,  S2 = sum gamma dz x^    (over the group)
 *   dtime  = sum dx    (over pixels)
 *
 * The first pass leaves dz in the workspace and sums by block and channel;
 * the second makes dx of them.
 */
#include <string.h>
#include "kernels/cpu/norm.h"

static void
collect_gradients (const CpuNormCall * call, gsize image, gsize block,
    gpointer slot)
{
  const CpuNorm *norm = call->norm;
  const float *keep = ddpm_cpu_norm_keep (call, image, block);
  const float *mean = ddpm_cpu_norm_vector (norm, slot, CPU_NORM_MEAN);
  const float *rstd = ddpm_cpu_norm_vector (norm, slot, CPU_NORM_RSTD);
  float *sums =
      (float *) ddpm_cpu_at (slot, norm->sums_at) + block * 3 * norm->c;
  float *dz = (float *) ddpm_cpu_at (slot, norm->dz_at)
      + block * norm->block * norm->c;

  for (guint s = 0; s < norm->n_sources; s++) {
    const gsize first = norm->first[s];

    call->backend->kernels->norm->gradient (call->backend->base.act_type,
        ddpm_cpu_norm_block_pixels (norm, block), norm->channels[s], norm->c,
        ddpm_cpu_norm_block_of_source (norm, call->x[s], s, image, block),
        ddpm_cpu_norm_block_of_result (norm, call->dy, s, image, block),
        mean + first, rstd + first, call->gamma + first, call->beta + first,
        norm->d.swish, keep ? keep + first : NULL, dz + first, sums + first,
        sums + norm->c + first, sums + 2 * norm->c + first);
  }
}

/* total [3][c] of the image: dz, dz x^ and x^ */
static void
sum_blocks (const CpuNorm * norm, gpointer slot, double *total)
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
join_group (const CpuNormCall * call, gsize image, gsize group,
    const double *total, gpointer slot)
{
  const CpuNorm *norm = call->norm;
  const gsize c = norm->c, per_group = c / norm->d.groups;
  const double pixels = norm->d.pixels;
  const double *dz = total, *dz_x = total + c, *x = total + 2 * c;
  const double rstd = call->stats[(image * norm->d.groups + group) * 2 + 1];
  float *offset = ddpm_cpu_norm_vector (norm, slot, CPU_NORM_OFFSET);
  float *slope = ddpm_cpu_norm_vector (norm, slot, CPU_NORM_SLOPE);
  float *dtime = call->dtime_bias
      ? call->dtime_bias + image * call->time_bias_stride : NULL;
  double mean_dz = 0.0, mean_dz_x = 0.0;

  for (gsize i = group * per_group; i < (group + 1) * per_group; i++) {
    mean_dz += call->gamma[i] * dz[i];
    mean_dz_x += call->gamma[i] * dz_x[i];
  }
  mean_dz /= pixels * per_group;
  mean_dz_x /= pixels * per_group;
  for (gsize i = group * per_group; i < (group + 1) * per_group; i++) {
    offset[i] = rstd * mean_dz;
    slope[i] = rstd * mean_dz_x;
    if (dtime)
      dtime[i] = rstd * (call->gamma[i] * dz[i] - pixels * mean_dz
          - x[i] * mean_dz_x);
  }
}

static void
join_gradients (const CpuNormCall * call, gsize image, gpointer slot)
{
  const CpuNorm *norm = call->norm;
  double *total = ddpm_cpu_at (slot, norm->work_at);
  float *kept = (float *) ddpm_cpu_at (call->scratch, norm->image_sums_at)
      + image * 2 * norm->c;

  sum_blocks (norm, slot, total);
  for (gsize i = 0; i < 2 * norm->c; i++)
    kept[i] = total[i];
  for (gsize group = 0; group < norm->d.groups; group++)
    join_group (call, image, group, total, slot);
}

static void
apply_gradients (const CpuNormCall * call, gsize image, gsize block,
    gpointer slot)
{
  const CpuNorm *norm = call->norm;
  const float *dz = (float *) ddpm_cpu_at (slot, norm->dz_at)
      + block * norm->block * norm->c;

  for (guint s = 0; s < norm->n_sources; s++) {
    const gsize first = norm->first[s];

    if (call->dx[s] == NULL)
      continue;
    call->backend->kernels->norm->input_gradient (call->backend->base.act_type,
        ddpm_cpu_norm_block_pixels (norm, block), norm->channels[s], norm->c,
        ddpm_cpu_norm_block_of_source (norm, call->x[s], s, image, block),
        dz + first, ddpm_cpu_norm_vector (norm, slot, CPU_NORM_MEAN) + first,
        ddpm_cpu_norm_vector (norm, slot, CPU_NORM_RSTD) + first,
        ddpm_cpu_norm_vector (norm, slot, CPU_NORM_SCALE) + first,
        ddpm_cpu_norm_vector (norm, slot, CPU_NORM_OFFSET) + first,
        ddpm_cpu_norm_vector (norm, slot, CPU_NORM_SLOPE) + first,
        ddpm_cpu_norm_block_of_source (norm, call->dx[s], s, image, block),
        call->add[s]);
  }
}

/* An image's mean and rstd per channel are spread before its first block is
 * looked at; by block, all of them are before any. */
static void
collect_first (const CpuNormCall * call, gsize image, gsize block,
    gpointer slot)
{
  if (call->norm->by_image && block == 0)
    ddpm_cpu_norm_spread_stats (call, image, slot);
  collect_gradients (call, image, block, slot);
}

void
ddpm_cpu_norm_backward (DdpmPlan * p, gconstpointer dy, gconstpointer x0,
    gconstpointer x1, const float *time_bias, gsize time_bias_stride,
    const float *gamma, const float *beta, const DdpmDropout * drop,
    const float *stats, gpointer dx0, gboolean add0, gpointer dx1,
    gboolean add1, float *dgamma, float *dbeta, gboolean add,
    float *dtime_bias, gpointer scratch)
{
  static const CpuNormPass pass = { collect_first, join_gradients,
    apply_gradients
  };
  CpuNorm *norm = (CpuNorm *) p;
  CpuBackend *b = ddpm_cpu_plan_backend (p);
  const float *image_sums = ddpm_cpu_at (scratch, norm->image_sums_at);
  gpointer column_sums = ddpm_cpu_at (scratch, norm->column_sums_at);
  const CpuNormCall call = {
    .norm = norm,
    .backend = b,
    .x = {x0, x1},
    .time_bias = norm->d.time_bias ? time_bias : NULL,
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
  };

  for (gsize image = 0; !norm->by_image && image < norm->d.n; image++)
    ddpm_cpu_norm_spread_stats (&call, image, ddpm_cpu_at (scratch,
            image * norm->slot_bytes));
  ddpm_cpu_norm_run (&call, &pass);
  ddpm_cpu_column_sums (b, DDPM_TYPE_F32, norm->d.n, 2 * norm->c, norm->c,
      image_sums, dbeta, add, column_sums);
  ddpm_cpu_column_sums (b, DDPM_TYPE_F32, norm->d.n, 2 * norm->c, norm->c,
      image_sums + norm->c, dgamma, add, column_sums);
}
