/* gst-ddpm: reference backend: plain C, which the fast backends are compared with
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * It has no state but its plans and the memory that the caller gives, so backends,
 * and plans of one backend, may be used in different threads.
 */
#include "kernels/backends.h"
#include "kernels/host.h"
#include "kernels/reference/private.h"

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

static const DdpmOps ref_ops = {
  .finalize = free_backend,
  .run = run_here,
  .alloc = ddpm_host_alloc,
  .free = ddpm_host_free,
  .upload = ddpm_host_copy,
  .download = ddpm_host_copy,
  .zero = ddpm_host_zero,
  .copy = ddpm_host_copy,

  .conv_new = ddpm_ref_conv_new,
  .conv_set_weights = ddpm_ref_conv_set_weights,
  .conv_forward = ddpm_ref_conv_forward,
  .conv_backward_data = ddpm_ref_conv_backward_data,
  .conv_backward_weights = ddpm_ref_conv_backward_weights,

  .norm_new = ddpm_ref_norm_new,
  .norm_forward = ddpm_ref_norm_forward,
  .norm_backward = ddpm_ref_norm_backward,

  .attention_new = ddpm_ref_attention_new,
  .attention_forward = ddpm_ref_attention_forward,
  .attention_backward = ddpm_ref_attention_backward,

  .linear_new = ddpm_ref_linear_new,
  .linear_forward = ddpm_ref_linear_forward,
  .linear_backward = ddpm_ref_linear_backward,

  .upsample_forward = ddpm_ref_upsample_forward,
  .upsample_backward = ddpm_ref_upsample_backward,
  .accumulate = ddpm_ref_accumulate,
  .embedding = ddpm_ref_embedding,
  .embedding_add = ddpm_ref_embedding_add,
  .embedding_backward = ddpm_ref_embedding_backward,
  .swish_forward = ddpm_ref_swish_forward,
  .swish_backward = ddpm_ref_swish_backward,

  .noise = ddpm_ref_noise,
  .q_sample = ddpm_ref_q_sample,
  .mse = ddpm_ref_mse,
  .guide = ddpm_ref_guide,
  .reverse_step = ddpm_ref_reverse_step,
  .to_picture = ddpm_host_to_picture,
  .from_picture = ddpm_host_from_picture,
  .from_pixels = ddpm_host_from_pixels,

  .sum_of_squares = ddpm_ref_sum_of_squares,
  .adam = ddpm_ref_adam,
};

DdpmBackend *
ddpm_reference_backend_new (DdpmPrecision precision, guint threads,
    GError ** error)
{
  DdpmBackend *b = g_new0 (DdpmBackend, 1);

  b->ops = &ref_ops;
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
