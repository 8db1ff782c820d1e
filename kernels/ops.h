/* gst-ddpm: the table of tensor operations that every backend fills
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The network, its backward pass and its memory plan are written once over
 * this table. Making a plan (conv_new, ...) is apart from executing it: plans
 * may allocate and may fail; executing does neither.
 *
 * Activations are NHWC, packed, of the type act_type of the backend (f32 or
 * bf16); everything that is declared float * here is f32 always: weights and
 * their gradients, statistics, the time embedding, x_t, eps and losses.
 * Convolution weights are [cout][cin][k][k] and linear ones [out][in], as in
 * the state_dict of PyTorch.
 *
 * Data pointers are memory of the backend (alloc), or any other where
 * host_memory is set; descriptors, plans and POD parameters are host memory.
 * A function of the table is called inside run (), and by one thread at a time
 * for one plan. The exceptions are run, check, probe, finalize and the memory
 * operations: any thread calls these, inside run () or outside of it.
 */
#pragma once

#include "kernels/backend.h"
#include "kernels/picture-math.h"
#include "kernels/steps.h"

G_BEGIN_DECLS

static inline gsize
ddpm_type_size (DdpmType type)
{
  return type == DDPM_TYPE_F32 ? 4 : 2;
}

/* A plan of one operation: the first member of each backend's own plans */
typedef struct _DdpmPlan DdpmPlan;
typedef struct _DdpmTimer DdpmTimer;    /* kernels/timer.h */
struct _DdpmPlan
{
  const struct _DdpmOps *ops;
  DdpmBackend *backend;
  gsize scratch;                /* bytes of workspace that its calls need */
  void (*clear) (DdpmPlan * plan);      /* frees its members; or NULL */
  /* what computes it, for tests and logs, such as "jit:avx2": the forward pass,
   * the gradient of the data, that of the weights; static, or NULL: nothing */
  const gchar *implementation[3];
};

/* size: of the backend's struct, which begins with a DdpmPlan and is zeroed;
 * implementation: of all three passes */
gpointer ddpm_plan_new (gsize size, DdpmBackend * b,
    void (*clear) (DdpmPlan * plan), const gchar * implementation);
/* NULL: nothing. Call it inside run (). */
void ddpm_plan_free (DdpmPlan * plan);
/* "none" where nothing computes this kind of pass */
const gchar *ddpm_plan_get_implementation (const DdpmPlan * plan, guint kind);

/* y = conv (concat (x0, x1)) + bias [+ residual], padding kernel / 2 */
typedef struct
{
  guint n;                      /* images */
  guint height, width;          /* of the input */
  guint cin0, cin1;             /* channels of x0 and x1; cin1 0: x0 alone */
  guint cout;
  guint kernel;                 /* height and width: 1 or 3 */
  guint stride;                 /* 1 or 2: output is ceil (input / stride) */
  DdpmType src_type, dst_type;  /* of x0, x1 and of y, residual */
  gboolean training;            /* backward passes will be asked for */
} DdpmConvDesc;

/* y = dropout (swish (group_norm (concat (x0, x1) + time_bias)))
 * (Wu & He 2018; Ramachandran et al. 2017) */
typedef struct
{
  guint n, pixels;              /* images, height * width */
  guint c0, c1;                 /* channels of x0 and x1; c1 0: x0 alone */
  guint groups;                 /* may straddle the seam of x0 and x1 */
  gfloat eps;
  gboolean swish;
  gboolean time_bias;           /* x0 has an [n][c0] bias added; only c1 = 0 */
  gboolean training;
} DdpmNormDesc;

/* y = softmax (q k^T / sqrt (c)) v, one head (Vaswani et al. 2017, eq. 1) */
typedef struct
{
  guint n, tokens, c;
  gboolean training;
} DdpmAttentionDesc;

/* Dropout (Srivastava et al. 2014) of image i, element e: kept, and scaled by
 * 1 / (1 - p), where the uniform u of Philox (seed, first_sample + i, stream,
 * e) is >= p. */
typedef struct
{
  gfloat p;                     /* 0: none */
  guint32 stream;
  guint64 seed;
  guint64 first_sample;
} DdpmDropout;

typedef struct _DdpmOps DdpmOps;
struct _DdpmOps
{
  /* --- the machine --------------------------------------------------- */
  void (*finalize) (DdpmBackend * b);
  /* Runs func in the thread where this backend computes; returns after it. */
  void (*run) (DdpmBackend * b, void (*func) (gpointer data), gpointer data);
  /* Whether all calls since the last check went well, as far as is known
   * without waiting; else says what first did not. NULL: none can fail.
   * Executing returns nothing: whoever runs steps asks with
   * ddpm_backend_check () afterwards. */
  gboolean (*check) (DdpmBackend * b, GError ** error);
  /* Opens what plans need and noise and pictures do not, as the first plan
   * would. NULL: nothing. Inside run () or not */
  gboolean (*probe) (DdpmBackend * b, GError ** error);
  /* Memory operations: alloc, free, zero, copy, upload, download, wait. Any
   * thread calls them, inside run () or outside of it, also while another
   * thread computes. Where a device executes calls later, they take effect in
   * the order of the calls, behind everything that was asked of the backend
   * before. Where upload returns, src may be written again; where download
   * returns, dst is complete. A failure is kept for check (). */
  /* 64-byte aligned, zeroed; NULL: no memory */
  gpointer (*alloc) (DdpmBackend * b, gsize size);
  void (*free) (DdpmBackend * b, gpointer p);   /* NULL: nothing */
  /* src of upload and dst of download are host memory. */
  void (*upload) (DdpmBackend * b, gpointer dst, gconstpointer src,
      gsize size);
  void (*download) (DdpmBackend * b, gpointer dst, gconstpointer src,
      gsize size);
  void (*zero) (DdpmBackend * b, gpointer dst, gsize size);
  /* Both memory of the backend, which do not overlap */
  void (*copy) (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size);
  /* Waits until all that was asked for is done, so that others may read it.
   * NULL: every call returns when it is done. */
  void (*wait) (DdpmBackend * b);
  /* In order with a stream of others, without the host: a CUstream of the
   * context, or NULL, its default one, which waits for every stream that was
   * not made to go its own way. follow: what is asked of the backend from now
   * on is done behind what the stream has now; lead: the other way about.
   * Neither inside a sequence. NULL, both: there are no streams. */
  void (*wait_event) (DdpmBackend * b, gpointer stream);
  void (*record_event) (DdpmBackend * b, gpointer stream);

  /* --- convolution ---------------------------------------------------- */
  /* Of every *_new: DDPM_ERROR_SETTINGS for a shape that cannot be,
   * DDPM_ERROR_NO_SPACE where memory is short. */
  DdpmPlan *(*conv_new) (DdpmBackend * b, const DdpmConvDesc * d,
      GError ** error);
  /* Takes the weights into the form that this plan computes with (blocked,
   * rounded, flipped): once per load or optimizer step. bias may change
   * with it; both are copied. */
  void (*conv_set_weights) (DdpmPlan * p, const float *weight,
      const float *bias);
  /* residual NULL: none; may be y itself (in place) */
  void (*conv_forward) (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
      gconstpointer residual, gpointer y, gpointer scratch);
  /* add0, add1: dx += instead of dx =. dx0 or dx1 NULL: not wanted. */
  void (*conv_backward_data) (DdpmPlan * p, gconstpointer dy,
      gpointer dx0, gboolean add0, gpointer dx1, gboolean add1,
      gpointer scratch);
  /* add: dweight, dbias += instead of = */
  void (*conv_backward_weights) (DdpmPlan * p, gconstpointer x0,
      gconstpointer x1, gconstpointer dy, float *dweight, float *dbias,
      gboolean add, gpointer scratch);

  /* --- group norm, swish, time bias, dropout -------------------------- */
  DdpmPlan *(*norm_new) (DdpmBackend * b, const DdpmNormDesc * d,
      GError ** error);
  /* time_bias [n], rows time_bias_stride floats apart, or NULL.
   * stats [n][groups][2]: mean and 1 / sqrt (var + eps), written.
   * gamma, beta [c0 + c1]. drop NULL: no dropout. */
  void (*norm_forward) (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
      const float *time_bias, gsize time_bias_stride,
      const float *gamma, const float *beta, const DdpmDropout * drop,
      gpointer y, float *stats, gpointer scratch);
  /* dgamma, dbeta: add says += or =; dtime_bias [n] rows of the same stride:
   * always =. No result depends on the order of threads. */
  void (*norm_backward) (DdpmPlan * p, gconstpointer dy,
      gconstpointer x0, gconstpointer x1,
      const float *time_bias, gsize time_bias_stride,
      const float *gamma, const float *beta, const DdpmDropout * drop,
      const float *stats,
      gpointer dx0, gboolean add0, gpointer dx1, gboolean add1,
      float *dgamma, float *dbeta, gboolean add, float *dtime_bias,
      gpointer scratch);

  /* --- attention ------------------------------------------------------ */
  DdpmPlan *(*attention_new) (DdpmBackend * b, const DdpmAttentionDesc * d,
      GError ** error);
  /* qkv [n][tokens][3 c]: q, k, v side by side. probs [n][tokens][tokens] of
   * act_type is kept for backward; when not training it is workspace too. */
  void (*attention_forward) (DdpmPlan * p, gconstpointer qkv, gpointer y,
      gpointer probs, gpointer scratch);
  void (*attention_backward) (DdpmPlan * p, gconstpointer dy, gconstpointer qkv,
      gconstpointer probs, gpointer dqkv, gpointer scratch);

  /* --- linear, all f32 ------------------------------------------------- */
  /* y[rows][out] = x[rows][in] weight^T + bias */
  DdpmPlan *(*linear_new) (DdpmBackend * b, guint rows, guint in, guint out,
      GError ** error);
  void (*linear_forward) (DdpmPlan * p, const float *x, const float *weight,
      const float *bias, float *y, gpointer scratch);
  /* dx =; dx NULL: not wanted. dweight, dbias: add says += or =. */
  void (*linear_backward) (DdpmPlan * p, const float *x, const float *weight,
      const float *dy, float *dx, float *dweight, float *dbias, gboolean add,
      gpointer scratch);

  /* --- small ones without a plan --------------------------------------- */
  /* y (n, 2h, 2w, c) from x (n, h, w, c), nearest */
  void (*upsample_forward) (DdpmBackend * b, guint n, guint h, guint w, guint c,
      gconstpointer x, gpointer y);
  /* dx (n, h, w, c): sum of each 2x2 of dy; add says += or = */
  void (*upsample_backward) (DdpmBackend * b, guint n, guint h, guint w,
      guint c, gconstpointer dy, gpointer dx, gboolean add);
  /* y += x, activations */
  void (*accumulate) (DdpmBackend * b, gsize count, gconstpointer x,
      gpointer y);
  /* out[i] = table[t[i]], rows of dim floats; t is host memory */
  void (*embedding) (DdpmBackend * b, guint n, guint dim, const float *table,
      const gint * t, float *out);
  /* out[i] += table[index[i]], where index[i] is not below 0; index is host
   * memory */
  void (*embedding_add) (DdpmBackend * b, guint n, guint dim,
      const float *table, const gint * index, float *out);
  /* dtable[index[i]] += dy[i], of [rows] rows; add says += or = for the table.
   * A sum is taken in the order of i. */
  void (*embedding_backward) (DdpmBackend * b, guint n, guint dim, guint rows,
      const gint * index, const float *dy, float *dtable, gboolean add);
  /* y = x * sigmoid (x), f32 */
  void (*swish_forward) (DdpmBackend * b, gsize count, const float *x,
      float *y);
  void (*swish_backward) (DdpmBackend * b, gsize count, const float *x,
      const float *dy, float *dx);

  /* --- diffusion -------------------------------------------------------- */
  /* out[i][e]: normals of Philox (seed, first_sample + i, stream, e) */
  void (*noise) (DdpmBackend * b, guint64 seed, guint64 first_sample,
      guint32 stream, guint n, guint elements, float *out);
  /* x_t[i] = a[i] x_0[i] + s[i] eps[i] (Ho et al. 2020, eq. 4); a, s: host
   * memory */
  void (*q_sample) (DdpmBackend * b, guint n, guint elements, const float *a,
      const float *s, const float *x_0, const float *eps, float *x_t);
  /* loss[i] (host memory) = sum_e (pred - target)^2 of image i;
   * dpred = 2 scale[i] (pred - target) (Ho et al. 2020, eq. 14); scale [n]:
   * host memory. Images from n_valid on: loss 0, dpred 0. */
  void (*mse) (DdpmBackend * b, guint n, guint n_valid, guint elements,
      const float *scale, const float *pred, const float *target, float *dpred,
      double *loss);
  /* eps = without + w (eps - without): classifier-free guidance (Ho &
   * Salimans 2022, eq. 6, where w is called 1 + w) */
  void (*guide) (DdpmBackend * b, gsize count, gfloat w, const float *without,
      float *eps);
  /* x, x_0_prev in place; x_0_prev NULL: not kept and c_x0_prev taken as 0 */
  void (*reverse_step) (DdpmBackend * b, const DdpmReverseStep * step,
      guint64 seed, guint64 first_sample, guint n, guint elements, float *x,
      const float *eps, float *x_0_prev);

  /* x [n][height][width][channels], and memory of the backend that p names */
  void (*to_picture) (DdpmBackend * b, const float *x, const DdpmPicture * p);
  /* The other way about, to bytes as they are: pixels [n][height][width]
   * [channels] */
  void (*from_picture) (DdpmBackend * b, const DdpmPicture * p,
      guint8 * pixels);
  /* x [n][height][width][channels] of such bytes; mirrored [n]: host memory,
   * not 0 where left and right of an image change places */
  void (*from_pixels) (DdpmBackend * b, guint n, const DdpmPixels * p,
      const guint8 * pixels, const guint8 * mirrored, float *x);

  /* --- optimizer -------------------------------------------------------- */
  /* sum of squares in double; not finite if any element is not */
  double (*sum_of_squares) (DdpmBackend * b, gsize count, const float *x);
  /* ema NULL: none is kept */
  void (*adam) (DdpmBackend * b, const DdpmAdam * a, gsize count,
      const float *grad, float *param, float *m, float *v, float *ema);
  /* Both, without the host between them: adam with a->grad_scale times
   * ddpm_clip_factor () of limit and of the length of grad, whose square goes
   * to squares (host memory). Where ddpm_gradient_is_sane () says that it is
   * not, nothing changes. NULL: there is none, call the two. */
  void (*adam_clipped) (DdpmBackend * b, const DdpmAdam * a, double limit,
      gsize count, const float *grad, float *param, float *m, float *v,
      float *ema, double *squares);

  /* --- sequences --------------------------------------------------------- */
  /* A plan of calls that are made again and again, which the backend may then
   * run as one. NULL, both: there are none (see ddpm_graph_plan_run ()). */
  DdpmPlan *(*graph_new) (DdpmBackend * b);
  /* func makes the calls: upload, download, zero, copy, and whatever computes
   * and returns nothing; each time the same ones, with the same pointers to
   * memory of the backend, sizes and flags. What is in host memory, and where
   * it is, may change, and so may seeds, samples, streams and n_valid.
   * func may be called more than once in a run. What goes to host memory is
   * there after wait (). */
  void (*graph_run) (DdpmPlan * p, void (*func) (gpointer data),
      gpointer data);
};

struct _DdpmBackend
{
  const DdpmOps *ops;
  gatomicrefcount refcount;
  const gchar *name;            /* static */
  gchar *device;                /* owned */
  DdpmPrecision precision;      /* never AUTO */
  DdpmType act_type;
  guint threads;
  gboolean host_memory;         /* data pointers are ordinary host memory */
  gpointer context;             /* else the CUcontext that they are good in */
  gpointer owner;                /* freed behind the backend */
  GDestroyNotify free_owner;
  DdpmTimer *timer;             /* NULL: operations are not timed */
};

/* Calls func in the thread where the backend computes, and returns after it */
static inline void
ddpm_backend_run (DdpmBackend * b, void (*func) (gpointer data), gpointer data)
{
  b->ops->run (b, func, data);
}

/* Frees plans [n], where NULL is nothing, from any thread */
void ddpm_backend_free_plans (DdpmBackend * b, DdpmPlan ** plans, guint n);

/* Inside run (). NULL: there are none; freed by ddpm_plan_free () */
static inline DdpmPlan *
ddpm_graph_plan_new (DdpmBackend * b)
{
  return b->ops->graph_new ? b->ops->graph_new (b) : NULL;
}

/* plan NULL, and while operations are timed: calls func */
static inline void
ddpm_graph_plan_run (DdpmPlan * plan, void (*func) (gpointer data),
    gpointer data)
{
  if (plan && plan->backend->timer == NULL)
    plan->ops->graph_run (plan, func, data);
  else
    func (data);
}

G_END_DECLS
