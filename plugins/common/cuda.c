/* gst-ddpm: the CUDA context that an element shares with others (GstCuda)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GstCuda is opened at run time (dlopen), as GstCuda opens the driver, so that
 * the plugin also loads without it. The declarations in gstcuda.h hold for all
 * its versions since 1.22: tests/elements/check-gstcuda.c compares them with the
 * installed version.
 *
 * CUDA's runtime would use the primary context of the GPU, but GstCuda has
 * contexts of its own. Memory of one context cannot be used in another, so the
 * backend computes in GstCuda's context.
 */
#include <gmodule.h>

#include "plugins/common/cuda.h"
#include "plugins/common/cuda-memory.h"
#include "plugins/common/gstcuda.h"

/* --- the library ---------------------------------------------------------- */

#define LIBRARY "libgstcuda-1.0.so.0"

static gboolean
find_all (GModule * module, GstDdpmGstCuda * functions)
{
#define FIND(name) \
    g_module_symbol (module, "gst_" #name, (gpointer *) &functions->name)
  functions->has_streams = FIND (cuda_memory_sync)
      && FIND (cuda_memory_get_stream) && FIND (cuda_stream_get_handle)
      && FIND (buffer_pool_config_get_cuda_stream)
      && FIND (buffer_pool_config_set_cuda_stream);
  return FIND (cuda_load_library) && FIND (cuda_ensure_element_context)
      && FIND (cuda_handle_set_context) && FIND (cuda_handle_context_query)
      && FIND (cuda_context_get_handle) && FIND (cuda_buffer_pool_new)
      && FIND (cuda_memory_init_once);
#undef FIND
}

/* Checked first, because GstCuda loads OpenGL's libraries and more, which would be
 * useless without a driver. */
static gboolean
has_driver (void)
{
  GModule *driver = g_module_open ("libcuda.so.1",
      G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);

  if (driver)
    g_module_close (driver);
  return driver != NULL;
}

static gboolean
open_library (GstDdpmGstCuda * functions)
{
  GModule *module;

  if (!has_driver ())
    return FALSE;
  module = g_module_open (LIBRARY, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  if (module == NULL) {
    GST_INFO ("no GstCuda: %s", g_module_error ());
    return FALSE;
  }
  if (!find_all (module, functions)) {
    GST_WARNING ("this GstCuda cannot be used: %s", g_module_error ());
    g_module_close (module);
    return FALSE;
  }
  /* GTypes cannot be unloaded. */
  g_module_make_resident (module);
  if (!functions->cuda_load_library ()) {
    GST_INFO ("no driver that GstCuda can open");
    return FALSE;
  }
  functions->cuda_memory_init_once ();
  return TRUE;
}

/* NULL: no GstCuda, or no driver */
static const GstDdpmGstCuda *
get_gstcuda (void)
{
  static GstDdpmGstCuda functions;
  static gsize state = 0;       /* 1: usable, 2: not */

  if (g_once_init_enter (&state))
    g_once_init_leave (&state, open_library (&functions) ? 1 : 2);
  return state == 1 ? &functions : NULL;
}

/* --- of an element -------------------------------------------------------- */

void
gst_ddpm_cuda_init (GstDdpmCuda * cuda, GstElement * element,
    const GstDdpmCompute * compute)
{
  cuda->element = element;
  cuda->compute = compute;
  g_rec_mutex_init (&cuda->lock);
  g_mutex_init (&cuda->mutex);
  cuda->found = cuda->context = NULL;
}

void
gst_ddpm_cuda_clear (GstDdpmCuda * cuda)
{
  gst_ddpm_cuda_release (cuda);
  g_mutex_clear (&cuda->mutex);
  g_rec_mutex_clear (&cuda->lock);
}

/* Lets other elements see the context. The caller holds the lock. */
static void
publish_context (GstDdpmCuda * cuda)
{
  g_mutex_lock (&cuda->mutex);
  gst_object_replace (&cuda->context, cuda->found);
  g_mutex_unlock (&cuda->mutex);
}

void
gst_ddpm_cuda_release (GstDdpmCuda * cuda)
{
  g_rec_mutex_lock (&cuda->lock);
  gst_clear_object (&cuda->found);
  publish_context (cuda);
  g_rec_mutex_unlock (&cuda->lock);
}

/* Takes only the mutex, because two elements may query each other at the same
 * time, each with its own lock. Returns: (transfer full) (nullable) */
static GstObject *
get_context (GstDdpmCuda * cuda)
{
  GstObject *context = NULL;

  g_mutex_lock (&cuda->mutex);
  gst_object_replace (&context, cuda->context);
  g_mutex_unlock (&cuda->mutex);
  return context;
}

/* --- contexts ------------------------------------------------------------- */

/* Called within ensure_context () in the same thread, or by the application at any
 * time. The first context is kept. */
void
gst_ddpm_cuda_set_context (GstDdpmCuda * cuda, GstContext * context)
{
  const GstDdpmGstCuda *gstcuda;
  gint device_id;

  if (context == NULL
      || !gst_context_has_context_type (context, GST_DDPM_GSTCUDA_CONTEXT_TYPE)
      || (gstcuda = get_gstcuda ()) == NULL)
    return;
  GST_OBJECT_LOCK (cuda->element);
  device_id = cuda->compute->device_id;
  GST_OBJECT_UNLOCK (cuda->element);
  g_rec_mutex_lock (&cuda->lock);
  if (cuda->found == NULL)
    gstcuda->cuda_handle_set_context (cuda->element, context, device_id,
        (GstCudaContext **) & cuda->found);
  publish_context (cuda);
  g_rec_mutex_unlock (&cuda->lock);
}

gboolean
gst_ddpm_cuda_answer (GstDdpmCuda * cuda, GstQuery * query)
{
  g_autoptr (GstObject) context = NULL;

  if (GST_QUERY_TYPE (query) == GST_QUERY_CONTEXT)
    context = get_context (cuda);
  return context && get_gstcuda ()->cuda_handle_context_query (cuda->element,
      query, (GstCudaContext *) context);
}

/* Returns: (transfer full) (nullable): NULL: no context is available */
static GstObject *
ensure_context (GstDdpmCuda * cuda, gint device_id)
{
  const GstDdpmGstCuda *gstcuda = get_gstcuda ();

  if (gstcuda == NULL)
    return NULL;
  g_rec_mutex_lock (&cuda->lock);
  gstcuda->cuda_ensure_element_context (cuda->element, device_id,
      (GstCudaContext **) & cuda->found);
  publish_context (cuda);
  g_rec_mutex_unlock (&cuda->lock);
  return get_context (cuda);
}

/* A backend that computes in a context of GstCuda. NULL, with error: it failed */
static DdpmBackend *
backend_new_in (GstObject * context, const GstDdpmCompute * compute,
    GError ** error)
{
  gpointer handle =
      get_gstcuda ()->cuda_context_get_handle ((GstCudaContext *) context);
  DdpmBackend *backend;
  guint device_id;

  g_object_get (context, "cuda-device-id", &device_id, NULL);
  backend = ddpm_backend_new_on (DDPM_BACKEND_CUDA, compute->precision,
      compute->threads, device_id, handle, error);
  if (backend)
    ddpm_backend_attach_owner (backend, gst_object_ref (context),
        gst_object_unref);
  return backend;
}

gboolean
gst_ddpm_cuda_is_possible (const GstDdpmCompute * compute,
    DdpmBackend * backend)
{
  if (backend)
    return ddpm_backend_get_context (backend) != NULL;
  return compute->backend == DDPM_BACKEND_CUDA
      || compute->backend == DDPM_BACKEND_AUTO;
}

static void
warn_of_device (GstElement * element, const GstDdpmCompute * compute)
{
  const GEnumValue *backend = gst_ddpm_backend_values;

  while (backend->value != (gint) compute->backend)
    backend++;
  GST_ELEMENT_WARNING (element, RESOURCE, SETTINGS, ("cuda-device-id=%d has no "
          "effect with backend=%s", compute->device_id, backend->value_nick),
      (NULL));
}

DdpmBackend *
gst_ddpm_cuda_backend_new (GstDdpmCuda * cuda, const GstDdpmCompute * compute,
    GError ** error)
{
  gboolean named = compute->backend == DDPM_BACKEND_CUDA
      || compute->device_id >= 0;
  g_autoptr (GstObject) context = NULL;
  DdpmBackend *backend;

  if (gst_ddpm_cuda_is_possible (compute, NULL))
    context = ensure_context (cuda, compute->device_id);
  if (compute->device_id >= 0 && !gst_ddpm_cuda_is_possible (compute, NULL))
    warn_of_device (cuda->element, compute);
  if (context == NULL)
    return ddpm_backend_new_on (compute->backend, compute->precision,
        compute->threads, compute->device_id, NULL, error);

  backend = backend_new_in (context, compute, named ? error : NULL);
  /* If the CPU is an alternative, make sure now that the GPU works. */
  if (backend && !named && !ddpm_backend_probe (backend, NULL))
    g_clear_pointer (&backend, ddpm_backend_unref);
  if (backend)
    return backend;
  gst_ddpm_cuda_release (cuda);
  return named ? NULL : ddpm_backend_new (compute->backend,
      compute->precision, compute->threads, error);
}

/* --- video ---------------------------------------------------------------- */

/* The application may have set a context after the backend was made. */
static gboolean
is_context_of (GstObject * context, DdpmBackend * backend)
{
  return context != NULL
      && get_gstcuda ()->cuda_context_get_handle ((GstCudaContext *) context)
      == ddpm_backend_get_context (backend);
}

gboolean
gst_ddpm_cuda_has_video (GstDdpmCuda * cuda, DdpmBackend * backend)
{
  g_autoptr (GstObject) context = get_context (cuda);

  return is_context_of (context, backend);
}

gboolean
gst_ddpm_cuda_is_video (GstBuffer * buffer)
{
  return gst_buffer_n_memory (buffer) == 1
      && gst_memory_is_type (gst_buffer_peek_memory (buffer, 0),
      GST_DDPM_GSTCUDA_MEMORY_TYPE);
}

/* Fails for memory of another CUDA context; the caller then maps the frame on the
 * host. */
gboolean
gst_ddpm_cuda_map_video (GstVideoFrame * frame, const GstVideoInfo * info,
    GstBuffer * buffer, DdpmBackend * backend)
{
  const GstDdpmGstCuda *gstcuda;
  GstMemory *memory;

  if (!gst_ddpm_cuda_is_video (buffer) || (gstcuda = get_gstcuda ()) == NULL)
    return FALSE;
  memory = gst_buffer_peek_memory (buffer, 0);
  if (!is_context_of ((GstObject *) ((GstDdpmGstCudaMemory *) memory)->context,
          backend)
      || !gst_video_frame_map (frame, info, buffer,
          GST_MAP_READ | GST_DDPM_MAP_CUDA))
    return FALSE;
  if (gstcuda->has_streams)
    gstcuda->cuda_memory_sync ((GstCudaMemory *) memory);
  return TRUE;
}

gpointer
gst_ddpm_cuda_get_stream (GstBuffer * buffer)
{
  const GstDdpmGstCuda *gstcuda = get_gstcuda ();

  if (gstcuda == NULL || !gstcuda->has_streams
      || !gst_ddpm_cuda_is_video (buffer))
    return NULL;
  return gstcuda->cuda_stream_get_handle (gstcuda->cuda_memory_get_stream (
          (GstCudaMemory *) gst_buffer_peek_memory (buffer, 0)));
}

/* Finds the CUDA stream in which downstream will read the frames, by the pool that
 * it offers. Returns: (transfer full); NULL: none, or one of another context */
static GstCudaStream *
find_stream (GstObject * context, GstQuery * query)
{
  const GstDdpmGstCuda *gstcuda = get_gstcuda ();
  GstCudaStream *stream;
  GstBufferPool *pool = NULL;
  GstStructure *config;

  if (gstcuda->has_streams && gst_query_get_n_allocation_pools (query) > 0)
    gst_query_parse_nth_allocation_pool (query, 0, &pool, NULL, NULL, NULL);
  if (pool == NULL)
    return NULL;
  config = gst_buffer_pool_get_config (pool);
  stream = gstcuda->buffer_pool_config_get_cuda_stream (config);
  gst_structure_free (config);
  gst_object_unref (pool);
  if (stream == NULL
      || (GstObject *) ((GstDdpmGstCudaStream *) stream)->context == context)
    return stream;
  gst_mini_object_unref (GST_MINI_OBJECT_CAST (stream));
  return NULL;
}

/* A pool of our own, because that of downstream may be in another context. The
 * pool pads rows for the device, and knows the size of a frame once it has the
 * caps. Returns: (transfer full) (nullable): NULL: it does not support the caps */
static GstBufferPool *
video_pool_new (GstObject * context, GstCudaStream * stream, GstCaps * caps,
    guint min, guint max, guint * size)
{
  const GstDdpmGstCuda *gstcuda = get_gstcuda ();
  GstBufferPool *pool =
      gstcuda->cuda_buffer_pool_new ((GstCudaContext *) context);
  GstStructure *config = gst_buffer_pool_get_config (pool);

  if (stream)
    gstcuda->buffer_pool_config_set_cuda_stream (config, stream);
  gst_buffer_pool_config_add_option (config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  gst_buffer_pool_config_set_params (config, caps, *size, min, max);
  if (!gst_buffer_pool_set_config (pool, config)) {
    gst_object_unref (pool);
    return NULL;
  }
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_get_params (config, NULL, size, NULL, NULL);
  gst_structure_free (config);
  return pool;
}

gboolean
gst_ddpm_cuda_decide_video (GstDdpmCuda * cuda, DdpmBackend * backend,
    GstQuery * query)
{
  g_autoptr (GstObject) context = get_context (cuda);
  g_autoptr (GstBufferPool) pool = NULL;
  GstCudaStream *stream;
  guint size, min = 0, max = 0;
  GstVideoInfo info;
  GstCaps *caps;

  gst_query_parse_allocation (query, &caps, NULL);
  if (caps == NULL || !gst_video_info_from_caps (&info, caps)
      || !is_context_of (context, backend))
    return FALSE;
  size = GST_VIDEO_INFO_SIZE (&info);
  stream = find_stream (context, query);
  if (gst_query_get_n_allocation_pools (query) > 0)
    gst_query_parse_nth_allocation_pool (query, 0, NULL, NULL, &min, &max);
  while (gst_query_get_n_allocation_pools (query) > 0)
    gst_query_remove_nth_allocation_pool (query, 0);
  while (gst_query_get_n_allocation_params (query) > 0)
    gst_query_remove_nth_allocation_param (query, 0);
  pool = video_pool_new (context, stream, caps, min, max, &size);
  if (pool)
    gst_query_add_allocation_pool (query, pool, size, min, max);
  if (stream)
    gst_mini_object_unref (GST_MINI_OBJECT_CAST (stream));
  return pool != NULL;
}
