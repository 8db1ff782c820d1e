/* gst-ddpm: CPU backend: oneDNN on this processor
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/onednn/onednn.h"

dnnl_data_type_t
ddpm_cpu_onednn_type (DdpmType type)
{
  return type == DDPM_TYPE_F32 ? dnnl_f32 : dnnl_bf16;
}

gboolean
ddpm_cpu_onednn_check (dnnl_status_t status, const gchar * what,
    GError ** error)
{
  if (status == dnnl_success)
    return TRUE;
  g_set_error (error, DDPM_ERROR,
      status == dnnl_out_of_memory ? DDPM_ERROR_NO_SPACE : DDPM_ERROR_LIBRARY,
      "oneDNN %d.%d.%d cannot make %s: status %d", dnnl_version ()->major,
      dnnl_version ()->minor, dnnl_version ()->patch, what, (gint) status);
  return FALSE;
}

/* The number of an instruction set has the bits of all sets that it contains. */
static gboolean
has_isa (dnnl_cpu_isa_t isa)
{
  return (dnnl_get_effective_cpu_isa () & isa) == isa;
}

static const gchar *
get_isa_name (void)
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

/* On plain AVX-512, oneDNN emulates bf16, which is slower than f32. */
gboolean
ddpm_cpu_onednn_check_bf16 (GError ** error)
{
#ifdef __x86_64__
  if (has_isa (dnnl_cpu_isa_avx512_core_bf16))
    return TRUE;
#endif
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
      "precision=bf16 needs a processor with AVX-512 BF16 or AMX, but "
      "oneDNN finds %s", get_isa_name ());
  return FALSE;
}

gboolean
ddpm_cpu_onednn_open (CpuBackend * b, GError ** error)
{
  return ddpm_cpu_onednn_check_bf16 (error)
      && ddpm_cpu_onednn_check (dnnl_engine_create (&b->engine, dnnl_cpu, 0),
      "an engine", error)
      && ddpm_cpu_onednn_check (dnnl_stream_create (&b->stream, b->engine,
          dnnl_stream_default_flags), "a stream", error);
}

void
ddpm_cpu_onednn_close (CpuBackend * b)
{
  if (b->stream)
    dnnl_stream_destroy (b->stream);
  if (b->engine)
    dnnl_engine_destroy (b->engine);
}

gchar *
ddpm_cpu_onednn_describe (void)
{
  const dnnl_version_t *version = dnnl_version ();

  return g_strdup_printf ("oneDNN %d.%d.%d, %s", version->major,
      version->minor, version->patch, get_isa_name ());
}
