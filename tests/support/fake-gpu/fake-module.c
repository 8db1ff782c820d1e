/* gst-ddpm: a fake CUDA module: the reference backend on two fake GPUs
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The memory of a "GPU" can be accessed only while the backend computes or
 * copies: code that takes it for system memory crashes. Pictures for other
 * elements must have been waited for, or be ordered with their stream.
 */
#include <gmodule.h>
#include <string.h>
#include <sys/mman.h>

#include "kernels/backends.h"

#define N_GPUS 2
#define MEMORY ((gsize) 1 << 30)        /* never freed; few pages are used */

/* Bytes that were copied to the host */
G_MODULE_EXPORT gsize fake_gpu_downloads;
/* How often probe () was called, and whether it fails */
G_MODULE_EXPORT gsize fake_gpu_readied;
G_MODULE_EXPORT gsize fake_gpu_lacks;
/* Pictures that were read on the device */
G_MODULE_EXPORT gsize fake_gpu_pictures;
/* How often memory was allocated, and how often the host waited */
G_MODULE_EXPORT gsize fake_gpu_allocations;
G_MODULE_EXPORT gsize fake_gpu_waits;
/* Pictures whose painting waited for another stream, and pictures that another
 * stream waited for; the last such stream */
G_MODULE_EXPORT gsize fake_gpu_followed;
G_MODULE_EXPORT gsize fake_gpu_led;
G_MODULE_EXPORT gsize fake_gpu_stream;

static GRecMutex lock;
static guint depth;
static guint8 *memory;
static gsize used;
static gboolean pending;        /* written for other elements, and not waited for */
static gboolean forgotten;      /* was pending when run () returned */
static gboolean follows;        /* has waited for another stream */

static DdpmOps ops;
static const DdpmOps *inner;

static void
enter (void)
{
  g_rec_mutex_lock (&lock);
  if (depth++ == 0)
    mprotect (memory, MEMORY, PROT_READ | PROT_WRITE);
}

static void
leave (void)
{
  if (--depth == 0)
    mprotect (memory, MEMORY, PROT_NONE);
  g_rec_mutex_unlock (&lock);
}

static void
fake_run (DdpmBackend * b, void (*func) (gpointer data), gpointer data)
{
  enter ();
  func (data);
  forgotten |= pending;
  leave ();
}

static gboolean
fake_check (DdpmBackend * b, GError ** error)
{
  gboolean ok;

  g_rec_mutex_lock (&lock);
  ok = !forgotten;
  pending = forgotten = FALSE;
  g_rec_mutex_unlock (&lock);
  if (!ok)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_LIBRARY,
        "%s was not waited for", b->device);
  return ok;
}

static gboolean
fake_probe (DdpmBackend * b, GError ** error)
{
  fake_gpu_readied++;
  if (fake_gpu_lacks == 0)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_LIBRARY, "%s lacks a library",
      b->device);
  return FALSE;
}

static gpointer
fake_alloc (DdpmBackend * b, gsize size)
{
  gpointer p;

  g_rec_mutex_lock (&lock);
  p = size > MEMORY - used ? NULL : memory + used;
  if (p) {
    fake_gpu_allocations++;
    used += (size + 63) & ~(gsize) 63;
  }
  g_rec_mutex_unlock (&lock);
  return p;
}

static void
fake_free (DdpmBackend * b, gpointer p)
{
}

static void
fake_download (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  enter ();
  inner->download (b, dst, src, size);
  fake_gpu_downloads += size;
  leave ();
}

static void
fake_upload (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  enter ();
  inner->upload (b, dst, src, size);
  leave ();
}

static void
fake_copy (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  enter ();
  inner->copy (b, dst, src, size);
  leave ();
}

static void
fake_zero (DdpmBackend * b, gpointer dst, gsize size)
{
  enter ();
  inner->zero (b, dst, size);
  leave ();
}

static void
fake_wait (DdpmBackend * b)
{
  g_rec_mutex_lock (&lock);
  fake_gpu_waits++;
  pending = FALSE;
  g_rec_mutex_unlock (&lock);
}

static void
fake_wait_event (DdpmBackend * b, gpointer stream)
{
  fake_gpu_stream = (gsize) stream;
  follows = TRUE;
}

static void
fake_record_event (DdpmBackend * b, gpointer stream)
{
  fake_gpu_led += fake_gpu_stream == (gsize) stream;
  pending = FALSE;
}

static void
fake_noise (DdpmBackend * b, guint64 seed, guint64 first_sample,
    guint32 stream, guint32 interval, guint n, guint elements, float *out)
{
  inner->noise (b, seed, first_sample, stream, interval, n, elements, out);
  pending = TRUE;
}

static void
fake_to_picture (DdpmBackend * b, const float *x, const DdpmPicture * p)
{
  inner->to_picture (b, x, p);
  fake_gpu_followed += follows;
  follows = FALSE;
  pending = TRUE;
}

/* The picture may be overwritten once this has been waited for. */
static void
fake_from_picture (DdpmBackend * b, const DdpmPicture * p, guint8 * pixels)
{
  inner->from_picture (b, p, pixels);
  fake_gpu_pictures += p->n;
  pending = TRUE;
}

static gboolean
reserve_memory (void)
{
  if (memory == NULL)
    memory = mmap (NULL, MEMORY, PROT_NONE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory != MAP_FAILED;
}

G_MODULE_EXPORT DdpmBackend *ddpm_cuda_backend_new_on (DdpmPrecision precision,
    guint threads, gint device, gpointer context, GError ** error);

DdpmBackend *
ddpm_cuda_backend_new_on (DdpmPrecision precision, guint threads, gint device,
    gpointer context, GError ** error)
{
  static gint primary[N_GPUS];
  DdpmBackend *b;

  device = MAX (device, 0);
  if (device >= N_GPUS || !reserve_memory ()) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs fake GPU %d, but there are only %d", device,
        N_GPUS);
    return NULL;
  }
  b = ddpm_reference_backend_new (DDPM_PRECISION_F32, 1, error);
  if (b == NULL)
    return NULL;
  inner = b->ops;
  ops = *inner;
  ops.run = fake_run;
  ops.check = fake_check;
  ops.probe = fake_probe;
  ops.alloc = fake_alloc;
  ops.free = fake_free;
  ops.upload = fake_upload;
  ops.download = fake_download;
  ops.zero = fake_zero;
  ops.copy = fake_copy;
  ops.wait = fake_wait;
  ops.wait_event = fake_wait_event;
  ops.record_event = fake_record_event;
  ops.noise = fake_noise;
  ops.to_picture = fake_to_picture;
  ops.from_picture = fake_from_picture;
  b->ops = &ops;
  b->name = "cuda";
  g_free (b->device);
  b->device = g_strdup_printf ("fake GPU %d", device);
  b->host_memory = FALSE;
  b->context = context ? context : &primary[device];
  return b;
}
