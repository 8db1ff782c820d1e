/* gst-ddpm: choosing a machine that computes
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "config.h"

#include <gmodule.h>
#include "kernels/backends.h"
#include "kernels/timer.h"

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
  /* Its threads and types outlive any one backend. */
  g_module_make_resident (module);
  return ((DdpmCudaBackendNewFunc) symbol) (precision, threads, device,
      context, error);
}

/* What the module brings with it is large and takes its time to load: in vain,
 * where the library of NVIDIA's driver is not. */
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

/* Where there is a choice, it is made before there is a network. */
static DdpmBackend *
ready_cuda_backend_new (DdpmPrecision precision, guint threads,
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
        backend = ready_cuda_backend_new (precision, threads, context);
      if (backend == NULL)
        backend = ddpm_cpu_backend_new (precision, threads, error);
      break;
  }
  if (backend)
    g_atomic_ref_count_init (&backend->refcount);
  return backend;
}

DdpmBackend *
ddpm_backend_ref (DdpmBackend * backend)
{
  g_atomic_ref_count_inc (&backend->refcount);
  return backend;
}

void
ddpm_backend_unref (DdpmBackend * backend)
{
  gpointer owner;
  GDestroyNotify free_owner;

  if (!g_atomic_ref_count_dec (&backend->refcount))
    return;
  owner = backend->owner;
  free_owner = backend->free_owner;
  g_free (backend->device);
  backend->ops->finalize (backend);
  if (free_owner)
    free_owner (owner);
}

void
ddpm_backend_attach_owner (DdpmBackend * backend, gpointer object,
    GDestroyNotify free_func)
{
  g_return_if_fail (backend->free_owner == NULL);

  backend->owner = object;
  backend->free_owner = free_func;
}

gpointer
ddpm_backend_get_context (DdpmBackend * backend)
{
  return backend->context;
}

gboolean
ddpm_backend_probe (DdpmBackend * backend, GError ** error)
{
  return backend->ops->probe == NULL || backend->ops->probe (backend, error);
}

gboolean
ddpm_backend_check (DdpmBackend * backend, GError ** error)
{
  return backend->ops->check == NULL || backend->ops->check (backend, error);
}

const gchar *
ddpm_backend_get_name (DdpmBackend * backend)
{
  return backend->name;
}

const gchar *
ddpm_backend_get_device (DdpmBackend * backend)
{
  return backend->device;
}

DdpmPrecision
ddpm_backend_get_precision (DdpmBackend * backend)
{
  return backend->precision;
}

const gchar *
ddpm_backend_get_precision_name (DdpmBackend * backend)
{
  switch (backend->precision) {
    case DDPM_PRECISION_BF16:
      return "bf16";
    case DDPM_PRECISION_BF16_EMULATED:
      return "bf16 (emulated)";
    default:
      return "f32";
  }
}

typedef struct
{
  DdpmBackend *backend;
  DdpmPlan **plans;
  guint n;
} Plans;

static void
free_plans (gpointer data)
{
  const Plans *p = data;

  for (guint i = 0; i < p->n; i++)
    p->backend->ops->plan_free (p->plans[i]);
}

void
ddpm_backend_free_plans (DdpmBackend * b, DdpmPlan ** plans, guint n)
{
  Plans all = { b, plans, n };

  ddpm_backend_run (b, free_plans, &all);
}

/* --- memory ------------------------------------------------------------- */

gpointer
ddpm_backend_alloc (DdpmBackend * backend, gsize size)
{
  return backend->ops->alloc (backend, size);
}

void
ddpm_backend_free (DdpmBackend * backend, gpointer memory)
{
  if (memory)
    backend->ops->free (backend, memory);
}

void
ddpm_backend_zero (DdpmBackend * backend, gpointer dest, gsize size)
{
  ddpm_timer_start (backend);
  backend->ops->zero (backend, dest, size);
  ddpm_timer_lap (backend, DDPM_TIMER_COPY, 0.0);
}

void
ddpm_backend_copy (DdpmBackend * backend, gpointer dest, gconstpointer src,
    gsize size)
{
  ddpm_timer_start (backend);
  backend->ops->copy (backend, dest, src, size);
  ddpm_timer_lap (backend, DDPM_TIMER_COPY, 0.0);
}

void
ddpm_backend_upload (DdpmBackend * backend, gpointer dest, gconstpointer src,
    gsize size)
{
  ddpm_timer_start (backend);
  backend->ops->upload (backend, dest, src, size);
  ddpm_timer_lap (backend, DDPM_TIMER_COPY, 0.0);
}

void
ddpm_backend_download (DdpmBackend * backend, gpointer dest, gconstpointer src,
    gsize size)
{
  ddpm_timer_start (backend);
  backend->ops->download (backend, dest, src, size);
  ddpm_timer_lap (backend, DDPM_TIMER_COPY, 0.0);
}

void
ddpm_backend_wait (DdpmBackend * backend)
{
  ddpm_timer_start (backend);
  if (backend->ops->wait)
    backend->ops->wait (backend);
  ddpm_timer_lap (backend, DDPM_TIMER_COPY, 0.0);
}
