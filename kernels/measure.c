/* gst-ddpm: timing the convolutions of a backend one by one
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/measure.h"
#include "kernels/bf16.h"

#define PATTERN 16384           /* floats */

/* What the calls read and write, large enough for each convolution */
enum
{
  X0, X1, Y, DY, DX0, DX1, WEIGHT, BIAS, SCRATCH, N_BUFFERS
};

struct _DdpmMeasure
{
  DdpmBackend *backend;
  const DdpmTimer *timer;
  DdpmPlan **plans;             /* by convolution of the timer */
  gpointer buffers[N_BUFFERS];
  gsize sizes[N_BUFFERS];
};

/* Arguments of the functions that ddpm_backend_run () calls */
typedef struct
{
  DdpmMeasure *measure;
  guint i, pass, calls;
  gdouble seconds;
  GError **error;
  gboolean ok;
} Call;

guint
ddpm_measure_get_threads (DdpmBackend * backend)
{
  return backend->threads;
}

static const DdpmConvDesc *
desc_of (DdpmMeasure * m, guint i)
{
  return &g_array_index (m->timer->convolutions, DdpmTimerConvolution, i).desc;
}

/* --- memory --------------------------------------------------------------- */

static void
enlarge_buffers (DdpmMeasure * m, const DdpmConvDesc * d, gsize scratch)
{
  const gsize in = (gsize) d->n * d->height * d->width
      * ddpm_type_size (d->src_type);
  const gsize out = (gsize) d->n * ((d->height - 1) / d->stride + 1)
      * ((d->width - 1) / d->stride + 1) * ddpm_type_size (d->dst_type);
  const gsize sizes[N_BUFFERS] = {
    [X0] = in * d->cin0,[X1] = in * d->cin1,[Y] = out * d->cout,
    [DY] = d->training ? out * d->cout : 0,
    [DX0] = d->training ? in * d->cin0 : 0,
    [DX1] = d->training ? in * d->cin1 : 0,
    [WEIGHT] = ((gsize) d->cin0 + d->cin1) * d->cout * d->kernel * d->kernel
        * sizeof (float),
    [BIAS] = d->cout * sizeof (float),[SCRATCH] = scratch,
  };

  for (guint i = 0; i < N_BUFFERS; i++)
    m->sizes[i] = MAX (m->sizes[i], sizes[i]);
}

/* Numbers between -1 and 1, because zeros are faster on some machines. They are
 * bf16 if activations are. Two bf16 numbers that are read as one float are a
 * number close to the second one. */
static gpointer
make_pattern (DdpmType type)
{
  float *pattern = g_new (float, PATTERN);
  guint16 *halves = (guint16 *) pattern;
  g_autoptr (GRand) rand = g_rand_new_with_seed (0);

  for (guint i = 0; i < PATTERN; i++)
    pattern[i] = g_rand_double_range (rand, -1, 1);
  for (guint i = 0; type == DDPM_TYPE_BF16 && i < 2 * PATTERN; i++)
    halves[i] = ddpm_bf16_from_float (g_rand_double_range (rand, -1, 1));
  return pattern;
}

static gboolean
alloc_buffers (DdpmMeasure * m, GError ** error)
{
  g_autofree gpointer pattern = make_pattern (m->backend->act_type);
  const gsize size = PATTERN * sizeof (float);

  for (guint i = 0; i < N_BUFFERS; i++) {
    guint8 *p = ddpm_backend_alloc (m->backend, m->sizes[i]);

    m->buffers[i] = p;
    if (p == NULL) {
      g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
          "no memory for timing convolutions one by one");
      return FALSE;
    }
    for (gsize at = 0; at < m->sizes[i]; at += size)
      ddpm_backend_upload (m->backend, p + at, pattern,
          MIN (size, m->sizes[i] - at));
  }
  return TRUE;
}

static void
set_up (gpointer data)
{
  Call *call = data;
  DdpmMeasure *m = call->measure;
  DdpmBackend *b = m->backend;
  const guint n = m->timer->convolutions->len;

  m->plans = g_new0 (DdpmPlan *, n);
  for (guint i = 0; i < n; i++) {
    m->plans[i] = b->ops->conv_new (b, desc_of (m, i), call->error);
    if (m->plans[i] == NULL)
      return;
    enlarge_buffers (m, desc_of (m, i), m->plans[i]->scratch);
  }
  call->ok = alloc_buffers (m, call->error);
  for (guint i = 0; call->ok && i < n; i++)
    b->ops->conv_set_weights (m->plans[i], m->buffers[WEIGHT],
        m->buffers[BIAS]);
}

DdpmMeasure *
ddpm_measure_new (DdpmBackend * backend, const DdpmTimer * timer,
    GError ** error)
{
  DdpmMeasure *m = g_new0 (DdpmMeasure, 1);
  Call call = {.measure = m,.error = error };

  m->backend = ddpm_backend_ref (backend);
  m->timer = timer;
  ddpm_backend_run (backend, set_up, &call);
  if (call.ok)
    return m;
  ddpm_measure_free (m);
  return NULL;
}

static void
tear_down (gpointer data)
{
  DdpmMeasure *m = data;

  for (guint i = 0; i < m->timer->convolutions->len && m->plans[i]; i++)
    ddpm_plan_free (m->plans[i]);
}

void
ddpm_measure_free (DdpmMeasure * m)
{
  if (m == NULL)
    return;
  ddpm_backend_run (m->backend, tear_down, m);
  for (guint i = 0; i < N_BUFFERS; i++)
    ddpm_backend_free (m->backend, m->buffers[i]);
  g_free (m->plans);
  ddpm_backend_unref (m->backend);
  g_free (m);
}

/* --- timing --------------------------------------------------------------- */

static void
convolve (DdpmMeasure * m, guint i, guint pass)
{
  const DdpmOps *ops = m->backend->ops;
  const gboolean two_inputs = desc_of (m, i)->cin1 > 0;
  gpointer *p = m->buffers;

  switch (pass) {
    case 0:
      ops->conv_forward (m->plans[i], p[X0], two_inputs ? p[X1] : NULL, NULL,
          p[Y], p[SCRATCH]);
      break;
    case 1:
      ops->conv_backward_data (m->plans[i], p[DY], p[DX0], FALSE,
          two_inputs ? p[DX1] : NULL, FALSE, p[SCRATCH]);
      break;
    case 2:
      ops->conv_backward_weights (m->plans[i], p[X0],
          two_inputs ? p[X1] : NULL, p[DY], p[WEIGHT], p[BIAS], FALSE,
          p[SCRATCH]);
      break;
  }
}

static void
time_calls (gpointer data)
{
  Call *call = data;
  DdpmMeasure *m = call->measure;
  const gdouble start = ddpm_timer_now (m->timer);

  for (guint k = 0; k < call->calls; k++)
    convolve (m, call->i, call->pass);
  ddpm_backend_wait (m->backend);
  call->seconds = ddpm_timer_now (m->timer) - start;
}

gdouble
ddpm_measure_time (DdpmMeasure * m, guint i, guint pass, guint calls)
{
  Call call = {.measure = m,.i = i,.pass = pass,.calls = calls };

  ddpm_backend_run (m->backend, time_calls, &call);
  return call.seconds / calls;
}

const gchar *
ddpm_measure_get_engine (DdpmMeasure * m, guint i, guint pass)
{
  return ddpm_plan_get_implementation (m->plans[i], pass);
}
