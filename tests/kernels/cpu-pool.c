/* gst-ddpm: the CPU backend's threads share out every piece of work once
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/private.h"
#include "tests/support/test.h"

enum
{ MAX_THREADS = 7, MAX_PIECES = 1000 };

typedef struct
{
  guint threads, count, late;   /* late: the thread that is held up, or 0 */
  gint done[MAX_PIECES];        /* atomic */
  gint64 last[MAX_THREADS];     /* piece of each thread */
} Loop;

static void
do_piece (gconstpointer data, gsize i, guint thread)
{
  Loop *loop = (Loop *) data;

  g_assert_cmpuint (i, <, loop->count);
  g_assert_cmpuint (thread, <, loop->threads);
  g_assert_cmpint (loop->last[thread], <, (gint64) i);
  loop->last[thread] = i;
  if (thread == loop->late && thread > 0)
    g_usleep (50);
  g_atomic_int_inc (&loop->done[i]);
}

static void
run_loop (gpointer data)
{
  Loop *loop = data;

  for (guint i = 0; i < MAX_THREADS; i++)
    loop->last[i] = -1;
  memset (loop->done, 0, sizeof (loop->done));
  ddpm_cpu_thread_for (loop->count, do_piece, loop);
  for (guint i = 0; i < MAX_PIECES; i++)
    g_assert_cmpint (loop->done[i], ==, i < loop->count);
}

TEST (each_piece_is_done_once_and_in_order)
{
  static const guint counts[] = { 0, 1, 2, 3, 10, 999 };
  Loop loop = { 0, };

  for (loop.threads = 1; loop.threads <= MAX_THREADS; loop.threads++) {
    for (guint i = 0; i < G_N_ELEMENTS (counts); i++) {
      loop.count = counts[i];
      ddpm_cpu_thread_run (loop.threads, run_loop, &loop);
    }
  }
}

/* Calls follow one another faster than the workers wake up. */
static void
run_many_loops (gpointer data)
{
  Loop *loop = data;

  for (guint i = 0; i < 3000; i++) {
    loop->count = 1 + i * 7 % 23;
    loop->late = i % 3 == 0 ? i % loop->threads : 0;
    run_loop (loop);
    if (i % 100 == 0)
      g_usleep (200);           /* until the workers sleep */
  }
}

TEST (a_late_worker_takes_nothing_of_a_call_that_is_over)
{
  Loop loop = {.threads = MAX_THREADS };

  ddpm_cpu_thread_run (MAX_THREADS, run_many_loops, &loop);
}

static void
run_nested (gpointer data)
{
  Loop few = {.threads = 2,.count = 50 };
  Loop *many = data;

  run_loop (many);
  ddpm_cpu_thread_run (2, run_loop, &few);
  run_loop (many);
}

TEST (a_job_in_a_job_has_its_own_number_of_threads)
{
  Loop loop = {.threads = 5,.count = 100 };

  ddpm_cpu_thread_run (5, run_nested, &loop);
}

/* A worker that has taken a piece is waited for, however long. */
static void
take_long (gconstpointer data, gsize i, guint thread)
{
  gint *ended = (gint *) data;

  if (thread > 0)
    g_usleep (20 * 1000);
  g_atomic_int_inc (ended);
  if (thread == 0)
    g_usleep (1000);
}

static void
run_long (gpointer data)
{
  gint *ended = data;

  ddpm_cpu_thread_for (30, take_long, ended);
  g_assert_cmpint (g_atomic_int_get (ended), ==, 30);
}

TEST (a_call_returns_after_its_last_piece)
{
  gint ended = 0;

  ddpm_cpu_thread_run (3, run_long, &ended);
}

/* Ends when both pieces of the call have begun. */
static void
meet (gconstpointer data, gsize i, guint thread)
{
  gint *begun = (gint *) data;
  const gint64 end = g_get_monotonic_time () + 20 * G_TIME_SPAN_SECOND;

  g_atomic_int_inc (begun);
  while (g_atomic_int_get (begun) < 2) {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    g_thread_yield ();
  }
}

static void
run_meetings (gpointer data)
{
  for (guint i = 0; i < 2000; i++) {
    gint begun = 0;

    ddpm_cpu_thread_for (2, meet, &begun);
    if (i % 100 == 0)
      g_usleep (1000);          /* until the worker sleeps */
  }
}

TEST (a_waiting_worker_misses_no_call)
{
  ddpm_cpu_thread_run (2, run_meetings, NULL);
}

static void
do_nothing (gpointer data)
{
}

static void
run_meetings_between_smaller_jobs (gpointer data)
{
  for (guint i = 0; i < 20; i++) {
    gint begun = 0;

    ddpm_cpu_thread_run (1, do_nothing, NULL);
    ddpm_cpu_thread_for (2, meet, &begun);
    ddpm_cpu_thread_run (1, do_nothing, NULL);
    g_usleep (1000);
    begun = 0;
    ddpm_cpu_thread_for (2, meet, &begun);
  }
}

TEST (a_worker_that_a_job_did_not_need_comes_back)
{
  ddpm_cpu_thread_run (2, run_meetings_between_smaller_jobs, NULL);
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  return g_test_run ();
}
