/* gst-ddpm: CPU backend: the compute thread
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Threads of a pipeline come and go. All backends of a process run their jobs
 * in one thread, one after the other, with one set of workers (pool.c). A long
 * job can let others run in between. Where there are no jobs, all of them
 * sleep.
 */
#include <sched.h>
#include "kernels/cpu/private.h"

/* @link puts it into the queue without an allocation. */
typedef struct
{
  GList link;
  void (*func) (gpointer data);
  gpointer data;
  guint threads;
  gboolean done;
  GCond finished;
} Job;

static GMutex lock;
static GCond posted;
static GQueue jobs = G_QUEUE_INIT;
static GThread *thread;         /* started by the first job, never stopped */

static void
call_with_threads (guint threads, void (*func) (gpointer data), gpointer data)
{
  const guint before = ddpm_cpu_pool_get_threads ();

  ddpm_cpu_pool_set_threads (threads);
  func (data);
  ddpm_cpu_pool_set_threads (before);
}

/* With the lock, which it releases meanwhile */
static void
run_job (Job * job)
{
  g_mutex_unlock (&lock);
  call_with_threads (job->threads, job->func, job->data);
  g_mutex_lock (&lock);
  job->done = TRUE;
  g_cond_signal (&job->finished);
}

static gpointer
run_jobs (gpointer unused)
{
  g_mutex_lock (&lock);
  while (TRUE) {
    GList *first;

    while ((first = g_queue_pop_head_link (&jobs)) == NULL)
      g_cond_wait (&posted, &lock);
    run_job (first->data);
  }
  return NULL;
}

/* Those that came in the meantime run, not those that come while they do. The
 * present job then computes as long as they did, but for a tenth of a second at
 * the most, before it lets others run again. */
void
ddpm_cpu_thread_yield (void)
{
  static gint64 next;           /* only in the compute thread */
  const gint64 begin = g_get_monotonic_time ();
  gint64 end;

  if (begin < next)
    return;
  g_mutex_lock (&lock);
  for (guint n = jobs.length; n > 0 && jobs.length > 0; n--)
    run_job (g_queue_pop_head_link (&jobs)->data);
  g_mutex_unlock (&lock);
  end = g_get_monotonic_time ();
  next = end + MIN (end - begin, G_USEC_PER_SEC / 10);
}

void
ddpm_cpu_thread_run (guint threads, void (*func) (gpointer data), gpointer data)
{
  Job job = { {&job, NULL, NULL}, func, data, threads, FALSE };

  g_mutex_lock (&lock);
  if (thread == g_thread_self ()) {
    g_mutex_unlock (&lock);
    call_with_threads (threads, func, data);
    return;
  }
  if (thread == NULL)
    thread = g_thread_new ("ddpm-compute", run_jobs, NULL);
  g_cond_init (&job.finished);
  g_queue_push_tail_link (&jobs, &job.link);
  g_cond_signal (&posted);
  while (!job.done)
    g_cond_wait (&job.finished, &lock);
  g_mutex_unlock (&lock);
  g_cond_clear (&job.finished);
}

#ifdef __linux__
/* The kernel's list of the processors that share a core with this one: the same
 * text for each of them */
static gchar *
read_siblings (gint cpu)
{
  static const gchar *const names[] =
      { "core_cpus_list", "thread_siblings_list" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree gchar *path =
        g_strdup_printf ("/sys/devices/system/cpu/cpu%d/topology/%s", cpu,
        names[i]);
    gchar *text = NULL;

    if (g_file_get_contents (path, &text, NULL, NULL))
      return text;
  }
  return NULL;
}

guint
ddpm_cpu_thread_count_cores (void)
{
  g_autoptr (GHashTable) cores =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  cpu_set_t allowed;

  if (sched_getaffinity (0, sizeof (allowed), &allowed) != 0)
    return MAX (1, g_get_num_processors ());
  for (gint cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    gchar *core;

    if (!CPU_ISSET (cpu, &allowed))
      continue;
    core = read_siblings (cpu);
    if (core == NULL)           /* unknown: counted as a core of its own */
      core = g_strdup_printf ("cpu%d", cpu);
    g_hash_table_add (cores, core);
  }
  return MAX (1, g_hash_table_size (cores));
}
#else
guint
ddpm_cpu_thread_count_cores (void)
{
  return MAX (1, g_get_num_processors ());
}
#endif
