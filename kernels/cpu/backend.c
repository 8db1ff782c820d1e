/* gst-ddpm: CPU backend: its table of operations, and what it needs to run
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/backends.h"
#include "kernels/host.h"
#include "kernels/cpu/private.h"

/* --- the machine -------------------------------------------------------- */

static void
free_backend (DdpmBackend * base)
{
  CpuBackend *b = (CpuBackend *) base;

  ddpm_host_free (base, b->staging);
  g_free (b);
}

static void
run_in_thread (DdpmBackend * b, void (*func) (gpointer data), gpointer data)
{
  ddpm_cpu_thread_run (b->threads, func, data);
}

static void
set_cancel (DdpmBackend * b, DdpmCancel * cancel)
{
  ((CpuBackend *) b)->cancel = cancel;
}

/* Other jobs may be of this backend, and set their own cancel. */
static void
yield (DdpmBackend * base)
{
  CpuBackend *b = (CpuBackend *) base;
  DdpmCancel *cancel = b->cancel;

  ddpm_cpu_thread_yield ();
  b->cancel = cancel;
}

static void
set_ops (DdpmOps * ops)
{
  ops->finalize = free_backend;
  ops->run = run_in_thread;
  ops->set_cancel = set_cancel;
  ops->yield = yield;
  ddpm_host_set_ops (ops);
  ddpm_cpu_attention_set_ops (ops);
  ddpm_cpu_convolution_set_ops (ops);
  ddpm_cpu_diffusion_set_ops (ops);
  ddpm_cpu_elements_set_ops (ops);
  ddpm_cpu_linear_set_ops (ops);
  ddpm_cpu_norm_set_ops (ops);
}

/* --- creating it --------------------------------------------------------- */

static gboolean
choose_precision (CpuBackend * b, DdpmPrecision asked, GError ** error)
{
  const CpuTileKernels *tiles = ddpm_cpu_tiles_get ();

  if (asked == DDPM_PRECISION_AUTO)
    asked = tiles && tiles->beats_f32 ? DDPM_PRECISION_BF16
        : DDPM_PRECISION_F32;
  b->base.precision = asked;
  b->base.act_type = asked == DDPM_PRECISION_F32 ? DDPM_TYPE_F32
      : DDPM_TYPE_BF16;
  if (asked != DDPM_PRECISION_BF16)
    return TRUE;
  b->tiles = tiles;
  if (tiles == NULL)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "precision=bf16 needs a processor with AVX-512 BF16 or AMX, and this "
        "one has neither (%s)", b->kernels->name);
  return tiles != NULL;
}

DdpmBackend *
ddpm_cpu_backend_new (DdpmPrecision precision, guint threads, GError ** error)
{
  g_autofree gchar *computes = NULL;
  CpuBackend *b = g_new0 (CpuBackend, 1);

  set_ops (&b->ops);
  b->base.ops = &b->ops;
  b->base.name = "cpu";
  b->base.host_memory = TRUE;
  b->base.one_thread = TRUE;
  b->base.threads = threads ? threads : ddpm_cpu_thread_count_cores ();
  b->kernels = ddpm_cpu_kernels_get ();
  if (!choose_precision (b, precision, error)) {
    free_backend (&b->base);
    return NULL;
  }
  computes = b->tiles ? g_strdup_printf ("own kernels (%s, %s)",
      b->kernels->name, b->tiles->name)
      : g_strdup_printf ("own kernels (%s)", b->kernels->name);
  b->base.device = g_strdup_printf ("%s, %u thread%s", computes,
      b->base.threads, b->base.threads == 1 ? "" : "s");
  return &b->base;
}
