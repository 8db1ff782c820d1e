/* gst-ddpm: a machine that computes: the public handle
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>
#include "kernels/error.h"

G_BEGIN_DECLS

typedef struct _DdpmBackend DdpmBackend;

/* More than any machine has cores: a mistake, and a costly one */
#define DDPM_MAX_THREADS 1024

/**
 * DdpmBackendKind:
 * @DDPM_BACKEND_AUTO: the fastest one that is here
 * @DDPM_BACKEND_REFERENCE: plain C in float, one thread: the oracle
 * @DDPM_BACKEND_CPU: own kernels; in bf16 with oneDNN
 * @DDPM_BACKEND_CUDA: cuDNN and own kernels, a module opened at run time
 */
typedef enum
{
  DDPM_BACKEND_AUTO,
  DDPM_BACKEND_REFERENCE,
  DDPM_BACKEND_CPU,
  DDPM_BACKEND_CUDA,
} DdpmBackendKind;

/**
 * DdpmPrecision:
 * @DDPM_PRECISION_AUTO: bf16 where the machine has it, else f32
 * @DDPM_PRECISION_F32: float
 * @DDPM_PRECISION_BF16: bf16 activations and weight copies; master weights,
 *   statistics, gradients of weights and losses in f32
 * @DDPM_PRECISION_BF16_EMULATED: the same roundings on a processor without
 *   bf16, for tests; slower than f32
 */
typedef enum
{
  DDPM_PRECISION_AUTO,
  DDPM_PRECISION_F32,
  DDPM_PRECISION_BF16,
  DDPM_PRECISION_BF16_EMULATED,
} DdpmPrecision;

/**
 * ddpm_backend_new:
 * @kind: which machine
 * @precision: in what numbers it keeps activations
 * @threads: compute threads, at most DDPM_MAX_THREADS; 0: one per core
 * @error: DDPM_ERROR_SETTINGS for more threads; DDPM_ERROR_UNSUPPORTED when
 *   @kind or @precision was named and is not to be had here, with what is
 *   missing
 *
 * What was asked for by name and cannot be had is an error, never a fall-back.
 * The module of DDPM_BACKEND_CUDA is looked for where it was installed, or in
 * the folder that the environment variable GST_DDPM_MODULE_DIR names.
 *
 * Returns: (transfer full): a backend, or NULL
 */
DdpmBackend *ddpm_backend_new (DdpmBackendKind kind, DdpmPrecision precision,
    guint threads, GError ** error);

/**
 * ddpm_backend_new_on:
 * @device: number of a GPU, as CUDA counts them; -1: any. Where it is named,
 *   DDPM_BACKEND_AUTO is DDPM_BACKEND_CUDA
 * @context: (nullable): a CUcontext of that GPU to compute and to have memory
 *   in, which outlives the backend (ddpm_backend_attach_owner ()); NULL: the GPU's
 *   primary one
 *
 * As ddpm_backend_new (), on one GPU of several, or in the context of others
 * who want to read its memory: that of one context is of no use in another.
 *
 * Returns: (transfer full): a backend, or NULL
 */
DdpmBackend *ddpm_backend_new_on (DdpmBackendKind kind,
    DdpmPrecision precision, guint threads, gint device, gpointer context,
    GError ** error);
DdpmBackend *ddpm_backend_ref (DdpmBackend * backend);
void ddpm_backend_unref (DdpmBackend * backend);
/* Frees object (transfer full) once the backend is gone: whoever owns the
 * context. Once for a backend */
void ddpm_backend_attach_owner (DdpmBackend * backend, gpointer object,
    GDestroyNotify free_func);
/* The CUcontext of the backend's memory, which is good in every backend that
 * has the same; NULL: memory of the host */
gpointer ddpm_backend_get_context (DdpmBackend * backend);

/* "reference", "cpu", "cuda" */
const gchar *ddpm_backend_get_name (DdpmBackend * backend);
/* what really computes, for people: "own kernels (v3), 2 threads" */
const gchar *ddpm_backend_get_device (DdpmBackend * backend);
/* what AUTO became: DDPM_PRECISION_F32, _BF16 or _BF16_EMULATED */
DdpmPrecision ddpm_backend_get_precision (DdpmBackend * backend);
/* "f32", "bf16", "bf16 (emulated)" */
const gchar *ddpm_backend_get_precision_name (DdpmBackend * backend);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmBackend, ddpm_backend_unref)

G_END_DECLS
