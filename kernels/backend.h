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

/**
 * ddpm_backend_probe:
 * @backend: a backend
 * @error: what is missing
 *
 * Opens the libraries that networks need, and that noise and pictures do not,
 * so that a program can choose another backend before it makes a network. Any
 * thread may call it.
 *
 * Returns: TRUE if they are there
 */
gboolean ddpm_backend_probe (DdpmBackend * backend, GError ** error);

/**
 * ddpm_backend_check:
 * @backend: a backend
 * @error: the first failure since the last check: DDPM_ERROR_NO_SPACE or
 *   DDPM_ERROR_LIBRARY
 *
 * Operations are asynchronous on a GPU, and return nothing. The first failure
 * is stored; call this function before using a result. It does not wait: what
 * has not been computed yet can still fail. Any thread may call it.
 *
 * Returns: TRUE if no operation has failed since the last check
 */
gboolean ddpm_backend_check (DdpmBackend * backend, GError ** error);

/* --- memory -----------------------------------------------------------------
 *
 * Any thread may call these functions, also while another one computes with
 * the backend. They take effect in the order of the calls, behind everything
 * that was asked of the backend before. ddpm_backend_check () tells of a
 * failure. */

/**
 * ddpm_backend_alloc:
 * @backend: a backend
 * @size: bytes
 *
 * Returns: (nullable): memory of the backend, all zero, at a multiple of 64
 *   bytes, for ddpm_backend_free (); NULL: there is not enough. It is a pointer
 *   to the host's memory where ddpm_backend_get_context () is NULL, and else one
 *   of that context
 */
gpointer ddpm_backend_alloc (DdpmBackend * backend, gsize size);

/**
 * ddpm_backend_free:
 * @backend: the backend that @memory is of
 * @memory: (nullable): what ddpm_backend_alloc () returned
 */
void ddpm_backend_free (DdpmBackend * backend, gpointer memory);

/**
 * ddpm_backend_zero:
 * @backend: a backend
 * @dest: memory of the backend
 * @size: bytes that become 0
 */
void ddpm_backend_zero (DdpmBackend * backend, gpointer dest, gsize size);

/**
 * ddpm_backend_copy:
 * @backend: a backend
 * @dest: memory of the backend
 * @src: memory of the backend, or of one of the same context; it must not
 *   overlap @dest
 * @size: bytes
 */
void ddpm_backend_copy (DdpmBackend * backend, gpointer dest,
    gconstpointer src, gsize size);

/**
 * ddpm_backend_upload:
 * @backend: a backend
 * @dest: memory of the backend
 * @src: memory of the host, which may be written again after the call
 * @size: bytes
 */
void ddpm_backend_upload (DdpmBackend * backend, gpointer dest,
    gconstpointer src, gsize size);

/**
 * ddpm_backend_download:
 * @backend: a backend
 * @dest: memory of the host, complete after the call
 * @src: memory of the backend
 * @size: bytes
 */
void ddpm_backend_download (DdpmBackend * backend, gpointer dest,
    gconstpointer src, gsize size);

/**
 * ddpm_backend_wait:
 * @backend: a backend
 *
 * Waits until everything that was asked of the backend is done, so that others
 * may read its memory.
 */
void ddpm_backend_wait (DdpmBackend * backend);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmBackend, ddpm_backend_unref)

G_END_DECLS
