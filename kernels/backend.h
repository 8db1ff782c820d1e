/* gst-ddpm: backends: the machines that compute, their memory and their errors
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/**
 * DdpmError:
 * @DDPM_ERROR_NOT_FOUND: a file or a device does not exist
 * @DDPM_ERROR_READ: a file cannot be opened or read
 * @DDPM_ERROR_WRITE: a file cannot be written
 * @DDPM_ERROR_NO_SPACE: the disk or a memory is full
 * @DDPM_ERROR_FORMAT: the content of a file is invalid
 * @DDPM_ERROR_SETTINGS: settings are out of range or exclude each other
 * @DDPM_ERROR_UNSUPPORTED: this machine does not have what was asked for by
 *   name
 * @DDPM_ERROR_LIBRARY: a library call failed
 * @DDPM_ERROR_DIVERGED: a loss, a gradient or a prediction is not finite
 * @DDPM_ERROR_CANCELLED: the caller asked to stop; nothing was changed
 *
 * The errors of this library. A message is one sentence that names the file,
 * what was expected and what was found.
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

/**
 * ddpm_error_quark:
 *
 * Gets the domain of the errors of #DdpmError.
 *
 * Returns: the domain
 */
GQuark ddpm_error_quark (void);

/**
 * DdpmBackend:
 *
 * A machine that computes, in numbers of one precision, with memory of its own.
 *
 * It is reference counted.
 */
typedef struct _DdpmBackend DdpmBackend;

GType ddpm_backend_get_type (void);

/**
 * DdpmCancelFunc: (skip)
 * @data: what was given together with the function
 *
 * Tells whether a computation should stop. The threads that compute call it
 * often, also several of them at once, so it must be quick and must not wait.
 *
 * Returns: %TRUE to stop
 */
typedef gboolean (*DdpmCancelFunc) (gpointer data);

/**
 * DDPM_MAX_THREADS:
 *
 * The largest number of compute threads that may be asked for.
 */
#define DDPM_MAX_THREADS 1024

/**
 * DdpmBackendKind:
 * @DDPM_BACKEND_AUTO: the fastest one that this machine has
 * @DDPM_BACKEND_REFERENCE: plain C in float, on one thread; the tests compare
 *   the others with it
 * @DDPM_BACKEND_CPU: the processor, with our own kernels
 * @DDPM_BACKEND_CUDA: an NVIDIA GPU, with cuDNN, cuBLAS and our own kernels: a
 *   module that is opened at run time
 *
 * The machine to compute on.
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
 * @DDPM_PRECISION_AUTO: bf16 if the machine computes in it, else f32
 * @DDPM_PRECISION_F32: float
 * @DDPM_PRECISION_BF16: activations and copies of weights in bf16; master
 *   weights, statistics, gradients of weights and losses in f32
 * @DDPM_PRECISION_BF16_EMULATED: computes in f32 and rounds as bf16 would, for
 *   tests; slower than f32
 *
 * The number format to compute in.
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
 * @DDPM_TYPE_F16: half precision (IEEE 754), which only files have
 *
 * The type of the numbers of a tensor.
 */
typedef enum
{
  DDPM_TYPE_F32,
  DDPM_TYPE_BF16,
  DDPM_TYPE_F16,
} DdpmType;

/**
 * ddpm_backend_new:
 * @kind: machine
 * @precision: number format of activations
 * @threads: number of compute threads, at most %DDPM_MAX_THREADS; 0: one per
 *   core
 * @error: return location for a #GError
 *
 * Makes a backend. A machine or precision that is asked for by name is never
 * replaced by another one.
 *
 * The module of %DDPM_BACKEND_CUDA is opened in the folder in which it was
 * installed, or in the one that the environment variable `GST_DDPM_MODULE_DIR`
 * names.
 *
 * Returns: (transfer full): a backend; %NULL and %DDPM_ERROR_SETTINGS for too
 *   many threads, %DDPM_ERROR_UNSUPPORTED if this machine does not have @kind
 *   or @precision. The message says what is missing
 */
DdpmBackend *ddpm_backend_new (DdpmBackendKind kind, DdpmPrecision precision,
    guint threads, GError ** error);

/**
 * ddpm_backend_new_on: (skip)
 * @kind: machine
 * @precision: number format of activations
 * @threads: number of compute threads, at most %DDPM_MAX_THREADS; 0: one per
 *   core
 * @device: number of a GPU, as CUDA counts them: %DDPM_BACKEND_AUTO then means
 *   %DDPM_BACKEND_CUDA. -1: any GPU
 * @context: (nullable): a CUcontext of that GPU to compute and allocate in. It
 *   must outlive the backend, see ddpm_backend_attach_owner(). %NULL: the GPU's
 *   primary context
 * @error: return location for a #GError
 *
 * Makes a backend on one GPU of several, or in a context that others use too:
 * memory of one context cannot be used in another.
 *
 * Returns: (transfer full): a backend; %NULL and an error as from
 *   ddpm_backend_new()
 */
DdpmBackend *ddpm_backend_new_on (DdpmBackendKind kind,
    DdpmPrecision precision, guint threads, gint device, gpointer context,
    GError ** error);

/**
 * ddpm_backend_ref: (skip)
 * @backend: a backend
 *
 * Adds a reference.
 *
 * Returns: (transfer full): @backend
 */
DdpmBackend *ddpm_backend_ref (DdpmBackend * backend);

/**
 * ddpm_backend_unref: (skip)
 * @backend: (transfer full): a backend
 *
 * Drops a reference. The last one frees the backend.
 */
void ddpm_backend_unref (DdpmBackend * backend);

/**
 * ddpm_backend_attach_owner: (skip)
 * @backend: a backend without an owner
 * @object: (transfer full): the owner of the context of @backend
 * @free_func: frees @object after the backend is gone
 *
 * Keeps the owner of the backend's context alive as long as the backend.
 */
void ddpm_backend_attach_owner (DdpmBackend * backend, gpointer object,
    GDestroyNotify free_func);

/**
 * ddpm_backend_get_context: (skip)
 * @backend: a backend
 *
 * Gets the context of the backend's memory. Any backend of the same context can
 * use the memory.
 *
 * Returns: (nullable) (transfer none): a CUcontext; %NULL: the memory is system
 *   memory
 */
gpointer ddpm_backend_get_context (DdpmBackend * backend);

/**
 * ddpm_backend_get_name:
 * @backend: a backend
 *
 * Gets the name of the machine, as the property `backend` of the elements has
 * it.
 *
 * Returns: "reference", "cpu" or "cuda"
 */
const gchar *ddpm_backend_get_name (DdpmBackend * backend);

/**
 * ddpm_backend_get_device:
 * @backend: a backend
 *
 * Describes the device for people.
 *
 * Returns: text such as "own kernels (v3), 2 threads"
 */
const gchar *ddpm_backend_get_device (DdpmBackend * backend);

/**
 * ddpm_backend_get_precision:
 * @backend: a backend
 *
 * Gets the precision that the backend computes in.
 *
 * Returns: a precision other than %DDPM_PRECISION_AUTO
 */
DdpmPrecision ddpm_backend_get_precision (DdpmBackend * backend);

/**
 * ddpm_backend_get_precision_name:
 * @backend: a backend
 *
 * Describes the precision for people.
 *
 * Returns: "f32", "bf16" or "bf16 (emulated)"
 */
const gchar *ddpm_backend_get_precision_name (DdpmBackend * backend);

/**
 * ddpm_backend_probe:
 * @backend: a backend
 * @error: return location for a #GError
 *
 * Opens the libraries that networks need, and that noise and pictures do not
 * need, so that a program can choose another backend before it loads a network.
 * Any thread may call it.
 *
 * Returns: %TRUE, or %FALSE and an error that says what is missing
 */
gboolean ddpm_backend_probe (DdpmBackend * backend, GError ** error);

/**
 * ddpm_backend_check:
 * @backend: a backend
 * @error: return location for a #GError
 *
 * Reports the first failure since the last check.
 *
 * Operations are asynchronous on a GPU, and return nothing. The first failure
 * is stored; call this function before using a result. It does not wait: what
 * has not been computed yet can still fail. Any thread may call it.
 *
 * Returns: %TRUE, or %FALSE and %DDPM_ERROR_NO_SPACE or %DDPM_ERROR_LIBRARY if
 *   an operation has failed
 */
gboolean ddpm_backend_check (DdpmBackend * backend, GError ** error);

/* --- memory -----------------------------------------------------------------
 *
 * Any thread may call these functions, also while another one computes with
 * the backend. They take effect in the order of the calls, after everything
 * that was asked of the backend before. ddpm_backend_check() reports a
 * failure. */

/**
 * ddpm_backend_alloc: (skip)
 * @backend: a backend
 * @size: number of bytes
 *
 * Allocates memory that is aligned to 64 bytes and all zero. It is system
 * memory if ddpm_backend_get_context() is %NULL, else memory of that context.
 *
 * Returns: (nullable) (transfer full): the memory, to be freed with
 *   ddpm_backend_free(); %NULL: there is not enough
 */
gpointer ddpm_backend_alloc (DdpmBackend * backend, gsize size);

/**
 * ddpm_backend_free: (skip)
 * @backend: the backend that allocated @memory
 * @memory: (nullable) (transfer full): memory of ddpm_backend_alloc()
 *
 * Frees memory.
 */
void ddpm_backend_free (DdpmBackend * backend, gpointer memory);

/**
 * ddpm_backend_zero: (skip)
 * @backend: a backend
 * @dest: memory of the backend
 * @size: number of bytes
 *
 * Sets memory to 0.
 */
void ddpm_backend_zero (DdpmBackend * backend, gpointer dest, gsize size);

/**
 * ddpm_backend_copy: (skip)
 * @backend: a backend
 * @dest: memory of the backend
 * @src: memory of a backend of the same context; it must not overlap @dest
 * @size: number of bytes
 *
 * Copies inside the memory of the device.
 */
void ddpm_backend_copy (DdpmBackend * backend, gpointer dest,
    gconstpointer src, gsize size);

/**
 * ddpm_backend_upload: (skip)
 * @backend: a backend
 * @dest: memory of the backend
 * @src: system memory, which may be overwritten after the call
 * @size: number of bytes
 *
 * Copies from system memory.
 */
void ddpm_backend_upload (DdpmBackend * backend, gpointer dest,
    gconstpointer src, gsize size);

/**
 * ddpm_backend_download: (skip)
 * @backend: a backend
 * @dest: system memory, which is complete after the call
 * @src: memory of the backend
 * @size: number of bytes
 *
 * Copies to system memory.
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
