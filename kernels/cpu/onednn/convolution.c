/* gst-ddpm: CPU backend: convolution in bf16 by oneDNN
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each source of a concatenation is a convolution of its own, with its slice of
 * the weights, which adds to the result of the one before.
 */
#include <string.h>
#include "kernels/cpu/convolution.h"
#include "kernels/cpu/onednn/onednn.h"

typedef struct
{
  /* forward: [0] y =, [1] y +=; data: [0] dx in bf16, [1] in f32 */
  CpuPrimitive primitive[2];
  gpointer weights[2];          /* of primitive[i]; NULL: shares the other's */
  CpuPrimitive reorder[2];      /* of plain weights to those */
} SourcePrimitives;

typedef struct
{
  CpuConvPass base;
  SourcePrimitives source[2];
  gsize dweights, plain;        /* offsets in the workspace */
} OnednnPass;

static CpuBackend *
get_backend (const OnednnPass * pass)
{
  return (CpuBackend *) pass->base.conv->base.backend;
}

static void
free_onednn (CpuConvPass * p)
{
  OnednnPass *pass = (OnednnPass *) p;
  DdpmBackend *b = p->conv->base.backend;

  for (guint i = 0; i < 2; i++) {
    for (guint k = 0; k < 2; k++) {
      ddpm_cpu_primitive_clear (&pass->source[i].primitive[k]);
      ddpm_cpu_primitive_clear (&pass->source[i].reorder[k]);
      b->ops->free (b, pass->source[i].weights[k]);
    }
  }
  g_free (pass);
}

/* --- descriptions ------------------------------------------------------------- */

/* The description of one source for oneDNN, which chooses the layout of weights
 * and dweights */
typedef struct
{
  dnnl_memory_desc_t x, dx_f32, y, dy, weights, dweights, plain, bias;
  dnnl_dims_t strides, dilates, padding_l, padding_r;
} ConvDescs;

static void
clear_descs (ConvDescs * descs)
{
  dnnl_memory_desc_t *all[] = { &descs->x, &descs->dx_f32, &descs->y,
    &descs->dy, &descs->weights, &descs->dweights, &descs->plain, &descs->bias
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
      ddpm_cpu_onednn_type (type), dnnl_nhwc);
}

static dnnl_status_t
describe_weights (const CpuConvolution * conv, const CpuConvSource * s,
    DdpmType type, dnnl_format_tag_t tag, dnnl_memory_desc_t * desc)
{
  const dnnl_dims_t dims = { conv->cout_padded, s->padded, conv->d.kernel,
    conv->d.kernel
  };

  return dnnl_memory_desc_create_with_tag (desc, 4, dims,
      ddpm_cpu_onednn_type (type), tag);
}

/* Zeros below and to the right, as many as the last window reaches over */
static guint
count_padding_after (const DdpmConvDesc * d, guint in, guint out)
{
  const gint64 reach = (gint64) (out - 1) * d->stride + d->kernel
      - ddpm_conv_padding_before (d);

  return MAX (0, reach - (gint64) in);
}

static gboolean
init_descs (ConvDescs * descs, const CpuConvolution * conv,
    const CpuConvSource * s, GError ** error)
{
  const DdpmConvDesc *d = &conv->d;
  const guint out_height = conv->out_height, out_width = conv->out_width;
  const dnnl_dims_t bias = { conv->cout_padded };
  dnnl_status_t status = dnnl_success;

  memset (descs, 0, sizeof (*descs));
  for (guint i = 0; i < 2; i++) {
    descs->strides[i] = d->stride;
    descs->padding_l[i] = ddpm_conv_padding_before (d);
  }
  descs->padding_r[0] = count_padding_after (d, d->height, out_height);
  descs->padding_r[1] = count_padding_after (d, d->width, out_width);

  status |= describe_pixels (conv, s->padded, d->height, d->width, conv->type,
      &descs->x);
  status |= describe_pixels (conv, s->padded, d->height, d->width,
      DDPM_TYPE_F32, &descs->dx_f32);
  status |= describe_pixels (conv, conv->cout_padded, out_height, out_width,
      conv->y_type, &descs->y);
  status |= describe_pixels (conv, conv->cout_padded, out_height, out_width,
      conv->type, &descs->dy);
  status |= describe_weights (conv, s, conv->type, dnnl_format_tag_any,
      &descs->weights);
  status |= describe_weights (conv, s, DDPM_TYPE_F32, dnnl_format_tag_any,
      &descs->dweights);
  status |= describe_weights (conv, s, DDPM_TYPE_F32, dnnl_oihw, &descs->plain);
  status |= dnnl_memory_desc_create_with_tag (&descs->bias, 1, bias, dnnl_f32,
      dnnl_a);
  return ddpm_cpu_onednn_check (status, "the shapes of a convolution", error);
}

static const_dnnl_memory_desc_t
get_weights_desc (const CpuPrimitive * p)
{
  const_dnnl_memory_desc_t desc = NULL;

  dnnl_memory_get_memory_desc (p->memory[1], &desc);
  return desc;
}

/* --- planning ---------------------------------------------------------------- */

/* pd: (transfer full) */
static gboolean
add_primitive (OnednnPass * pass, CpuPrimitive * p, dnnl_primitive_desc_t pd,
    const gint * args, gint n_args, GError ** error)
{
  CpuConvPass *base = &pass->base;

  if (!ddpm_cpu_primitive_init (p, get_backend (pass), pd, args, n_args, error))
    return FALSE;
  base->scratch = MAX (base->scratch, p->scratch);
  /* the slowest one, of several */
  if (base->name == NULL || ddpm_cpu_primitive_is_slow (p))
    base->name = p->implementation;
  return TRUE;
}

/* Allocates memory for the weights in the layout of primitive i, and plans the
 * reorder into it. If the other primitive has the same layout, it shares its
 * memory. */
static gboolean
add_weights (OnednnPass * pass, SourcePrimitives * s, guint i,
    const ConvDescs * descs, GError ** error)
{
  const_dnnl_memory_desc_t desc = get_weights_desc (&s->primitive[i]);
  CpuConvolution *conv = pass->base.conv;
  const gsize plain = dnnl_memory_desc_get_size (descs->plain);

  if (s->weights[!i] && dnnl_memory_desc_equal (desc,
          get_weights_desc (&s->primitive[!i])))
    return TRUE;
  s->weights[i] = ddpm_cpu_conv_alloc (conv, dnnl_memory_desc_get_size (desc),
      error);
  if (s->weights[i] == NULL
      || !ddpm_cpu_reorder_init (&s->reorder[i], get_backend (pass),
          descs->plain, desc, error))
    return FALSE;
  pass->base.staging = MAX (pass->base.staging,
      (plain + s->reorder[i].scratch) / sizeof (float) + 1);
  return TRUE;
}

static gboolean
add_forward_primitive (OnednnPass * pass, SourcePrimitives * s,
    const ConvDescs * descs, gboolean add, GError ** error)
{
  static const gint args[] = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST,
    DNNL_ARG_BIAS
  };
  const gboolean bias = s == &pass->source[0];
  const_dnnl_memory_desc_t weights = s->primitive[!add].primitive
      ? get_weights_desc (&s->primitive[!add]) : descs->weights;
  dnnl_primitive_attr_t attr;
  dnnl_primitive_desc_t pd;
  gboolean ok;

  if (!ddpm_cpu_attr_new (add, &attr, error))
    return FALSE;
  ok = ddpm_cpu_onednn_check (dnnl_convolution_forward_primitive_desc_create
      (&pd, get_backend (pass)->engine, dnnl_forward_inference,
          dnnl_convolution_direct, descs->x, weights,
          bias ? descs->bias : NULL, descs->y, descs->strides, descs->dilates,
          descs->padding_l, descs->padding_r, attr), "a convolution", error)
      && add_primitive (pass, &s->primitive[add], pd, args, bias ? 4 : 3,
      error);
  dnnl_primitive_attr_destroy (attr);
  return ok;
}

/* The first source starts a sum or adds to a residual; the second one adds. */
static gboolean
plan_forward (OnednnPass * pass, SourcePrimitives * s, const ConvDescs * descs,
    GError ** error)
{
  if (s == &pass->source[0]
      && !add_forward_primitive (pass, s, descs, FALSE, error))
    return FALSE;
  return add_forward_primitive (pass, s, descs, TRUE, error)
      && add_weights (pass, s, TRUE, descs, error);
}

/* oneDNN plans a backward pass from the descriptor of its forward pass. */
static gboolean
new_hint (OnednnPass * pass, const ConvDescs * descs,
    dnnl_primitive_desc_t * hint, GError ** error)
{
  return
      ddpm_cpu_onednn_check (dnnl_convolution_forward_primitive_desc_create
      (hint, get_backend (pass)->engine, dnnl_forward_training,
          dnnl_convolution_direct, descs->x, descs->weights, descs->bias,
          descs->dy, descs->strides, descs->dilates, descs->padding_l,
          descs->padding_r, NULL), "a convolution", error);
}

static gboolean
add_data_primitive (OnednnPass * pass, SourcePrimitives * s,
    const ConvDescs * descs, dnnl_primitive_desc_t hint, gboolean f32,
    GError ** error)
{
  static const gint args[] = { DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS,
    DNNL_ARG_DIFF_DST
  };
  dnnl_primitive_attr_t attr;
  dnnl_primitive_desc_t pd;
  gboolean ok;

  if (!ddpm_cpu_attr_new (FALSE, &attr, error))
    return FALSE;
  ok = ddpm_cpu_onednn_check
      (dnnl_convolution_backward_data_primitive_desc_create (&pd,
          get_backend (pass)->engine, dnnl_convolution_direct,
          f32 ? descs->dx_f32 : descs->x, descs->weights, descs->dy,
          descs->strides, descs->dilates, descs->padding_l, descs->padding_r,
          hint, attr), "the data gradient of a convolution", error)
      && add_primitive (pass, &s->primitive[f32], pd, args,
      G_N_ELEMENTS (args), error)
      && add_weights (pass, s, f32, descs, error);
  dnnl_primitive_attr_destroy (attr);
  return ok;
}

static gboolean
plan_backward_data (OnednnPass * pass, SourcePrimitives * s,
    const ConvDescs * descs, GError ** error)
{
  dnnl_primitive_desc_t hint;
  gboolean ok;

  if (!new_hint (pass, descs, &hint, error))
    return FALSE;
  ok = add_data_primitive (pass, s, descs, hint, FALSE, error)
      && add_data_primitive (pass, s, descs, hint, TRUE, error);
  dnnl_primitive_desc_destroy (hint);
  return ok;
}

static gboolean
plan_backward_weights (OnednnPass * pass, SourcePrimitives * s,
    const ConvDescs * descs, GError ** error)
{
  static const gint args[] = { DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS,
    DNNL_ARG_DIFF_DST
  };
  dnnl_primitive_desc_t hint, pd;
  dnnl_primitive_attr_t attr;
  gboolean ok;

  if (!new_hint (pass, descs, &hint, error))
    return FALSE;
  ok = ddpm_cpu_attr_new (FALSE, &attr, error)
      && ddpm_cpu_onednn_check
      (dnnl_convolution_backward_weights_primitive_desc_create (&pd,
          get_backend (pass)->engine, dnnl_convolution_direct, descs->x,
          descs->dweights, NULL, descs->dy, descs->strides, descs->dilates,
          descs->padding_l, descs->padding_r, hint, attr),
      "the weight gradient of a convolution", error)
      && add_primitive (pass, &s->primitive[0], pd, args, G_N_ELEMENTS (args),
      error)
      && ddpm_cpu_reorder_init (&s->reorder[0], get_backend (pass),
      get_weights_desc (&s->primitive[0]), descs->plain, error);
  if (attr)
    dnnl_primitive_attr_destroy (attr);
  dnnl_primitive_desc_destroy (hint);
  return ok;
}

/* The workspace of oneDNN, then dweights as a primitive gives them, then as
 * [cout_padded][padded][k][k] */
static void
lay_out_dweights (OnednnPass * pass)
{
  gsize dweights = 0, plain = 0, total = 0, work = pass->base.scratch;

  for (guint i = 0; i < pass->base.conv->n_sources; i++) {
    const CpuPrimitive *reorder = &pass->source[i].reorder[0];

    dweights = MAX (dweights, dnnl_memory_desc_get_size (get_weights_desc
            (&pass->source[i].primitive[0])));
    plain = MAX (plain, dnnl_memory_desc_get_size (get_weights_desc (reorder)));
    work = MAX (work, reorder->scratch);
  }
  ddpm_cpu_layout_add (&total, work, 1);
  pass->dweights = ddpm_cpu_layout_add (&total, dweights, 1);
  pass->plain = ddpm_cpu_layout_add (&total, plain, 1);
  pass->base.scratch = total;
}

/* --- executing ---------------------------------------------------------------- */

/* The weights of one source, [cout_padded][padded][k][k], rounded to bf16 */
static void
stage_weights (const CpuConvolution * conv, const CpuConvSource * s,
    CpuBackend * b, const float *weight, float *staging)
{
  const gsize row = (gsize) s->padded * conv->taps;
  const gsize used = (gsize) s->channels * conv->taps;

#pragma omp parallel for schedule(static)
  for (guint o = 0; o < conv->cout_padded; o++) {
    float *to = staging + o * row;

    memset (to, 0, row * sizeof (float));
    if (o >= conv->cout)
      continue;
    memcpy (to, weight + ((gsize) o * conv->cin + s->first) * conv->taps,
        used * sizeof (float));
    b->kernels->element->round_to_bf16 (used, to);
  }
}

static void
set_weights_onednn (CpuConvPass * p, const float *weight, float *staging)
{
  OnednnPass *pass = (OnednnPass *) p;
  const CpuConvolution *conv = p->conv;
  CpuBackend *b = get_backend (pass);

  for (guint i = 0; i < conv->n_sources; i++) {
    SourcePrimitives *s = &pass->source[i];
    float *work = staging + (gsize) conv->cout_padded
        * conv->source[i].padded * conv->taps;

    stage_weights (conv, &conv->source[i], b, weight, staging);
    for (guint k = 0; k < 2; k++) {
      const gconstpointer data[] = { staging, s->weights[k] };

      if (s->weights[k])
        ddpm_cpu_primitive_run (&s->reorder[k], b, data, work);
    }
  }
}

static void
forward_onednn (CpuConvPass * p, const gconstpointer x[2],
    gconstpointer residual, gpointer y, gpointer scratch)
{
  OnednnPass *pass = (OnednnPass *) p;
  const CpuConvolution *conv = p->conv;
  CpuBackend *b = get_backend (pass);

  if (residual && residual != y)
    ddpm_cpu_copy (b, conv->y_type, conv->y_type,
        ddpm_cpu_conv_pixels_out (conv), conv->cout_padded, conv->cout_padded,
        residual, y, FALSE);
  for (guint i = 0; i < conv->n_sources; i++) {
    SourcePrimitives *s = &pass->source[i];
    const gboolean add = i > 0 || residual != NULL;
    const gconstpointer data[] = { x[i], s->weights[1], y, conv->bias };

    ddpm_cpu_primitive_run (&s->primitive[add], b, data, scratch);
  }
}

static void
backward_data_onednn (CpuConvPass * p, guint source, gconstpointer dy,
    DdpmType dx_type, gpointer dx, gboolean add, gpointer scratch)
{
  OnednnPass *pass = (OnednnPass *) p;
  SourcePrimitives *s = &pass->source[source];
  const gboolean f32 = dx_type == DDPM_TYPE_F32;
  const gconstpointer data[] = { dx, s->weights[s->weights[f32] ? f32 : !f32],
    dy
  };

  ddpm_cpu_primitive_run (&s->primitive[f32], get_backend (pass), data,
      scratch);
}

/* The gradient of one source [cout_padded][padded][k][k], to its channels of
 * dweight [cout][cin][k][k] */
static void
store_dweight (const CpuConvolution * conv, const CpuConvSource * s,
    CpuBackend * b, const float *plain, float *dweight, gboolean add)
{
  const gsize row = (gsize) s->padded * conv->taps;
  const gsize used = (gsize) s->channels * conv->taps;

#pragma omp parallel for schedule(static)
  for (guint o = 0; o < conv->cout; o++)
    b->kernels->element->copy (DDPM_TYPE_F32, DDPM_TYPE_F32, 1, used, used,
        plain + o * row,
        dweight + ((gsize) o * conv->cin + s->first) * conv->taps, add);
}

static void
backward_weights_onednn (CpuConvPass * p, guint source, gconstpointer x,
    gconstpointer dy, float *dweight, gboolean add, gpointer scratch)
{
  OnednnPass *pass = (OnednnPass *) p;
  SourcePrimitives *s = &pass->source[source];
  CpuBackend *b = get_backend (pass);
  gpointer dweights = ddpm_cpu_at (scratch, pass->dweights);
  float *plain = ddpm_cpu_at (scratch, pass->plain);
  const gconstpointer gradient[] = { x, dweights, dy };
  const gconstpointer reorder[] = { dweights, plain };

  ddpm_cpu_primitive_run (&s->primitive[0], b, gradient, scratch);
  ddpm_cpu_primitive_run (&s->reorder[0], b, reorder, scratch);
  store_dweight (p->conv, &p->conv->source[source], b, plain, dweight, add);
}

/* --- the interface ------------------------------------------------------------- */

CpuConvPass *
ddpm_cpu_onednn_plan_conv (CpuConvolution * conv, CpuConvPassKind kind,
    GError ** error)
{
  static gboolean (*const plan[CPU_CONV_PASSES]) (OnednnPass *,
      SourcePrimitives *, const ConvDescs *, GError **) = {
    plan_forward, plan_backward_data, plan_backward_weights
  };
  OnednnPass *pass = g_new0 (OnednnPass, 1);

  pass->base.conv = conv;
  pass->base.free = free_onednn;
  if (kind != CPU_CONV_BACKWARD_WEIGHTS)
    pass->base.set_weights = set_weights_onednn;
  pass->base.forward = forward_onednn;
  pass->base.backward_data = backward_data_onednn;
  pass->base.backward_weights = backward_weights_onednn;
  for (guint i = 0; i < conv->n_sources; i++) {
    ConvDescs descs;
    const gboolean ok = init_descs (&descs, conv, &conv->source[i], error)
        && plan[kind] (pass, &pass->source[i], &descs, error);

    clear_descs (&descs);
    if (!ok) {
      free_onednn (&pass->base);
      return NULL;
    }
  }
  if (kind == CPU_CONV_BACKWARD_WEIGHTS)
    lay_out_dweights (pass);
  return &pass->base;
}
