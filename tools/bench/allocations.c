/* gst-ddpm: ddpm-bench: counting calls of malloc() and its family
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * If a program defines these functions, all libraries of the process call them
 * (glibc manual, "Replacing malloc"). These count, and call those of the C
 * library. A sanitizer has an allocator of its own, which must not be replaced.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "tools/bench/process.h"

#if defined (__GLIBC__) && !defined (__SANITIZE_ADDRESS__) \
    && !defined (__SANITIZE_THREAD__)

static gint64 calls, bytes;

static struct
{
  void *(*malloc) (size_t);
  void *(*calloc) (size_t, size_t);
  void *(*realloc) (void *, size_t);
  void *(*memalign) (size_t, size_t);
} next;

/* The process makes its first call before it has threads. dlsym() does not
 * allocate if it succeeds. */
static void
count (size_t size)
{
  if (next.memalign == NULL) {
    next.malloc = dlsym (RTLD_NEXT, "malloc");
    next.calloc = dlsym (RTLD_NEXT, "calloc");
    next.realloc = dlsym (RTLD_NEXT, "realloc");
    next.memalign = dlsym (RTLD_NEXT, "memalign");
  }
  __atomic_fetch_add (&calls, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add (&bytes, size, __ATOMIC_RELAXED);
}

void *
malloc (size_t size)
{
  count (size);
  return next.malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  count (n * size);
  return next.calloc (n, size);
}

void *
realloc (void *p, size_t size)
{
  count (size);
  return next.realloc (p, size);
}

void *
memalign (size_t alignment, size_t size)
{
  count (size);
  return next.memalign (alignment, size);
}

void *
aligned_alloc (size_t alignment, size_t size)
{
  return memalign (alignment, size);
}

int
posix_memalign (void **p, size_t alignment, size_t size)
{
  void *memory;

  if (alignment % sizeof (void *) != 0 || (alignment & (alignment - 1)) != 0
      || alignment == 0)
    return EINVAL;
  memory = memalign (alignment, size);
  if (memory == NULL)
    return ENOMEM;
  *p = memory;
  return 0;
}

void
bench_allocations_read (BenchAllocations * allocations)
{
  allocations->calls = __atomic_load_n (&calls, __ATOMIC_RELAXED);
  allocations->bytes = __atomic_load_n (&bytes, __ATOMIC_RELAXED);
}

#else

void
bench_allocations_read (BenchAllocations * allocations)
{
  allocations->calls = allocations->bytes = -1;
}

#endif
