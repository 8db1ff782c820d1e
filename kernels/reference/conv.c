/* gst-ddpm: reference backend: convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * With a kernel of k x k taps, stride s and zeros outside of the image (Goodfellow,
 * Bengio & Courville, "Deep learning" (2016), section 9.5 and eq. 9.11 to 9.13),
 *
 *   y[oy][ox][co] = bias[co] + sum over ky, kx, ci of
 *       x[s oy + ky - k/2][s ox + kx - k/2][ci] weight[co][ci][ky][kx]
 *
 * and, of a loss L with dy = dL/dy,
 *
 *   dx[s oy + ky - k/2][s ox + kx - k/2][ci] += sum over co of
 *       dy[oy][ox][co] weight[co][ci][ky][kx]
 *   dweight[co][ci][ky][kx] = sum over images, oy, ox of
 *       dy[oy][ox][co] x[s oy + ky - k/2][s ox + kx - k/2][ci]
 *   dbias[co] = sum over images, oy, ox of dy[oy][ox][co]
 *
 * For one tap (ky, kx) and one row of outputs, y is the product of a matrix of
 * pixels [ox][ci], which are s pixels apart, and the weights of the tap [ci][co].
 * So a convolution is k^2 products of matrices for each row, over an image with a
 * border of zeros. The derivatives are the same products with one factor
 * transposed.
 */
#include <math.h>
#include "kernels/reference/private.h"

typedef struct
{
  DdpmPlan base;
  DdpmConvDesc d;
  guint cin;                    /* cin0 + cin1 */
  guint taps;                   /* kernel^2 */
  guint pad;                    /* zeros before an image: kernel / 2, or 0 */
  guint out_height, out_width;
  gsize padded_height, padded_width;
  gsize panels, panels_t;       /* floats of the panels of one tap */
  float *weight;                /* [taps] panels of [cin][cout] */
  float *weight_t;              /* [taps] panels of [cout][cin] */
  float *bias;                  /* [cout] */
} RefConv;

/* The workspace: x, y, dy and dx of one image; dweight and dbias, sums over all */
typedef struct
{
  float *x;                     /* [padded_height][padded_width][cin] */
  double *row;                  /* [out_width][cout] */
  float *dy;                    /* [out_height][out_width][cout] */
  float *dy_panels;             /* of one row [out_width][cout] */
  double *dx;                   /* [padded_height][padded_width][cin] */
  double *dweight;              /* [taps][cin][cout] */
  double *dbias;                /* [cout] */
} ConvScratch;

static gsize
lay_out_scratch (const RefConv * conv, gpointer scratch, ConvScratch * s)
{
  const gsize padded = conv->padded_height * conv->padded_width * conv->cin;
  const gsize row = (gsize) conv->out_width * conv->d.cout;
  gsize used = 0;

  s->x = ddpm_ref_alloc_part (scratch, &used, padded, sizeof (float));
  s->row = ddpm_ref_alloc_part (scratch, &used, row, sizeof (double));
  if (conv->d.training) {
    s->dy =
        ddpm_ref_alloc_part (scratch, &used, row * conv->out_height,
        sizeof (float));
    s->dy_panels =
        ddpm_ref_alloc_part (scratch, &used,
        ddpm_ref_panels_size (conv->out_width, conv->d.cout), sizeof (float));
    s->dx = ddpm_ref_alloc_part (scratch, &used, padded, sizeof (double));
    s->dweight = ddpm_ref_alloc_part (scratch, &used,
        (gsize) conv->taps * conv->cin * conv->d.cout, sizeof (double));
    s->dbias =
        ddpm_ref_alloc_part (scratch, &used, conv->d.cout, sizeof (double));
  }
  return used;
}

static void
clear_conv (DdpmPlan * p)
{
  RefConv *conv = (RefConv *) p;

  g_free (conv->weight);
  g_free (conv->weight_t);
  g_free (conv->bias);
}

static DdpmPlan *
conv_new (DdpmBackend * b, const DdpmConvDesc * d, GError ** error)
{
  RefConv *conv;
  ConvScratch s;

  if (!ddpm_conv_desc_check (d, error))
    return NULL;

  conv = ddpm_plan_new (sizeof (RefConv), b, clear_conv, "reference");
  conv->d = *d;
  conv->cin = d->cin0 + d->cin1;
  conv->taps = d->kernel * d->kernel;
  conv->pad = d->pad_end ? 0 : d->kernel / 2;
  conv->out_height = (d->height - 1) / d->stride + 1;
  conv->out_width = (d->width - 1) / d->stride + 1;
  conv->padded_height = (gsize) d->height + 2 * (d->kernel / 2);
  conv->padded_width = (gsize) d->width + 2 * (d->kernel / 2);
  conv->panels = ddpm_ref_panels_size (conv->cin, d->cout);
  conv->panels_t = ddpm_ref_panels_size (d->cout, conv->cin);
  conv->base.scratch = lay_out_scratch (conv, NULL, &s);
  conv->base.memory = sizeof (float) * (d->cout + conv->taps * conv->panels
      + (d->training ? conv->taps * conv->panels_t : 0));

  conv->bias = g_try_new0 (float, d->cout);
  conv->weight = g_try_new0 (float, conv->taps * conv->panels);
  if (d->training)
    conv->weight_t = g_try_new0 (float, conv->taps * conv->panels_t);
  if (!conv->bias || !conv->weight || (d->training && !conv->weight_t))
    goto no_memory;
  return &conv->base;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the weights of a convolution from %u to %u channels",
      conv->cin, d->cout);
  ddpm_plan_free (&conv->base);
  return NULL;
}

static void
conv_set_weights (DdpmPlan * p, const float *weight, const float *bias)
{
  RefConv *conv = (RefConv *) p;
  const gsize in_stride = conv->taps;
  const gsize out_stride = (gsize) conv->taps * conv->cin;

  for (guint tap = 0; tap < conv->taps; tap++) {
    ddpm_ref_pack (conv->cin, conv->d.cout, weight + tap, in_stride,
        out_stride, conv->weight + tap * conv->panels);
    if (conv->weight_t)
      ddpm_ref_pack (conv->d.cout, conv->cin, weight + tap, out_stride,
          in_stride, conv->weight_t + tap * conv->panels_t);
  }
  if (p->backend->act_type == DDPM_TYPE_BF16) {
    for (gsize i = 0; i < conv->taps * conv->panels; i++)
      conv->weight[i] = ddpm_bf16_round (conv->weight[i]);
    for (gsize i = 0; conv->weight_t && i < conv->taps * conv->panels_t; i++)
      conv->weight_t[i] = ddpm_bf16_round (conv->weight_t[i]);
  }
  memcpy (conv->bias, bias, conv->d.cout * sizeof (float));
}

/* Loads an image of concat (x0, x1) as floats, with a border of zeros. */
static void
load_padded (const RefConv * conv, gconstpointer x0, gconstpointer x1,
    guint image, float *dst)
{
  const DdpmConvDesc *d = &conv->d;
  gsize pixel = (gsize) image * d->height * d->width;

  memset (dst, 0, conv->padded_height * conv->padded_width * conv->cin
      * sizeof (float));
  for (guint y = 0; y < d->height; y++) {
    float *out = dst + ((y + conv->pad) * conv->padded_width + conv->pad)
        * conv->cin;

    for (guint x = 0; x < d->width; x++, pixel++) {
      for (guint c = 0; c < d->cin0; c++)
        *out++ = ddpm_ref_load (d->src_type, x0, pixel * d->cin0 + c);
      for (guint c = 0; c < d->cin1; c++)
        *out++ = ddpm_ref_load (d->src_type, x1, pixel * d->cin1 + c);
    }
  }
}

/* Where the pixels of tap (ky, kx) for output row oy begin in a padded image */
static gsize
get_tap_offset (const RefConv * conv, guint oy, guint ky, guint kx)
{
  return (((gsize) oy * conv->d.stride + ky) * conv->padded_width + kx)
      * conv->cin;
}

static void
conv_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer residual, gpointer y, gpointer scratch)
{
  const RefConv *conv = (const RefConv *) p;
  const DdpmConvDesc *d = &conv->d;
  const gsize row = (gsize) conv->out_width * d->cout;
  gsize out = 0;
  ConvScratch s;

  lay_out_scratch (conv, scratch, &s);
  for (guint image = 0; image < d->n; image++) {
    load_padded (conv, x0, x1, image, s.x);
    for (guint oy = 0; oy < conv->out_height; oy++) {
      for (gsize e = 0; e < row; e++)
        s.row[e] = conv->bias[e % d->cout];
      for (guint tap = 0; tap < conv->taps; tap++)
        ddpm_ref_multiply_add (conv->out_width, d->cout, conv->cin,
            s.x + get_tap_offset (conv, oy, tap / d->kernel, tap % d->kernel),
            (gsize) d->stride * conv->cin, 1,
            conv->weight + tap * conv->panels, s.row, d->cout);
      for (gsize e = 0; e < row; e++, out++)
        ddpm_ref_store (d->dst_type, y, out, s.row[e]
            + (residual ? ddpm_ref_load (d->dst_type, residual, out) : 0.0));
    }
  }
}

static void
load_dy (const RefConv * conv, gconstpointer dy, guint image, float *dst)
{
  const gsize size = (gsize) conv->out_height * conv->out_width * conv->d.cout;

  for (gsize e = 0; e < size; e++)
    dst[e] = ddpm_ref_load (conv->d.dst_type, dy, image * size + e);
}

/* Stores the gradient of an image without its border, cut into the two sources. */
static void
store_dx (const RefConv * conv, const double *dx, guint image,
    gpointer dx0, gboolean add0, gpointer dx1, gboolean add1)
{
  const DdpmConvDesc *d = &conv->d;
  gsize pixel = (gsize) image * d->height * d->width;

  for (guint y = 0; y < d->height; y++) {
    const double *in = dx + ((y + conv->pad) * conv->padded_width + conv->pad)
        * conv->cin;

    for (guint x = 0; x < d->width; x++, pixel++, in += conv->cin) {
      for (guint c = 0; dx0 && c < d->cin0; c++)
        ddpm_ref_store_or_add (d->src_type, dx0, pixel * d->cin0 + c, in[c],
            add0);
      for (guint c = 0; dx1 && c < d->cin1; c++)
        ddpm_ref_store_or_add (d->src_type, dx1, pixel * d->cin1 + c,
            in[d->cin0 + c], add1);
    }
  }
}

static void
conv_backward_data (DdpmPlan * p, gconstpointer dy, gpointer dx0, gboolean add0,
    gpointer dx1, gboolean add1, gpointer scratch)
{
  const RefConv *conv = (const RefConv *) p;
  const DdpmConvDesc *d = &conv->d;
  ConvScratch s;

  lay_out_scratch (conv, scratch, &s);
  for (guint image = 0; image < d->n; image++) {
    load_dy (conv, dy, image, s.dy);
    memset (s.dx, 0, conv->padded_height * conv->padded_width * conv->cin
        * sizeof (double));
    for (guint oy = 0; oy < conv->out_height; oy++) {
      for (guint tap = 0; tap < conv->taps; tap++)
        ddpm_ref_multiply_add (conv->out_width, conv->cin, d->cout,
            s.dy + (gsize) oy * conv->out_width * d->cout, d->cout, 1,
            conv->weight_t + tap * conv->panels_t,
            s.dx + get_tap_offset (conv, oy, tap / d->kernel, tap % d->kernel),
            (gsize) d->stride * conv->cin);
    }
    store_dx (conv, s.dx, image, dx0, add0, dx1, add1);
  }
}

/* Adds what one image gives to dweight and dbias. */
static void
add_weight_gradient (const RefConv * conv, const ConvScratch * s)
{
  const DdpmConvDesc *d = &conv->d;

  for (guint oy = 0; oy < conv->out_height; oy++) {
    const float *row = s->dy + (gsize) oy * conv->out_width * d->cout;

    ddpm_ref_pack (conv->out_width, d->cout, row, d->cout, 1, s->dy_panels);
    for (guint tap = 0; tap < conv->taps; tap++)
      ddpm_ref_multiply_add (conv->cin, d->cout, conv->out_width,
          s->x + get_tap_offset (conv, oy, tap / d->kernel, tap % d->kernel), 1,
          (gsize) d->stride * conv->cin, s->dy_panels,
          s->dweight + (gsize) tap * conv->cin * d->cout, d->cout);
    for (guint x = 0; x < conv->out_width; x++) {
      for (guint c = 0; c < d->cout; c++)
        s->dbias[c] += row[(gsize) x * d->cout + c];
    }
  }
}

static void
conv_backward_weights (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer dy, float *dweight, float *dbias, gboolean add,
    gpointer scratch)
{
  const RefConv *conv = (const RefConv *) p;
  const DdpmConvDesc *d = &conv->d;
  const gsize tap_size = (gsize) conv->cin * d->cout;
  ConvScratch s;

  lay_out_scratch (conv, scratch, &s);
  memset (s.dweight, 0, conv->taps * tap_size * sizeof (double));
  memset (s.dbias, 0, d->cout * sizeof (double));
  for (guint image = 0; image < d->n; image++) {
    load_padded (conv, x0, x1, image, s.x);
    load_dy (conv, dy, image, s.dy);
    add_weight_gradient (conv, &s);
  }

  for (guint co = 0; co < d->cout; co++) {
    for (guint ci = 0; ci < conv->cin; ci++) {
      for (guint tap = 0; tap < conv->taps; tap++)
        ddpm_ref_store_or_add (DDPM_TYPE_F32, dweight,
            ((gsize) co * conv->cin + ci) * conv->taps + tap,
            s.dweight[tap * tap_size + (gsize) ci * d->cout + co], add);
    }
    ddpm_ref_store_or_add (DDPM_TYPE_F32, dbias, co, s.dbias[co], add);
  }
}

void
ddpm_ref_convolution_set_ops (DdpmOps * ops)
{
  ops->conv_new = conv_new;
  ops->conv_set_weights = conv_set_weights;
  ops->conv_forward = conv_forward;
  ops->conv_backward_data = conv_backward_data;
  ops->conv_backward_weights = conv_backward_weights;
}
