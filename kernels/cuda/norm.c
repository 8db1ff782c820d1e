/* gst-ddpm: CUDA backend: group norm with time bias or modulation, swish and
 * dropout: which kernels compute it, and their arguments
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/desc.h"
#include "kernels/norm-math.h"
#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/staging.h"
#include "kernels/cuda/workspace.h"
#include "kernels/cuda/kernels/norm.h"

typedef struct
{
  DdpmPlan base;
  DdpmNormDesc d;
  CudaNormShape forward, backward;      /* run 0: the general kernels compute it */
  gsize means;                  /* offset in the workspace */
} NormPlan;

/* --- the blocks of the one-pass kernels ---------------------------------- */

/* Of one block: the kernels are compiled for this many */
#define MAX_THREADS 384
/* Bytes with which three blocks fit on a processor of Hopper at a time, so that
 * one reads while others compute */
#define GOOD_SHARED (75 << 10)
/* Bytes of a row: memory is read in units of 32, best two at a time. */
#define GOOD_ROW 64
/* Two blocks for each processor of a large GPU */
#define GOOD_BLOCKS (2 * 132)

/* Shared memory of a block, as norm.cu divides it: tensors
 * [tensors][steps][lanes][run], sums [lanes][run], [3][run] and [2][run] */
static gsize
shared_size (const DdpmNormDesc * d, gsize size, guint run, guint lanes,
    guint tensors)
{
  const gsize steps = ((gsize) d->pixels + lanes - 1) / lanes;
  const gsize sums = ((gsize) lanes + 5) * run * sizeof (float);

  return ddpm_size_mul (tensors * size * lanes * run, steps) > G_MAXINT32 ?
      G_MAXSIZE : tensors * size * lanes * run * steps + sums;
}

/* The order of sums depends on lanes alone. As lanes depend only on pixels, an
 * image has the same bits in any batch and on any GPU. */
static guint
choose_lanes (guint pixels)
{
  guint lanes = 16;

  while (lanes < 128 && lanes < pixels / 4)
    lanes *= 2;
  return lanes;
}

/* Takes the fewest groups that are a multiple of 16 bytes, and then more of them
 * as long as this reads memory better and leaves enough blocks. */
static CudaNormShape
choose_shape (const DdpmNormDesc * d, DdpmType type, guint tensors,
    gsize max_shared)
{
  const gsize size = ddpm_type_size (type), pack = 16 / size;
  const gsize channels = (gsize) d->c0 + d->c1;
  const gsize per_group = channels / d->groups;
  const guint lanes = choose_lanes (d->pixels);
  CudaNormShape shape = { 0, lanes, 0 };

  if (d->c0 % pack != 0 || d->c1 % pack != 0)
    return shape;
  for (gsize groups = 1; groups <= d->groups; groups++) {
    const gsize run = groups * per_group;
    const gsize blocks = ddpm_size_mul (d->n, channels / run);
    gsize shared;

    if (run / pack * lanes > MAX_THREADS)
      break;
    if (d->groups % groups != 0 || run % pack != 0)
      continue;
    shared = shared_size (d, size, run, lanes, tensors);
    if (shared > max_shared || blocks > G_MAXINT32)
      continue;
    if (shape.run > 0 && (run * size > GOOD_ROW || shared > GOOD_SHARED
            || blocks < GOOD_BLOCKS))
      break;
    shape.run = run;
    shape.shared = shared;
  }
  return shape;
}

/* --- plan ---------------------------------------------------------------- */

static DdpmPlan *
norm_new (DdpmBackend * base, const DdpmNormDesc * d, GError ** error)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  NormPlan *plan;
  gsize scratch = 0, channels;
  gint max_shared = 0;

  if (!ddpm_norm_desc_check (d, error))
    return NULL;
  if (!ddpm_cuda_ok (b, cudaDeviceGetAttribute (&max_shared,
              cudaDevAttrMaxSharedMemoryPerBlockOptin, b->device),
          "getting the size of shared memory")
      || !ddpm_cuda_ok (b, ddpm_cuda_kern_norm_prepare (max_shared),
          "configuring the norm kernels")) {
    ddpm_cuda_propagate_failure (b, error);
    return NULL;
  }

  plan = ddpm_plan_new (sizeof (NormPlan), base, NULL, "cuda");
  plan->d = *d;
  plan->forward = choose_shape (d, base->act_type, 1, max_shared);
  plan->base.implementation[0] = plan->forward.run ? "cuda:one-pass"
      : "cuda:general";
  if (d->training) {
    channels = (gsize) d->c0 + d->c1;
    plan->backward = choose_shape (d, base->act_type, 2, max_shared);
    plan->base.implementation[1] = plan->base.implementation[2] =
        plan->backward.run ? "cuda:one-pass" : "cuda:general";
    ddpm_cuda_workspace_add (&scratch, ddpm_size_mul (d->n, channels),
        3 * sizeof (float));
    plan->means =
        ddpm_cuda_workspace_add (&scratch, ddpm_size_mul (d->n, d->groups),
        2 * sizeof (float));
  }
  plan->base.scratch = scratch;
  return &plan->base;
}

/* --- calls --------------------------------------------------------------- */

/* FALSE: failed, and the failure is stored */
static gboolean
stage_dropout (CudaBackend * b, const DdpmDropout * drop, CudaNormCall * call)
{
  CudaDropout d = { 0, };

  if (drop == NULL || drop->p == 0.0f)
    return TRUE;
  d.seed = drop->seed;
  d.first_sample = drop->first_sample;
  d.stream = drop->stream;
  d.limit = ddpm_dropout_limit (drop->p);
  /* p 1 drops every element, and scale is not used */
  d.scale = drop->p < 1.0f ? 1.0 / (1.0 - drop->p) : 0.0;
  call->drop = ddpm_cuda_stage_args (b, &d, sizeof (d));
  return call->drop != NULL;
}

static CudaNormCall
describe_call (const NormPlan * plan, gconstpointer x0, gconstpointer x1,
    const float *time_bias, gsize time_bias_stride, const float *gamma,
    const float *beta)
{
  const DdpmNormDesc *d = &plan->d;
  const CudaNormCall call = {
    .n = d->n,
    .pixels = d->pixels,
    .c0 = d->c0,
    .c1 = d->c1,
    .groups = d->groups,
    .eps = d->eps,
    .swish = d->swish,
    .x0 = x0,
    .x1 = d->c1 ? x1 : NULL,
    .time_bias = d->time_bias ? time_bias : NULL,
    .modulation = d->modulation ? time_bias : NULL,
    .time_bias_stride = time_bias_stride,
    .gamma = gamma,
    .beta = beta,
  };

  return call;
}

/* Whether all are aligned to 16 bytes; NULL is. */
static gboolean
aligned (gconstpointer a, gconstpointer b, gconstpointer c)
{
  return (((guintptr) a | (guintptr) b | (guintptr) c) & 15) == 0;
}

static void
norm_forward (DdpmPlan * p, gconstpointer x0, gconstpointer x1,
    const float *time_bias, gsize time_bias_stride, const float *gamma,
    const float *beta, const DdpmDropout * drop, gpointer y, float *stats,
    gpointer scratch)
{
  const NormPlan *plan = (const NormPlan *) p;
  CudaBackend *b = ddpm_cuda_plan_backend (p);
  const gboolean bf16 = b->base.act_type == DDPM_TYPE_BF16;
  CudaNormCall call = describe_call (plan, x0, x1, time_bias,
      time_bias_stride, gamma, beta);

  if (!stage_dropout (b, drop, &call) || ddpm_cuda_graph_count_call (b))
    return;
  call.y = y;
  call.stats = stats;
  if (plan->forward.run && aligned (call.x0, call.x1, y))
    ddpm_cuda_kern_norm_forward (b->stream, bf16, &call, &plan->forward);
  else
    ddpm_cuda_kern_norm_forward_general (b->stream, bf16, &call);
  ddpm_cuda_launch_ok (b, "norm");
}

static void
norm_backward (DdpmPlan * p, gconstpointer dy, gconstpointer x0,
    gconstpointer x1, const float *time_bias, gsize time_bias_stride,
    const float *gamma, const float *beta, const DdpmDropout * drop,
    const float *stats, gpointer dx0, gboolean add0, gpointer dx1,
    gboolean add1, float *dgamma, float *dbeta, gboolean add,
    float *dtime_bias, gpointer scratch)
{
  const NormPlan *plan = (const NormPlan *) p;
  CudaBackend *b = ddpm_cuda_plan_backend (p);
  const gboolean bf16 = b->base.act_type == DDPM_TYPE_BF16;
  CudaNormCall call = describe_call (plan, x0, x1, time_bias,
      time_bias_stride, gamma, beta);

  if (!stage_dropout (b, drop, &call) || ddpm_cuda_graph_count_call (b))
    return;
  call.stats = (float *) stats; /* the kernels do not write it */
  call.dy = dy;
  call.dx0 = dx0;
  call.add0 = add0;
  call.dx1 = plan->d.c1 ? dx1 : NULL;
  call.add1 = add1;
  call.dgamma = dgamma;
  call.dbeta = dbeta;
  call.add = add;
  call.dtime_bias = plan->d.time_bias ? dtime_bias : NULL;
  call.dmodulation = plan->d.modulation ? dtime_bias : NULL;
  call.sums = scratch;
  call.means = ddpm_cuda_at (scratch, plan->means);
  if (plan->backward.run && aligned (call.x0, call.x1, dy)
      && aligned (dx0, call.dx1, NULL))
    ddpm_cuda_kern_norm_backward (b->stream, bf16, &call, &plan->backward);
  else
    ddpm_cuda_kern_norm_backward_general (b->stream, bf16, &call);
  ddpm_cuda_kern_norm_weights (b->stream, &call);
  ddpm_cuda_launch_ok (b, "gradient of a norm");
}

void
ddpm_cuda_norm_set_ops (DdpmOps * ops)
{
  ops->norm_new = norm_new;
  ops->norm_forward = norm_forward;
  ops->norm_backward = norm_backward;
}
