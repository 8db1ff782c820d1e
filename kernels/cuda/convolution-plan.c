/* gst-ddpm: CUDA backend: the plans of a convolution, and its workspace
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/desc.h"
#include "kernels/cuda/convolution-plan.h"
#include "kernels/cuda/workspace.h"

/* --- graphs ------------------------------------------------------------- */

/* x, weights, y */
static CudaDnnGraph *
forward_graph (const CudaConvShape * s, const CudaDnnTarget * target)
{
  CudaDnnGraph *graph = ddpm_cuda_dnn_graph_new (target);
  CudaDnnTensor x = ddpm_cuda_dnn_tensor (graph, s->type, s->x);
  CudaDnnTensor w = ddpm_cuda_dnn_tensor (graph, s->type, s->w);
  CudaDnnTensor y = ddpm_cuda_dnn_tensor (graph, s->sum_type, s->y);
  CudaDnnTensor sum = y;

  if (s->sum_type != s->type)
    sum = ddpm_cuda_dnn_virtual_tensor (graph, DDPM_TYPE_F32, s->y);
  ddpm_cuda_dnn_convolve (graph, CUDA_DNN_FORWARD, &s->window, x, w, sum);
  if (sum != y)
    ddpm_cuda_dnn_convert (graph, sum, y);
  return graph;
}

/* x, weights, bias [, residual], y. Rounds once, at the end */
static CudaDnnGraph *
biased_graph (const CudaConvShape * s, const CudaDnnTarget * target,
    gboolean with_residual)
{
  CudaDnnGraph *graph = ddpm_cuda_dnn_graph_new (target);
  CudaDnnTensor x = ddpm_cuda_dnn_tensor (graph, s->type, s->x);
  CudaDnnTensor w = ddpm_cuda_dnn_tensor (graph, s->type, s->w);
  CudaDnnTensor bias = ddpm_cuda_dnn_tensor (graph, DDPM_TYPE_F32, s->bias);
  CudaDnnTensor residual = with_residual
      ? ddpm_cuda_dnn_tensor (graph, s->type, s->y) : NULL;
  CudaDnnTensor y = ddpm_cuda_dnn_tensor (graph, s->type, s->y);
  CudaDnnTensor sum = ddpm_cuda_dnn_virtual_tensor (graph, DDPM_TYPE_F32, s->y);
  CudaDnnTensor biased =
      with_residual ? ddpm_cuda_dnn_virtual_tensor (graph, DDPM_TYPE_F32,
      s->y) : y;

  ddpm_cuda_dnn_convolve (graph, CUDA_DNN_FORWARD, &s->window, x, w, sum);
  ddpm_cuda_dnn_add (graph, sum, bias, biased);
  if (with_residual)
    ddpm_cuda_dnn_add (graph, biased, residual, y);
  return graph;
}

/* dx, weights, dy */
static CudaDnnGraph *
data_graph (const CudaConvShape * s, const CudaDnnTarget * target)
{
  CudaDnnGraph *graph = ddpm_cuda_dnn_graph_new (target);
  CudaDnnTensor dx = ddpm_cuda_dnn_tensor (graph, s->type, s->x);
  CudaDnnTensor w = ddpm_cuda_dnn_tensor (graph, s->type, s->w);
  CudaDnnTensor dy = ddpm_cuda_dnn_tensor (graph, s->type, s->y);

  ddpm_cuda_dnn_convolve (graph, CUDA_DNN_BACKWARD_DATA, &s->window, dx, w, dy);
  return graph;
}

/* x, dweights, dy. No engine writes a bf16 convolution's gradient in f32
 * without the conversion. */
static CudaDnnGraph *
weights_graph (const CudaConvShape * s, const CudaDnnTarget * target)
{
  CudaDnnGraph *graph = ddpm_cuda_dnn_graph_new (target);
  CudaDnnTensor x = ddpm_cuda_dnn_tensor (graph, s->type, s->x);
  CudaDnnTensor dw = ddpm_cuda_dnn_tensor (graph, s->dweight_type, s->w);
  CudaDnnTensor dy = ddpm_cuda_dnn_tensor (graph, s->type, s->y);
  CudaDnnTensor sum = dw;

  if (s->dweight_type != s->type)
    sum = ddpm_cuda_dnn_virtual_tensor (graph, DDPM_TYPE_F32, s->w);
  ddpm_cuda_dnn_convolve (graph, CUDA_DNN_BACKWARD_WEIGHTS, &s->window, x, sum,
      dy);
  if (sum != dw)
    ddpm_cuda_dnn_convert (graph, sum, dw);
  return graph;
}

/* --- plans -------------------------------------------------------------- */

static CudaDnnPlan *
plan (const CudaConvShape * s, CudaDnnGraph * graph, const gchar * pass,
    GError ** error)
{
  const DdpmConvDesc *d = &s->d;
  g_autofree gchar *what =
      g_strdup_printf ("%s of a convolution of %u images %u x %u, %u + %u "
      "to %u channels, kernel %u, stride %u, %s", pass, d->n, d->width,
      d->height, d->cin0, d->cin1, d->cout, d->kernel, d->stride,
      s->type == DDPM_TYPE_F32 ? "f32" : "bf16");

  return ddpm_cuda_dnn_plan_new (graph, what, error);
}

/* Tries the graphs that cuDNN may have no engine for, and falls back to the
 * plain convolution. The residual is planned only where it can occur: engines
 * that add one in f32 need tensor cores, and a shortcut (two sources) or a
 * convolution with a stride has no residual. */
static gboolean
plan_forward (CudaConvShape * s, const CudaDnnTarget * target, GError ** error)
{
  CudaDnnPlan **plans = s->plans;

  if (!s->repacks_y) {
    plans[CUDA_CONV_FORWARD] = plan (s, biased_graph (s, target, FALSE),
        "forward pass", NULL);
    s->adds_bias = plans[CUDA_CONV_FORWARD] != NULL;
    if (s->adds_bias && s->type == DDPM_TYPE_BF16 && s->d.cin1 == 0
        && s->d.stride == 1)
      plans[CUDA_CONV_RESIDUAL] = plan (s, biased_graph (s, target, TRUE),
          "forward pass", NULL);
  } else if (s->type == DDPM_TYPE_BF16) {
    s->sum_type = DDPM_TYPE_F32;
    plans[CUDA_CONV_FORWARD] = plan (s, forward_graph (s, target),
        "forward pass", NULL);
  }
  if (plans[CUDA_CONV_FORWARD] == NULL) {
    s->sum_type = s->type;
    plans[CUDA_CONV_FORWARD] = plan (s, forward_graph (s, target),
        "forward pass", error);
  }
  return plans[CUDA_CONV_FORWARD] != NULL;
}

static gboolean
plan_backward (CudaConvShape * s, const CudaDnnTarget * target, GError ** error)
{
  CudaDnnPlan **plans = s->plans;

  plans[CUDA_CONV_BACKWARD_DATA] = plan (s, data_graph (s, target),
      "data gradient", error);
  if (plans[CUDA_CONV_BACKWARD_DATA] == NULL)
    return FALSE;
  if (s->type == DDPM_TYPE_BF16) {
    s->dweight_type = DDPM_TYPE_F32;
    plans[CUDA_CONV_BACKWARD_WEIGHTS] = plan (s, weights_graph (s, target),
        "weight gradient", NULL);
  }
  if (plans[CUDA_CONV_BACKWARD_WEIGHTS] == NULL) {
    s->dweight_type = s->type;
    plans[CUDA_CONV_BACKWARD_WEIGHTS] = plan (s, weights_graph (s, target),
        "weight gradient", error);
  }
  return plans[CUDA_CONV_BACKWARD_WEIGHTS] != NULL;
}

/* --- the workspace ------------------------------------------------------ */

static gsize
add_work (const CudaConvShape * s, CudaConvPlanKind kind, gsize * size)
{
  const CudaDnnPlan *p = s->plans[kind];

  return ddpm_cuda_workspace_add (size, p ? ddpm_cuda_dnn_plan_scratch (p) : 0,
      1);
}

static gsize
plan_workspace_forward (CudaConvShape * s, gsize size)
{
  const gsize sums = ddpm_cuda_conv_pixels_out (s) * s->weights.cout_padded;
  CudaConvWorkspace *l = &s->workspace;

  if (!s->adds_bias || s->plans[CUDA_CONV_RESIDUAL] == NULL)
    l->sum =
        ddpm_cuda_workspace_add (&size, sums, ddpm_type_size (s->sum_type));
  l->work[CUDA_CONV_FORWARD] = add_work (s, CUDA_CONV_FORWARD, &size);
  l->work[CUDA_CONV_RESIDUAL] = add_work (s, CUDA_CONV_RESIDUAL, &size);
  return size;
}

static gsize
plan_workspace_backward (CudaConvShape * s, gsize size)
{
  const gsize pixels = ddpm_cuda_conv_pixels_out (s);
  CudaConvWorkspace *l = &s->workspace;

  if (s->repacks_y)
    l->dy = ddpm_cuda_workspace_add (&size, pixels * s->weights.cout_padded,
        ddpm_type_size (s->type));
  l->dweight =
      ddpm_cuda_workspace_add (&size, ddpm_cuda_krsc_count (&s->weights),
      ddpm_type_size (s->dweight_type));
  l->partials =
      ddpm_cuda_workspace_add (&size,
      ddpm_cuda_chunk_count (pixels) * s->d.cout, sizeof (float));
  l->work[CUDA_CONV_BACKWARD_DATA] =
      add_work (s, CUDA_CONV_BACKWARD_DATA, &size);
  l->work[CUDA_CONV_BACKWARD_WEIGHTS] =
      add_work (s, CUDA_CONV_BACKWARD_WEIGHTS, &size);
  return size;
}

static gboolean
plan_workspace (CudaConvShape * s, GError ** error)
{
  gsize size = 0;

  /* dx is repacked if it is added to what dx0 holds. */
  if (s->repacks_x || s->d.training)
    s->workspace.x = ddpm_cuda_workspace_add (&size,
        ddpm_cuda_conv_pixels_in (s) * s->weights.cin_padded,
        ddpm_type_size (s->type));
  s->workspace.size = plan_workspace_forward (s, size);
  if (s->d.training)
    s->workspace.size =
        MAX (s->workspace.size, plan_workspace_backward (s, size));
  if (s->workspace.size < G_MAXSIZE)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "convolution of %u images %u x %u: its workspace is larger than the "
      "address space", s->d.n, s->d.width, s->d.height);
  return FALSE;
}

/* --- shapes ------------------------------------------------------------- */

static CudaDnnShape
make_shape (guint n, guint height, guint width, guint c)
{
  const CudaDnnShape shape = { n, height, width, c };

  return shape;
}

CudaConvShape *
ddpm_cuda_conv_shape_new (const CudaDnnTarget * target, DdpmType type,
    const DdpmConvDesc * d, GError ** error)
{
  CudaConvShape *s;
  CudaWeightShape *w;

  if (!ddpm_conv_desc_check (d, error))
    return NULL;

  s = g_new0 (CudaConvShape, 1);
  s->d = *d;
  s->type = s->sum_type = s->dweight_type = type;
  s->out_height = (d->height - 1) / d->stride + 1;
  s->out_width = (d->width - 1) / d->stride + 1;
  w = &s->weights;
  w->cout = d->cout;
  w->cin = d->cin0 + d->cin1;
  w->taps = d->kernel * d->kernel;
  w->cout_padded = ddpm_cuda_padded_channels (w->cout);
  w->cin_padded = ddpm_cuda_padded_channels (w->cin);
  s->x = make_shape (d->n, d->height, d->width, w->cin_padded);
  s->y = make_shape (d->n, s->out_height, s->out_width, w->cout_padded);
  s->w = make_shape (w->cout_padded, d->kernel, d->kernel, w->cin_padded);
  s->bias = make_shape (1, 1, 1, w->cout_padded);
  /* for odd kernels, equal paddings give ceil (input / stride) pixels */
  s->window.stride = d->stride;
  s->window.before = ddpm_conv_padding_before (d);
  s->window.after = d->kernel / 2;
  s->repacks_x = d->cin1 > 0 || d->src_type != type || w->cin_padded != w->cin;
  s->repacks_y = d->dst_type != type || w->cout_padded != w->cout;

  if (plan_forward (s, target, error)
      && (!d->training || plan_backward (s, target, error))
      && plan_workspace (s, error))
    return s;
  ddpm_cuda_conv_shape_free (s);
  return NULL;
}

void
ddpm_cuda_conv_shape_free (CudaConvShape * s)
{
  for (guint i = 0; i < CUDA_CONV_PLANS; i++)
    ddpm_cuda_dnn_plan_free (s->plans[i]);
  g_free (s);
}
