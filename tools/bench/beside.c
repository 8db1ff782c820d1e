/* gst-ddpm: ddpm-bench: busy processes beside what is measured
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <gio/gio.h>

#include "tools/bench/beside.h"

struct _BenchBeside
{
  guint processes;
  pid_t pids[];
};

/* In the new process: nothing that takes a lock */
static void G_GNUC_NORETURN
compute (pid_t parent)
{
  volatile guint x = 0;

#ifdef __linux__
  prctl (PR_SET_PDEATHSIG, SIGKILL);
#endif
  if (getppid () != parent)
    _exit (0);
  raise (SIGSTOP);
  while (TRUE)
    x++;
}

BenchBeside *
bench_beside_new (guint processes, GError ** error)
{
  BenchBeside *beside =
      g_malloc0 (sizeof (BenchBeside) + processes * sizeof (pid_t));
  const pid_t parent = getpid ();

  while (beside->processes < processes) {
    const pid_t pid = fork ();

    if (pid == 0)
      compute (parent);
    if (pid < 0) {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
          "process %u of %u cannot be started: %s", beside->processes + 1,
          processes, g_strerror (errno));
      bench_beside_free (beside);
      return NULL;
    }
    beside->pids[beside->processes++] = pid;
    waitpid (pid, NULL, WUNTRACED);     /* until it has stopped */
  }
  return beside;
}

void
bench_beside_let_run (BenchBeside * beside, gboolean run)
{
  for (guint i = 0; i < beside->processes; i++)
    kill (beside->pids[i], run ? SIGCONT : SIGSTOP);
}

void
bench_beside_free (BenchBeside * beside)
{
  if (beside == NULL)
    return;
  for (guint i = 0; i < beside->processes; i++) {
    kill (beside->pids[i], SIGKILL);
    waitpid (beside->pids[i], NULL, 0);
  }
  g_free (beside);
}
