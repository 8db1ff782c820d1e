/* gst-ddpm: CPU backend: the primitives of a convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <string.h>
#include "cpu-convolution.h"

/* What oneDNN is told of one source. weights is free to be chosen. */
typedef struct
{
  dnnl_memory_desc_t x, y, dy, weights, dweights, bias;
  dnnl_dims_t strides, dilates, padding_l, padding_r;
} ConvDescs;

static void
descs_clear (ConvDescs * descs)
{
  dnnl_memory_desc_t *all[] = { &descs->x, &descs->y, &descs->dy,
    &descs->weights, &descs->dweights, &descs->bias
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    if (*all[i])
      dnnl_memory_desc_destroy (*all[i]);
    *all[i] = NULL;
  }
}

static dnnl_status_t
describe_pixels (const CpuConvolution * conv, guint channels, guint height,
    guint width, DdpmType type, dnnl_memory_desc_t * desc)
{
  const dnnl_dims_t dims = { conv->d.n, channels, height, width };

  return dnnl_memory_desc_create_with_tag (desc, 4, dims, cpu_data_type (type),
      dnnl_nhwc);
}

static dnnl_status_t
describe_weights (const CpuConvolution * conv, const CpuConvSource * s,
    DdpmType type, dnnl_format_tag_t tag, dnnl_memory_desc_t * desc)
{
  const dnnl_dims_t dims = { conv->cout_padded, s->padded, conv->d.kernel,
    conv->d.kernel
  };

  return dnnl_memory_desc_create_with_tag (desc, 4, dims, cpu_data_type (type),
      tag);
}

/* Zeros below and to the right, as many as the last window reaches over */
static guint
padding_after (guint in, guint out, guint kernel, guint stride)
{
  const gint64 reach = (gint64) (out - 1) * stride + kernel - kernel / 2;

  return MAX (0, reach - (gint64) in);
}

static gboolean
descs_init (ConvDescs * descs, const CpuConvolution * conv,
    const CpuConvSource * s, GError ** error)
{
  const DdpmConvDesc *d = &conv->d;
  const dnnl_dims_t bias = { conv->cout_padded };
  dnnl_status_t status;

  memset (descs, 0, sizeof (*descs));
  for (guint i = 0; i < 2; i++) {
    descs->strides[i] = d->stride;
    descs->padding_l[i] = d->kernel / 2;
  }
  descs->padding_r[0] =
      padding_after (d->height, conv->out_height, d->kernel, d->stride);
  descs->padding_r[1] =
      padding_after (d->width, conv->out_width, d->kernel, d->stride);

  status = describe_pixels (conv, s->padded, d->height, d->width, conv->type,
      &descs->x);
  if (status == dnnl_success)
    status = describe_pixels (conv, conv->cout_padded, conv->out_height,
        conv->out_width, conv->y_type, &descs->y);
  if (status == dnnl_success)
    status = describe_pixels (conv, conv->cout_padded, conv->out_height,
        conv->out_width, conv->type, &descs->dy);
  if (status == dnnl_success)
    status = describe_weights (conv, s, conv->type, dnnl_format_tag_any,
        &descs->weights);
  if (status == dnnl_success)
    status = describe_weights (conv, s, DDPM_TYPE_F32, dnnl_format_tag_any,
        &descs->dweights);
  if (status == dnnl_success)
    status = dnnl_memory_desc_create_with_tag (&descs->bias, 1, bias, dnnl_f32,
        dnnl_a);
  return cpu_check (status, "shapes of a convolution", error);
}

static const_dnnl_memory_desc_t
weights_of (const CpuPrimitive * p)
{
  const_dnnl_memory_desc_t desc = NULL;

  dnnl_memory_get_memory_desc (p->args[1].memory, &desc);
  return desc;
}

static gboolean
plan_forward (CpuConvolution * conv, CpuConvSource * s, const ConvDescs * descs,
    gboolean add, GError ** error)
{
  static const gint args[] = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST,
    DNNL_ARG_BIAS
  };
  const gboolean bias = s->first == 0;
  const_dnnl_memory_desc_t weights = add && s->forward[0].primitive
      ? weights_of (&s->forward[0]) : descs->weights;
  CpuBackend *b = cpu_plan_backend (&conv->base.plan);
  dnnl_primitive_attr_t attr;
  dnnl_primitive_desc_t pd;
  gboolean ok;

  if (!cpu_attr_new (add, &attr, error))
    return FALSE;
  ok = cpu_check (dnnl_convolution_forward_primitive_desc_create (&pd,
          b->engine, dnnl_forward_inference, dnnl_convolution_direct,
          descs->x, weights, bias ? descs->bias : NULL, descs->y,
          descs->strides, descs->dilates, descs->padding_l, descs->padding_r,
          attr), "convolution", error)
      && cpu_primitive_init (&s->forward[add], b, pd, args, bias ? 4 : 3,
      error);
  dnnl_primitive_attr_destroy (attr);
  return ok;
}

/* Backward passes ask for the forward pass that they belong to. */
static gboolean
make_hint (CpuConvolution * conv, const ConvDescs * descs,
    dnnl_primitive_desc_t * hint, GError ** error)
{
  CpuBackend *b = cpu_plan_backend (&conv->base.plan);

  return cpu_check (dnnl_convolution_forward_primitive_desc_create (hint,
          b->engine, dnnl_forward_training, dnnl_convolution_direct, descs->x,
          descs->weights, descs->bias, descs->dy, descs->strides,
          descs->dilates, descs->padding_l, descs->padding_r, NULL),
      "convolution", error);
}

static gboolean
plan_backward_data (CpuConvolution * conv, CpuConvSource * s,
    const ConvDescs * descs, dnnl_primitive_desc_t hint, GError ** error)
{
  static const gint args[] = { DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS,
    DNNL_ARG_DIFF_DST
  };
  CpuBackend *b = cpu_plan_backend (&conv->base.plan);
  dnnl_primitive_attr_t attr;
  dnnl_primitive_desc_t pd;
  gboolean ok;

  if (!cpu_attr_new (FALSE, &attr, error))
    return FALSE;
  ok = cpu_check (dnnl_convolution_backward_data_primitive_desc_create (&pd,
          b->engine, dnnl_convolution_direct, descs->x, descs->weights,
          descs->dy, descs->strides, descs->dilates, descs->padding_l,
          descs->padding_r, hint, attr), "convolution, backward data", error)
      && cpu_primitive_init (&s->backward_data, b, pd, args,
      G_N_ELEMENTS (args), error);
  dnnl_primitive_attr_destroy (attr);
  return ok;
}

/* dweight [cout][cin] = dy^T x: faster as a product than as a convolution,
 * and it writes where the gradient belongs. */
static gboolean
plan_product (CpuConvolution * conv, CpuConvSource * s, gboolean add,
    GError ** error)
{
  const gsize pixels = cpu_conv_pixels_out (conv);
  const CpuMatrix dy = { conv->type, conv->cout, pixels,
    {0, 1, conv->cout_padded}
  };
  const CpuMatrix x = { conv->type, pixels, s->channels,
    {0, s->padded, 1}
  };
  const CpuMatrix dweight = { DDPM_TYPE_F32, conv->cout, s->channels,
    {0, conv->cin, 1}
  };

  return cpu_matmul_init (&s->product[add],
      cpu_plan_backend (&conv->base.plan), 1, &dy, &x, &dweight, add, error);
}

static gboolean
plan_backward_weights (CpuConvolution * conv, CpuConvSource * s,
    const ConvDescs * descs, dnnl_primitive_desc_t hint, GError ** error)
{
  static const gint args[] = { DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS,
    DNNL_ARG_DIFF_DST
  };
  CpuBackend *b = cpu_plan_backend (&conv->base.plan);
  dnnl_memory_desc_t plain = NULL;
  dnnl_primitive_attr_t attr;
  dnnl_primitive_desc_t pd;
  gboolean ok;

  if (conv->d.kernel == 1 && conv->d.stride == 1)
    return plan_product (conv, s, FALSE, error)
        && plan_product (conv, s, TRUE, error);

  if (!cpu_attr_new (FALSE, &attr, error))
    return FALSE;
  ok = cpu_check (dnnl_convolution_backward_weights_primitive_desc_create (&pd,
          b->engine, dnnl_convolution_direct, descs->x, descs->dweights, NULL,
          descs->dy, descs->strides, descs->dilates, descs->padding_l,
          descs->padding_r, hint, attr), "convolution, backward weights", error)
      && cpu_primitive_init (&s->backward_weights, b, pd, args,
      G_N_ELEMENTS (args), error)
      && cpu_check (describe_weights (conv, s, DDPM_TYPE_F32, dnnl_oihw,
          &plain), "weights", error)
      && cpu_reorder_init (&s->collect, b, weights_of (&s->backward_weights),
      plain, error);
  if (plain)
    dnnl_memory_desc_destroy (plain);
  dnnl_primitive_attr_destroy (attr);
  return ok;
}

/* Memory for the weights as a primitive wants them, and the reorder there */
static gboolean
plan_weights (CpuConvolution * conv, CpuConvSource * s,
    const CpuPrimitive * user, gpointer * weights, CpuPrimitive * arrange,
    GError ** error)
{
  const_dnnl_memory_desc_t desc = weights_of (user);
  dnnl_memory_desc_t plain;
  gboolean ok;

  *weights = conv->base.plan.ops->alloc (conv->base.plan.backend,
      dnnl_memory_desc_get_size (desc));
  if (*weights == NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
        "no memory for the weights of a convolution from %u to %u channels",
        conv->cin, conv->cout);
    return FALSE;
  }
  if (!cpu_check (describe_weights (conv, s, DDPM_TYPE_F32, dnnl_oihw, &plain),
          "weights", error))
    return FALSE;
  ok = cpu_reorder_init (arrange, cpu_plan_backend (&conv->base.plan), plain,
      desc, error);
  dnnl_memory_desc_destroy (plain);
  return ok;
}

static gboolean
plan_forward_passes (CpuConvolution * conv, CpuConvSource * s,
    const ConvDescs * descs, GError ** error)
{
  if (s->first == 0 && !plan_forward (conv, s, descs, FALSE, error))
    return FALSE;
  return plan_forward (conv, s, descs, TRUE, error)
      && plan_weights (conv, s, &s->forward[1], &s->weights, &s->arrange,
      error);
}

static gboolean
plan_backward_passes (CpuConvolution * conv, CpuConvSource * s,
    const ConvDescs * descs, GError ** error)
{
  dnnl_primitive_desc_t hint = NULL;
  gboolean ok = make_hint (conv, descs, &hint, error);

  if (ok && !conv->tiled[CPU_CONV_BACKWARD_DATA])
    ok = plan_backward_data (conv, s, descs, hint, error)
        && plan_weights (conv, s, &s->backward_data, &s->weights_backward,
        &s->arrange_backward, error);
  if (ok && !conv->tiled[CPU_CONV_BACKWARD_WEIGHTS])
    ok = plan_backward_weights (conv, s, descs, hint, error);
  if (hint)
    dnnl_primitive_desc_destroy (hint);
  return ok;
}

static gboolean
plan_source (CpuConvolution * conv, CpuConvSource * s, GError ** error)
{
  ConvDescs descs;
  gboolean ok = descs_init (&descs, conv, s, error);

  if (ok && !conv->tiled[CPU_CONV_FORWARD])
    ok = plan_forward_passes (conv, s, &descs, error);
  if (ok && conv->d.training && !(conv->tiled[CPU_CONV_BACKWARD_DATA]
          && conv->tiled[CPU_CONV_BACKWARD_WEIGHTS]))
    ok = plan_backward_passes (conv, s, &descs, error);
  descs_clear (&descs);
  return ok;
}

/* Which passes are computed by tiles, and the memory for their weights */
static gboolean
plan_tiles (CpuConvolution * conv, GError ** error)
{
  const DdpmConvDesc *d = &conv->d;
  CpuBackend *b = cpu_plan_backend (&conv->base.plan);
  const CpuTiling there = { d->n, d->height, d->width, conv->cin, conv->cout };
  const CpuTiling back = { d->n, d->height, d->width, conv->cout, conv->cin };

  if (d->kernel != 3 || d->stride != 1 || conv->n_sources != 1
      || d->src_type != DDPM_TYPE_F32 || d->dst_type != DDPM_TYPE_F32)
    return TRUE;
  conv->tiling = there;
  conv->tiling_backward = back;
  conv->tiled[CPU_CONV_FORWARD] = cpu_winograd_suits (b, &there);
  conv->tiled[CPU_CONV_BACKWARD_DATA] = d->training
      && cpu_winograd_suits_gradient (b, &back);
  conv->tiled[CPU_CONV_BACKWARD_WEIGHTS] = d->training
      && cpu_winograd_suits_gradient (b, &there);
  if (conv->tiled[CPU_CONV_FORWARD])
    conv->packed = b->base.ops->alloc (&b->base,
        cpu_winograd_packed_size (b, &there));
  if (conv->tiled[CPU_CONV_BACKWARD_DATA])
    conv->packed_backward = b->base.ops->alloc (&b->base,
        cpu_winograd_packed_size (b, &back));
  if ((conv->tiled[CPU_CONV_FORWARD] && conv->packed == NULL)
      || (conv->tiled[CPU_CONV_BACKWARD_DATA]
          && conv->packed_backward == NULL))
    goto no_memory;
  return TRUE;

no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "no memory for the weights of a convolution from %u to %u channels",
      conv->cin, conv->cout);
  return FALSE;
}

static gsize
largest_workspace (const CpuConvSource * s)
{
  const CpuPrimitive *all[] = { &s->forward[0], &s->forward[1],
    &s->backward_data, &s->backward_weights, &s->product[0], &s->product[1],
    &s->collect
  };
  gsize largest = 0;

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    largest = MAX (largest, all[i]->scratch);
  return largest;
}

static gsize
dweights_bytes (const CpuConvSource * s)
{
  return s->backward_weights.primitive ?
      dnnl_memory_desc_get_size (weights_of (&s->backward_weights)) : 0;
}

static gsize
tiles_workspace (CpuConvolution * conv)
{
  CpuBackend *b = cpu_plan_backend (&conv->base.plan);
  gsize size = 0;

  if (conv->tiled[CPU_CONV_FORWARD])
    size = cpu_winograd_scratch (b, &conv->tiling);
  if (conv->tiled[CPU_CONV_BACKWARD_DATA])
    size = MAX (size, cpu_winograd_scratch (b, &conv->tiling_backward));
  if (conv->tiled[CPU_CONV_BACKWARD_WEIGHTS])
    size = MAX (size, cpu_winograd_gradient_scratch (b, &conv->tiling));
  return size;
}

static void
lay_out (CpuConvolution * conv)
{
  const gsize in = cpu_conv_pixels_in (conv), out = cpu_conv_pixels_out (conv);
  const gboolean copy_y = conv->y_type != conv->d.dst_type
      || conv->type != conv->d.dst_type || conv->cout_padded != conv->cout;
  CpuConvLayout *l = &conv->layout;
  gsize total = 0, work = 0, dweights = 0, padded = 0;

  for (guint i = 0; i < conv->n_sources; i++) {
    CpuConvSource *s = &conv->source[i];

    s->x_bytes = conv->type != conv->d.src_type || s->padded != s->channels
        ? in * s->padded * ddpm_type_size (conv->type) : 0;
    l->x[i] = cpu_layout_add (&total, s->x_bytes, 1);
    work = MAX (work, largest_workspace (s));
    dweights = MAX (dweights, dweights_bytes (s));
    padded = MAX (padded, s->padded);
  }
  l->y = cpu_layout_add (&total, copy_y ? out * conv->cout_padded : 0,
      sizeof (float));
  if (conv->d.training) {
    l->dx = cpu_layout_add (&total,
        conv->tiled[CPU_CONV_BACKWARD_DATA] ? 0 : in * padded,
        ddpm_type_size (conv->type));
    l->dweights = cpu_layout_add (&total, dweights, 1);
    l->plain = cpu_layout_add (&total, dweights ?
        (gsize) conv->cout_padded * padded * conv->taps : 0, sizeof (float));
    l->sums = cpu_layout_add (&total,
        cpu_column_sums_scratch (out, conv->cout), 1);
  }
  l->tiles = cpu_layout_add (&total, tiles_workspace (conv), 1);
  l->work = cpu_layout_add (&total, work, 1);
  conv->base.plan.scratch = total;
}

static guint
round_up (guint channels, guint multiple)
{
  return (channels + multiple - 1) / multiple * multiple;
}

/* conv_set_weights () takes no workspace: one for all plans of the backend */
static gboolean
reserve_staging (CpuConvolution * conv, GError ** error)
{
  CpuBackend *b = cpu_plan_backend (&conv->base.plan);
  const guint padded = MAX (conv->source[0].padded, conv->source[1].padded);
  gsize size = (gsize) conv->cout_padded * padded * conv->taps;
  float *staging;

  conv->staged = size;
  for (guint i = 0; i < conv->n_sources; i++)
    size = MAX (size, conv->staged + MAX (conv->source[i].arrange.scratch,
            conv->source[i].arrange_backward.scratch) / sizeof (float) + 1);

  if (size <= b->staging_size)
    return TRUE;
  staging = b->base.ops->alloc (&b->base, size * sizeof (float));
  if (staging == NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
        "no memory to arrange the weights of a convolution from %u to %u "
        "channels", conv->cin, conv->cout);
    return FALSE;
  }
  b->base.ops->free (&b->base, b->staging);
  b->staging = staging;
  b->staging_size = size;
  return TRUE;
}

gboolean
cpu_conv_plan (CpuConvolution * conv, guint multiple, GError ** error)
{
  CpuBackend *b = cpu_plan_backend (&conv->base.plan);
  gboolean ok = plan_tiles (conv, error);

  conv->cout_padded = round_up (conv->cout, multiple);
  for (guint i = 0; i < conv->n_sources; i++)
    conv->source[i].padded = round_up (conv->source[i].channels, multiple);
  for (guint i = 0; ok && i < conv->n_sources; i++)
    ok = plan_source (conv, &conv->source[i], error);
  ok = ok && reserve_staging (conv, error);
  if (ok) {
    conv->bias = g_try_new0 (float, round_up (conv->cout_padded,
            MAX (1, b->kernels->winograd->width)));
    ok = conv->bias != NULL;
    if (!ok)
      g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
          "no memory for a bias of %u channels", conv->cout);
  }
  if (ok)
    lay_out (conv);
  else
    cpu_conv_unplan (conv);
  return ok;
}

void
cpu_conv_unplan (CpuConvolution * conv)
{
  DdpmBackend *b = conv->base.plan.backend;

  for (guint i = 0; i < conv->n_sources; i++) {
    CpuConvSource *s = &conv->source[i];
    CpuPrimitive *all[] = { &s->forward[0], &s->forward[1], &s->backward_data,
      &s->backward_weights, &s->product[0], &s->product[1], &s->arrange,
      &s->arrange_backward, &s->collect
    };

    for (guint k = 0; k < G_N_ELEMENTS (all); k++)
      cpu_primitive_clear (all[k]);
    b->ops->free (b, s->weights);
    b->ops->free (b, s->weights_backward);
    s->weights = s->weights_backward = NULL;
  }
  b->ops->free (b, conv->packed);
  b->ops->free (b, conv->packed_backward);
  conv->packed = conv->packed_backward = NULL;
  g_free (conv->bias);
  conv->bias = NULL;
}

gboolean
cpu_conv_is_slow (CpuConvolution * conv)
{
  for (guint i = 0; i < conv->n_sources; i++) {
    CpuConvSource *s = &conv->source[i];
    CpuPrimitive *all[] = { &s->forward[0], &s->forward[1], &s->backward_data,
      &s->backward_weights, &s->product[0], &s->product[1]
    };

    for (guint k = 0; k < G_N_ELEMENTS (all); k++) {
      if (cpu_primitive_is_slow (all[k]))
        return TRUE;
    }
  }
  return FALSE;
}
