/* gst-ddpm: a backend that is another one and a stop-watch
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "kernels/profile.h"

typedef struct
{
  DdpmBackend base;
  DdpmOps ops;                  /* without what the one inside has not */
  DdpmBackend *inner;
  clockid_t clock;
  gboolean active;
  GPtrArray *plans;             /* of ProfilePlan, borrowed: those there are */
  DdpmProfileEntry entries[DDPM_PROFILE_N_KINDS];
} ProfileBackend;

/* A plan of the backend inside, and the operations that it takes */
typedef struct
{
  DdpmPlan base;
  DdpmPlan *inner;
  gdouble flops;                /* of a forward call */
  gboolean is_convolution;
  DdpmProfileConvolution convolution;
} ProfilePlan;

static DdpmBackend *
inner_of (DdpmBackend * b)
{
  return ((ProfileBackend *) b)->inner;
}

/* --- the watch ------------------------------------------------------------ */

static gdouble
now (DdpmBackend * b)
{
  struct timespec time;

  clock_gettime (((ProfileBackend *) b)->clock, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

/* Until what was asked for is done, where that is later than the call */
static gdouble
seconds_since (DdpmBackend * b, gdouble start)
{
  const DdpmOps *ops = inner_of (b)->ops;

  if (((ProfileBackend *) b)->active && ops->wait)
    ops->wait (inner_of (b));
  return now (b) - start;
}

static void
add_to (ProfileBackend * b, DdpmProfileEntry * entry, gdouble seconds,
    gdouble flops)
{
  if (!b->active)
    return;
  entry->calls++;
  entry->seconds += seconds;
  entry->flops += flops;
}

static void
stop_with_flops (DdpmBackend * backend, DdpmProfileKind kind, gdouble start,
    gdouble flops)
{
  ProfileBackend *b = (ProfileBackend *) backend;

  add_to (b, &b->entries[kind], seconds_since (backend, start), flops);
}

static void
stop (DdpmBackend * b, DdpmProfileKind kind, gdouble start)
{
  stop_with_flops (b, kind, start, 0.0);
}

static void
stop_plan (DdpmPlan * p, DdpmProfileKind kind, gdouble start, gdouble flops)
{
  stop_with_flops (p->backend, kind, start, flops);
}

static void
stop_convolution (DdpmPlan * p, guint pass, gdouble start)
{
  ProfilePlan *plan = (ProfilePlan *) p;
  ProfileBackend *b = (ProfileBackend *) p->backend;
  const gdouble seconds = seconds_since (p->backend, start);

  add_to (b, &plan->convolution.passes[pass], seconds, plan->flops);
  add_to (b, &b->entries[DDPM_PROFILE_CONV_FORWARD + pass], seconds,
      plan->flops);
}

/* --- the machine ---------------------------------------------------------- */

static void
profile_finalize (DdpmBackend * base)
{
  ProfileBackend *b = (ProfileBackend *) base;

  g_ptr_array_unref (b->plans);
  ddpm_backend_unref (b->inner);
  g_free (b);
}

static void
profile_run (DdpmBackend * b, void (*func) (gpointer data), gpointer data)
{
  inner_of (b)->ops->run (inner_of (b), func, data);
}

static gboolean
profile_check (DdpmBackend * b, GError ** error)
{
  const DdpmOps *ops = inner_of (b)->ops;

  return ops->check == NULL || ops->check (inner_of (b), error);
}

static gboolean
profile_probe (DdpmBackend * b, GError ** error)
{
  return ddpm_backend_probe (inner_of (b), error);
}

static gpointer
profile_alloc (DdpmBackend * b, gsize size)
{
  return inner_of (b)->ops->alloc (inner_of (b), size);
}

static void
profile_free (DdpmBackend * b, gpointer p)
{
  inner_of (b)->ops->free (inner_of (b), p);
}

static void
profile_upload (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  const gdouble start = now (b);

  inner_of (b)->ops->upload (inner_of (b), dst, src, size);
  stop (b, DDPM_PROFILE_COPY, start);
}

static void
profile_download (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  const gdouble start = now (b);

  inner_of (b)->ops->download (inner_of (b), dst, src, size);
  stop (b, DDPM_PROFILE_COPY, start);
}

static void
profile_zero (DdpmBackend * b, gpointer dst, gsize size)
{
  const gdouble start = now (b);

  inner_of (b)->ops->zero (inner_of (b), dst, size);
  stop (b, DDPM_PROFILE_COPY, start);
}

static void
profile_copy (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size)
{
  const gdouble start = now (b);

  inner_of (b)->ops->copy (inner_of (b), dst, src, size);
  stop (b, DDPM_PROFILE_COPY, start);
}

static void
profile_wait (DdpmBackend * b)
{
  const DdpmOps *ops = inner_of (b)->ops;
  const gdouble start = now (b);

  if (ops->wait)
    ops->wait (inner_of (b));
  stop (b, DDPM_PROFILE_COPY, start);
}

static void
profile_wait_event (DdpmBackend * b, gpointer stream)
{
  inner_of (b)->ops->wait_event (inner_of (b), stream);
}

static void
profile_record_event (DdpmBackend * b, gpointer stream)
{
  inner_of (b)->ops->record_event (inner_of (b), stream);
}

static void
profile_to_picture (DdpmBackend * b, const float *x, const DdpmPicture * p)
{
  const gdouble start = now (b);

  inner_of (b)->ops->to_picture (inner_of (b), x, p);
  stop (b, DDPM_PROFILE_COPY, start);
}

static void
profile_from_picture (DdpmBackend * b, const DdpmPicture * p, guint8 * pixels)
{
  const gdouble start = now (b);

  inner_of (b)->ops->from_picture (inner_of (b), p, pixels);
  stop (b, DDPM_PROFILE_COPY, start);
}

static void
profile_from_pixels (DdpmBackend * b, guint n, const DdpmPixels * p,
    const guint8 * pixels, const guint8 * mirrored, float *x)
{
  const gdouble start = now (b);

  inner_of (b)->ops->from_pixels (inner_of (b), n, p, pixels, mirrored, x);
  stop (b, DDPM_PROFILE_COPY, start);
}

/* --- plans ---------------------------------------------------------------- */

static ProfilePlan *
wrap (DdpmBackend * b, DdpmPlan * inner, gdouble flops)
{
  ProfilePlan *plan;

  if (inner == NULL)
    return NULL;
  plan = g_new0 (ProfilePlan, 1);
  plan->base.ops = b->ops;
  plan->base.backend = b;
  plan->base.scratch = inner->scratch;
  plan->inner = inner;
  plan->flops = flops;
  g_ptr_array_add (((ProfileBackend *) b)->plans, plan);
  return plan;
}

static DdpmPlan *
inside (DdpmPlan * p)
{
  return ((ProfilePlan *) p)->inner;
}

static void
profile_plan_free (DdpmPlan * p)
{
  if (p == NULL)
    return;
  g_ptr_array_remove (((ProfileBackend *) p->backend)->plans, p);
  inside (p)->ops->plan_free (inside (p));
  g_free (p);
}

static const gchar *
profile_plan_implementation (DdpmPlan * p, guint kind)
{
  return inside (p)->ops->plan_implementation (inside (p), kind);
}

/* --- convolution ---------------------------------------------------------- */

gdouble
ddpm_conv_desc_get_flops (const DdpmConvDesc * d)
{
  const gdouble out_height = (d->height - 1) / d->stride + 1;
  const gdouble out_width = (d->width - 1) / d->stride + 1;

  return 2.0 * d->n * out_height * out_width * d->cout
      * ((gdouble) d->cin0 + d->cin1) * d->kernel * d->kernel;
}

static DdpmPlan *
profile_conv_new (DdpmBackend * b, const DdpmConvDesc * d, GError ** error)
{
  ProfilePlan *plan = wrap (b, inner_of (b)->ops->conv_new (inner_of (b), d,
          error), ddpm_conv_desc_get_flops (d));

  if (plan == NULL)
    return NULL;
  plan->is_convolution = TRUE;
  plan->convolution.desc = *d;
  return &plan->base;
}

static void
profile_conv_set_weights (DdpmPlan * p, const float *weight, const float *bias)
{
  const gdouble start = now (p->backend);

  inside (p)->ops->conv_set_weights (inside (p), weight, bias);
  stop (p->backend, DDPM_PROFILE_CONV_SET_WEIGHTS, start);
}

static void
profile_conv_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer residual, gpointer y, gpointer scratch)
{
  const gdouble start = now (p->backend);

  inside (p)->ops->conv_forward (inside (p), x0, x1, residual, y, scratch);
  stop_convolution (p, 0, start);
}

static void
profile_conv_backward_data (DdpmPlan * p, gconstpointer dy, gpointer dx0,
    gboolean add0, gpointer dx1, gboolean add1, gpointer scratch)
{
  const gdouble start = now (p->backend);

  inside (p)->ops->conv_backward_data (inside (p), dy, dx0, add0, dx1, add1,
      scratch);
  stop_convolution (p, 1, start);
}

static void
profile_conv_backward_weights (DdpmPlan * p, gconstpointer x0,
    gconstpointer x1, gconstpointer dy, float *dweight, float *dbias,
    gboolean add, gpointer scratch)
{
  const gdouble start = now (p->backend);

  inside (p)->ops->conv_backward_weights (inside (p), x0, x1, dy, dweight,
      dbias, add, scratch);
  stop_convolution (p, 2, start);
}

/* --- norm ----------------------------------------------------------------- */

static DdpmPlan *
profile_norm_new (DdpmBackend * b, const DdpmNormDesc * d, GError ** error)
{
  return (DdpmPlan *) wrap (b, inner_of (b)->ops->norm_new (inner_of (b), d,
          error), 0.0);
}

static void
profile_norm_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    const float *time_bias, gsize time_bias_stride, const float *gamma,
    const float *beta, const DdpmDropout * drop, gpointer y, float *stats,
    gpointer scratch)
{
  const gdouble start = now (p->backend);

  inside (p)->ops->norm_forward (inside (p), x0, x1, time_bias,
      time_bias_stride, gamma, beta, drop, y, stats, scratch);
  stop_plan (p, DDPM_PROFILE_NORM_FORWARD, start, 0.0);
}

static void
profile_norm_backward (DdpmPlan * p, gconstpointer dy, gconstpointer x0,
    gconstpointer x1, const float *time_bias, gsize time_bias_stride,
    const float *gamma, const float *beta, const DdpmDropout * drop,
    const float *stats, gpointer dx0, gboolean add0, gpointer dx1,
    gboolean add1, float *dgamma, float *dbeta, gboolean add,
    float *dtime_bias, gpointer scratch)
{
  const gdouble start = now (p->backend);

  inside (p)->ops->norm_backward (inside (p), dy, x0, x1, time_bias,
      time_bias_stride, gamma, beta, drop, stats, dx0, add0, dx1, add1, dgamma,
      dbeta, add, dtime_bias, scratch);
  stop_plan (p, DDPM_PROFILE_NORM_BACKWARD, start, 0.0);
}

/* --- attention ------------------------------------------------------------ */

/* Two matrix products, of tokens^2 and c */
static DdpmPlan *
profile_attention_new (DdpmBackend * b, const DdpmAttentionDesc * d,
    GError ** error)
{
  return (DdpmPlan *) wrap (b, inner_of (b)->ops->attention_new (inner_of (b),
          d, error), 4.0 * d->n * d->tokens * d->tokens * d->c);
}

static void
profile_attention_forward (DdpmPlan * p, gconstpointer qkv, gpointer y,
    gpointer probs, gpointer scratch)
{
  const gdouble start = now (p->backend);

  inside (p)->ops->attention_forward (inside (p), qkv, y, probs, scratch);
  stop_plan (p, DDPM_PROFILE_ATTENTION_FORWARD, start,
      ((ProfilePlan *) p)->flops);
}

static void
profile_attention_backward (DdpmPlan * p, gconstpointer dy, gconstpointer qkv,
    gconstpointer probs, gpointer dqkv, gpointer scratch)
{
  const gdouble start = now (p->backend);

  inside (p)->ops->attention_backward (inside (p), dy, qkv, probs, dqkv,
      scratch);
  stop_plan (p, DDPM_PROFILE_ATTENTION_BACKWARD, start,
      2.0 * ((ProfilePlan *) p)->flops);
}

/* --- linear --------------------------------------------------------------- */

static DdpmPlan *
profile_linear_new (DdpmBackend * b, guint rows, guint in, guint out,
    GError ** error)
{
  return (DdpmPlan *) wrap (b, inner_of (b)->ops->linear_new (inner_of (b),
          rows, in, out, error), 2.0 * rows * in * out);
}

static void
profile_linear_forward (DdpmPlan * p, const float *x, const float *weight,
    const float *bias, float *y, gpointer scratch)
{
  const gdouble start = now (p->backend);

  inside (p)->ops->linear_forward (inside (p), x, weight, bias, y, scratch);
  stop_plan (p, DDPM_PROFILE_LINEAR_FORWARD, start, ((ProfilePlan *) p)->flops);
}

static void
profile_linear_backward (DdpmPlan * p, const float *x, const float *weight,
    const float *dy, float *dx, float *dweight, float *dbias, gboolean add,
    gpointer scratch)
{
  const gdouble start = now (p->backend);

  inside (p)->ops->linear_backward (inside (p), x, weight, dy, dx, dweight,
      dbias, add, scratch);
  stop_plan (p, DDPM_PROFILE_LINEAR_BACKWARD, start,
      (dx ? 2.0 : 1.0) * ((ProfilePlan *) p)->flops);
}

/* --- small ones ----------------------------------------------------------- */

static void
profile_upsample_forward (DdpmBackend * b, guint n, guint h, guint w, guint c,
    gconstpointer x, gpointer y)
{
  const gdouble start = now (b);

  inner_of (b)->ops->upsample_forward (inner_of (b), n, h, w, c, x, y);
  stop (b, DDPM_PROFILE_UPSAMPLE, start);
}

static void
profile_upsample_backward (DdpmBackend * b, guint n, guint h, guint w, guint c,
    gconstpointer dy, gpointer dx, gboolean add)
{
  const gdouble start = now (b);

  inner_of (b)->ops->upsample_backward (inner_of (b), n, h, w, c, dy, dx, add);
  stop (b, DDPM_PROFILE_UPSAMPLE, start);
}

static void
profile_accumulate (DdpmBackend * b, gsize count, gconstpointer x, gpointer y)
{
  const gdouble start = now (b);

  inner_of (b)->ops->accumulate (inner_of (b), count, x, y);
  stop (b, DDPM_PROFILE_ELEMENTWISE, start);
}

static void
profile_embedding (DdpmBackend * b, guint n, guint dim, const float *table,
    const gint * t, float *out)
{
  const gdouble start = now (b);

  inner_of (b)->ops->embedding (inner_of (b), n, dim, table, t, out);
  stop (b, DDPM_PROFILE_ELEMENTWISE, start);
}

static void
profile_embedding_add (DdpmBackend * b, guint n, guint dim, const float *table,
    const gint * index, float *out)
{
  const gdouble start = now (b);

  inner_of (b)->ops->embedding_add (inner_of (b), n, dim, table, index, out);
  stop (b, DDPM_PROFILE_ELEMENTWISE, start);
}

static void
profile_embedding_backward (DdpmBackend * b, guint n, guint dim, guint rows,
    const gint * index, const float *dy, float *dtable, gboolean add)
{
  const gdouble start = now (b);

  inner_of (b)->ops->embedding_backward (inner_of (b), n, dim, rows, index, dy,
      dtable, add);
  stop (b, DDPM_PROFILE_ELEMENTWISE, start);
}

static void
profile_swish_forward (DdpmBackend * b, gsize count, const float *x, float *y)
{
  const gdouble start = now (b);

  inner_of (b)->ops->swish_forward (inner_of (b), count, x, y);
  stop (b, DDPM_PROFILE_ELEMENTWISE, start);
}

static void
profile_swish_backward (DdpmBackend * b, gsize count, const float *x,
    const float *dy, float *dx)
{
  const gdouble start = now (b);

  inner_of (b)->ops->swish_backward (inner_of (b), count, x, dy, dx);
  stop (b, DDPM_PROFILE_ELEMENTWISE, start);
}

/* --- diffusion ------------------------------------------------------------ */

static void
profile_noise (DdpmBackend * b, guint64 seed, guint64 first_sample,
    guint32 stream, guint n, guint elements, float *out)
{
  const gdouble start = now (b);

  inner_of (b)->ops->noise (inner_of (b), seed, first_sample, stream, n,
      elements, out);
  stop (b, DDPM_PROFILE_NOISE, start);
}

static void
profile_q_sample (DdpmBackend * b, guint n, guint elements, const float *a,
    const float *s, const float *x_0, const float *eps, float *x_t)
{
  const gdouble start = now (b);

  inner_of (b)->ops->q_sample (inner_of (b), n, elements, a, s, x_0, eps, x_t);
  stop (b, DDPM_PROFILE_DIFFUSION, start);
}

static void
profile_mse (DdpmBackend * b, guint n, guint n_valid, guint elements,
    const float *scale, const float *pred, const float *target, float *dpred,
    double *loss)
{
  const gdouble start = now (b);

  inner_of (b)->ops->mse (inner_of (b), n, n_valid, elements, scale, pred,
      target, dpred, loss);
  stop (b, DDPM_PROFILE_DIFFUSION, start);
}

static void
profile_guide (DdpmBackend * b, gsize count, gfloat w, const float *without,
    float *eps)
{
  const gdouble start = now (b);

  inner_of (b)->ops->guide (inner_of (b), count, w, without, eps);
  stop (b, DDPM_PROFILE_DIFFUSION, start);
}

static void
profile_reverse_step (DdpmBackend * b, const DdpmReverseStep * step,
    guint64 seed, guint64 first_sample, guint n, guint elements, float *x,
    const float *eps, float *x_0_prev)
{
  const gdouble start = now (b);

  inner_of (b)->ops->reverse_step (inner_of (b), step, seed, first_sample, n,
      elements, x, eps, x_0_prev);
  stop (b, DDPM_PROFILE_DIFFUSION, start);
}

/* --- optimizer ------------------------------------------------------------ */

static double
profile_sum_of_squares (DdpmBackend * b, gsize count, const float *x)
{
  const gdouble start = now (b);
  const double sum = inner_of (b)->ops->sum_of_squares (inner_of (b), count, x);

  stop (b, DDPM_PROFILE_OPTIMIZER, start);
  return sum;
}

static void
profile_adam (DdpmBackend * b, const DdpmAdam * a, gsize count,
    const float *grad, float *param, float *m, float *v, float *ema)
{
  const gdouble start = now (b);

  inner_of (b)->ops->adam (inner_of (b), a, count, grad, param, m, v, ema);
  stop (b, DDPM_PROFILE_OPTIMIZER, start);
}

static void
profile_adam_clipped (DdpmBackend * b, const DdpmAdam * a, double limit,
    gsize count, const float *grad, float *param, float *m, float *v,
    float *ema, double *squares)
{
  const gdouble start = now (b);

  inner_of (b)->ops->adam_clipped (inner_of (b), a, limit, count, grad, param,
      m, v, ema, squares);
  stop (b, DDPM_PROFILE_OPTIMIZER, start);
}

/* --- sequences ------------------------------------------------------------ */

static DdpmPlan *
profile_graph_new (DdpmBackend * b)
{
  return (DdpmPlan *) wrap (b, inner_of (b)->ops->graph_new (inner_of (b)),
      0.0);
}

/* While the watch is on, calls are made one by one. */
static void
profile_graph_run (DdpmPlan * p, void (*func) (gpointer data), gpointer data)
{
  if (((ProfileBackend *) p->backend)->active)
    func (data);
  else
    inside (p)->ops->graph_run (inside (p), func, data);
}

static const DdpmOps profile_ops = {
  .finalize = profile_finalize,
  .run = profile_run,
  .check = profile_check,
  .probe = profile_probe,
  .alloc = profile_alloc,
  .free = profile_free,
  .upload = profile_upload,
  .download = profile_download,
  .zero = profile_zero,
  .copy = profile_copy,
  .wait = profile_wait,
  .wait_event = profile_wait_event,
  .record_event = profile_record_event,

  .conv_new = profile_conv_new,
  .conv_set_weights = profile_conv_set_weights,
  .conv_forward = profile_conv_forward,
  .conv_backward_data = profile_conv_backward_data,
  .conv_backward_weights = profile_conv_backward_weights,

  .norm_new = profile_norm_new,
  .norm_forward = profile_norm_forward,
  .norm_backward = profile_norm_backward,

  .attention_new = profile_attention_new,
  .attention_forward = profile_attention_forward,
  .attention_backward = profile_attention_backward,

  .linear_new = profile_linear_new,
  .linear_forward = profile_linear_forward,
  .linear_backward = profile_linear_backward,

  .plan_free = profile_plan_free,
  .plan_implementation = profile_plan_implementation,

  .upsample_forward = profile_upsample_forward,
  .upsample_backward = profile_upsample_backward,
  .accumulate = profile_accumulate,
  .embedding = profile_embedding,
  .embedding_add = profile_embedding_add,
  .embedding_backward = profile_embedding_backward,
  .swish_forward = profile_swish_forward,
  .swish_backward = profile_swish_backward,

  .noise = profile_noise,
  .q_sample = profile_q_sample,
  .mse = profile_mse,
  .guide = profile_guide,
  .reverse_step = profile_reverse_step,
  .to_picture = profile_to_picture,
  .from_picture = profile_from_picture,
  .from_pixels = profile_from_pixels,

  .sum_of_squares = profile_sum_of_squares,
  .adam = profile_adam,
  .adam_clipped = profile_adam_clipped,

  .graph_new = profile_graph_new,
  .graph_run = profile_graph_run,
};

/* --- for who looks -------------------------------------------------------- */

DdpmBackend *
ddpm_profile_backend_new (DdpmBackend * inner)
{
  ProfileBackend *b = g_new0 (ProfileBackend, 1);

  b->base = *inner;
  b->base.ops = &b->ops;
  b->ops = profile_ops;
  if (inner->ops->wait_event == NULL) {
    b->ops.wait_event = NULL;
    b->ops.record_event = NULL;
  }
  if (inner->ops->adam_clipped == NULL)
    b->ops.adam_clipped = NULL;
  if (inner->ops->graph_new == NULL) {
    b->ops.graph_new = NULL;
    b->ops.graph_run = NULL;
  }
  b->base.device = g_strdup (inner->device);
  b->base.free_owner = NULL;    /* that is inner's */
  g_atomic_ref_count_init (&b->base.refcount);
  b->inner = ddpm_backend_ref (inner);
  b->clock = CLOCK_MONOTONIC;
  b->active = TRUE;
  b->plans = g_ptr_array_new ();
  return &b->base;
}

void
ddpm_profile_backend_set_clock (DdpmBackend * profile, clockid_t clock)
{
  ((ProfileBackend *) profile)->clock = clock;
}

void
ddpm_profile_backend_set_active (DdpmBackend * profile, gboolean active)
{
  ((ProfileBackend *) profile)->active = active;
}

void
ddpm_profile_backend_reset (DdpmBackend * profile)
{
  ProfileBackend *b = (ProfileBackend *) profile;

  memset (b->entries, 0, sizeof b->entries);
  for (guint i = 0; i < b->plans->len; i++) {
    ProfilePlan *plan = g_ptr_array_index (b->plans, i);

    memset (plan->convolution.passes, 0, sizeof plan->convolution.passes);
  }
}

const DdpmProfileEntry *
ddpm_profile_backend_get_entries (DdpmBackend * profile)
{
  return ((ProfileBackend *) profile)->entries;
}

gdouble
ddpm_profile_backend_get_planned_flops (DdpmBackend * profile)
{
  GPtrArray *plans = ((ProfileBackend *) profile)->plans;
  gdouble flops = 0.0;

  for (guint i = 0; i < plans->len; i++)
    flops += ((ProfilePlan *) g_ptr_array_index (plans, i))->flops;
  return flops;
}

gboolean
ddpm_profile_backend_get_convolution (DdpmBackend * profile, guint i,
    DdpmProfileConvolution * convolution)
{
  GPtrArray *plans = ((ProfileBackend *) profile)->plans;

  for (guint k = 0; k < plans->len; k++) {
    const ProfilePlan *plan = g_ptr_array_index (plans, k);

    if (plan->is_convolution && i-- == 0) {
      *convolution = plan->convolution;
      return TRUE;
    }
  }
  return FALSE;
}

const gchar *
ddpm_profile_kind_to_string (DdpmProfileKind kind)
{
  static const gchar *const names[DDPM_PROFILE_N_KINDS] = {
    "convolution, forward", "convolution, backward by data",
    "convolution, backward by weights", "weights rearranged",
    "norm, forward", "norm, backward", "attention, forward",
    "attention, backward", "linear, forward", "linear, backward",
    "upsampling", "elementwise", "noise", "diffusion", "optimizer", "copies",
  };

  return names[kind];
}
