/* gst-ddpm: CPU backend: the functions of onednn/ in a build without oneDNN
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Only native bf16 uses primitives. It is refused here, so none is ever made.
 */
#include "kernels/cpu/convolution.h"
#include "kernels/cpu/gemm.h"

gboolean
ddpm_cpu_onednn_check_bf16 (GError ** error)
{
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
      "precision=bf16 on a CPU needs oneDNN, and this gst-ddpm was built "
      "without it");
  return FALSE;
}

gboolean
ddpm_cpu_onednn_open (CpuBackend * b, GError ** error)
{
  return ddpm_cpu_onednn_check_bf16 (error);
}

void
ddpm_cpu_onednn_close (CpuBackend * b)
{
}

gchar *
ddpm_cpu_onednn_describe (void)
{
  return g_strdup ("without oneDNN");
}

void
ddpm_cpu_primitive_run (CpuPrimitive * p, CpuBackend * b,
    const gconstpointer * data, gpointer scratch)
{
  g_assert_not_reached ();
}

void
ddpm_cpu_primitive_clear (CpuPrimitive * p)
{
}

gboolean
ddpm_cpu_primitive_is_slow (const CpuPrimitive * p)
{
  return FALSE;
}

gboolean
ddpm_cpu_onednn_plan_gemm (CpuPrimitive * p, CpuBackend * b, gsize batch,
    const CpuMatrix * left, const CpuMatrix * right, const CpuMatrix * out,
    gboolean add, GError ** error)
{
  return ddpm_cpu_onednn_check_bf16 (error);
}

CpuConvPass *
ddpm_cpu_onednn_plan_conv (CpuConvolution * conv, CpuConvPassKind kind,
    GError ** error)
{
  ddpm_cpu_onednn_check_bf16 (error);
  return NULL;
}
