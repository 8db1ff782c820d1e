/* gst-ddpm: CPU backend: the primitives of oneDNN for a convolution in bf16
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>
#include "kernels/cpu/convolution.h"
#include "kernels/cpu/onednn/onednn.h"

/* What oneDNN is told of one source. weights is free to be chosen. */
typedef struct
{
  dnnl_memory_desc_t x, dx, y, dy, weights, dweights, bias;
  dnnl_dims_t strides, dilates, padding_l, padding_r;
} ConvDescs;

static void
descs_clear (ConvDescs * descs)
{
  dnnl_memory_desc_t *all[] = { &descs->x, &descs->dx, &descs->y, &descs->dy,
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

  return dnnl_memory_desc_create_with_tag (desc, 4, dims,
      ddpm_cpu_data_type (type), dnnl_nhwc);
}

static dnnl_status_t
describe_weights (const CpuConvolution * conv, const CpuConvSource * s,
    DdpmType type, dnnl_format_tag_t tag, dnnl_memory_desc_t * desc)
{
  const dnnl_dims_t dims = { conv->cout_padded, s->padded, conv->d.kernel,
    conv->d.kernel
  };

  return dnnl_memory_desc_create_with_tag (desc, 4, dims,
      ddpm_cpu_data_type (type), tag);
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
    status = describe_pixels (conv, s->padded, d->height, d->width,
        DDPM_TYPE_F32, &descs->dx);
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
  return ddpm_cpu_check (status, "shapes of a convolution", error);
}

static const_dnnl_memory_desc_t
weights_of (const CpuPrimitive * p)
{
  const_dnnl_memory_desc_t desc = NULL;

  dnnl_memory_get_memory_desc (p->memory[1], &desc);
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
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  dnnl_primitive_attr_t attr;
  dnnl_primitive_desc_t pd;
  gboolean ok;

  if (!ddpm_cpu_attr_new (add, &attr, error))
    return FALSE;
  ok = ddpm_cpu_check (dnnl_convolution_forward_primitive_desc_create (&pd,
          b->engine, dnnl_forward_inference, dnnl_convolution_direct,
          descs->x, weights, bias ? descs->bias : NULL, descs->y,
          descs->strides, descs->dilates, descs->padding_l, descs->padding_r,
          attr), "convolution", error)
      && ddpm_cpu_primitive_init (&s->forward[add], b, pd, args, bias ? 4 : 3,
      error);
  dnnl_primitive_attr_destroy (attr);
  return ok;
}

/* Backward passes ask for the forward pass that they belong to. */
static gboolean
make_hint (CpuConvolution * conv, const ConvDescs * descs,
    dnnl_primitive_desc_t * hint, GError ** error)
{
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);

  return ddpm_cpu_check (dnnl_convolution_forward_primitive_desc_create (hint,
          b->engine, dnnl_forward_training, dnnl_convolution_direct, descs->x,
          descs->weights, descs->bias, descs->dy, descs->strides,
          descs->dilates, descs->padding_l, descs->padding_r, NULL),
      "convolution", error);
}

static gboolean
plan_backward_data (CpuConvolution * conv, CpuConvSource * s,
    const ConvDescs * descs, dnnl_primitive_desc_t hint, gboolean add,
    GError ** error)
{
  static const gint args[] = { DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS,
    DNNL_ARG_DIFF_DST
  };
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  dnnl_primitive_attr_t attr;
  dnnl_primitive_desc_t pd;
  gboolean ok;

  if (!ddpm_cpu_attr_new (FALSE, &attr, error))
    return FALSE;
  ok = ddpm_cpu_check (dnnl_convolution_backward_data_primitive_desc_create
      (&pd, b->engine, dnnl_convolution_direct, add ? descs->dx : descs->x,
          descs->weights, descs->dy, descs->strides, descs->dilates,
          descs->padding_l, descs->padding_r, hint, attr),
      "convolution, backward data", error)
      && ddpm_cpu_primitive_init (&s->backward_data[add], b, pd, args,
      G_N_ELEMENTS (args), error);
  dnnl_primitive_attr_destroy (attr);
  return ok;
}

static gboolean
plan_backward_weights (CpuConvolution * conv, CpuConvSource * s,
    const ConvDescs * descs, dnnl_primitive_desc_t hint, GError ** error)
{
  static const gint args[] = { DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS,
    DNNL_ARG_DIFF_DST
  };
  CpuBackend *b = ddpm_cpu_plan_backend (&conv->base.plan);
  dnnl_memory_desc_t plain = NULL;
  dnnl_primitive_attr_t attr;
  dnnl_primitive_desc_t pd;
  gboolean ok;

  if (!ddpm_cpu_attr_new (FALSE, &attr, error))
    return FALSE;
  ok = ddpm_cpu_check (dnnl_convolution_backward_weights_primitive_desc_create
      (&pd, b->engine, dnnl_convolution_direct, descs->x, descs->dweights, NULL,
          descs->dy, descs->strides, descs->dilates, descs->padding_l,
          descs->padding_r, hint, attr), "convolution, backward weights", error)
      && ddpm_cpu_primitive_init (&s->backward_weights, b, pd, args,
      G_N_ELEMENTS (args), error)
      && ddpm_cpu_check (describe_weights (conv, s, DDPM_TYPE_F32, dnnl_oihw,
          &plain), "weights", error)
      && ddpm_cpu_reorder_init (&s->collect, b,
      weights_of (&s->backward_weights), plain, error);
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
  if (*weights == NULL)
    return ddpm_cpu_conv_no_memory (conv, error);
  if (!ddpm_cpu_check (describe_weights (conv, s, DDPM_TYPE_F32, dnnl_oihw,
              &plain), "weights", error))
    return FALSE;
  ok = ddpm_cpu_reorder_init (arrange, ddpm_cpu_plan_backend (&conv->base.plan),
      plain, desc, error);
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
  gboolean ok = make_hint (conv, descs, &hint, error)
      && plan_backward_data (conv, s, descs, hint, FALSE, error)
      && plan_weights (conv, s, &s->backward_data[0], &s->weights_backward[0],
      &s->arrange_backward[0], error)
      && plan_backward_data (conv, s, descs, hint, TRUE, error);

  if (ok && !dnnl_memory_desc_equal (weights_of (&s->backward_data[0]),
          weights_of (&s->backward_data[1])))
    ok = plan_weights (conv, s, &s->backward_data[1], &s->weights_backward[1],
        &s->arrange_backward[1], error);

  if (ok && !ddpm_cpu_conv_is_product (conv))
    ok = plan_backward_weights (conv, s, descs, hint, error);
  if (hint)
    dnnl_primitive_desc_destroy (hint);
  return ok;
}

gboolean
ddpm_cpu_conv_plan_primitives (CpuConvolution * conv, CpuConvSource * s,
    GError ** error)
{
  ConvDescs descs;
  gboolean ok = descs_init (&descs, conv, s, error)
      && plan_forward_passes (conv, s, &descs, error);

  if (ok && conv->d.training)
    ok = plan_backward_passes (conv, s, &descs, error);
  descs_clear (&descs);
  return ok;
}

gsize
ddpm_cpu_conv_primitives_scratch (const CpuConvSource * s)
{
  const CpuPrimitive *all[] = { &s->forward[0], &s->forward[1],
    &s->backward_data[0], &s->backward_data[1], &s->backward_weights,
    &s->collect
  };
  gsize largest = 0;

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    largest = MAX (largest, all[i]->scratch);
  return largest;
}

gsize
ddpm_cpu_conv_dweights_size (const CpuConvSource * s)
{
  return s->backward_weights.primitive ?
      dnnl_memory_desc_get_size (weights_of (&s->backward_weights)) : 0;
}

void
ddpm_cpu_conv_clear_primitives (CpuConvSource * s)
{
  CpuPrimitive *all[] = { &s->forward[0], &s->forward[1],
    &s->backward_data[0], &s->backward_data[1], &s->backward_weights,
    &s->arrange, &s->arrange_backward[0], &s->arrange_backward[1], &s->collect
  };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    ddpm_cpu_primitive_clear (all[i]);
}
