/* gst-ddpm: CUDA kernels on the CPU: turns of threads, and memory
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
/* it treats a jump from one stack to another as an error */
#undef _FORTIFY_SOURCE

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <algorithm>
#include <random>
#include <vector>

#include "tests/support/host-cuda.h"

enum Waiting
{ NOT, FOR_BLOCK, FOR_WARP, OVER };

struct Thread
{
  HostCudaThread who;
  jmp_buf place;
  std::vector < char > stack;
  Waiting waiting;
  uint64_t value;               /* for the other threads of its warp */
};

static const size_t most_threads = 1024, stack_size = 64 << 10, warp_size = 32;
static Thread threads[most_threads];
static Thread *now;
static jmp_buf scheduler;
static const HostCudaWork *running;
static uint4 *shared_memory;
static HostCudaOrder order;
static unsigned launches;

HostCudaThread *host_cuda_now;
void (*host_cuda_take) (const HostCudaWork & work);

static void
fail (const char *what)
{
  fprintf (stderr, "a kernel on the host: %s\n", what);
  abort ();
}

/* --- called by threads ---------------------------------------------------- */

static void
wait_for (Waiting what)
{
  now->waiting = what;
  if (_setjmp (now->place) == 0)
    _longjmp (scheduler, 1);
}

void
host_cuda_sync_block ()
{
  wait_for (FOR_BLOCK);
}

uint64_t
host_cuda_exchange (uint64_t value, unsigned lane_mask)
{
  const size_t other = (size_t) (now - threads) ^ lane_mask;
  uint64_t found;

  now->value = value;
  wait_for (FOR_WARP);
  found = threads[other].value;
  wait_for (FOR_WARP);          /* no value changes before all have read it */
  return found;
}

uint4 *
launched_shared ()
{
  return shared_memory;
}

static void
live ()
{
  wait_for (NOT);
  (*running) ();
  wait_for (OVER);
}

/* --- turns ---------------------------------------------------------------- */

/* Gives the thread a stack of its own, on which it waits for its first turn.
 * Later turns use longjmp: swapcontext would make system calls for signals. */
static void
start (Thread * t)
{
  ucontext_t context;

  t->stack.resize (stack_size);
  getcontext (&context);
  context.uc_stack.ss_sp = t->stack.data ();
  context.uc_stack.ss_size = stack_size;
  context.uc_link = nullptr;
  makecontext (&context, live, 0);
  now = t;
  if (_setjmp (scheduler) == 0)
    setcontext (&context);
}

static void
go_on (Thread * t)
{
  now = t;
  host_cuda_now = &t->who;
  if (_setjmp (scheduler) == 0)
    _longjmp (t->place, 1);
}

static std::vector < size_t > turns (size_t count)
{
  std::vector < size_t > order_of (count);

  for (size_t i = 0; i < count; i++)
    order_of[i] = order == HOST_CUDA_LAST_TO_FIRST ? count - 1 - i : i;
  if (order == HOST_CUDA_MIXED)
    std::shuffle (order_of.begin (), order_of.end (), std::mt19937 (1));
  return order_of;
}

/* Lets all threads go on that wait for what, if none is missing. In a block,
 * threads that have ended are not missing; in a warp they are. */
static bool
release (size_t first, size_t last, Waiting what)
{
  size_t waiting = 0, over = 0;

  for (size_t i = first; i < last; i++) {
    waiting += threads[i].waiting == what;
    over += threads[i].waiting == OVER;
  }
  if (waiting == 0 || waiting + (what == FOR_BLOCK ? over : 0) < last - first)
    return false;
  for (size_t i = first; i < last; i++) {
    if (threads[i].waiting == what)
      threads[i].waiting = NOT;
  }
  return true;
}

static void
run_block (uint3 index, dim3 grid, dim3 block)
{
  const size_t count = (size_t) block.x * block.y * block.z;
  const std::vector < size_t > order_of = turns (count);
  size_t over = 0;

  for (size_t i = 0; i < count; i++) {
    Thread *t = &threads[i];

    t->who.thread = make_uint3 (i % block.x, i / block.x % block.y,
        i / block.x / block.y);
    t->who.block = index;
    t->who.threads = block;
    t->who.blocks = grid;
    start (t);
  }
  while (over < count) {
    bool released = false;

    for (size_t i : order_of) {
      if (threads[i].waiting != NOT)
        continue;
      go_on (&threads[i]);
      over += threads[i].waiting == OVER;
    }
    for (size_t i = 0; i < count; i += warp_size)
      released |= release (i, std::min (i + warp_size, count), FOR_WARP);
    released |= release (0, count, FOR_BLOCK);
    if (over < count && !released)
      fail ("threads wait that not all come to");
  }
}

void
host_cuda_do (const HostCudaWork & work)
{
  if (host_cuda_take)
    host_cuda_take (work);
  else
    work ();
}

void
host_cuda_launch (const HostCudaWork & kernel, dim3 grid, dim3 block,
    size_t shared_size)
{
  const size_t blocks = (size_t) grid.x * grid.y * grid.z;

  launches++;
  if (blocks == 0 || grid.y > 65535 || grid.z > 65535 || block.x == 0
      || block.y == 0 || block.z == 0
      || (size_t) block.x * block.y * block.z > most_threads)
    fail ("no such grid");
  running = &kernel;
  shared_memory = (uint4 *) host_cuda_alloc (shared_size);
  for (size_t i : turns (blocks)) {
    memset (shared_memory, 0xff, shared_size);
    run_block (make_uint3 (i % grid.x, i / grid.x % grid.y,
            i / grid.x / grid.y), grid, block);
  }
  host_cuda_free (shared_memory);
}

void
host_cuda_set_order (HostCudaOrder new_order)
{
  order = new_order;
}

unsigned
host_cuda_launches ()
{
  return launches;
}

/* --- memory --------------------------------------------------------------- */

/* A page before the memory holds how many bytes were mapped. */
void *
host_cuda_alloc (size_t size)
{
  const size_t page = sysconf (_SC_PAGESIZE), rounded = (size + 15) / 16 * 16;
  const size_t inside = page + (rounded + page - 1) / page * page;
  char *memory = (char *) mmap (NULL, inside + page, PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (memory == MAP_FAILED
      || mprotect (memory + inside, page, PROT_NONE) != 0)
    fail ("no memory");
  *(size_t *) memory = inside + page;
  return memory + inside - rounded;
}

void
host_cuda_free (void *p)
{
  const size_t page = sysconf (_SC_PAGESIZE);
  char *memory = (char *) ((uintptr_t) p / page * page) - page;

  if (p == NULL)
    return;
  munmap (memory, *(size_t *) memory);
}
