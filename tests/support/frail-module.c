/* gst-ddpm: a fake CUDA module: the reference backend on a GPU that fails in
 * the fifth reverse step
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <gmodule.h>

#include "kernels/backends.h"

#define STEPS 4

static DdpmOps ops;
static const DdpmOps *inner;
static guint steps;

static gboolean
frail_check (DdpmBackend * b, GError ** error)
{
  if (steps <= STEPS)
    return TRUE;
  steps = 0;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_LIBRARY, "%s fell out",
      ddpm_backend_get_device (b));
  return FALSE;
}

static void
frail_reverse_step (DdpmBackend * b, const DdpmReverseStep * step,
    guint64 seed, guint64 first_sample, guint n, guint elements, float *x,
    const float *eps, float *x_0_prev)
{
  if (++steps <= STEPS)
    inner->reverse_step (b, step, seed, first_sample, n, elements, x, eps,
        x_0_prev);
}

G_MODULE_EXPORT DdpmBackend *ddpm_cuda_backend_new_on (DdpmPrecision precision,
    guint threads, gint device, gpointer context, GError ** error);

DdpmBackend *
ddpm_cuda_backend_new_on (DdpmPrecision precision, guint threads, gint device,
    gpointer context, GError ** error)
{
  DdpmBackend *b =
      ddpm_reference_backend_new (DDPM_PRECISION_F32, threads, error);

  if (b == NULL)
    return NULL;
  inner = b->ops;
  ops = *inner;
  ops.check = frail_check;
  ops.reverse_step = frail_reverse_step;
  b->ops = &ops;
  b->name = "cuda";
  g_free (b->device);
  b->device = g_strdup ("the card");
  steps = 0;
  return b;
}
