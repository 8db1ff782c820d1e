/* gst-ddpm: CUDA backend: what its files share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A module of its own, opened at run time. cuDNN computes convolutions,
 * cuBLASLt matrix products, the kernels of the *.cu files everything else.
 * Work is put on one stream and runs in the order of the calls; only download
 * and what returns numbers to the host wait for it.
 *
 * Device memory is taken when the backend and its plans are made, and then
 * no more. No kernel uses atomics, so that equal inputs give equal bits.
 * A call that fails is kept (ddpm_cuda_failed ()), since executing returns nothing;
 * whoever runs steps asks for it afterwards (DdpmOps.check).
 */
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "kernels/desc.h"
#include "kernels/cuda/kernels/launches.h"
#include "kernels/cuda/plan-cache.h"

G_BEGIN_DECLS

typedef struct _CudaGraph CudaGraph;

typedef struct
{
  DdpmBackend base;
  gint device;
  gint capability;              /* 10 major + minor: 90 is sm_90 */
  cudaStream_t stream;
  cudaEvent_t order;            /* of ddpm_cuda_wait_event () and ddpm_cuda_record_event () */
  cudnnHandle_t cudnn;          /* these two: NULL before they are needed */
  cublasLtHandle_t cublas;
  GRecMutex lock;               /* held inside run () and by memory calls */
  GError *failure;              /* the first since check (), or NULL */
  struct _CudaStage *stage;     /* these two: see below */
  struct _CudaContext *context;
  GHashTable *convolutions;     /* CudaConvShape by description; NULL: none */
  CudaPlanCache *plan_cache;
  CudaGraph *sequence;       /* that is being run, or NULL */
  CudaGraph *delivering;     /* that have something to deliver; a list */
} CudaBackend;

static inline CudaBackend *
ddpm_cuda_backend (DdpmBackend * b)
{
  return (CudaBackend *) b;
}

/* --- failures (backend.c) ------------------------------------------------ */

/* Each is TRUE where status says success, and else keeps what was done and
 * the library's own words for the status. */
gboolean ddpm_cuda_ok (CudaBackend * b, cudaError_t status, const gchar * what);
gboolean ddpm_cuda_dnn_ok (CudaBackend * b, cudnnStatus_t status,
    const gchar * what);
gboolean ddpm_cuda_blas_ok (CudaBackend * b, cublasStatus_t status,
    const gchar * what);
/* After every launch of a kernel: cudaGetLastError () */
gboolean ddpm_cuda_launched (CudaBackend * b, const gchar * kernel);
/* While plans are made: gives what failed, DDPM_ERROR_NO_SPACE for memory and
 * else DDPM_ERROR_LIBRARY, to the caller. */
void ddpm_cuda_take_failure (CudaBackend * b, GError ** error);

/* --- libraries (backend.c) --------------------------------------------------- */

/* Each opens its library when a plan needs it for the first time: who makes
 * noise needs neither. FALSE: failed, and kept */
gboolean ddpm_cuda_need_cudnn (CudaBackend * b);
gboolean ddpm_cuda_need_cublas (CudaBackend * b);

/* --- the device's context (context.c) ------------------------------------- */

/* of others, of b->device; NULL: its primary one. Either way to be released. */
gboolean ddpm_cuda_context_retain (CudaBackend * b, gpointer of_others,
    GError ** error);
void ddpm_cuda_context_release (CudaBackend * b);
/* Locks the backend and makes its context the thread's; leave undoes both.
 * Calls nest. FALSE: failed, which is stored; the lock is not held. */
gboolean ddpm_cuda_context_enter (CudaBackend * b);
void ddpm_cuda_context_leave (CudaBackend * b);
/* DdpmOps.run */
void ddpm_cuda_run (DdpmBackend * b, void (*func) (gpointer data),
    gpointer data);

/* --- memory (memory.c) ---------------------------------------------------- */

/* As in DdpmOps, from any thread, inside run () or not: each enters the
 * context, and all use the stream of the kernels. */

gpointer ddpm_cuda_alloc (DdpmBackend * b, gsize size);
void ddpm_cuda_free (DdpmBackend * b, gpointer p);
void ddpm_cuda_upload (DdpmBackend * b, gpointer dst, gconstpointer src,
    gsize size);
void ddpm_cuda_download (DdpmBackend * b, gpointer dst, gconstpointer src,
    gsize size);
void ddpm_cuda_zero (DdpmBackend * b, gpointer dst, gsize size);
void ddpm_cuda_copy (DdpmBackend * b, gpointer dst, gconstpointer src, gsize size);
void ddpm_cuda_wait (DdpmBackend * b);

/* --- streams of others (order.c) -------------------------------------------- */

/* FALSE: failed, and kept */
gboolean ddpm_cuda_order_init (CudaBackend * b);
void ddpm_cuda_order_clear (CudaBackend * b);
void ddpm_cuda_wait_event (DdpmBackend * b, gpointer stream);
void ddpm_cuda_record_event (DdpmBackend * b, gpointer stream);

/* --- from the host (memory.c) ------------------------------------------------ */

/* Small arguments from the host (timesteps, coefficients): copies size bytes,
 * at most CUDA_STAGE_MAX, through pinned memory, in order of the stream, and
 * gives their place on the device. It stays theirs until the stream has
 * passed CUDA_STAGE_SLOTS further ones. NULL: failed, and kept. ddpm_cuda_upload ()
 * goes the same way: the host waits only where the stream is far behind. */
#define CUDA_STAGE_MAX 65536
#define CUDA_STAGE_SLOTS 64
gboolean ddpm_cuda_stage_init (CudaBackend * b, GError ** error);
void ddpm_cuda_stage_clear (CudaBackend * b);
gpointer ddpm_cuda_stage (CudaBackend * b, gconstpointer src, gsize size);

/* --- sequences (graph.c) ------------------------------------------------- */

DdpmPlan *ddpm_cuda_graph_new (DdpmBackend * b);
void ddpm_cuda_graph_run (DdpmPlan * p, void (*func) (gpointer data),
    gpointer data);

/* Each function that puts work on the stream asks this once, when it has
 * staged all that it will. TRUE: the work is in a graph that is about to be
 * launched, and must not be put there again. */
gboolean ddpm_cuda_replayed (CudaBackend * b);
/* Of ddpm_cuda_stage () and ddpm_cuda_download (). FALSE: do it as ever. place: as
 * ddpm_cuda_stage () returns it */
gboolean ddpm_cuda_graph_stage (CudaBackend * b, gconstpointer src, gsize size,
    gpointer * place);
gboolean ddpm_cuda_graph_download (CudaBackend * b, gpointer dst,
    gconstpointer src, gsize size);
/* The stream has passed everything; ok: and well */
void ddpm_cuda_graph_deliver (CudaBackend * b, gboolean ok);

/* --- layouts ---------------------------------------------------------------------- */

/* Parts of a workspace, each a multiple of 256 bytes; G_MAXSIZE in total:
 * more than there can be. Returns the offset. */
static inline gsize
ddpm_cuda_layout_add (gsize * total, gsize count, gsize size)
{
  const gsize offset = *total;
  gsize bytes;

  if (!g_size_checked_mul (&bytes, count, size)
      || bytes > G_MAXSSIZE - 256 || offset > G_MAXSSIZE - 256 - bytes) {
    *total = G_MAXSIZE;
    return 0;
  }
  *total += (bytes + 255) & ~(gsize) 255;
  return offset;
}

static inline gpointer
ddpm_cuda_at (gconstpointer base, gsize bytes)
{
  return (gpointer) ((const guint8 *) base + bytes);
}

/* --- plans ----------------------------------------------------------------------- */

/* The first member of every plan */
typedef struct
{
  DdpmPlan plan;
  void (*clear) (DdpmPlan * plan);      /* what the plan owns; NULL: nothing */
  const gchar *implementation[3];       /* interned, by kind; NULL: "cuda" */
} CudaPlan;

static inline CudaBackend *
ddpm_cuda_plan_backend (DdpmPlan * p)
{
  return (CudaBackend *) p->backend;
}

void ddpm_cuda_plan_init (CudaPlan * plan, DdpmBackend * b, gsize scratch);

/* --- matrix products (matmul.c) ---------------------------------------------- */

/* batch matrices of rows x columns, row-major, row_stride elements from row to
 * row and batch_stride from one matrix to the next. transposed: what lies in
 * memory is columns x rows; never of a product. The first matrix begins at a
 * multiple of 16 bytes, or of what the strides leave of that. */
typedef struct
{
  DdpmType type;
  gsize rows, columns;          /* after transposing */
  gsize row_stride, batch_stride;
  gboolean transposed;
} CudaMatrix;

/* c = alpha a b + beta c, accumulated in f32 (never TF32 for f32) */
typedef struct _CudaMatmul CudaMatmul;
CudaMatmul *ddpm_cuda_matmul_new (CudaBackend * b, gsize batch,
    const CudaMatrix * left, const CudaMatrix * right,
    const CudaMatrix * product, GError ** error);
void ddpm_cuda_matmul_free (CudaMatmul * m);
gsize ddpm_cuda_matmul_scratch (const CudaMatmul * m);
void ddpm_cuda_matmul_run (CudaMatmul * m, CudaBackend * b, gfloat alpha,
    gconstpointer left, gconstpointer right, gfloat beta, gpointer product,
    gpointer scratch);

/* --- entries of the table ------------------------------------------------------------ */

/* What the module exports */
DdpmBackend *ddpm_cuda_backend_new_on (DdpmPrecision precision, guint threads,
    gint device, gpointer context, GError ** error);

/* convolution.c */
DdpmPlan *ddpm_cuda_conv_new (DdpmBackend * b, const DdpmConvDesc * d,
    GError ** error);
void ddpm_cuda_conv_set_weights (DdpmPlan * p, const float *weight,
    const float *bias);
void ddpm_cuda_conv_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    gconstpointer residual, gpointer y, gpointer scratch);
/* convolution-backward.c */
void ddpm_cuda_conv_backward_data (DdpmPlan * p, gconstpointer dy, gpointer dx0,
    gboolean add0, gpointer dx1, gboolean add1, gpointer scratch);
void ddpm_cuda_conv_backward_weights (DdpmPlan * p, gconstpointer x0,
    gconstpointer x1, gconstpointer dy, float *dweight, float *dbias,
    gboolean add, gpointer scratch);

/* norm.c */
DdpmPlan *ddpm_cuda_norm_new (DdpmBackend * b, const DdpmNormDesc * d,
    GError ** error);
void ddpm_cuda_norm_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    const float *time_bias, gsize time_bias_stride, const float *gamma,
    const float *beta, const DdpmDropout * drop, gpointer y, float *stats,
    gpointer scratch);
void ddpm_cuda_norm_backward (DdpmPlan * p, gconstpointer dy, gconstpointer x0,
    gconstpointer x1, const float *time_bias, gsize time_bias_stride,
    const float *gamma, const float *beta, const DdpmDropout * drop,
    const float *stats, gpointer dx0, gboolean add0, gpointer dx1,
    gboolean add1, float *dgamma, float *dbeta, gboolean add,
    float *dtime_bias, gpointer scratch);

/* attention.c */
DdpmPlan *ddpm_cuda_attention_new (DdpmBackend * b, const DdpmAttentionDesc * d,
    GError ** error);
void ddpm_cuda_attention_forward (DdpmPlan * p, gconstpointer qkv, gpointer y,
    gpointer probs, gpointer scratch);
void ddpm_cuda_attention_backward (DdpmPlan * p, gconstpointer dy,
    gconstpointer qkv, gconstpointer probs, gpointer dqkv, gpointer scratch);

/* linear.c */
DdpmPlan *ddpm_cuda_linear_new (DdpmBackend * b, guint rows, guint in, guint out,
    GError ** error);
void ddpm_cuda_linear_forward (DdpmPlan * p, const float *x, const float *weight,
    const float *bias, float *y, gpointer scratch);
void ddpm_cuda_linear_backward (DdpmPlan * p, const float *x, const float *weight,
    const float *dy, float *dx, float *dweight, float *dbias, gboolean add,
    gpointer scratch);

/* elements.c: launches of what has no plan; as in DdpmOps */
void ddpm_cuda_upsample_forward (DdpmBackend * b, guint n, guint h, guint w,
    guint c, gconstpointer x, gpointer y);
void ddpm_cuda_upsample_backward (DdpmBackend * b, guint n, guint h, guint w,
    guint c, gconstpointer dy, gpointer dx, gboolean add);
void ddpm_cuda_accumulate (DdpmBackend * b, gsize count, gconstpointer x,
    gpointer y);
void ddpm_cuda_embedding (DdpmBackend * b, guint n, guint dim, const float *table,
    const gint * t, float *out);
void ddpm_cuda_embedding_add (DdpmBackend * b, guint n, guint dim,
    const float *table, const gint * index, float *out);
void ddpm_cuda_embedding_backward (DdpmBackend * b, guint n, guint dim, guint rows,
    const gint * index, const float *dy, float *dtable, gboolean add);
void ddpm_cuda_swish_forward (DdpmBackend * b, gsize count, const float *x,
    float *y);
void ddpm_cuda_swish_backward (DdpmBackend * b, gsize count, const float *x,
    const float *dy, float *dx);
/* picture.c */
void ddpm_cuda_to_picture (DdpmBackend * b, const float *x, const DdpmPicture * p);
void ddpm_cuda_from_picture (DdpmBackend * b, const DdpmPicture * p,
    guint8 * pixels);
void ddpm_cuda_from_pixels (DdpmBackend * b, guint n, const DdpmPixels * p,
    const guint8 * pixels, const guint8 * mirrored, float *x);
/* diffusion.c */
void ddpm_cuda_noise (DdpmBackend * b, guint64 seed, guint64 first_sample,
    guint32 stream, guint n, guint elements, float *out);
void ddpm_cuda_q_sample (DdpmBackend * b, guint n, guint elements, const float *a,
    const float *s, const float *x_0, const float *eps, float *x_t);
void ddpm_cuda_mse (DdpmBackend * b, guint n, guint n_valid, guint elements,
    const float *scale, const float *pred, const float *target, float *dpred,
    double *loss);
void ddpm_cuda_guide (DdpmBackend * b, gsize count, gfloat w, const float *without,
    float *eps);
void ddpm_cuda_reverse_step (DdpmBackend * b, const DdpmReverseStep * step,
    guint64 seed, guint64 first_sample, guint n, guint elements, float *x,
    const float *eps, float *x_0_prev);
double ddpm_cuda_sum_of_squares (DdpmBackend * b, gsize count, const float *x);
void ddpm_cuda_adam (DdpmBackend * b, const DdpmAdam * a, gsize count,
    const float *grad, float *param, float *m, float *v, float *ema);
void ddpm_cuda_adam_clipped (DdpmBackend * b, const DdpmAdam * a, double limit,
    gsize count, const float *grad, float *param, float *m, float *v,
    float *ema, double *squares);

G_END_DECLS
