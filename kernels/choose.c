/* gst-ddpm: choosing a backend
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "config.h"

#include <gmodule.h>
#include "kernels/backends.h"

static DdpmBackend *
cuda_backend_new (DdpmPrecision precision, guint threads, gint device,
    gpointer context, GError ** error)
{
  const gchar *folder = g_getenv ("GST_DDPM_MODULE_DIR");
  g_autofree gchar *path = g_build_filename (folder ? folder : DDPM_MODULE_DIR,
      "libgstddpm-cuda." G_MODULE_SUFFIX, NULL);
  GModule *module = g_module_open (path,
      G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  gpointer symbol = NULL;

  if (module == NULL || !g_module_symbol (module, DDPM_CUDA_BACKEND_SYMBOL,
          &symbol)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs the module %s, which cannot be opened: %s",
        path, g_module_error ());
    if (module)
      g_module_close (module);
    return NULL;
  }
  /* The module has threads and types that outlive a backend. */
  g_module_make_resident (module);
  return ((DdpmCudaBackendNewFunc) symbol) (precision, threads, device,
      context, error);
}

/* The module and its libraries are large: without NVIDIA's driver they would be
 * loaded for nothing. */
static gboolean
has_cuda_driver (void)
{
  GModule *driver = g_module_open ("libcuda.so.1",
      G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);

  if (driver == NULL)
    return FALSE;
  g_module_close (driver);
  return TRUE;
}

/* AUTO takes a GPU only if all libraries that a network needs can be opened. */
static DdpmBackend *
probed_cuda_backend_new (DdpmPrecision precision, guint threads,
    gpointer context)
{
  DdpmBackend *backend =
      cuda_backend_new (precision, threads, -1, context, NULL);

  if (backend == NULL || ddpm_backend_probe (backend, NULL))
    return backend;
  g_atomic_ref_count_init (&backend->refcount);
  ddpm_backend_unref (backend);
  return NULL;
}

DdpmBackend *
ddpm_backend_new (DdpmBackendKind kind, DdpmPrecision precision,
    guint threads, GError ** error)
{
  return ddpm_backend_new_on (kind, precision, threads, -1, NULL, error);
}

DdpmBackend *
ddpm_backend_new_on (DdpmBackendKind kind, DdpmPrecision precision,
    guint threads, gint device, gpointer context, GError ** error)
{
  DdpmBackend *backend = NULL;

  if (kind == DDPM_BACKEND_AUTO && device >= 0)
    kind = DDPM_BACKEND_CUDA;
  if (threads > DDPM_MAX_THREADS) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "%u compute threads: expected at most %d, or 0 for one per core",
        threads, DDPM_MAX_THREADS);
    return NULL;
  }
  switch (kind) {
    case DDPM_BACKEND_REFERENCE:
      backend = ddpm_reference_backend_new (precision, threads, error);
      break;
    case DDPM_BACKEND_CPU:
      backend = ddpm_cpu_backend_new (precision, threads, error);
      break;
    case DDPM_BACKEND_CUDA:
      backend = cuda_backend_new (precision, threads, device, context, error);
      break;
    case DDPM_BACKEND_AUTO:
      if (has_cuda_driver ())
        backend = probed_cuda_backend_new (precision, threads, context);
      if (backend == NULL)
        backend = ddpm_cpu_backend_new (precision, threads, error);
      break;
  }
  if (backend)
    g_atomic_ref_count_init (&backend->refcount);
  return backend;
}
