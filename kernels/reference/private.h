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

DdpmPlan *ddpm_ref_conv_new (DdpmBackend * b, const DdpmConvDesc * d,
    GError ** error);
void ddpm_ref_conv_set_weights (DdpmPlan * p, const float *weight,
    const float *bias);
void ddpm_ref_conv_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer residual, gpointer y, gpointer scratch);
void ddpm_ref_conv_backward_data (DdpmPlan * p, gconstpointer dy,
    gpointer dx0, gboolean add0, gpointer dx1, gboolean add1,
    gpointer scratch);
void ddpm_ref_conv_backward_weights (DdpmPlan * p, gconstpointer x0,
    gconstpointer x1, gconstpointer dy, float *dweight, float *dbias,
    gboolean add, gpointer scratch);

DdpmPlan *ddpm_ref_norm_new (DdpmBackend * b, const DdpmNormDesc * d,
    GError ** error);
void ddpm_ref_norm_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    const float *time_bias, gsize time_bias_stride,
    const float *gamma, const float *beta, const DdpmDropout * drop,
    gpointer y, float *stats, gpointer scratch);
void ddpm_ref_norm_backward (DdpmPlan * p, gconstpointer dy,
    gconstpointer x0, gconstpointer x1,
    const float *time_bias, gsize time_bias_stride,
    const float *gamma, const float *beta, const DdpmDropout * drop,
    const float *stats, gpointer dx0, gboolean add0, gpointer dx1,
    gboolean add1, float *dgamma, float *dbeta, gboolean add,
    float *dtime_bias, gpointer scratch);

DdpmPlan *ddpm_ref_attention_new (DdpmBackend * b,
    const DdpmAttentionDesc * d, GError ** error);
void ddpm_ref_attention_forward (DdpmPlan * p, gconstpointer qkv, gpointer y,
    gpointer probs, gpointer scratch);
void ddpm_ref_attention_backward (DdpmPlan * p, gconstpointer dy,
    gconstpointer qkv, gconstpointer probs, gpointer dqkv, gpointer scratch);

DdpmPlan *ddpm_ref_linear_new (DdpmBackend * b, guint rows, guint in,
    guint out, GError ** error);
void ddpm_ref_linear_forward (DdpmPlan * p, const float *x,
    const float *weight, const float *bias, float *y, gpointer scratch);
void ddpm_ref_linear_backward (DdpmPlan * p, const float *x,
    const float *weight, const float *dy, float *dx, float *dweight,
    float *dbias, gboolean add, gpointer scratch);

void ddpm_ref_upsample_forward (DdpmBackend * b, guint n, guint h, guint w,
    guint c, gconstpointer x, gpointer y);
void ddpm_ref_upsample_backward (DdpmBackend * b, guint n, guint h, guint w,
    guint c, gconstpointer dy, gpointer dx, gboolean add);
void ddpm_ref_accumulate (DdpmBackend * b, gsize count, gconstpointer x,
    gpointer y);
void ddpm_ref_embedding (DdpmBackend * b, guint n, guint dim,
    const float *table, const gint * t, float *out);
void ddpm_ref_embedding_add (DdpmBackend * b, guint n, guint dim,
    const float *table, const gint * index, float *out);
void ddpm_ref_embedding_backward (DdpmBackend * b, guint n, guint dim,
    guint rows, const gint * index, const float *dy, float *dtable,
    gboolean add);
void ddpm_ref_swish_forward (DdpmBackend * b, gsize count, const float *x,
    float *y);
void ddpm_ref_swish_backward (DdpmBackend * b, gsize count, const float *x,
    const float *dy, float *dx);

void ddpm_ref_noise (DdpmBackend * b, guint64 seed, guint64 first_sample,
    guint32 stream, guint n, guint elements, float *out);
void ddpm_ref_q_sample (DdpmBackend * b, guint n, guint elements,
    const float *a, const float *s, const float *x_0, const float *eps,
    float *x_t);
void ddpm_ref_mse (DdpmBackend * b, guint n, guint n_valid, guint elements,
    const float *scale, const float *pred, const float *target, float *dpred,
    double *loss);
void ddpm_ref_guide (DdpmBackend * b, gsize count, gfloat w,
    const float *without, float *eps);
void ddpm_ref_reverse_step (DdpmBackend * b, const DdpmReverseStep * step,
    guint64 seed, guint64 first_sample, guint n, guint elements, float *x,
    const float *eps, float *x_0_prev);

double ddpm_ref_sum_of_squares (DdpmBackend * b, gsize count, const float *x);
void ddpm_ref_adam (DdpmBackend * b, const DdpmAdam * a, gsize count,
    const float *grad, float *param, float *m, float *v, float *ema);

/* swish (x) = x sigmoid (x) and its derivative (Ramachandran et al. 2017) */
double ddpm_ref_swish (double x);
double ddpm_ref_swish_derivative (double x);

G_END_DECLS
