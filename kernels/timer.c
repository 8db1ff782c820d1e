/* gst-ddpm: a stop-watch for the operations of a backend, by their kind
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "kernels/timer.h"

DdpmTimer *
ddpm_timer_new (clockid_t clock)
{
  DdpmTimer *timer = g_new0 (DdpmTimer, 1);

  timer->clock = clock;
  timer->convolutions =
      g_array_new (FALSE, FALSE, sizeof (DdpmTimerConvolution));
  return timer;
}

void
ddpm_timer_free (DdpmTimer * timer)
{
  if (timer == NULL)
    return;
  g_array_unref (timer->convolutions);
  g_free (timer);
}

void
ddpm_timer_reset (DdpmTimer * timer)
{
  memset (timer->entries, 0, sizeof timer->entries);
  for (guint i = 0; i < timer->convolutions->len; i++) {
    DdpmTimerConvolution *c =
        &g_array_index (timer->convolutions, DdpmTimerConvolution, i);

    memset (c->passes, 0, sizeof c->passes);
  }
}

void
ddpm_timer_attach (DdpmTimer * timer, DdpmBackend * backend)
{
  backend->timer = timer;
}

gdouble
ddpm_timer_now (const DdpmTimer * timer)
{
  struct timespec time;

  clock_gettime (timer->clock, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

static DdpmTimerConvolution *
find_convolution (DdpmTimer * timer, const DdpmConvDesc * desc)
{
  DdpmTimerConvolution c = {.desc = *desc };

  for (guint i = 0; i < timer->convolutions->len; i++) {
    DdpmTimerConvolution *known =
        &g_array_index (timer->convolutions, DdpmTimerConvolution, i);

    if (memcmp (&known->desc, desc, sizeof *desc) == 0)
      return known;
  }
  g_array_append_val (timer->convolutions, c);
  return &g_array_index (timer->convolutions, DdpmTimerConvolution,
      timer->convolutions->len - 1);
}

static void
entry_add (DdpmTimerEntry * entry, gdouble seconds, gdouble flops)
{
  entry->calls++;
  entry->seconds += seconds;
  entry->flops += flops;
}

void
ddpm_timer_end_lap (DdpmBackend * backend, DdpmTimerKind kind, gdouble flops,
    const DdpmConvDesc * desc)
{
  DdpmTimer *timer = backend->timer;
  gdouble seconds;

  if (backend->ops->wait)
    backend->ops->wait (backend);
  seconds = ddpm_timer_now (timer) - timer->start;
  entry_add (&timer->entries[kind], seconds, flops);
  if (desc)
    entry_add (&find_convolution (timer, desc)->passes[kind], seconds, flops);
  timer->start = ddpm_timer_now (timer);
}

const gchar *
ddpm_timer_kind_to_string (DdpmTimerKind kind)
{
  static const gchar *const names[DDPM_TIMER_N_KINDS] = {
    "convolution, forward", "convolution, backward by data",
    "convolution, backward by weights", "weights rearranged",
    "norm, forward", "norm, backward", "attention, forward",
    "attention, backward", "linear, forward", "linear, backward",
    "upsampling", "elementwise", "noise", "diffusion", "optimizer", "copies",
  };

  return names[kind];
}
