/* gst-ddpm: reference backend: plain C, which the fast backends are compared with
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * It has no state but its plans and the memory that the caller gives, so backends,
 * and plans of one backend, may be used in different threads.
 */
#include "kernels/backends.h"
#include "kernels/host.h"
#include "kernels/reference/private.h"

typedef struct
{
  DdpmBackend base;
  DdpmOps ops;
} RefBackend;

static void
free_backend (DdpmBackend * b)
{
  g_free (b);
}

static void
run_here (DdpmBackend * b, void (*func) (gpointer data), gpointer data)
{
  func (data);
}

static void
set_ops (DdpmOps * ops)
{
  ops->finalize = free_backend;
  ops->run = run_here;
  ddpm_host_set_ops (ops);
  ddpm_ref_attention_set_ops (ops);
  ddpm_ref_convolution_set_ops (ops);
  ddpm_ref_diffusion_set_ops (ops);
  ddpm_ref_elements_set_ops (ops);
  ddpm_ref_linear_set_ops (ops);
  ddpm_ref_norm_set_ops (ops);
  ddpm_ref_optimizer_set_ops (ops);
}

DdpmBackend *
ddpm_reference_backend_new (DdpmPrecision precision, guint threads,
    GError ** error)
{
  RefBackend *backend = g_new0 (RefBackend, 1);
  DdpmBackend *b = &backend->base;

  set_ops (&backend->ops);
  b->ops = &backend->ops;
  b->name = "reference";
  b->device = g_strdup ("plain C, 1 thread");
  b->precision = precision == DDPM_PRECISION_AUTO
      ? DDPM_PRECISION_F32 : precision;
  b->act_type = b->precision == DDPM_PRECISION_F32
      ? DDPM_TYPE_F32 : DDPM_TYPE_BF16;
  b->threads = 1;
  b->host_memory = TRUE;
  return b;
}
