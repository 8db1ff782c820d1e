/* gst-ddpm: a stop-watch for the operations of a backend, by their kind
 * (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * If a timer is attached to a backend, the library counts and times the
 * operations that it calls. It then waits for the device after each of them,
 * and graph plans make their calls one by one. Without a timer, an operation
 * costs one comparison more. Only one thread may use a backend that has a
 * timer.
 */
#pragma once

#include <time.h>
#include "kernels/ops.h"

G_BEGIN_DECLS

typedef enum
{
  DDPM_TIMER_CONV_FORWARD,
  DDPM_TIMER_CONV_BACKWARD_DATA,
  DDPM_TIMER_CONV_BACKWARD_WEIGHTS,
  DDPM_TIMER_CONV_SET_WEIGHTS,
  DDPM_TIMER_NORM_FORWARD,
  DDPM_TIMER_NORM_BACKWARD,
  DDPM_TIMER_ATTENTION_FORWARD,
  DDPM_TIMER_ATTENTION_BACKWARD,
  DDPM_TIMER_LINEAR_FORWARD,
  DDPM_TIMER_LINEAR_BACKWARD,
  DDPM_TIMER_UPSAMPLE,
  DDPM_TIMER_ELEMENTWISE,       /* sums, swish, embeddings */
  DDPM_TIMER_NOISE,
  DDPM_TIMER_DIFFUSION,         /* q_sample, loss, guidance, reverse step */
  DDPM_TIMER_OPTIMIZER,         /* norm of the gradient, Adam */
  DDPM_TIMER_COPY,              /* memory operations, pictures */
} DdpmTimerKind;

#define DDPM_TIMER_N_KINDS (DDPM_TIMER_COPY + 1)

/**
 * DdpmTimerEntry:
 * @calls: number of operations
 * @seconds: their time
 * @flops: floating-point operations of their gemms and convolutions; a
 *   multiplication and an addition are two
 */
typedef struct
{
  guint64 calls;
  gdouble seconds;
  gdouble flops;
} DdpmTimerEntry;

/* All convolutions of one shape: forward, backward by data, by weights */
typedef struct
{
  DdpmConvDesc desc;
  DdpmTimerEntry passes[3];
} DdpmTimerConvolution;

/**
 * DdpmTimer:
 * @clock: the clock that is read
 * @start: seconds on this clock when the current operation began
 * @entries: by kind
 * @convolutions: of DdpmTimerConvolution, in the order of their first call
 */
struct _DdpmTimer
{
  clockid_t clock;
  gdouble start;
  DdpmTimerEntry entries[DDPM_TIMER_N_KINDS];
  GArray *convolutions;
};

DdpmTimer *ddpm_timer_new (clockid_t clock);
void ddpm_timer_free (DdpmTimer * timer);
/* Sets all counts and times to 0; the list of convolutions stays. */
void ddpm_timer_reset (DdpmTimer * timer);
/* timer NULL: operations are no longer timed. The caller keeps the timer. */
void ddpm_timer_attach (DdpmTimer * timer, DdpmBackend * backend);
/* Seconds on the timer's clock */
gdouble ddpm_timer_now (const DdpmTimer * timer);
/* "convolution, forward", ... */
const gchar *ddpm_timer_kind_to_string (DdpmTimerKind kind);

/* --- for the code that calls operations -------------------------------------
 *
 * Call ddpm_timer_start () before the first operation, and one of the lap
 * functions after each. A lap ends when the operation is done, and the next one
 * begins. */

/* desc: describes a convolution, which also gets an entry of its own; NULL for
 * other operations */
void ddpm_timer_end_lap (DdpmBackend * backend, DdpmTimerKind kind,
    gdouble flops, const DdpmConvDesc * desc);

static inline void
ddpm_timer_start (DdpmBackend * backend)
{
  if (backend->timer)
    backend->timer->start = ddpm_timer_now (backend->timer);
}

static inline void
ddpm_timer_lap (DdpmBackend * backend, DdpmTimerKind kind, gdouble flops)
{
  if (backend->timer)
    ddpm_timer_end_lap (backend, kind, flops, NULL);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmTimer, ddpm_timer_free)

G_END_DECLS
