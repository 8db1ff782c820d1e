/* gst-ddpm: the GPU that tests need
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tests/support/gpu-test.h"

/* The CUDA backend, or NULL: the device or the precision is not there, and
 * reason says what is missing. Where DDPM_REQUIRE_GPU is set, that is an
 * error. */
DdpmBackend *
gpu_backend (DdpmPrecision precision, gchar ** reason)
{
  GError *error = NULL;
  DdpmBackend *b = ddpm_backend_new (DDPM_BACKEND_CUDA, precision, 0, &error);

  if (b)
    return b;
  if (g_getenv ("DDPM_REQUIRE_GPU"))
    g_error ("%s", error->message);
  *reason = g_strdup (error->message);
  g_error_free (error);
  return NULL;
}

void
gpu_skip (gconstpointer reason)
{
  g_test_skip (reason);
}
