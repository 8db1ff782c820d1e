/* gst-ddpm: reference backend: what its files share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every operation is written as its formula. Numbers are float (or bf16) in
 * memory and double in between, so each result is rounded once. One thread
 * computes one image after the other and never mixes them, so an image has the
 * same bits in any batch.
 */
#pragma once

#include <string.h>

#include "kernels/bf16.h"
#include "kernels/desc.h"

G_BEGIN_DECLS

/* --- numbers in memory --- */

static inline double
ddpm_ref_load (DdpmType type, gconstpointer src, gsize i)
{
  return type == DDPM_TYPE_F32 ? ((const float *) src)[i]
      : ddpm_bf16_to_float (((const guint16 *) src)[i]);
}

static inline void
ddpm_ref_store (DdpmType type, gpointer dst, gsize i, double value)
{
  if (type == DDPM_TYPE_F32)
    ((float *) dst)[i] = (float) value;
  else
    ((guint16 *) dst)[i] = ddpm_bf16_from_float ((float) value);
}

/* dst = value, or dst += value (add), rounded once */
static inline void
ddpm_ref_store_or_add (DdpmType type, gpointer dst, gsize i, double value,
    gboolean add)
{
  ddpm_ref_store (type, dst, i,
      add ? ddpm_ref_load (type, dst, i) + value : value);
}

/* The next array in a workspace, after the *used bytes of those before. With
 * scratch NULL it only adds up the size of the workspace. */
static inline gpointer
ddpm_ref_alloc_part (gpointer scratch, gsize * used, gsize count, gsize size)
{
  const gsize start = *used;

  *used += (count * size + 63) & ~(gsize) 63;
  return scratch ? (guint8 *) scratch + start : NULL;
}

/* --- matrix products (matrix.c) --- */

/* A matrix [k][n] is cut into panels of LANES columns, [n / LANES][k][LANES],
 * and filled up with zeros. This is the one place that is written for speed:
 * with a constant number of columns, the compiler makes vectors of them. */
#define DDPM_REF_LANES 8

gsize ddpm_ref_panels_size (gsize k, gsize n);
void ddpm_ref_pack (gsize k, gsize n, const float *b, gsize row_stride,
    gsize column_stride, float *panels);
void ddpm_ref_multiply_add (gsize m, gsize n, gsize k, const float *a,
    gsize a_row_stride, gsize a_column_stride, const float *panels, double *c,
    gsize c_row_stride);

/* --- the operations, file by file --- */

/* Each fills in the operations of its file. */
void ddpm_ref_attention_set_ops (DdpmOps * ops);
void ddpm_ref_convolution_set_ops (DdpmOps * ops);
void ddpm_ref_diffusion_set_ops (DdpmOps * ops);
void ddpm_ref_elements_set_ops (DdpmOps * ops);
void ddpm_ref_linear_set_ops (DdpmOps * ops);
void ddpm_ref_norm_set_ops (DdpmOps * ops);
void ddpm_ref_optimizer_set_ops (DdpmOps * ops);

/* swish (x) = x sigmoid (x) and its derivative (Ramachandran et al. 2017) */
double ddpm_ref_swish (double x);
double ddpm_ref_swish_derivative (double x);

G_END_DECLS
