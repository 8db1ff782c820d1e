/* gst-ddpm: CPU backend: what its files share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The loops of kernels/cpu/isa/table.h compute everything. Sums are cut into
 * pieces that depend on the shape alone and are added in their order, so no
 * result depends on which thread computed what. Nothing allocates memory while
 * it executes.
 */
#pragma once

#include "kernels/desc.h"
#include "kernels/cpu/isa/table.h"

G_BEGIN_DECLS

typedef struct
{
  DdpmBackend base;
  DdpmOps ops;
  const CpuKernels *kernels;
  const CpuTileKernels *tiles;  /* of bf16; NULL: f32, or it is emulated */
  /* workspace of conv_set_weights (), large enough for every plan */
  float *staging;
  gsize staging_size;           /* floats */
  DdpmCancel *cancel;           /* NULL: operations always end */
} CpuBackend;

/* Parts of a long operation are skipped when this is TRUE. */
static inline gboolean
ddpm_cpu_is_cancelled (const CpuBackend * b)
{
  return b->cancel && ddpm_cancel_check (b->cancel);
}

/* --- the compute thread (thread.c) ------------------------------------- */

/* The number of physical cores that this process may run on */
guint ddpm_cpu_thread_count_cores (void);
void ddpm_cpu_thread_run (guint threads, void (*func) (gpointer data),
    gpointer data);
/* In a job: runs the other jobs that wait */
void ddpm_cpu_thread_yield (void);
/* In a job: calls func for i = 0 .. count - 1, each once, in this thread and
 * others, and returns when all have ended. thread: which one calls, less than
 * the job's number of threads. Calls of one thread follow one another, with
 * rising i. */
typedef void (*CpuForFunc) (gconstpointer data, gsize i, guint thread);
void ddpm_cpu_thread_for (gsize count, CpuForFunc func, gconstpointer data);
/* (pool.c) In the compute thread: how many threads share its work */
void ddpm_cpu_pool_set_threads (guint threads);
guint ddpm_cpu_pool_get_threads (void);

/* --- sizes and workspaces ------------------------------------------------- */

/* Adds a part of a workspace to the total, on a cache line of its own, and
 * returns its offset. A total that is too large for memory stays G_MAXSIZE. */
static inline gsize
ddpm_cpu_layout_add (gsize * total, gsize count, gsize size)
{
  const gsize offset = *total;
  gsize bytes;

  if (!g_size_checked_mul (&bytes, count, size)
      || bytes > G_MAXSSIZE - 64 || offset > G_MAXSSIZE - 64 - bytes) {
    *total = G_MAXSIZE;
    return 0;
  }
  *total += (bytes + 63) & ~(gsize) 63;
  return offset;
}

static inline gsize
ddpm_cpu_count_pieces (gsize count, gsize piece)
{
  return count / piece + (count % piece != 0);
}

/* Where the i-th of so many pieces of nearly the same size begins */
static inline gsize
ddpm_cpu_piece_at (gsize count, gsize pieces, gsize i)
{
  return count / pieces * i + MIN (i, count % pieces);
}

static inline gpointer
ddpm_cpu_at (gconstpointer base, gsize bytes)
{
  return (gpointer) ((const guint8 *) base + bytes);
}

/* --- plans ---------------------------------------------------------------- */

static inline CpuBackend *
ddpm_cpu_plan_backend (DdpmPlan * p)
{
  return (CpuBackend *) p->backend;
}

/* --- the operations ------------------------------------------------------- */

/* Each fills in the operations of its file. */
void ddpm_cpu_attention_set_ops (DdpmOps * ops);
void ddpm_cpu_convolution_set_ops (DdpmOps * ops);
void ddpm_cpu_diffusion_set_ops (DdpmOps * ops);
void ddpm_cpu_elements_set_ops (DdpmOps * ops);
void ddpm_cpu_linear_set_ops (DdpmOps * ops);
void ddpm_cpu_norm_set_ops (DdpmOps * ops);

/* y[rows][cy] = x[rows][cx], or += (add), by all threads; see
 * CpuElementKernels.copy */
void ddpm_cpu_copy (CpuBackend * b, DdpmType x_type, DdpmType y_type,
    gsize rows, gsize cx, gsize cy, gconstpointer x, gpointer y, gboolean add);

/* Writes the sums of the columns of x [rows][c], whose rows are @row elements
 * apart, to out [c]; scratch: ddpm_cpu_column_sums_scratch () bytes */
gsize ddpm_cpu_column_sums_scratch (gsize rows, gsize c);
void ddpm_cpu_column_sums (CpuBackend * b, DdpmType type, gsize rows, gsize row,
    gsize c, gconstpointer x, float *out, gboolean add, gpointer scratch);

G_END_DECLS
