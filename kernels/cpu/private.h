/* gst-ddpm: CPU backend: what its files share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * oneDNN computes convolutions and matrix products in bf16. The loops of
 * kernels/cpu/isa/table.h compute everything else, and everything in a build
 * without oneDNN. Sums are cut into pieces that depend on the shape alone and
 * are added in their order, so no result depends on which thread computed
 * what. Only oneDNN allocates memory while it executes.
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
  gboolean native_bf16;         /* bf16, and not emulated: by oneDNN */
  struct dnnl_engine *engine;   /* NULL: oneDNN is not used */
  struct dnnl_stream *stream;
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
/* The largest number of threads that OpenMP allows here */
guint ddpm_cpu_thread_limit (void);
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

/* --- oneDNN (onednn/onednn.c, primitive.c; without-onednn.c) -------------- */

/* Whether oneDNN computes in bf16 on this processor; else error says what is
 * missing */
gboolean ddpm_cpu_onednn_check_bf16 (GError ** error);
/* Opens engine and stream; fails where oneDNN has no bf16. */
gboolean ddpm_cpu_onednn_open (CpuBackend * b, GError ** error);
/* Closes what was opened, if anything. */
void ddpm_cpu_onednn_close (CpuBackend * b);
/* (transfer full): oneDNN's version and the instruction set that it uses */
gchar *ddpm_cpu_onednn_describe (void);

#define CPU_PRIMITIVE_ARGS 5

/* A primitive of oneDNN and its memory objects, whose addresses are set at each
 * run */
typedef struct
{
  struct dnnl_primitive *primitive;     /* NULL: none */
  /* DNNL_ARG_* and memory object of each; the last one is the workspace */
  gint args[CPU_PRIMITIVE_ARGS];
  struct dnnl_memory *memory[CPU_PRIMITIVE_ARGS];
  gint n_args;
  gsize scratch;                /* bytes of its workspace */
  const gchar *implementation;  /* interned */
} CpuPrimitive;

void ddpm_cpu_primitive_run (CpuPrimitive * p, CpuBackend * b,
    const gconstpointer * data, gpointer scratch);
void ddpm_cpu_primitive_clear (CpuPrimitive * p);
gboolean ddpm_cpu_primitive_is_slow (const CpuPrimitive * p);

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
