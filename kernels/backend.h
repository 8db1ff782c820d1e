/* gst-ddpm: backends: the machines that compute, their memory and their errors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * DdpmError:
 * @DDPM_ERROR_NOT_FOUND: a file or a device that was named is not there
 * @DDPM_ERROR_READ: a file cannot be opened or read
 * @DDPM_ERROR_WRITE: a file cannot be written
 * @DDPM_ERROR_NO_SPACE: the disk or a memory is full
 * @DDPM_ERROR_FORMAT: the content of a file is not what it should be
 * @DDPM_ERROR_SETTINGS: settings that are out of range or exclude each other
 * @DDPM_ERROR_UNSUPPORTED: this machine cannot do what was asked for by name
 * @DDPM_ERROR_LIBRARY: a library call failed
 * @DDPM_ERROR_DIVERGED: a loss, a gradient or a prediction is not finite
 * @DDPM_ERROR_CANCELLED: the caller asked to stop; nothing was changed
 *
 * A message is one sentence that names the file, what was expected and what
 * was found.
 */
typedef enum
{
  DDPM_ERROR_NOT_FOUND,
  DDPM_ERROR_READ,
  DDPM_ERROR_WRITE,
  DDPM_ERROR_NO_SPACE,
  DDPM_ERROR_FORMAT,
  DDPM_ERROR_SETTINGS,
  DDPM_ERROR_UNSUPPORTED,
  DDPM_ERROR_LIBRARY,
  DDPM_ERROR_DIVERGED,
  DDPM_ERROR_CANCELLED,
} DdpmError;

#define DDPM_ERROR (ddpm_error_quark ())
GQuark ddpm_error_quark (void);

/**
 * DdpmBackend:
 *
 * A machine that computes, in numbers of one precision, with memory of its own.
 * It is reference counted.
 */
typedef struct _DdpmBackend DdpmBackend;

/* More threads than any machine has cores are a mistake. */
#define DDPM_MAX_THREADS 1024

/**
 * DdpmBackendKind:
 * @DDPM_BACKEND_AUTO: the fastest one that this machine has
 * @DDPM_BACKEND_REFERENCE: plain C in float, one thread: tests compare the
 *   others with it
 * @DDPM_BACKEND_CPU: the processor, with own kernels, and oneDNN for bf16
 * @DDPM_BACKEND_CUDA: an NVIDIA GPU, with cuDNN, cuBLAS and own kernels: a
 *   module that is opened at run time
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
 * @DDPM_PRECISION_AUTO: bf16 where the machine computes in it, else f32
 * @DDPM_PRECISION_F32: float
 * @DDPM_PRECISION_BF16: activations and copies of weights in bf16; master
 *   weights, statistics, gradients of weights and losses in f32
 * @DDPM_PRECISION_BF16_EMULATED: rounds as bf16 does on a processor without it,
 *   for tests; slower than f32
 */
typedef enum
{
  DDPM_PRECISION_AUTO,
  DDPM_PRECISION_F32,
  DDPM_PRECISION_BF16,
  DDPM_PRECISION_BF16_EMULATED,
} DdpmPrecision;

/**
 * DdpmType:
 * @DDPM_TYPE_F32: float
 * @DDPM_TYPE_BF16: the upper half of a float
 *
 * Type of the numbers of a tensor.
 */
typedef enum
{
  DDPM_TYPE_F32,
  DDPM_TYPE_BF16,
} DdpmType;

/**
 * ddpm_backend_new:
 * @kind: machine
 * @precision: numbers of activations
 * @threads: compute threads, at most DDPM_MAX_THREADS; 0: one per core
 * @error: DDPM_ERROR_SETTINGS for more threads; DDPM_ERROR_UNSUPPORTED if this
 *   machine does not have the @kind or @precision that was asked for by name;
 *   the message says what is missing
 *
 * Makes a backend. AUTO chooses; another value is never replaced by a
 * fall-back. The module of DDPM_BACKEND_CUDA is opened in the folder in which
 * it was installed, or in the one that the environment variable
 * GST_DDPM_MODULE_DIR names.
 *
 * Returns: (transfer full): a backend, or NULL
 */
DdpmBackend *ddpm_backend_new (DdpmBackendKind kind, DdpmPrecision precision,
    guint threads, GError ** error);

/**
 * ddpm_backend_new_on:
 * @kind: machine
 * @precision: numbers of activations
 * @threads: compute threads, at most DDPM_MAX_THREADS; 0: one per core
 * @device: number of a GPU, as CUDA counts them, with which DDPM_BACKEND_AUTO
 *   is DDPM_BACKEND_CUDA; -1: any
 * @context: (nullable): a CUcontext of that GPU to compute and to have memory
 *   in, which outlives the backend (ddpm_backend_attach_owner ()); NULL: the
 *   GPU's primary context
 * @error: as ddpm_backend_new ()
 *
 * Makes a backend on one GPU of several, or in a context that others use too:
 * memory of one context cannot be used in another.
 *
 * Returns: (transfer full): a backend, or NULL
 */
DdpmBackend *ddpm_backend_new_on (DdpmBackendKind kind,
    DdpmPrecision precision, guint threads, gint device, gpointer context,
    GError ** error);
DdpmBackend *ddpm_backend_ref (DdpmBackend * backend);
void ddpm_backend_unref (DdpmBackend * backend);

/**
 * ddpm_backend_attach_owner:
 * @backend: a backend that has no owner yet
 * @object: (transfer full): the owner of the context of @backend
 * @free_func: (scope async): frees @object after the backend is gone
 *
 * Keeps the owner of the backend's context alive as long as the backend.
 */
void ddpm_backend_attach_owner (DdpmBackend * backend, gpointer object,
    GDestroyNotify free_func);

/**
 * ddpm_backend_get_context:
 * @backend: a backend
 *
 * Returns: (nullable) (transfer none): the CUcontext of the backend's memory,
 *   which any backend of the same context can use; NULL: it is memory of the
 *   host
 */
gpointer ddpm_backend_get_context (DdpmBackend * backend);

/**
 * ddpm_backend_get_name:
 * @backend: a backend
 *
 * Returns: "reference", "cpu" or "cuda"
 */
const gchar *ddpm_backend_get_name (DdpmBackend * backend);

/**
 * ddpm_backend_get_device:
 * @backend: a backend
 *
 * Returns: what computes, for people: "own kernels (v3), 2 threads"
 */
const gchar *ddpm_backend_get_device (DdpmBackend * backend);

/**
 * ddpm_backend_get_precision:
 * @backend: a backend
 *
 * Returns: its precision, which is not DDPM_PRECISION_AUTO
 */
DdpmPrecision ddpm_backend_get_precision (DdpmBackend * backend);

/**
 * ddpm_backend_get_precision_name:
 * @backend: a backend
 *
 * Returns: "f32", "bf16" or "bf16 (emulated)"
 */
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
 *   to the host's memory where ddpm_backend_get_context () is NULL, and else
 *   one of that context
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
