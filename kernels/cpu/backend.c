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
  ddpm_cpu_onednn_close (b);
  g_free (b);
}

static void
run_in_thread (DdpmBackend * b, void (*func) (gpointer data), gpointer data)
{
  ddpm_cpu_thread_run (b->threads, func, data);
}

static const DdpmOps cpu_ops = {
  .finalize = free_backend,
  .run = run_in_thread,
  .alloc = ddpm_host_alloc,
  .free = ddpm_host_free,
  .upload = ddpm_host_copy,
  .download = ddpm_host_copy,
  .zero = ddpm_host_zero,
  .copy = ddpm_host_copy,

  .conv_new = ddpm_cpu_conv_new,
  .conv_set_weights = ddpm_cpu_conv_set_weights,
  .conv_forward = ddpm_cpu_conv_forward,
  .conv_backward_data = ddpm_cpu_conv_backward_data,
  .conv_backward_weights = ddpm_cpu_conv_backward_weights,

  .norm_new = ddpm_cpu_norm_new,
  .norm_forward = ddpm_cpu_norm_forward,
  .norm_backward = ddpm_cpu_norm_backward,

  .attention_new = ddpm_cpu_attention_new,
  .attention_forward = ddpm_cpu_attention_forward,
  .attention_backward = ddpm_cpu_attention_backward,

  .linear_new = ddpm_cpu_linear_new,
  .linear_forward = ddpm_cpu_linear_forward,
  .linear_backward = ddpm_cpu_linear_backward,

  .upsample_forward = ddpm_cpu_upsample_forward,
  .upsample_backward = ddpm_cpu_upsample_backward,
  .accumulate = ddpm_cpu_accumulate,
  .embedding = ddpm_cpu_embedding,
  .embedding_add = ddpm_cpu_embedding_add,
  .embedding_backward = ddpm_cpu_embedding_backward,
  .swish_forward = ddpm_cpu_swish_forward,
  .swish_backward = ddpm_cpu_swish_backward,

  .noise = ddpm_cpu_noise,
  .q_sample = ddpm_cpu_q_sample,
  .mse = ddpm_cpu_mse,
  .guide = ddpm_cpu_guide,
  .reverse_step = ddpm_cpu_reverse_step,
  .to_picture = ddpm_host_to_picture,
  .from_picture = ddpm_host_from_picture,
  .from_pixels = ddpm_host_from_pixels,

  .sum_of_squares = ddpm_cpu_sum_of_squares,
  .adam = ddpm_cpu_adam,
};

/* --- creating it --------------------------------------------------------- */

/* oneDNN is opened for native bf16 only. */
static gboolean
choose_precision (CpuBackend * b, DdpmPrecision asked, GError ** error)
{
  if (asked == DDPM_PRECISION_AUTO)
    asked = ddpm_cpu_onednn_check_bf16 (NULL) ? DDPM_PRECISION_BF16
        : DDPM_PRECISION_F32;
  b->base.precision = asked;
  b->base.act_type = asked == DDPM_PRECISION_F32 ? DDPM_TYPE_F32
      : DDPM_TYPE_BF16;
  b->native_bf16 = asked == DDPM_PRECISION_BF16;
  return !b->native_bf16 || ddpm_cpu_onednn_open (b, error);
}

static gboolean
check_threads (guint threads, GError ** error)
{
  if (threads <= ddpm_cpu_thread_limit ())
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
      "%u threads were asked for, but OpenMP may use only %u here "
      "(OMP_THREAD_LIMIT, OMP_MAX_ACTIVE_LEVELS)", threads,
      ddpm_cpu_thread_limit ());
  return FALSE;
}

DdpmBackend *
ddpm_cpu_backend_new (DdpmPrecision precision, guint threads, GError ** error)
{
  g_autofree gchar *computes = NULL;
  CpuBackend *b = g_new0 (CpuBackend, 1);

  b->base.ops = &cpu_ops;
  b->base.name = "cpu";
  b->base.host_memory = TRUE;
  b->base.threads = threads ? threads
      : MIN (ddpm_cpu_thread_count_cores (), ddpm_cpu_thread_limit ());
  b->kernels = ddpm_cpu_kernels_get ();
  if (!check_threads (b->base.threads, error)
      || !choose_precision (b, precision, error))
    goto failed;
  computes = b->native_bf16 ? ddpm_cpu_onednn_describe ()
      : g_strdup_printf ("own kernels (%s)", b->kernels->name);
  b->base.device = g_strdup_printf ("%s, %u thread%s", computes,
      b->base.threads, b->base.threads == 1 ? "" : "s");
  return &b->base;

failed:
  free_backend (&b->base);
  return NULL;
}
