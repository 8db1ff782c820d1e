/* gst-ddpm: the table of tensor operations that every backend fills
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The network, its backward pass and its memory plan are written once, over
 * this table. A backend fills in its functions; the plainest one is
 * kernels/reference. Only a function whose comment says so may be NULL.
 *
 * Types. Activations have the type act_type of the backend: f32 or bf16. They
 * are gpointer here. Everything that is float * here is f32 in every backend:
 * weights and their gradients, statistics, the time embedding, x_t, eps and
 * losses. A backend computes in f32 or better, and rounds a result to bf16
 * once, when it stores it.
 *
 * Layouts. Activations are packed NHWC: [n][height][width][channels]. Weights
 * are laid out as in the state_dict of PyTorch: [cout][cin][kernel][kernel] for
 * a convolution, [out][in] for a linear layer.
 *
 * Memory. Data pointers must point to memory that the backend allocated, or, if
 * host_memory is set, to any host memory. Descriptors, plans, structs of
 * parameters and the arrays marked "host memory" below are in host memory.
 *
 * Plans. Large operations are planned first (conv_new, ...) and executed later.
 * Planning may allocate, and reports failure by NULL and a GError. Executing
 * reports nothing: a device may still be computing when a call returns. The
 * first failure is stored; callers get it from ddpm_backend_check ().
 *
 * Threads. Call the functions inside run (), and those of one plan from one
 * thread at a time. The exceptions are run, check, probe, finalize and the
 * memory operations: any thread may call these at any time.
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

/* A plan of one operation. A backend's own plans begin with one. Calls that
 * take turns may share one workspace, as large as the largest scratch. */
typedef struct _DdpmPlan DdpmPlan;
typedef struct _DdpmTimer DdpmTimer;    /* kernels/timer.h */
struct _DdpmPlan
{
  const struct _DdpmOps *ops;
  DdpmBackend *backend;
  gsize scratch;                /* bytes of workspace that its calls need */
  gsize memory;                 /* bytes that it has allocated */
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

/* y = conv (concat (x0, x1)) + bias [+ residual]
 * The concatenation is of channels. kernel / 2 zeros surround an image; with
 * pad_end, one row and one column of zeros follow it, and none precede it: row
 * i of y sees rows 2i to 2i + 2. */
typedef struct
{
  guint n;                      /* images */
  guint height, width;          /* of the input */
  guint cin0, cin1;             /* channels of x0 and x1; cin1 0: no x1 */
  guint cout;
  guint kernel;                 /* height and width: 1 or 3 */
  guint stride;                 /* 1 or 2; y has ceil (height / stride) rows */
  DdpmType src_type;            /* of x0, x1 and their gradients */
  DdpmType dst_type;            /* of y, its gradient, and the residual */
  gboolean training;            /* plan the backward passes, too */
  gboolean pad_end;             /* only with kernel 3 and stride 2 */
} DdpmConvDesc;

/* y = dropout (swish (gamma x^ + beta)), where
 *   a  = concat (x0, x1) + time_bias
 *   x^ = (a - mean) / sqrt (var + eps)
 * with the mean and the variance of a over the pixels and channels of a group
 * (Wu & He 2018; Ramachandran et al. 2017). A group may have channels of both
 * x0 and x1. With modulation, the time bias is a scale and a shift instead
 * (Dhariwal & Nichol 2021, section 3):
 *   a  = x0
 *   y  = dropout (swish ((gamma x^ + beta) (1 + scale) + shift)) */
typedef struct
{
  guint n, pixels;              /* images, height * width */
  guint c0, c1;                 /* channels of x0 and x1; c1 0: no x1 */
  guint groups;                 /* of c0 + c1 channels, which they divide */
  gfloat eps;
  gboolean swish;               /* FALSE: the identity instead */
  gboolean time_bias;           /* there is one: [n][c0], only if c1 is 0 */
  gboolean training;            /* plan the backward pass, too */
  gboolean modulation;          /* instead of a time bias: [n][2 c0] */
} DdpmNormDesc;

/* y = P v, P = softmax (q k^T / sqrt (c)) by rows, for each image; one head
 * (Vaswani et al. 2017, eq. 1). q, k and v are [tokens][c]. */
typedef struct
{
  guint n, tokens, c;           /* images, pixels of an image, channels */
  guint heads;                  /* 1 or more: a divisor of c */
  gboolean training;            /* plan the backward pass, too */
} DdpmAttentionDesc;

/* Dropout (Srivastava et al. 2014) replaces elements by 0 with probability p,
 * and multiplies the others by 1 / (1 - p). Element e of image i is kept if the
 * uniform number u of Philox (seed, first_sample + i, stream, e) is >= p. */
typedef struct
{
  gfloat p;                     /* 0: none */
  guint32 stream;
  guint64 seed;
  guint64 first_sample;
} DdpmDropout;

/* Whether to stop. Once func has said so, this stays cancelled, because results
 * are not complete from then on. */
typedef struct
{
  DdpmCancelFunc func;          /* NULL: never */
  gpointer data;
  gint cancelled;               /* atomic */
} DdpmCancel;

static inline gboolean
ddpm_cancel_check (DdpmCancel * cancel)
{
  if (cancel->func == NULL)
    return FALSE;
  if (!g_atomic_int_get (&cancel->cancelled) && cancel->func (cancel->data))
    g_atomic_int_set (&cancel->cancelled, TRUE);
  return g_atomic_int_get (&cancel->cancelled);
}

typedef struct _DdpmOps DdpmOps;
struct _DdpmOps
{
  /* --- the machine --------------------------------------------------- */
  void (*finalize) (DdpmBackend * b);
  /* Calls func in the thread where this backend computes; returns after it. */
  void (*run) (DdpmBackend * b, void (*func) (gpointer data), gpointer data);
  /* Returns TRUE if no call since the last check has failed, as far as this is
   * known without waiting; otherwise moves the first failure to error. NULL: no
   * call can fail. */
  gboolean (*check) (DdpmBackend * b, GError ** error);
  /* Opens the libraries that plans need (noise and pictures need none), so that
   * a caller learns early whether they are there. NULL: there are none. */
  gboolean (*probe) (DdpmBackend * b, GError ** error);
  /* Lets later operations return early when cancel says so; what they write is
   * then undefined. cancel NULL: they always end, as they do at first. Call it
   * inside run (). NULL: each operation ends soon. */
  void (*set_cancel) (DdpmBackend * b, DdpmCancel * cancel);
  /* Inside run () of a long function: runs, now and then, what other threads
   * wait to run. NULL: they do not wait. */
  void (*yield) (DdpmBackend * b);

  /* --- memory ---------------------------------------------------------- */
  /* Any thread may call these, also while another one computes. They take
   * effect in the order of the calls, after all operations that were called
   * before. A failure is stored for check (). */
  /* zeroed memory at a multiple of 64 bytes; NULL: there is not enough */
  gpointer (*alloc) (DdpmBackend * b, gsize size);
  /* Returns FALSE, and an error with both numbers, if size bytes are more than
   * is available; purpose: what needs them. NULL: alloc () finds out. */
  gboolean (*check_room) (DdpmBackend * b, gsize size, const gchar * purpose,
      GError ** error);
  void (*free) (DdpmBackend * b, gpointer p);   /* NULL: nothing */
  /* src: host memory, which the caller may write again afterwards */
  void (*upload) (DdpmBackend * b, gpointer dst, gconstpointer src,
      gsize size);
  /* dst: host memory. It is complete when the call returns, or, inside
   * graph_run (), after a wait. */
  void (*download) (DdpmBackend * b, gpointer dst, gconstpointer src,
      gsize size);
  void (*zero) (DdpmBackend * b, gpointer dst, gsize size);
  /* Both are memory of the backend, and do not overlap. */
  void (*copy) (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size);
  /* Returns when all that was called is done. NULL: calls return when they are
   * done. */
  void (*wait) (DdpmBackend * b);
  /* Order with another stream, without waiting on the host. stream: a CUstream
   * of the context, or NULL, the default stream, which waits for every stream
   * that was not made with CU_STREAM_NON_BLOCKING.
   * wait_event: later calls of the backend wait for what the stream has now.
   * record_event: later work of the stream waits for what was called so far.
   * Do not call them inside graph_run (). NULL, both: there are no streams. */
  void (*wait_event) (DdpmBackend * b, gpointer stream);
  void (*record_event) (DdpmBackend * b, gpointer stream);

  /* --- convolution ---------------------------------------------------- */
  /* Errors of all functions *_new: DDPM_ERROR_SETTINGS for an impossible shape,
   * DDPM_ERROR_NO_SPACE if memory is short */
  DdpmPlan *(*conv_new) (DdpmBackend * b, const DdpmConvDesc * d,
      GError ** error);
  /* weight [cout][cin0 + cin1][kernel][kernel], bias [cout]. Copies them, and
   * converts the weights to the form in which this plan computes (in blocks, in
   * bf16, flipped). Call it after each load and optimizer step. */
  void (*conv_set_weights) (DdpmPlan * p, const float *weight,
      const float *bias);
  /* x0 [n][height][width][cin0], x1 the same with cin1; y, residual [n][out
   * height][out width][cout]. residual NULL: none; it may be y itself. */
  void (*conv_forward) (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
      gconstpointer residual, gpointer y, gpointer scratch);
  /* The gradients of x0 and x1 from dy, that of y. add0, add1: dx += instead of
   * dx =. dx0 or dx1 NULL: it is not needed. */
  void (*conv_backward_data) (DdpmPlan * p, gconstpointer dy,
      gpointer dx0, gboolean add0, gpointer dx1, gboolean add1,
      gpointer scratch);
  /* The gradients of weight and bias. add: += instead of =, for both */
  void (*conv_backward_weights) (DdpmPlan * p, gconstpointer x0,
      gconstpointer x1, gconstpointer dy, float *dweight, float *dbias,
      gboolean add, gpointer scratch);

  /* --- group norm, swish, time bias, dropout -------------------------- */
  DdpmPlan *(*norm_new) (DdpmBackend * b, const DdpmNormDesc * d,
      GError ** error);
  /* x0 [n][pixels][c0], x1 [n][pixels][c1], y [n][pixels][c0 + c1]; gamma, beta
   * [c0 + c1]. time_bias: n rows of c0, time_bias_stride floats apart, or with
   * modulation of c0 scales and then c0 shifts; NULL: zeros. drop NULL: no
   * dropout. Writes stats [n][groups][2], the mean and
   * 1 / sqrt (var + eps) of each group, for the backward pass. */
  void (*norm_forward) (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
      const float *time_bias, gsize time_bias_stride,
      const float *gamma, const float *beta, const DdpmDropout * drop,
      gpointer y, float *stats, gpointer scratch);
  /* The gradients of all inputs, from dy, that of y, and the arguments and
   * stats of the forward pass. add0, add1: dx += instead of dx =. dx0 or dx1
   * NULL: it is not needed. add: dgamma, dbeta += instead of =. dtime_bias:
   * laid out as time_bias, always =; NULL: it is not needed. */
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
  /* qkv [n][tokens][3 c]: q, k and v of a token side by side, and within each
   * the heads; y [n][tokens][c]. kept: what the backward pass needs, see
   * ddpm_attention_kept_size (). */
  void (*attention_forward) (DdpmPlan * p, gconstpointer qkv, gpointer y,
      gpointer kept, gpointer scratch);
  /* dqkv, the gradient of qkv, from dy, that of y */
  void (*attention_backward) (DdpmPlan * p, gconstpointer dy, gconstpointer qkv,
      gconstpointer kept, gpointer dqkv, gpointer scratch);

  /* --- linear, all f32 ------------------------------------------------- */
  /* y[rows][out] = x[rows][in] weight^T + bias */
  DdpmPlan *(*linear_new) (DdpmBackend * b, guint rows, guint in, guint out,
      GError ** error);
  void (*linear_forward) (DdpmPlan * p, const float *x, const float *weight,
      const float *bias, float *y, gpointer scratch);
  /* dx = dy weight; NULL: it is not needed. dweight = dy^T x, dbias = the sum
   * of dy over rows; add: += instead of = for these two. */
  void (*linear_backward) (DdpmPlan * p, const float *x, const float *weight,
      const float *dy, float *dx, float *dweight, float *dbias, gboolean add,
      gpointer scratch);

  /* --- small operations without a plan --------------------------------- */
  /* Nearest upsampling: y [n][2 h][2 w][c] from x [n][h][w][c],
   * y[row][column] = x[row / 2][column / 2] */
  void (*upsample_forward) (DdpmBackend * b, guint n, guint h, guint w, guint c,
      gconstpointer x, gpointer y);
  /* dx [n][h][w][c] = the sum of each 2 x 2 pixels of dy; add: += */
  void (*upsample_backward) (DdpmBackend * b, guint n, guint h, guint w,
      guint c, gconstpointer dy, gpointer dx, gboolean add);
  /* y [count] += x [count], of act_type */
  void (*accumulate) (DdpmBackend * b, gsize count, gconstpointer x,
      gpointer y);
  /* y [count] of act_type *= factor */
  void (*scale) (DdpmBackend * b, gsize count, gfloat factor, gpointer y);
  /* f32: the first c numbers of each row of x [pixels][2 c] to first, the
   * others to second, both [pixels][c]; second NULL: nowhere */
  void (*split_channels) (DdpmBackend * b, gsize pixels, guint c,
      const float *x, float *first, float *second);
  /* The reverse; second NULL: zeros */
  void (*join_channels) (DdpmBackend * b, gsize pixels, guint c,
      const float *first, const float *second, float *y);
  /* out[i] = table[t[i]], rows of dim floats; t [n]: host memory */
  void (*embedding) (DdpmBackend * b, guint n, guint dim, const float *table,
      const gint * t, float *out);
  /* out[i] += table[index[i]] if index[i] >= 0; index [n]: host memory */
  void (*embedding_add) (DdpmBackend * b, guint n, guint dim,
      const float *table, const gint * index, float *out);
  /* dtable [rows][dim]: row r = the sum of dy[i] over all i, in their order,
   * with index[i] = r; add: += */
  void (*embedding_backward) (DdpmBackend * b, guint n, guint dim, guint rows,
      const gint * index, const float *dy, float *dtable, gboolean add);
  /* y = x sigmoid (x), f32 */
  void (*swish_forward) (DdpmBackend * b, gsize count, const float *x,
      float *y);
  /* dx = dy d/dx (x sigmoid (x)) */
  void (*swish_backward) (DdpmBackend * b, gsize count, const float *x,
      const float *dy, float *dx);

  /* --- diffusion, all f32: x, eps, ... [n][elements] -------------------- */
  /* out[i][e] = the normal number of Philox (seed, first_sample + i, stream,
   * e), between keyframes if interval is not 0: see ddpm_keyframe_normal4 () in
   * kernels/philox.h */
  void (*noise) (DdpmBackend * b, guint64 seed, guint64 first_sample,
      guint32 stream, guint32 interval, guint n, guint elements, float *out);
  /* x_t[i] = a[i] x_0[i] + s[i] eps[i] (Ho et al. 2020, eq. 4); a, s [n]: host
   * memory */
  void (*q_sample) (DdpmBackend * b, guint n, guint elements, const float *a,
      const float *s, const float *x_0, const float *eps, float *x_t);
  /* loss[i] = the sum over e of (pred - target)^2 of image i, and
   * dpred[i] = 2 scale[i] (pred[i] - target[i]) (Ho et al. 2020, eq. 14).
   * loss, scale [n]: host memory. Images from n_valid on only fill up the
   * batch: their loss and dpred are 0. */
  void (*mse) (DdpmBackend * b, guint n, guint n_valid, guint elements,
      const float *scale, const float *pred, const float *target, float *dpred,
      double *loss);
  /* Classifier-free guidance: eps = without + w (eps - without) (Ho & Salimans
   * 2022, eq. 6, where w is called 1 + w) */
  void (*guide) (DdpmBackend * b, gsize count, gfloat w, const float *without,
      float *eps);
  /* One reverse step, by the formula of DdpmReverseStep. Updates x and x_0_prev
   * in place. x_0_prev NULL: x_0 is not stored, and c_x0_prev counts as 0. */
  void (*reverse_step) (DdpmBackend * b, const DdpmReverseStep * step,
      guint64 seed, guint64 first_sample, guint n, guint elements, float *x,
      const float *pred, float *x_0_prev);
  /* Adds the noise of a learned variance, by the formula of DdpmReverseStep, if
   * the step has any.
   * v [n][elements]: what the network predicts for it */
  void (*learned_noise) (DdpmBackend * b, const DdpmReverseStep * step,
      guint64 seed, guint64 first_sample, guint n, guint elements,
      const float *v, float *x);

  /* --- pictures ---------------------------------------------------------- */
  /* Floats to bytes: x [n][height][width][channels]. p points to memory of the
   * backend; see ddpm_picture_paint_pixel (). */
  void (*to_picture) (DdpmBackend * b, const float *x, const DdpmPicture * p);
  /* Bytes to bytes: pixels [n][height][width][channels] */
  void (*from_picture) (DdpmBackend * b, const DdpmPicture * p,
      guint8 * pixels);
  /* Bytes to floats: x [n][height][width][channels] from pixels, laid out the
   * same. mirrored [n]: host memory; not 0: exchange left and right of this
   * image. */
  void (*from_pixels) (DdpmBackend * b, guint n, const DdpmPixels * p,
      const guint8 * pixels, const guint8 * mirrored, float *x);

  /* --- optimizer, all f32: [count] --------------------------------------- */
  /* Returns the sum of squares, in double; it is not finite if an element is
   * not. */
  double (*sum_of_squares) (DdpmBackend * b, gsize count, const float *x);
  /* One step, by the formula of DdpmAdam. ema NULL: no average is updated. */
  void (*adam) (DdpmBackend * b, const DdpmAdam * a, gsize count,
      const float *grad, float *param, float *m, float *v, float *ema);
  /* sum_of_squares and adam in one, so that a device need not wait for the
   * host: stores the sum of squares of grad in *squares (host memory),
   * multiplies a->grad_scale by ddpm_clip_factor (limit, sqrt (*squares)), and
   * makes the step, unless ddpm_gradient_is_sane () is false. NULL: the caller
   * must call both. */
  void (*adam_clipped) (DdpmBackend * b, const DdpmAdam * a, double limit,
      gsize count, const float *grad, float *param, float *m, float *v,
      float *ema, double *squares);

  /* --- graphs: calls that are repeated ----------------------------------- */
  /* A plan with which a backend may record calls once, and then replay them as
   * one. NULL, both: use ddpm_graph_plan_run (), which calls func. */
  DdpmPlan *(*graph_new) (DdpmBackend * b);
  /* func makes the calls: upload, download, zero, copy, and operations that
   * return nothing. Each run makes the same calls, with the same pointers to
   * memory of the backend, sizes and flags. Pointers to host memory and its
   * contents, seeds, samples, streams and n_valid may change. A run may call
   * func more than once. What is written to host memory is there after
   * wait (). */
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
  DdpmType act_type;            /* of activations */
  guint threads;
  gboolean host_memory;         /* data pointers are ordinary host memory */
  gboolean one_thread;          /* run () is in one thread of the process */
  gpointer context;             /* NULL, or the CUcontext of their memory */
  gpointer owner;               /* free_owner frees it after the backend */
  GDestroyNotify free_owner;
  DdpmTimer *timer;             /* NULL: operations are not timed */
};

/* Calls func in the thread where the backend computes, and returns after it. */
static inline void
ddpm_backend_run (DdpmBackend * b, void (*func) (gpointer data), gpointer data)
{
  b->ops->run (b, func, data);
}

/* Calls check_room (), if there is one. */
static inline gboolean
ddpm_backend_check_room (DdpmBackend * b, gsize size, const gchar * purpose,
    GError ** error)
{
  return b->ops->check_room == NULL
      || b->ops->check_room (b, size, purpose, error);
}

/* Frees plans [n], some of which may be NULL. Any thread may call it. */
void ddpm_backend_free_plans (DdpmBackend * b, DdpmPlan ** plans, guint n);

/* Call it inside run (). NULL: this backend has no graphs */
static inline DdpmPlan *
ddpm_graph_plan_new (DdpmBackend * b)
{
  return b->ops->graph_new ? b->ops->graph_new (b) : NULL;
}

/* Just calls func if plan is NULL, or while operations are timed. */
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
