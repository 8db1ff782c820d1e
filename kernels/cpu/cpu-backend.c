/* gst-ddpm: CPU backend: own loops, and oneDNN, on all cores
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "../ddpm-backends.h"
#include "../ddpm-host.h"
#include "cpu-private.h"

/* --- the machine -------------------------------------------------------- */

static void
cpu_finalize (DdpmBackend * base)
{
  CpuBackend *b = (CpuBackend *) base;

  ddpm_host_free (base, b->staging);
  if (b->stream)
    dnnl_stream_destroy (b->stream);
  if (b->engine)
    dnnl_engine_destroy (b->engine);
  g_free (b);
}

static void
cpu_run (DdpmBackend * b, void (*func) (gpointer data), gpointer data)
{
  cpu_thread_run (b->threads, func, data);
}

/* --- plans -------------------------------------------------------------- */

void
cpu_plan_init (CpuPlan * p, DdpmBackend * b, void (*clear) (DdpmPlan *),
    const gchar * (*implementation) (DdpmPlan *, guint kind))
{
  p->plan.ops = b->ops;
  p->plan.backend = b;
  p->clear = clear;
  p->implementation = implementation;
}

void
cpu_plan_free (DdpmPlan * p)
{
  CpuPlan *plan = (CpuPlan *) p;

  if (plan == NULL)
    return;
  if (plan->clear)
    plan->clear (p);
  g_free (plan);
}

const gchar *
cpu_plan_implementation (DdpmPlan * p, guint kind)
{
  const gchar *name = ((CpuPlan *) p)->implementation (p, kind);

  return name ? name : "none";
}

static const DdpmOps cpu_ops = {
  .finalize = cpu_finalize,
  .run = cpu_run,
  .alloc = ddpm_host_alloc,
  .free = ddpm_host_free,
  .upload = ddpm_host_copy,
  .download = ddpm_host_copy,
  .zero = ddpm_host_zero,
  .copy = ddpm_host_copy,

  .conv_new = cpu_conv_new,
  .conv_set_weights = cpu_conv_set_weights,
  .conv_forward = cpu_conv_forward,
  .conv_backward_data = cpu_conv_backward_data,
  .conv_backward_weights = cpu_conv_backward_weights,

  .norm_new = cpu_norm_new,
  .norm_forward = cpu_norm_forward,
  .norm_backward = cpu_norm_backward,

  .attention_new = cpu_attention_new,
  .attention_forward = cpu_attention_forward,
  .attention_backward = cpu_attention_backward,

  .linear_new = cpu_linear_new,
  .linear_forward = cpu_linear_forward,
  .linear_backward = cpu_linear_backward,

  .plan_free = cpu_plan_free,
  .plan_implementation = cpu_plan_implementation,

  .upsample_forward = cpu_upsample_forward,
  .upsample_backward = cpu_upsample_backward,
  .accumulate = cpu_accumulate,
  .embedding = cpu_embedding,
  .embedding_add = cpu_embedding_add,
  .embedding_backward = cpu_embedding_backward,
  .swish_forward = cpu_swish_forward,
  .swish_backward = cpu_swish_backward,

  .noise = cpu_noise,
  .q_sample = cpu_q_sample,
  .mse = cpu_mse,
  .guide = cpu_guide,
  .reverse_step = cpu_reverse_step,
  .to_picture = ddpm_host_to_picture,

  .sum_of_squares = cpu_sum_of_squares,
  .adam = cpu_adam,
};

/* --- what is here --------------------------------------------------------- */

/* An instruction set's number has the bits of those that it contains. */
static gboolean
has_isa (dnnl_cpu_isa_t isa)
{
  return (dnnl_get_effective_cpu_isa () & isa) == isa;
}

static const gchar *
isa_name (void)
{
#ifdef __x86_64__
  if (has_isa (dnnl_cpu_isa_avx512_core_amx))
    return "AVX-512 AMX";
  if (has_isa (dnnl_cpu_isa_avx512_core_bf16))
    return "AVX-512 BF16";
  if (has_isa (dnnl_cpu_isa_avx512_core))
    return "AVX-512";
  if (has_isa (dnnl_cpu_isa_avx2))
    return "AVX2";
  if (has_isa (dnnl_cpu_isa_sse41))
    return "SSE4.1";
#endif
  return "generic";
}

/* Plain AVX-512 only emulates bf16, slower than f32. */
static gboolean
has_bf16 (void)
{
#ifdef __x86_64__
  return has_isa (dnnl_cpu_isa_avx512_core_bf16);
#else
  return FALSE;
#endif
}

static gboolean
choose_precision (CpuBackend * b, DdpmPrecision asked, GError ** error)
{
  const gboolean native = has_bf16 ();

  if (asked == DDPM_PRECISION_AUTO)
    asked = native ? DDPM_PRECISION_BF16 : DDPM_PRECISION_F32;
  if (asked == DDPM_PRECISION_BF16 && !native) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "precision=bf16 needs a processor with AVX-512 BF16 or AMX, and "
        "oneDNN finds %s", isa_name ());
    return FALSE;
  }
  b->base.precision = asked;
  b->base.act_type = asked == DDPM_PRECISION_F32 ? DDPM_TYPE_F32
      : DDPM_TYPE_BF16;
  b->native_bf16 = asked == DDPM_PRECISION_BF16;
  return TRUE;
}

static gboolean
check_threads (guint threads, GError ** error)
{
  if (threads <= cpu_thread_limit ())
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
      "%u threads were asked for, and OpenMP may use %u here "
      "(OMP_THREAD_LIMIT, OMP_MAX_ACTIVE_LEVELS)", threads,
      cpu_thread_limit ());
  return FALSE;
}

DdpmBackend *
ddpm_cpu_backend_new (DdpmPrecision precision, guint threads, GError ** error)
{
  const dnnl_version_t *version = dnnl_version ();
  CpuBackend *b = g_new0 (CpuBackend, 1);

  b->base.ops = &cpu_ops;
  b->base.name = "cpu";
  b->base.host_memory = TRUE;
  b->base.threads = threads ? threads
      : MIN (cpu_thread_count_cores (), cpu_thread_limit ());
  b->kernels = cpu_kernels_get ();
  if (!check_threads (b->base.threads, error)
      || !choose_precision (b, precision, error)
      || !cpu_check (dnnl_engine_create (&b->engine, dnnl_cpu, 0), "engine",
          error)
      || !cpu_check (dnnl_stream_create (&b->stream, b->engine,
              dnnl_stream_default_flags), "stream", error))
    goto failed;
  b->base.device = g_strdup_printf ("oneDNN %d.%d.%d, %s, %u thread%s",
      version->major, version->minor, version->patch, isa_name (),
      b->base.threads, b->base.threads == 1 ? "" : "s");
  return &b->base;

failed:
  cpu_finalize (&b->base);
  return NULL;
}
