/* gst-ddpm: CPU backend: convolution
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Activations stay channels last. Weights are packed as each pass computes with
 * them, once per load or optimizer step. oneDNN computes in blocks of channels;
 * an activation whose channels do not fill the last block is copied into the
 * workspace. Where bf16 is emulated, activations are converted to f32, and
 * weights and results are rounded to bf16.
 */
#include <string.h>
#include "kernels/cpu/convolution.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/im2col.h"
#include "kernels/cpu/tile-conv.h"
#include "kernels/cpu/winograd.h"

static CpuBackend *
get_backend (const CpuConvolution * conv)
{
  return (CpuBackend *) conv->base.backend;
}

static gpointer
new_pass (CpuConvolution * conv, gsize size, const gchar * name,
    void (*free_func) (CpuConvPass *))
{
  CpuConvPass *pass = g_malloc0 (size);

  pass->conv = conv;
  pass->name = name;
  pass->free = free_func;
  return pass;
}

/* --- one product of matrices
 * --------------------------------------------------
 *
 * The weight gradient of a 1x1 kernel is dy^T x, which needs no copies. (Its
 * other passes are left to im2col, which makes no copies for them either.) */

typedef struct
{
  CpuConvPass base;
  CpuGemm gemm[2];              /* of each source */
} GemmPass;

static gboolean
suits_gemm (const CpuConvolution * conv, CpuConvPassKind kind)
{
  return kind == CPU_CONV_BACKWARD_WEIGHTS && conv->d.kernel == 1
      && conv->d.stride == 1;
}

static void
free_gemm (CpuConvPass * p)
{
  GemmPass *pass = (GemmPass *) p;

  ddpm_cpu_gemm_clear (&pass->gemm[0]);
  ddpm_cpu_gemm_clear (&pass->gemm[1]);
  g_free (pass);
}

static void
backward_weights_gemm (CpuConvPass * p, const gconstpointer x[2],
    gconstpointer dy, float *dweight, gboolean add, gpointer scratch)
{
  GemmPass *pass = (GemmPass *) p;

  for (guint i = 0; i < p->conv->n_sources; i++)
    ddpm_cpu_gemm_run (&pass->gemm[i], get_backend (p->conv), dy, x[i],
        dweight + p->conv->source[i].first, add, scratch);
}

static CpuConvPass *
plan_gemm (CpuConvolution * conv)
{
  GemmPass *pass = new_pass (conv, sizeof (GemmPass), NULL, free_gemm);
  const gsize pixels = ddpm_cpu_conv_pixels_out (conv);
  const CpuMatrix dy = { DDPM_TYPE_F32, conv->cout, pixels,
    {0, 1, conv->cout}
  };

  for (guint i = 0; i < conv->n_sources; i++) {
    const CpuConvSource *s = &conv->source[i];
    const CpuMatrix x = { DDPM_TYPE_F32, pixels, s->channels,
      {0, s->channels, 1}
    };
    const CpuMatrix dweight = { DDPM_TYPE_F32, conv->cout, s->channels,
      {0, conv->cin, 1}
    };

    ddpm_cpu_gemm_init (&pass->gemm[i], get_backend (conv), 1, &dy, &x,
        &dweight);
    pass->base.scratch = MAX (pass->base.scratch, pass->gemm[i].scratch);
  }
  pass->base.name = pass->gemm[0].name;
  pass->base.backward_weights = backward_weights_gemm;
  return &pass->base;
}

/* --- im2col --------------------------------------------------------------- */

typedef struct
{
  CpuConvPass base;
  /* forward: [0] has both sources; other passes: one for each source */
  CpuIm2col im2col[2];
  float *packed[2];
  gboolean of_dy[2];            /* the im2col matrix is of dy, not of x */
} Im2colPass;

static void
free_im2col (CpuConvPass * p)
{
  Im2colPass *pass = (Im2colPass *) p;
  DdpmBackend *b = p->conv->base.backend;

  b->ops->free (b, pass->packed[0]);
  b->ops->free (b, pass->packed[1]);
  g_free (pass);
}

/* For the data gradient, inputs and outputs of a kernel change places. */
static void
set_weights_im2col (CpuConvPass * p, const float *weight)
{
  Im2colPass *pass = (Im2colPass *) p;
  const CpuConvolution *conv = p->conv;
  const gsize tap = conv->taps, row = (gsize) conv->cin * tap;
  const gboolean back = p->backward_data != NULL;

  for (guint i = 0; i < (back ? conv->n_sources : 1); i++)
    ddpm_cpu_im2col_pack (&pass->im2col[i], get_backend (conv),
        weight + conv->source[i].first * tap, back ? row : tap,
        back ? tap : row, pass->packed[i]);
}

static void
forward_im2col (CpuConvPass * p, const gconstpointer x[2],
    gconstpointer residual, gpointer y, gpointer scratch)
{
  const Im2colPass *pass = (Im2colPass *) p;
  const float *const inputs[2] = { x[0], x[1] };

  ddpm_cpu_im2col_convolve (&pass->im2col[0], get_backend (p->conv), inputs,
      pass->packed[0], p->conv->bias, residual, y, scratch);
}

static void
backward_data_im2col (CpuConvPass * p, guint source, gconstpointer dy,
    gpointer dx, gboolean add, gpointer scratch)
{
  const Im2colPass *pass = (Im2colPass *) p;
  const float *const inputs[2] = { dy, NULL };

  ddpm_cpu_im2col_convolve (&pass->im2col[source], get_backend (p->conv),
      inputs, pass->packed[source], NULL, add ? dx : NULL, dx, scratch);
}

static void
backward_weights_im2col (CpuConvPass * p, const gconstpointer x[2],
    gconstpointer dy, float *dweight, gboolean add, gpointer scratch)
{
  const Im2colPass *pass = (Im2colPass *) p;
  const CpuConvolution *conv = p->conv;
  const gsize taps = conv->taps, row = conv->cin * taps;

  for (guint i = 0; i < conv->n_sources; i++) {
    float *to = dweight + conv->source[i].first * taps;

    if (pass->of_dy[i])
      ddpm_cpu_im2col_gradient (&pass->im2col[i], get_backend (conv), 0, dy,
          x[i], to, row, taps, add, scratch);
    else
      ddpm_cpu_im2col_gradient (&pass->im2col[i], get_backend (conv), i, x[i],
          dy, to, taps, row, add, scratch);
  }
}

/* The weight gradient can be computed from the im2col matrix of x or of dy.
 * This chooses the one with fewer channels, because it is copied. */
static void
plan_im2col_gradient (Im2colPass * pass, CpuBackend * b)
{
  const CpuConvolution *conv = pass->base.conv;

  for (guint i = 0; i < conv->n_sources; i++) {
    const guint channels = conv->source[i].channels;

    pass->of_dy[i] = conv->d.stride == 1 && conv->cout < channels;
    if (pass->of_dy[i])
      ddpm_cpu_im2col_init_backward (&pass->im2col[i], b, &conv->d, channels);
    else
      ddpm_cpu_im2col_init (&pass->im2col[i], b, &conv->d);
    pass->base.scratch = MAX (pass->base.scratch,
        ddpm_cpu_im2col_gradient_scratch (&pass->im2col[i], b));
  }
}

static gboolean
alloc_im2col (Im2colPass * pass, guint i, GError ** error)
{
  CpuBackend *b = get_backend (pass->base.conv);

  pass->base.scratch = MAX (pass->base.scratch,
      ddpm_cpu_im2col_scratch (&pass->im2col[i], b));
  pass->packed[i] = ddpm_cpu_conv_alloc (pass->base.conv,
      ddpm_cpu_im2col_packed_size (&pass->im2col[i], b), error);
  return pass->packed[i] != NULL;
}

static CpuConvPass *
plan_im2col (CpuConvolution * conv, CpuConvPassKind kind, GError ** error)
{
  CpuBackend *b = get_backend (conv);
  Im2colPass *pass = new_pass (conv, sizeof (Im2colPass),
      b->kernels->gemm->name, free_im2col);
  gboolean ok = TRUE;

  pass->base.set_weights = set_weights_im2col;
  if (kind == CPU_CONV_FORWARD) {
    pass->base.forward = forward_im2col;
    ddpm_cpu_im2col_init (&pass->im2col[0], b, &conv->d);
    ok = alloc_im2col (pass, 0, error);
  } else if (kind == CPU_CONV_BACKWARD_DATA) {
    pass->base.backward_data = backward_data_im2col;
    for (guint i = 0; ok && i < conv->n_sources; i++) {
      ddpm_cpu_im2col_init_backward (&pass->im2col[i], b, &conv->d,
          conv->source[i].channels);
      ok = alloc_im2col (pass, i, error);
    }
  } else {
    pass->base.set_weights = NULL;
    pass->base.backward_weights = backward_weights_im2col;
    plan_im2col_gradient (pass, b);
  }
  if (ok)
    return &pass->base;
  free_im2col (&pass->base);
  return NULL;
}

/* --- Winograd's tiles ----------------------------------------------------- */

typedef struct
{
  CpuConvPass base;
  CpuWinogradShape shape;       /* x to y; of the data gradient, dy to dx */
  float *packed;
} WinogradPass;

static CpuWinogradShape
get_shape (const CpuConvolution * conv, CpuConvPassKind kind)
{
  const gboolean back = kind == CPU_CONV_BACKWARD_DATA;
  const CpuWinogradShape shape = { conv->d.n, conv->d.height, conv->d.width,
    back ? conv->cout : conv->cin, back ? conv->cin : conv->cout
  };

  return shape;
}

static gboolean
suits_winograd (const CpuConvolution * conv, CpuConvPassKind kind)
{
  const DdpmConvDesc *d = &conv->d;
  const CpuWinogradShape shape = get_shape (conv, kind);

  if (d->kernel != 3 || d->stride != 1 || conv->n_sources != 1
      || d->src_type != DDPM_TYPE_F32 || d->dst_type != DDPM_TYPE_F32)
    return FALSE;
  return kind == CPU_CONV_FORWARD
      ? ddpm_cpu_winograd_suits (get_backend (conv), &shape)
      : ddpm_cpu_winograd_suits_gradient (get_backend (conv), &shape);
}

static void
free_winograd (CpuConvPass * p)
{
  WinogradPass *pass = (WinogradPass *) p;
  DdpmBackend *b = p->conv->base.backend;

  b->ops->free (b, pass->packed);
  g_free (pass);
}

static void
set_weights_winograd (CpuConvPass * p, const float *weight)
{
  WinogradPass *pass = (WinogradPass *) p;
  const gsize tap = p->conv->taps, row = (gsize) p->conv->cin * tap;
  const gboolean back = p->backward_data != NULL;

  ddpm_cpu_winograd_pack (get_backend (p->conv), &pass->shape, weight,
      back ? row : tap, back ? tap : row, back, pass->packed);
}

static void
forward_winograd (CpuConvPass * p, const gconstpointer x[2],
    gconstpointer residual, gpointer y, gpointer scratch)
{
  const WinogradPass *pass = (WinogradPass *) p;

  ddpm_cpu_winograd_convolve (get_backend (p->conv), &pass->shape, x[0],
      pass->packed, p->conv->bias, residual, y, scratch);
}

static void
backward_data_winograd (CpuConvPass * p, guint source, gconstpointer dy,
    gpointer dx, gboolean add, gpointer scratch)
{
  const WinogradPass *pass = (WinogradPass *) p;

  ddpm_cpu_winograd_convolve (get_backend (p->conv), &pass->shape, dy,
      pass->packed, NULL, add ? dx : NULL, dx, scratch);
}

static void
backward_weights_winograd (CpuConvPass * p, const gconstpointer x[2],
    gconstpointer dy, float *dweight, gboolean add, gpointer scratch)
{
  const WinogradPass *pass = (WinogradPass *) p;

  ddpm_cpu_winograd_gradient (get_backend (p->conv), &pass->shape, x[0], dy,
      dweight, add, scratch);
}

static CpuConvPass *
plan_winograd (CpuConvolution * conv, CpuConvPassKind kind, GError ** error)
{
  CpuBackend *b = get_backend (conv);
  WinogradPass *pass = new_pass (conv, sizeof (WinogradPass), NULL,
      free_winograd);

  pass->shape = get_shape (conv, kind);
  if (kind == CPU_CONV_BACKWARD_WEIGHTS) {
    pass->base.backward_weights = backward_weights_winograd;
    pass->base.name = ddpm_cpu_winograd_gradient_name (b, &pass->shape);
    pass->base.scratch = ddpm_cpu_winograd_gradient_scratch (b, &pass->shape);
    return &pass->base;
  }
  if (kind == CPU_CONV_FORWARD)
    pass->base.forward = forward_winograd;
  else
    pass->base.backward_data = backward_data_winograd;
  pass->base.set_weights = set_weights_winograd;
  pass->base.name = ddpm_cpu_winograd_name (b, &pass->shape);
  pass->base.scratch = ddpm_cpu_winograd_scratch (b, &pass->shape);
  pass->packed = ddpm_cpu_conv_alloc (conv,
      ddpm_cpu_winograd_packed_size (b, &pass->shape), error);
  if (pass->packed)
    return &pass->base;
  free_winograd (&pass->base);
  return NULL;
}

/* --- planning ------------------------------------------------------------- */

static CpuConvPass *
plan_pass (CpuConvolution * conv, CpuConvPassKind kind, GError ** error)
{
  if (conv->by_tiles)
    return ddpm_cpu_plan_tiles (conv, kind, error);
  if (suits_gemm (conv, kind))
    return plan_gemm (conv);
  if (suits_winograd (conv, kind))
    return plan_winograd (conv, kind, error);
  return plan_im2col (conv, kind, error);
}

static gboolean
plan_passes (CpuConvolution * conv, GError ** error)
{
  const guint passes = conv->d.training ? CPU_CONV_PASSES : 1;

  for (guint kind = 0; kind < passes; kind++) {
    conv->pass[kind] = plan_pass (conv, kind, error);
    if (conv->pass[kind] == NULL)
      return FALSE;
    conv->base.implementation[kind] = conv->pass[kind]->name;
  }
  return TRUE;
}

/* The passes can use x and its gradient as the caller gives them. */
static gboolean
x_needs_no_copy (const CpuConvolution * conv)
{
  return conv->by_tiles || conv->d.src_type == DDPM_TYPE_F32;
}

/* The same for y */
static gboolean
y_needs_no_copy (const CpuConvolution * conv)
{
  return conv->by_tiles || conv->d.dst_type == DDPM_TYPE_F32;
}

static void
conv_plan_workspace (CpuConvolution * conv)
{
  const gsize in = ddpm_cpu_conv_pixels_in (conv);
  const gsize out = ddpm_cpu_conv_pixels_out (conv);
  CpuConvLayout *l = &conv->layout;
  gsize total = 0, work = 0;
  guint channels = 0;

  for (guint i = 0; i < conv->n_sources; i++) {
    channels = MAX (channels, conv->source[i].channels);
    l->x[i] = ddpm_cpu_layout_add (&total, x_needs_no_copy (conv) ? 0
        : in * conv->source[i].channels, sizeof (float));
  }
  l->y = ddpm_cpu_layout_add (&total, y_needs_no_copy (conv) ? 0
      : out * conv->cout, sizeof (float));
  if (conv->d.training) {
    l->dx = ddpm_cpu_layout_add (&total, x_needs_no_copy (conv) ? 0
        : in * channels, sizeof (float));
    l->sums = ddpm_cpu_layout_add (&total,
        ddpm_cpu_column_sums_scratch (out, conv->cout), 1);
  }
  for (guint kind = 0; kind < CPU_CONV_PASSES; kind++) {
    if (conv->pass[kind])
      work = MAX (work, conv->pass[kind]->scratch);
  }
  l->work = ddpm_cpu_layout_add (&total, work, 1);
  conv->base.scratch = total;
}

/* If a convolution with bf16 activations is computed in f32, its weights are
 * rounded to bf16 before they are packed. */
static gboolean
rounds_weights (const CpuConvolution * conv)
{
  return !conv->by_tiles && conv->base.backend->act_type == DDPM_TYPE_BF16;
}

static gsize
count_weights (const CpuConvolution * conv)
{
  return (gsize) conv->cout * conv->cin * conv->taps;
}

/* conv_set_weights () has no workspace argument, so the backend keeps one for
 * all convolutions. */
static gboolean
reserve_staging (CpuConvolution * conv, GError ** error)
{
  CpuBackend *b = get_backend (conv);
  const gsize size = rounds_weights (conv) ? count_weights (conv) : 0;
  float *staging;

  if (size <= b->staging_size)
    return TRUE;
  staging = ddpm_cpu_conv_alloc (conv, size * sizeof (float), error);
  if (staging == NULL)
    return FALSE;
  b->base.ops->free (&b->base, b->staging);
  b->staging = staging;
  b->staging_size = size;
  return TRUE;
}

static void
clear_conv (DdpmPlan * p)
{
  CpuConvolution *conv = (CpuConvolution *) p;

  for (guint kind = 0; kind < CPU_CONV_PASSES; kind++) {
    if (conv->pass[kind])
      conv->pass[kind]->free (conv->pass[kind]);
  }
  p->ops->free (p->backend, conv->bias);
}

static guint
round_up (guint channels, guint multiple)
{
  return (channels + multiple - 1) / multiple * multiple;
}

static CpuConvolution *
new_conv (DdpmBackend * b, const DdpmConvDesc * d)
{
  CpuConvolution *conv =
      ddpm_plan_new (sizeof (CpuConvolution), b, clear_conv, NULL);

  conv->d = *d;
  conv->out_height = (d->height - 1) / d->stride + 1;
  conv->out_width = (d->width - 1) / d->stride + 1;
  conv->cin = d->cin0 + d->cin1;
  conv->cout = d->cout;
  conv->taps = d->kernel * d->kernel;
  conv->n_sources = d->cin1 ? 2 : 1;
  conv->source[0].channels = d->cin0;
  conv->source[1].first = d->cin0;
  conv->source[1].channels = d->cin1;
  /* x in f32 is the state, which is not to be rounded */
  conv->by_tiles = get_backend (conv)->tiles && d->src_type == DDPM_TYPE_BF16
      && ddpm_cpu_tile_conv_suits (d);
  return conv;
}

static DdpmPlan *
conv_new (DdpmBackend * b, const DdpmConvDesc * d, GError ** error)
{
  CpuConvolution *conv;
  gboolean ok;

  if (!ddpm_conv_desc_check (d, error))
    return NULL;

  conv = new_conv (b, d);
  ok = plan_passes (conv, error) && reserve_staging (conv, error);
  if (ok)
    conv->bias = ddpm_cpu_conv_alloc (conv, round_up (conv->cout,
            get_backend (conv)->kernels->winograd->width) * sizeof (float),
        error);
  if (conv->bias == NULL) {
    ddpm_plan_free (&conv->base);
    return NULL;
  }
  conv_plan_workspace (conv);
  return &conv->base;
}

/* --- executing ------------------------------------------------------------ */

static void
conv_set_weights (DdpmPlan * p, const float *weight, const float *bias)
{
  CpuConvolution *conv = (CpuConvolution *) p;
  CpuBackend *b = get_backend (conv);

  if (rounds_weights (conv)) {
    memcpy (b->staging, weight, count_weights (conv) * sizeof (float));
    b->kernels->element->round_to_bf16 (count_weights (conv), b->staging);
    weight = b->staging;
  }
  for (guint kind = 0; kind < CPU_CONV_PASSES; kind++) {
    CpuConvPass *pass = conv->pass[kind];

    if (pass && pass->set_weights)
      pass->set_weights (pass, weight);
  }
  memcpy (conv->bias, bias, conv->cout * sizeof (float));
}

static gconstpointer
convert_x (CpuConvolution * conv, guint source, gconstpointer x,
    gpointer scratch)
{
  gpointer copy = ddpm_cpu_at (scratch, conv->layout.x[source]);

  if (x == NULL || x_needs_no_copy (conv))
    return x;
  ddpm_cpu_copy (get_backend (conv), conv->d.src_type, DDPM_TYPE_F32,
      ddpm_cpu_conv_pixels_in (conv), conv->source[source].channels,
      conv->source[source].channels, x, copy, FALSE);
  return copy;
}

static void
copy_y (CpuConvolution * conv, DdpmType from_type, DdpmType to_type,
    gconstpointer from, gpointer to)
{
  ddpm_cpu_copy (get_backend (conv), from_type, to_type,
      ddpm_cpu_conv_pixels_out (conv), conv->cout, conv->cout, from, to, FALSE);
}

static gconstpointer
convert_dy (CpuConvolution * conv, gconstpointer dy, gpointer scratch)
{
  gpointer copy = ddpm_cpu_at (scratch, conv->layout.y);

  if (y_needs_no_copy (conv))
    return dy;
  copy_y (conv, conv->d.dst_type, DDPM_TYPE_F32, dy, copy);
  return copy;
}

static void
conv_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer residual, gpointer y, gpointer scratch)
{
  CpuConvolution *conv = (CpuConvolution *) p;
  CpuConvPass *pass = conv->pass[CPU_CONV_FORWARD];
  const gboolean direct = y_needs_no_copy (conv);
  gpointer out = direct ? y : ddpm_cpu_at (scratch, conv->layout.y);
  const gconstpointer x[2] = { convert_x (conv, 0, x0, scratch),
    convert_x (conv, 1, x1, scratch)
  };

  if (residual && !direct) {
    copy_y (conv, conv->d.dst_type, DDPM_TYPE_F32, residual, out);
    residual = out;
  }
  pass->forward (pass, x, residual, out, ddpm_cpu_at (scratch,
          conv->layout.work));
  if (!direct)
    copy_y (conv, DDPM_TYPE_F32, conv->d.dst_type, out, y);
}

/* If a pass cannot write dx itself, it computes in f32 into the workspace. The
 * result is added to dx there and rounded once. */
static void
backward_data (CpuConvolution * conv, guint source, gconstpointer dy,
    gpointer dx, gboolean add, gpointer scratch)
{
  const guint channels = conv->source[source].channels;
  CpuConvPass *pass = conv->pass[CPU_CONV_BACKWARD_DATA];
  gpointer work = ddpm_cpu_at (scratch, conv->layout.work);
  gpointer out = ddpm_cpu_at (scratch, conv->layout.dx);

  if (x_needs_no_copy (conv)) {
    pass->backward_data (pass, source, dy, dx, add, work);
    return;
  }
  pass->backward_data (pass, source, dy, out, FALSE, work);
  ddpm_cpu_copy (get_backend (conv), DDPM_TYPE_F32, conv->d.src_type,
      ddpm_cpu_conv_pixels_in (conv), channels, channels, out, dx, add);
}

static void
conv_backward_data (DdpmPlan * p, gconstpointer dy, gpointer dx0, gboolean add0,
    gpointer dx1, gboolean add1, gpointer scratch)
{
  CpuConvolution *conv = (CpuConvolution *) p;

  dy = convert_dy (conv, dy, scratch);
  if (dx0)
    backward_data (conv, 0, dy, dx0, add0, scratch);
  if (dx1 && conv->n_sources == 2)
    backward_data (conv, 1, dy, dx1, add1, scratch);
}

static void
conv_backward_weights (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer dy, float *dweight, float *dbias, gboolean add,
    gpointer scratch)
{
  CpuConvolution *conv = (CpuConvolution *) p;
  CpuConvPass *pass = conv->pass[CPU_CONV_BACKWARD_WEIGHTS];
  const gconstpointer x[2] = { convert_x (conv, 0, x0, scratch),
    convert_x (conv, 1, x1, scratch)
  };

  pass->backward_weights (pass, x, convert_dy (conv, dy, scratch), dweight,
      add, ddpm_cpu_at (scratch, conv->layout.work));
  ddpm_cpu_column_sums (get_backend (conv), conv->d.dst_type,
      ddpm_cpu_conv_pixels_out (conv), conv->cout, conv->cout, dy, dbias, add,
      ddpm_cpu_at (scratch, conv->layout.sums));
}

void
ddpm_cpu_convolution_set_ops (DdpmOps * ops)
{
  ops->conv_new = conv_new;
  ops->conv_set_weights = conv_set_weights;
  ops->conv_forward = conv_forward;
  ops->conv_backward_data = conv_backward_data;
  ops->conv_backward_weights = conv_backward_weights;
}
