/* gst-ddpm: backends: the public handle, and memory
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/ops.h"
#include "kernels/timer.h"

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

G_DEFINE_BOXED_TYPE (DdpmBackend, ddpm_backend, ddpm_backend_ref,
    ddpm_backend_unref);

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
    ddpm_plan_free (p->plans[i]);
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
