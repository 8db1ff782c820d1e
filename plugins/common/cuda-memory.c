/* gst-ddpm: tensors in GPU memory
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The memory of GstCuda holds video frames only, so this is an allocator for
 * floats. A backend owns the memory, and copies it to the host and back when it is
 * mapped without GST_DDPM_MAP_CUDA.
 */
#include "plugins/common/cuda-memory.h"

typedef struct
{
  GstAllocator parent;
  DdpmBackend *backend;
} GstDdpmCudaAllocator;

typedef struct
{
  GstAllocatorClass parent_class;
} GstDdpmCudaAllocatorClass;

typedef struct
{
  GstMemory mem;
  gpointer device;

  GMutex lock;                  /* protects the members below */
  gpointer host;                /* NULL: not mapped to the host */
  guint n_maps;                 /* number of mappings to the host */
  gboolean written;
} Memory;

static GType gst_ddpm_cuda_allocator_get_type (void);
G_DEFINE_TYPE (GstDdpmCudaAllocator, gst_ddpm_cuda_allocator,
    GST_TYPE_ALLOCATOR);

static DdpmBackend *
get_backend (Memory * memory)
{
  return ((GstDdpmCudaAllocator *) memory->mem.allocator)->backend;
}

/* FALSE: the backend failed, which is logged */
static gboolean
check_backend (Memory * memory)
{
  g_autoptr (GError) error = NULL;

  if (ddpm_backend_check (get_backend (memory), &error))
    return TRUE;
  GST_ERROR_OBJECT (memory->mem.allocator, "%s", error->message);
  return FALSE;
}

/* --- allocating and freeing ----------------------------------------------- */

static GstMemory *
gst_ddpm_cuda_allocator_alloc (GstAllocator * allocator, gsize size,
    GstAllocationParams * params)
{
  DdpmBackend *b = ((GstDdpmCudaAllocator *) allocator)->backend;
  gpointer device = ddpm_backend_alloc (b, size);
  Memory *memory;

  if (device == NULL)
    return NULL;
  memory = g_new0 (Memory, 1);
  gst_memory_init (&memory->mem, params->flags | GST_MEMORY_FLAG_NO_SHARE,
      allocator, NULL, size, 0, 0, size);
  memory->device = device;
  g_mutex_init (&memory->lock);
  return &memory->mem;
}

static void
gst_ddpm_cuda_allocator_free (GstAllocator * allocator, GstMemory * mem)
{
  Memory *memory = (Memory *) mem;

  ddpm_backend_free (get_backend (memory), memory->device);
  check_backend (memory);
  g_mutex_clear (&memory->lock);
  g_free (memory);
}

/* --- mapping -------------------------------------------------------------- */

static gboolean
download (Memory * memory)
{
  ddpm_backend_download (get_backend (memory), memory->host, memory->device,
      memory->mem.maxsize);
  return check_backend (memory);
}

/* Complete after the call: the next reader may use another stream. */
static void
upload (Memory * memory)
{
  DdpmBackend *b = get_backend (memory);

  ddpm_backend_upload (b, memory->device, memory->host, memory->mem.maxsize);
  ddpm_backend_wait (b);
  check_backend (memory);
}

static gpointer
map_to_host (Memory * memory, GstMapFlags flags)
{
  gpointer host;

  g_mutex_lock (&memory->lock);
  if (memory->host == NULL) {
    memory->host = g_try_malloc (MAX (memory->mem.maxsize, 1));
    if (memory->host && !download (memory))
      g_clear_pointer (&memory->host, g_free);
  }
  host = memory->host;
  if (host) {
    memory->n_maps++;
    memory->written |= (flags & GST_MAP_WRITE) != 0;
  }
  g_mutex_unlock (&memory->lock);
  return host;
}

static gpointer
gst_ddpm_cuda_memory_map (GstMemory * mem, GstMapInfo * info, gsize maxsize)
{
  Memory *memory = (Memory *) mem;

  if (info->flags & GST_DDPM_MAP_CUDA)
    return memory->device;
  return map_to_host (memory, info->flags);
}

static void
gst_ddpm_cuda_memory_unmap (GstMemory * mem, GstMapInfo * info)
{
  Memory *memory = (Memory *) mem;

  if (info->flags & GST_DDPM_MAP_CUDA)
    return;
  g_mutex_lock (&memory->lock);
  if (--memory->n_maps == 0) {
    if (memory->written)
      upload (memory);
    memory->written = FALSE;
    g_clear_pointer (&memory->host, g_free);
  }
  g_mutex_unlock (&memory->lock);
}

/* Copies the whole memory, and then restricts the copy to the part. */
static GstMemory *
gst_ddpm_cuda_memory_copy (GstMemory * mem, gssize offset, gssize size)
{
  GstMemory *copied = gst_allocator_alloc (mem->allocator, mem->maxsize, NULL);
  DdpmBackend *b = get_backend ((Memory *) mem);

  if (copied == NULL)
    return NULL;
  ddpm_backend_copy (b, ((Memory *) copied)->device, ((Memory *) mem)->device,
      mem->maxsize);
  ddpm_backend_wait (b);
  if (!check_backend ((Memory *) mem)) {
    gst_memory_unref (copied);
    return NULL;
  }
  gst_memory_resize (copied, mem->offset + offset,
      size == -1 ? (gssize) mem->size - offset : size);
  return copied;
}

/* --- the allocator -------------------------------------------------------- */

static void
gst_ddpm_cuda_allocator_finalize (GObject * object)
{
  ddpm_backend_unref (((GstDdpmCudaAllocator *) object)->backend);
  G_OBJECT_CLASS (gst_ddpm_cuda_allocator_parent_class)->finalize (object);
}

static void
gst_ddpm_cuda_allocator_class_init (GstDdpmCudaAllocatorClass * klass)
{
  GstAllocatorClass *allocator_class = GST_ALLOCATOR_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = gst_ddpm_cuda_allocator_finalize;
  allocator_class->alloc = gst_ddpm_cuda_allocator_alloc;
  allocator_class->free = gst_ddpm_cuda_allocator_free;
}

static void
gst_ddpm_cuda_allocator_init (GstDdpmCudaAllocator * self)
{
  GstAllocator *allocator = GST_ALLOCATOR (self);

  allocator->mem_type = GST_DDPM_CUDA_MEMORY_TYPE;
  allocator->mem_map_full = gst_ddpm_cuda_memory_map;
  allocator->mem_unmap_full = gst_ddpm_cuda_memory_unmap;
  allocator->mem_copy = gst_ddpm_cuda_memory_copy;
}

GstAllocator *
gst_ddpm_cuda_allocator_new (DdpmBackend * backend)
{
  GstDdpmCudaAllocator *self =
      g_object_new (gst_ddpm_cuda_allocator_get_type (), NULL);

  self->backend = ddpm_backend_ref (backend);
  return gst_object_ref_sink (GST_ALLOCATOR (self));
}

/* --- buffers -------------------------------------------------------------- */

gboolean
gst_ddpm_cuda_buffer_is_for (GstBuffer * buffer, DdpmBackend * backend)
{
  GstMemory *mem;

  if (gst_buffer_n_memory (buffer) != 1)
    return FALSE;
  mem = gst_buffer_peek_memory (buffer, 0);
  return gst_memory_is_type (mem, GST_DDPM_CUDA_MEMORY_TYPE)
      && ddpm_backend_get_context (backend) != NULL
      && ddpm_backend_get_context (get_backend ((Memory *) mem))
      == ddpm_backend_get_context (backend);
}

void
gst_ddpm_cuda_decide_tensors (GstQuery * query, DdpmBackend * backend,
    guint size)
{
  GstAllocator *allocator = gst_ddpm_cuda_allocator_new (backend);

  while (gst_query_get_n_allocation_pools (query) > 0)
    gst_query_remove_nth_allocation_pool (query, 0);
  while (gst_query_get_n_allocation_params (query) > 0)
    gst_query_remove_nth_allocation_param (query, 0);
  gst_query_add_allocation_param (query, allocator, NULL);
  /* GstBaseSrc and GstBaseTransform replace NULL by a pool that uses it. */
  gst_query_add_allocation_pool (query, NULL, size, 0, 0);
  gst_object_unref (allocator);
}
