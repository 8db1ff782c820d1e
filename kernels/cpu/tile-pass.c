/* gst-ddpm: CPU backend: the passes of a convolution in bf16, by tiles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/convolution.h"
#include "kernels/cpu/tile-conv.h"
#include "kernels/cpu/tile-gradient.h"

typedef struct
{
  CpuConvPass base;
  /* forward: [0] has both sources; of the data: one for each source */
  CpuTileConv conv[2];
  gpointer packed[2];
  CpuTileGradient gradient;
} TilePass;

static CpuBackend *
get_backend (const CpuConvPass * p)
{
  return (CpuBackend *) p->conv->base.backend;
}

static void
free_pass (CpuConvPass * p)
{
  TilePass *pass = (TilePass *) p;

  for (guint i = 0; i < 2; i++) {
    ddpm_cpu_tile_conv_clear (&pass->conv[i]);
    p->conv->base.ops->free (p->conv->base.backend, pass->packed[i]);
  }
  ddpm_cpu_tile_gradient_clear (&pass->gradient);
  g_free (pass);
}

/* --- y from x, and dx from dy -------------------------------------------- */

/* For the data gradient, inputs and outputs of a kernel change places. */
static void
set_weights (CpuConvPass * p, const float *weight)
{
  TilePass *pass = (TilePass *) p;
  const CpuConvolution *conv = p->conv;
  const gsize tap = conv->taps, row = (gsize) conv->cin * tap;
  const gboolean back = p->backward_data != NULL;

  for (guint i = 0; i < (back ? conv->n_sources : 1); i++)
    ddpm_cpu_tile_conv_pack (&pass->conv[i], get_backend (p),
        weight + conv->source[i].first * tap, back ? row : tap,
        back ? tap : row, pass->packed[i]);
}

static void
forward (CpuConvPass * p, const gconstpointer x[2], gconstpointer residual,
    gpointer y, gpointer scratch)
{
  const TilePass *pass = (TilePass *) p;
  const CpuConvolution *conv = p->conv;

  ddpm_cpu_tile_conv_run (&pass->conv[0], get_backend (p), x, pass->packed[0],
      conv->bias, conv->d.dst_type, residual, y, scratch);
}

static void
backward_data (CpuConvPass * p, guint source, gconstpointer dy, gpointer dx,
    gboolean add, gpointer scratch)
{
  const TilePass *pass = (TilePass *) p;
  const CpuConvolution *conv = p->conv;
  const gconstpointer inputs[2] = { dy, NULL };

  ddpm_cpu_tile_conv_run (&pass->conv[source], get_backend (p),
      inputs, pass->packed[source], NULL, conv->d.src_type,
      add ? dx : NULL, dx, scratch);
}

static gboolean
plan_conv (TilePass * pass, guint i, const CpuIm2col * shape, DdpmType x_type,
    GError ** error)
{
  CpuTileConv *t = &pass->conv[i];

  ddpm_cpu_tile_conv_init (t, get_backend (&pass->base), shape, x_type);
  pass->base.scratch = MAX (pass->base.scratch, t->scratch);
  pass->packed[i] = ddpm_cpu_conv_alloc (pass->base.conv, t->packed_size,
      error);
  return pass->packed[i] != NULL;
}

static gboolean
plan_convs (TilePass * pass, CpuConvPassKind kind, GError ** error)
{
  const CpuConvolution *conv = pass->base.conv;
  CpuBackend *b = get_backend (&pass->base);
  CpuIm2col shape;

  pass->base.set_weights = set_weights;
  if (kind == CPU_CONV_FORWARD) {
    pass->base.forward = forward;
    ddpm_cpu_im2col_init (&shape, b, &conv->d);
    return plan_conv (pass, 0, &shape, conv->d.src_type, error);
  }
  pass->base.backward_data = backward_data;
  for (guint i = 0; i < conv->n_sources; i++) {
    ddpm_cpu_im2col_init_backward (&shape, b, &conv->d,
        conv->source[i].channels);
    if (!plan_conv (pass, i, &shape, conv->d.dst_type, error))
      return FALSE;
  }
  return TRUE;
}

/* --- dweight ------------------------------------------------------------- */

static void
backward_weights (CpuConvPass * p, const gconstpointer x[2], gconstpointer dy,
    float *dweight, gboolean add, gpointer scratch)
{
  const TilePass *pass = (TilePass *) p;
  const CpuConvolution *conv = p->conv;

  ddpm_cpu_tile_gradient_run (&pass->gradient, get_backend (p),
      conv->d.src_type, x, conv->d.dst_type, dy, dweight, add, scratch);
}

static void
plan_gradient (TilePass * pass)
{
  CpuBackend *b = get_backend (&pass->base);
  CpuIm2col shape;

  ddpm_cpu_im2col_init (&shape, b, &pass->base.conv->d);
  ddpm_cpu_tile_gradient_init (&pass->gradient, b, &shape);
  pass->base.scratch = pass->gradient.scratch;
  pass->base.backward_weights = backward_weights;
}

CpuConvPass *
ddpm_cpu_plan_tiles (CpuConvolution * conv, CpuConvPassKind kind,
    GError ** error)
{
  TilePass *pass = g_new0 (TilePass, 1);

  pass->base.conv = conv;
  pass->base.name = get_backend (&pass->base)->tiles->name;
  pass->base.free = free_pass;
  if (kind == CPU_CONV_BACKWARD_WEIGHTS) {
    plan_gradient (pass);
    return &pass->base;
  }
  if (plan_convs (pass, kind, error))
    return &pass->base;
  free_pass (&pass->base);
  return NULL;
}
