/* gst-ddpm: reference backend: group norm, and the time bias, swish and
 * dropout around it
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Wu and He, "Group normalization" (2018), eq. 1 to 7; swish is of Ramachandran et
 * al. 2017, dropout of Srivastava et al. 2014. For each image and each group of
 * channels, with the mean and the variance over its pixels and channels:
 *
 *   a  = concat (x0, x1) + time_bias
 *   xh = (a - mean a) / sqrt (var a + eps)
 *   u  = gamma xh + beta
 *   y  = dropout (swish (u))
 *
 * A group is a run of channels of the concatenation; it may have channels of both
 * x0 and x1.
 *
 * With modulation (Dhariwal and Nichol 2021, section 3), gamma (1 + scale) and
 * beta (1 + scale) + shift of the image stand in the places of gamma and beta.
 */
#include <math.h>
#include "kernels/philox.h"
#include "kernels/reference/private.h"

typedef struct
{
  DdpmPlan base;
  DdpmNormDesc d;
  guint channels;               /* c0 + c1 */
  guint group_channels;
} RefNorm;

/* The workspace: a, du and keep of one image; dgamma and dbeta, sums over all */
typedef struct
{
  double *a;                    /* [pixels][channels] */
  double *du;                   /* [pixels][channels] */
  float *keep;                  /* [pixels][channels]: dropout's factors */
  double *dgamma, *dbeta;       /* [channels] */
  /* of one image: those that stand in the places of gamma and beta, and the
   * gradients of these */
  double *gamma, *beta;         /* [channels] */
  double *image_dgamma, *image_dbeta;   /* [channels] */
} NormScratch;

static gsize
lay_out_scratch (const RefNorm * norm, gpointer scratch, NormScratch * s)
{
  const gsize elements = (gsize) norm->d.pixels * norm->channels;
  gsize used = 0;

  memset (s, 0, sizeof (*s));
  s->a = ddpm_ref_alloc_part (scratch, &used, elements, sizeof (double));
  s->keep = ddpm_ref_alloc_part (scratch, &used, elements, sizeof (float));
  s->gamma =
      ddpm_ref_alloc_part (scratch, &used, norm->channels, sizeof (double));
  s->beta =
      ddpm_ref_alloc_part (scratch, &used, norm->channels, sizeof (double));
  if (norm->d.training) {
    s->du = ddpm_ref_alloc_part (scratch, &used, elements, sizeof (double));
    s->dgamma =
        ddpm_ref_alloc_part (scratch, &used, norm->channels, sizeof (double));
    s->dbeta =
        ddpm_ref_alloc_part (scratch, &used, norm->channels, sizeof (double));
    s->image_dgamma =
        ddpm_ref_alloc_part (scratch, &used, norm->channels, sizeof (double));
    s->image_dbeta =
        ddpm_ref_alloc_part (scratch, &used, norm->channels, sizeof (double));
  }
  return used;
}

static DdpmPlan *
norm_new (DdpmBackend * b, const DdpmNormDesc * d, GError ** error)
{
  RefNorm *norm;
  NormScratch s;

  if (!ddpm_norm_desc_check (d, error))
    return NULL;

  norm = ddpm_plan_new (sizeof (RefNorm), b, NULL, "reference");
  norm->d = *d;
  norm->channels = d->c0 + d->c1;
  norm->group_channels = norm->channels / d->groups;
  norm->base.scratch = lay_out_scratch (norm, NULL, &s);
  return &norm->base;
}

/* Loads a of one image. */
static void
load_image (const RefNorm * norm, gconstpointer x0, gconstpointer x1,
    const float *time_bias, gsize time_bias_stride, guint image, double *a)
{
  const DdpmNormDesc *d = &norm->d;
  const DdpmType type = norm->base.backend->act_type;
  const float *bias = d->time_bias && time_bias
      ? time_bias + image * time_bias_stride : NULL;

  for (guint i = 0; i < d->pixels; i++) {
    const gsize pixel = (gsize) image * d->pixels + i;

    for (guint c = 0; c < d->c0; c++)
      *a++ = ddpm_ref_load (type, x0, pixel * d->c0 + c)
          + (bias ? bias[c] : 0.0);
    for (guint c = 0; c < d->c1; c++)
      *a++ = ddpm_ref_load (type, x1, pixel * d->c1 + c);
  }
}

/* scale [2][channels]: the scales and the shifts of an image; NULL: zeros */
static void
modulate (const RefNorm * norm, const float *gamma, const float *beta,
    const float *scale, const NormScratch * s)
{
  for (guint c = 0; c < norm->channels; c++) {
    const double factor = scale ? 1.0 + scale[c] : 1.0;

    s->gamma[c] = gamma[c] * factor;
    s->beta[c] = beta[c] * factor + (scale ? scale[norm->channels + c] : 0.0);
  }
}

/* The scales and shifts of an image; NULL: there are none */
static const float *
get_modulation (const RefNorm * norm, const float *time_bias, gsize stride,
    guint image)
{
  return norm->d.modulation && time_bias ? time_bias + image * stride : NULL;
}

/* Draws the factor of each element of an image: 0 if it is dropped. */
static void
draw_dropout (const DdpmDropout * drop, guint image, gsize elements,
    float *keep)
{
  float u[4];

  for (gsize e = 0; e < elements; e++) {
    if (drop == NULL || drop->p == 0.0f) {
      keep[e] = 1.0f;
      continue;
    }
    if (e % 4 == 0)
      ddpm_uniform4 (drop->seed, drop->first_sample + image, drop->stream,
          e / 4, u);
    keep[e] = u[e % 4] >= drop->p ? 1.0 / (1.0 - drop->p) : 0.0;
  }
}

/* Computes mean and 1 / sqrt (var + eps) of one group of one image. This takes two
 * passes: the mean square minus the squared mean would lose too many digits. */
static void
compute_statistics (const RefNorm * norm, const double *a, guint group,
    double *mean, double *rstd)
{
  const gsize count = (gsize) norm->d.pixels * norm->group_channels;
  const guint first = group * norm->group_channels;
  double sum = 0.0, squares = 0.0;

  for (guint i = 0; i < norm->d.pixels; i++) {
    for (guint c = first; c < first + norm->group_channels; c++)
      sum += a[(gsize) i * norm->channels + c];
  }
  *mean = sum / count;
  for (guint i = 0; i < norm->d.pixels; i++) {
    for (guint c = first; c < first + norm->group_channels; c++) {
      double difference = a[(gsize) i * norm->channels + c] - *mean;

      squares += difference * difference;
    }
  }
  *rstd = 1.0 / sqrt (squares / count + norm->d.eps);
}

static void
norm_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    const float *time_bias, gsize time_bias_stride, const float *gamma,
    const float *beta, const DdpmDropout * drop, gpointer y, float *stats,
    gpointer scratch)
{
  const RefNorm *norm = (const RefNorm *) p;
  const DdpmNormDesc *d = &norm->d;
  const gsize elements = (gsize) d->pixels * norm->channels;
  NormScratch s;

  lay_out_scratch (norm, scratch, &s);
  for (guint image = 0; image < d->n; image++) {
    load_image (norm, x0, x1, time_bias, time_bias_stride, image, s.a);
    draw_dropout (drop, image, elements, s.keep);
    modulate (norm, gamma, beta, get_modulation (norm, time_bias,
            time_bias_stride, image), &s);
    for (guint group = 0; group < d->groups; group++) {
      const guint first = group * norm->group_channels;
      double mean, rstd;

      compute_statistics (norm, s.a, group, &mean, &rstd);
      *stats++ = mean;
      *stats++ = rstd;
      for (guint i = 0; i < d->pixels; i++) {
        for (guint c = first; c < first + norm->group_channels; c++) {
          const gsize e = (gsize) i * norm->channels + c;
          const double u = s.gamma[c] * (s.a[e] - mean) * rstd + s.beta[c];

          ddpm_ref_store (p->backend->act_type, y, image * elements + e,
              s.keep[e] * (d->swish ? ddpm_ref_swish (u) : u));
        }
      }
    }
  }
}

/* Of one group of one image: writes dL/da in the place of s->a, and adds to
 * image_dgamma and image_dbeta.
 *   dL/du  = dL/dy keep swish' (u)
 *   dL/dxh = gamma dL/du
 *   dL/da  = rstd (dL/dxh - mean (dL/dxh) - xh mean (dL/dxh xh)) */
static void
backward_group (const RefNorm * norm, gconstpointer dy, guint image,
    guint group, const float *stats, const NormScratch * s)
{
  const DdpmNormDesc *d = &norm->d;
  const DdpmType type = norm->base.backend->act_type;
  const gsize elements = (gsize) d->pixels * norm->channels;
  const gsize count = (gsize) d->pixels * norm->group_channels;
  const guint first = group * norm->group_channels;
  const double mean = stats[0], rstd = stats[1];
  double sum = 0.0, sum_xh = 0.0;

  for (guint i = 0; i < d->pixels; i++) {
    for (guint c = first; c < first + norm->group_channels; c++) {
      const gsize e = (gsize) i * norm->channels + c;
      const double xh = (s->a[e] - mean) * rstd;
      const double u = s->gamma[c] * xh + s->beta[c];
      const double du = ddpm_ref_load (type, dy, image * elements + e)
          * s->keep[e] * (d->swish ? ddpm_ref_swish_derivative (u) : 1.0);

      s->du[e] = du;
      s->image_dgamma[c] += du * xh;
      s->image_dbeta[c] += du;
      sum += s->gamma[c] * du;
      sum_xh += s->gamma[c] * du * xh;
    }
  }
  for (guint i = 0; i < d->pixels; i++) {
    for (guint c = first; c < first + norm->group_channels; c++) {
      const gsize e = (gsize) i * norm->channels + c;
      const double xh = (s->a[e] - mean) * rstd;

      s->a[e] = rstd * (s->gamma[c] * s->du[e] - sum / count
          - xh * sum_xh / count);
    }
  }
}

/* Stores dL/da of one image as the gradients of x0, x1 and the time bias. */
static void
store_gradient (const RefNorm * norm, const double *da, guint image,
    gpointer dx0, gboolean add0, gpointer dx1, gboolean add1, float *dtime_bias)
{
  const DdpmNormDesc *d = &norm->d;
  const DdpmType type = norm->base.backend->act_type;

  for (guint i = 0; i < d->pixels; i++) {
    const gsize pixel = (gsize) image * d->pixels + i;
    const double *in = da + (gsize) i * norm->channels;

    for (guint c = 0; dx0 && c < d->c0; c++)
      ddpm_ref_store_or_add (type, dx0, pixel * d->c0 + c, in[c], add0);
    for (guint c = 0; dx1 && c < d->c1; c++)
      ddpm_ref_store_or_add (type, dx1, pixel * d->c1 + c, in[d->c0 + c], add1);
  }
  for (guint c = 0; dtime_bias && c < d->c0; c++) {
    double sum = 0.0;

    for (guint i = 0; i < d->pixels; i++)
      sum += da[(gsize) i * norm->channels + c];
    dtime_bias[c] = sum;
  }
}

/* From the gradients of an image's gamma (1 + scale) and beta (1 + scale) + shift:
 * adds those of gamma and beta; dscale [2][channels]: gets those of scale and
 * shift. NULL, both: there are none */
static void
backward_modulation (const RefNorm * norm, const float *gamma,
    const float *beta, const float *scale, float *dscale, const NormScratch * s)
{
  for (guint c = 0; c < norm->channels; c++) {
    const double factor = scale ? 1.0 + scale[c] : 1.0;

    s->dgamma[c] += factor * s->image_dgamma[c];
    s->dbeta[c] += factor * s->image_dbeta[c];
    if (dscale == NULL)
      continue;
    dscale[c] = gamma[c] * s->image_dgamma[c] + beta[c] * s->image_dbeta[c];
    dscale[norm->channels + c] = s->image_dbeta[c];
  }
}

static void
norm_backward (DdpmPlan * p, gconstpointer dy, gconstpointer x0,
    gconstpointer x1, const float *time_bias, gsize time_bias_stride,
    const float *gamma, const float *beta, const DdpmDropout * drop,
    const float *stats, gpointer dx0, gboolean add0, gpointer dx1,
    gboolean add1, float *dgamma, float *dbeta, gboolean add, float *dtime_bias,
    gpointer scratch)
{
  const RefNorm *norm = (const RefNorm *) p;
  const DdpmNormDesc *d = &norm->d;
  const gsize elements = (gsize) d->pixels * norm->channels;
  NormScratch s;

  lay_out_scratch (norm, scratch, &s);
  memset (s.dgamma, 0, norm->channels * sizeof (double));
  memset (s.dbeta, 0, norm->channels * sizeof (double));
  for (guint image = 0; image < d->n; image++) {
    float *dbias = dtime_bias ? dtime_bias + image * time_bias_stride : NULL;
    const float *scale = get_modulation (norm, time_bias, time_bias_stride,
        image);

    load_image (norm, x0, x1, time_bias, time_bias_stride, image, s.a);
    draw_dropout (drop, image, elements, s.keep);
    modulate (norm, gamma, beta, scale, &s);
    memset (s.image_dgamma, 0, norm->channels * sizeof (double));
    memset (s.image_dbeta, 0, norm->channels * sizeof (double));
    for (guint group = 0; group < d->groups; group++, stats += 2)
      backward_group (norm, dy, image, group, stats, &s);
    backward_modulation (norm, gamma, beta, scale, d->modulation ? dbias : NULL,
        &s);
    store_gradient (norm, s.a, image, dx0, add0, dx1, add1,
        d->time_bias ? dbias : NULL);
  }
  for (guint c = 0; c < norm->channels; c++) {
    ddpm_ref_store_or_add (DDPM_TYPE_F32, dgamma, c, s.dgamma[c], add);
    ddpm_ref_store_or_add (DDPM_TYPE_F32, dbeta, c, s.dbeta[c], add);
  }
}

void
ddpm_ref_norm_set_ops (DdpmOps * ops)
{
  ops->norm_new = norm_new;
  ops->norm_forward = norm_forward;
  ops->norm_backward = norm_backward;
}
