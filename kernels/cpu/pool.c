/* gst-ddpm: CPU backend: the threads that compute with the compute thread
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Other processes want the cores, too: a thread may lose its core at any
 * moment. So work is not shared out in advance. Whoever has a core takes the
 * next piece, and the compute thread takes pieces like the workers: one that
 * lost its core holds up one piece, one that has not woken up nothing. Those
 * who wait spin for some microseconds, as long as it usually takes until the
 * next operation, and then sleep.
 *
 * The ticket says, in one word, which call it is of and which piece is next. A
 * worker that is late finds another call's ticket and takes nothing of it, or
 * takes what is there with that call's function.
 */
#include "kernels/cpu/private.h"

/* A pause is 40 nanoseconds or so on new processors, and less on others. */
#define SPINS 1000
/* Pieces of one call; a longer loop is several calls */
#define MAX_PIECES ((gsize) 1 << 30)
#define NO_PIECE G_MAXUINT32

#if defined (__x86_64__) || defined (__i386__)
#define pause() __builtin_ia32_pause ()
#else
#define pause() __asm__ volatile ("" ::: "memory")
#endif

#define load(variable) __atomic_load_n (&(variable), __ATOMIC_SEQ_CST)
#define store(variable, value) \
  __atomic_store_n (&(variable), value, __ATOMIC_SEQ_CST)

/* All of it is atomic. The ticket: the number of the call, and the next piece.
 * What a call is, is only valid for who takes a piece with the ticket that it
 * read before. */
static guint64 ticket __attribute__((aligned (64))) = NO_PIECE;
static CpuForFunc call_func;
static gconstpointer call_data;
static gsize call_first;        /* of the loop */
static guint32 call_pieces;
static guint threads_now = 1;   /* changes between calls */
/* Pieces that have not ended. Who waits for a call does not read this line. */
static guint32 pieces_left __attribute__((aligned (64)));

static GMutex lock;
static GCond called, ended;
/* Atomic: whether a worker may sleep that a call wakes up; the caller */
static guint sleeping, caller_sleeps;
static guint n_workers;         /* only in the compute thread */

static inline guint32
get_call (guint64 t)
{
  return t >> 32;
}

/* Returns FALSE if there is no piece left that this thread may take. */
static gboolean
take_piece (guint thread)
{
  guint64 t = load (ticket);

  while (TRUE) {
    const CpuForFunc func = load (call_func);
    const gconstpointer data = load (call_data);
    const gsize first = load (call_first);
    const guint32 piece = (guint32) t;

    if (piece >= load (call_pieces) || thread >= load (threads_now))
      return FALSE;
    if (__atomic_compare_exchange_n (&ticket, &t, t + 1, FALSE,
            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      func (data, first + piece, thread);
      return TRUE;
    }
  }
}

/* --- workers -------------------------------------------------------------- */

static void
end_piece (void)
{
  if (__atomic_sub_fetch (&pieces_left, 1, __ATOMIC_SEQ_CST) > 0
      || !load (caller_sleeps))
    return;
  g_mutex_lock (&lock);
  g_cond_signal (&ended);
  g_mutex_unlock (&lock);
}

/* Whether no call for this thread came after that one */
static inline gboolean
is_idle (guint thread, guint32 seen)
{
  return get_call (load (ticket)) == seen || thread >= load (threads_now);
}

static void
wait_for_call (guint thread, guint32 seen)
{
  for (guint i = 0; i < SPINS; i++) {
    if (!is_idle (thread, seen))
      return;
    pause ();
  }
  g_mutex_lock (&lock);
  while (TRUE) {
    if (thread < load (threads_now))
      store (sleeping, TRUE);
    if (!is_idle (thread, seen))
      break;
    g_cond_wait (&called, &lock);
  }
  g_mutex_unlock (&lock);
}

static gpointer
work (gpointer data)
{
  const guint thread = GPOINTER_TO_UINT (data);

  while (TRUE) {
    const guint32 call = get_call (load (ticket));

    while (take_piece (thread))
      end_piece ();
    wait_for_call (thread, call);
  }
  return NULL;
}

/* Where no more threads can be made, those that are there do the work. */
static void
start_workers (guint threads)
{
  while (n_workers + 1 < threads) {
    g_autofree gchar *name = g_strdup_printf ("ddpm-worker-%u", n_workers + 1);
    GThread *thread =
        g_thread_try_new (name, work, GUINT_TO_POINTER (n_workers + 1), NULL);

    if (thread == NULL)
      return;
    g_thread_unref (thread);
    n_workers++;
  }
}

/* --- the compute thread --------------------------------------------------- */

/* Calls do not wake up those who slept while they were not needed. */
void
ddpm_cpu_pool_set_threads (guint threads)
{
  const gboolean more = threads > threads_now;

  start_workers (threads);
  g_mutex_lock (&lock);
  store (threads_now, threads);
  if (more)
    g_cond_broadcast (&called);
  g_mutex_unlock (&lock);
}

guint
ddpm_cpu_pool_get_threads (void)
{
  return threads_now;
}

static void
wait_for_pieces (void)
{
  for (guint i = 0; i < SPINS; i++) {
    if (load (pieces_left) == 0)
      return;
    pause ();
  }
  g_mutex_lock (&lock);
  store (caller_sleeps, TRUE);
  while (load (pieces_left) > 0)
    g_cond_wait (&ended, &lock);
  store (caller_sleeps, FALSE);
  g_mutex_unlock (&lock);
}

/* Nobody can take a piece while the call is written, and those who wait do not
 * see a new call before it is. */
static void
publish (gsize first, guint32 pieces, CpuForFunc func, gconstpointer data)
{
  const guint32 last = get_call (load (ticket));

  store (ticket, (guint64) last << 32 | NO_PIECE);
  store (call_func, func);
  store (call_data, data);
  store (call_first, first);
  store (call_pieces, pieces);
  store (pieces_left, pieces);
  store (ticket, (guint64) (last + 1) << 32);
  if (load (sleeping)) {
    g_mutex_lock (&lock);
    store (sleeping, FALSE);
    g_cond_broadcast (&called);
    g_mutex_unlock (&lock);
  }
}

static void
share_out (gsize first, guint32 pieces, CpuForFunc func, gconstpointer data)
{
  publish (first, pieces, func, data);
  while (take_piece (0))
    __atomic_sub_fetch (&pieces_left, 1, __ATOMIC_SEQ_CST);
  wait_for_pieces ();
}

void
ddpm_cpu_thread_for (gsize count, CpuForFunc func, gconstpointer data)
{
  if (count > 1 && threads_now > 1) {
    for (gsize first = 0; first < count; first += MAX_PIECES)
      share_out (first, MIN (MAX_PIECES, count - first), func, data);
    return;
  }
  for (gsize i = 0; i < count; i++)
    func (data, i, 0);
}
