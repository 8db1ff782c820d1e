/* gst-ddpm: CUDA backend: the device, its libraries, its table
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/private.h"

/* Turing: the first whose tensor cores and libraries this is compiled for */
#define LEAST_CAPABILITY 75
/* Ampere: the first that multiplies in bf16 */
#define BF16_CAPABILITY 80
/* Of cuDNN 9 */
#define LEAST_CUDNN 8

/* --- failures ----------------------------------------------------------- */

static gboolean
keep_failure (CudaBackend * b, gboolean memory, const gchar * what,
    const gchar * words)
{
  if (b->failure == NULL)
    b->failure = g_error_new (DDPM_ERROR,
        memory ? DDPM_ERROR_NO_SPACE : DDPM_ERROR_LIBRARY, "%s, %s: %s",
        b->base.device ? b->base.device : "CUDA", what, words);
  return FALSE;
}

gboolean
ddpm_cuda_ok (CudaBackend * b, cudaError_t status, const gchar * what)
{
  if (status == cudaSuccess)
    return TRUE;
  cudaGetLastError ();          /* or the next launch would seem to fail */
  return keep_failure (b, status == cudaErrorMemoryAllocation, what,
      cudaGetErrorString (status));
}

gboolean
ddpm_cuda_dnn_ok (CudaBackend * b, cudnnStatus_t status, const gchar * what)
{
  gchar words[512] = "";

  if (status == CUDNN_STATUS_SUCCESS)
    return TRUE;
  cudaGetLastError ();          /* or the next launch would seem to fail */
  cudnnGetLastErrorString (words, sizeof (words));
  return keep_failure (b, status == CUDNN_STATUS_ALLOC_FAILED
      || status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED
      || status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED, what,
      *words ? words : cudnnGetErrorString (status));
}

gboolean
ddpm_cuda_blas_ok (CudaBackend * b, cublasStatus_t status, const gchar * what)
{
  if (status == CUBLAS_STATUS_SUCCESS)
    return TRUE;
  cudaGetLastError ();
  return keep_failure (b, status == CUBLAS_STATUS_ALLOC_FAILED, what,
      cublasLtGetStatusString (status));
}

gboolean
ddpm_cuda_launched (CudaBackend * b, const gchar * kernel)
{
  return ddpm_cuda_ok (b, cudaGetLastError (), kernel);
}

void
ddpm_cuda_take_failure (CudaBackend * b, GError ** error)
{
  if (b->failure == NULL)
    keep_failure (b, FALSE, "planning", "nothing fits");
  g_propagate_error (error, g_steal_pointer (&b->failure));
}

/* What went wrong in a kernel that was launched long ago is told by whatever
 * call comes next: so one is made here, which does not wait. */
static gboolean
ddpm_cuda_check (DdpmBackend * base, GError ** error)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  gboolean ok;

  g_rec_mutex_lock (&b->lock);
  if (ddpm_cuda_context_enter (b)) {
    const cudaError_t status = cudaStreamQuery (b->stream);

    if (status == cudaErrorNotReady)
      cudaGetLastError ();
    else
      ddpm_cuda_ok (b, status, "computing");
    ddpm_cuda_context_leave (b);
  }
  ok = b->failure == NULL;
  if (!ok)
    ddpm_cuda_take_failure (b, error);
  g_rec_mutex_unlock (&b->lock);
  return ok;
}

/* --- the machine -------------------------------------------------------- */

static void
release (gpointer data)
{
  CudaBackend *b = data;

  if (b->stream)
    ddpm_cuda_ok (b, cudaStreamSynchronize (b->stream), "computing");
  ddpm_cuda_stage_clear (b);
  ddpm_cuda_order_clear (b);
  g_clear_pointer (&b->convolutions, g_hash_table_unref);
  if (b->cublas)
    ddpm_cuda_blas_ok (b, cublasLtDestroy (b->cublas), "leaving cuBLASLt");
  if (b->cudnn)
    ddpm_cuda_dnn_ok (b, cudnnDestroy (b->cudnn), "leaving cuDNN");
  if (b->stream)
    ddpm_cuda_ok (b, cudaStreamDestroy (b->stream), "freeing a stream");
}

static void
ddpm_cuda_finalize (DdpmBackend * base)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  base->device = NULL;          /* the caller has freed it */
  if (b->context)
    ddpm_cuda_run (base, release, b);
  ddpm_cuda_context_release (b);
  ddpm_cuda_plan_cache_free (b->plan_cache);
  g_clear_error (&b->failure);
  g_rec_mutex_clear (&b->lock);
  g_free (b);
}

/* --- libraries ---------------------------------------------------------- */

typedef struct
{
  CudaBackend *backend;
  GError **error;
  gboolean ok;
} Opening;

/* A handle without its stream is none. */
gboolean
ddpm_cuda_need_cudnn (CudaBackend * b)
{
  cudnnHandle_t handle = NULL;

  if (b->cudnn)
    return TRUE;
  if (!ddpm_cuda_dnn_ok (b, cudnnCreate (&handle), "opening cuDNN"))
    return FALSE;
  if (ddpm_cuda_dnn_ok (b, cudnnSetStream (handle, b->stream),
          "cudnnSetStream"))
    b->cudnn = handle;
  else
    ddpm_cuda_dnn_ok (b, cudnnDestroy (handle), "leaving cuDNN");
  return b->cudnn != NULL;
}

gboolean
ddpm_cuda_need_cublas (CudaBackend * b)
{
  cublasLtHandle_t handle = NULL;

  if (b->cublas == NULL
      && ddpm_cuda_blas_ok (b, cublasLtCreate (&handle), "opening cuBLASLt"))
    b->cublas = handle;
  return b->cublas != NULL;
}

static void
open_libraries (gpointer data)
{
  Opening *o = data;

  o->ok = ddpm_cuda_need_cudnn (o->backend)
      && ddpm_cuda_need_cublas (o->backend);
  if (!o->ok)
    ddpm_cuda_take_failure (o->backend, o->error);
}

static gboolean
ddpm_cuda_probe (DdpmBackend * base, GError ** error)
{
  Opening opening = { ddpm_cuda_backend (base), error, FALSE };

  ddpm_cuda_run (base, open_libraries, &opening);
  return opening.ok;
}

/* --- plans -------------------------------------------------------------- */

/* What the libraries have tried in vain for a plan is no failure of the kernel
 * that is launched next. */
void
ddpm_cuda_plan_init (CudaPlan * plan, DdpmBackend * b, gsize scratch)
{
  cudaGetLastError ();
  plan->plan.ops = b->ops;
  plan->plan.backend = b;
  plan->plan.scratch = scratch;
}

static void
ddpm_cuda_plan_free (DdpmPlan * p)
{
  CudaPlan *plan = (CudaPlan *) p;

  if (plan == NULL)
    return;
  if (plan->clear)
    plan->clear (p);
  g_free (plan);
}

static const gchar *
ddpm_cuda_plan_implementation (DdpmPlan * p, guint kind)
{
  const CudaPlan *plan = (CudaPlan *) p;

  return kind < G_N_ELEMENTS (plan->implementation)
      && plan->implementation[kind] ? plan->implementation[kind] : "cuda";
}

static const DdpmOps ddpm_cuda_ops = {
  .finalize = ddpm_cuda_finalize,
  .run = ddpm_cuda_run,
  .check = ddpm_cuda_check,
  .probe = ddpm_cuda_probe,
  .alloc = ddpm_cuda_alloc,
  .free = ddpm_cuda_free,
  .upload = ddpm_cuda_upload,
  .download = ddpm_cuda_download,
  .zero = ddpm_cuda_zero,
  .copy = ddpm_cuda_copy,
  .wait = ddpm_cuda_wait,
  .wait_event = ddpm_cuda_wait_event,
  .record_event = ddpm_cuda_record_event,

  .conv_new = ddpm_cuda_conv_new,
  .conv_set_weights = ddpm_cuda_conv_set_weights,
  .conv_forward = ddpm_cuda_conv_forward,
  .conv_backward_data = ddpm_cuda_conv_backward_data,
  .conv_backward_weights = ddpm_cuda_conv_backward_weights,

  .norm_new = ddpm_cuda_norm_new,
  .norm_forward = ddpm_cuda_norm_forward,
  .norm_backward = ddpm_cuda_norm_backward,

  .attention_new = ddpm_cuda_attention_new,
  .attention_forward = ddpm_cuda_attention_forward,
  .attention_backward = ddpm_cuda_attention_backward,

  .linear_new = ddpm_cuda_linear_new,
  .linear_forward = ddpm_cuda_linear_forward,
  .linear_backward = ddpm_cuda_linear_backward,

  .plan_free = ddpm_cuda_plan_free,
  .plan_implementation = ddpm_cuda_plan_implementation,

  .upsample_forward = ddpm_cuda_upsample_forward,
  .upsample_backward = ddpm_cuda_upsample_backward,
  .accumulate = ddpm_cuda_accumulate,
  .embedding = ddpm_cuda_embedding,
  .embedding_add = ddpm_cuda_embedding_add,
  .embedding_backward = ddpm_cuda_embedding_backward,
  .swish_forward = ddpm_cuda_swish_forward,
  .swish_backward = ddpm_cuda_swish_backward,

  .noise = ddpm_cuda_noise,
  .q_sample = ddpm_cuda_q_sample,
  .mse = ddpm_cuda_mse,
  .guide = ddpm_cuda_guide,
  .reverse_step = ddpm_cuda_reverse_step,
  .to_picture = ddpm_cuda_to_picture,
  .from_picture = ddpm_cuda_from_picture,
  .from_pixels = ddpm_cuda_from_pixels,

  .sum_of_squares = ddpm_cuda_sum_of_squares,
  .adam = ddpm_cuda_adam,
  .adam_clipped = ddpm_cuda_adam_clipped,

  .graph_new = ddpm_cuda_graph_new,
  .graph_run = ddpm_cuda_graph_run,
};

/* --- what is here --------------------------------------------------------- */

/* CUDA counts versions in thousands and tens: 13000 is 13.0 */
#define CUDA_MAJOR_MINOR(version) (version) / 1000, (version) % 1000 / 10

/* The runtime says alike of no driver and of an old one that it is too old. */
static gboolean
find_device (gint device, GError ** error)
{
  gint count = 0, driver = 0;
  cudaError_t status = cudaGetDeviceCount (&count);

  cudaGetLastError ();
  if (cudaDriverGetVersion (&driver) != cudaSuccess)
    driver = 0;
  if (status == cudaErrorInsufficientDriver && driver == 0)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs NVIDIA's driver, and there is none (libcuda.so.1)");
  else if (status == cudaErrorInsufficientDriver)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs a driver for CUDA %d.%d, and the one here is for "
        "CUDA %d.%d", CUDA_MAJOR_MINOR (CUDART_VERSION),
        CUDA_MAJOR_MINOR (driver));
  else if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs a GPU, and CUDA finds none");
  else if (status == cudaSuccess && count <= device)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda is to compute on GPU %d, and CUDA finds GPUs 0 to %d",
        device, count - 1);
  else if (status != cudaSuccess)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs a GPU, and CUDA finds none: %s",
        cudaGetErrorString (status));
  else
    return TRUE;
  return FALSE;
}

/* cuDNN 9 keeps its interface. All that is asked of it has been there since
 * the first that meson takes, whatever this was compiled with. */
static gboolean
check_cudnn (GError ** error)
{
  const gsize version = cudnnGetVersion ();

  if (version / 10000 == CUDNN_MAJOR && version / 100 % 100 >= LEAST_CUDNN)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
      "backend=cuda needs cuDNN %d.%d or a later %d, and finds %d.%d",
      CUDNN_MAJOR, LEAST_CUDNN, CUDNN_MAJOR, (gint) (version / 10000),
      (gint) (version / 100 % 100));
  return FALSE;
}

static gboolean
choose_precision (CudaBackend * b, DdpmPrecision asked, GError ** error)
{
  const gboolean native = b->capability >= BF16_CAPABILITY;

  if (asked == DDPM_PRECISION_AUTO)
    asked = native ? DDPM_PRECISION_BF16 : DDPM_PRECISION_F32;
  if (asked == DDPM_PRECISION_BF16_EMULATED
      || (asked == DDPM_PRECISION_BF16 && !native)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED, asked ==
        DDPM_PRECISION_BF16 ? "precision=bf16 needs a GPU with compute "
        "capability 8.0, and %s has not" : "backend=cuda does not emulate "
        "bf16 on %s", b->base.device);
    return FALSE;
  }
  b->base.precision = asked;
  b->base.act_type = asked == DDPM_PRECISION_F32 ? DDPM_TYPE_F32
      : DDPM_TYPE_BF16;
  return TRUE;
}

/* Where the user's caches are */
static void
find_plan_cache (CudaBackend * b, const struct cudaDeviceProp *prop)
{
  g_autofree gchar *folder = g_build_filename (g_get_user_cache_dir (),
      "gst-ddpm", "cudnn", NULL);
  g_autofree gchar *machine = NULL;
  gint driver = 0, runtime = 0;

  if (cudaDriverGetVersion (&driver) != cudaSuccess
      || cudaRuntimeGetVersion (&runtime) != cudaSuccess)
    return;
  machine = g_strdup_printf ("%s, sm_%d, %d processors, driver %d, CUDA %d, "
      "cuBLASLt %zu, cuDNN %zu", prop->name, b->capability,
      prop->multiProcessorCount, driver, runtime, cublasLtGetVersion (),
      cudnnGetVersion ());
  b->plan_cache = ddpm_cuda_plan_cache_new (folder, machine);
}

static gboolean
describe_device (CudaBackend * b, GError ** error)
{
  struct cudaDeviceProp prop;
  gint runtime = 0;

  if (!ddpm_cuda_ok (b, cudaGetDeviceProperties (&prop, b->device),
          "asking for the device")
      || !ddpm_cuda_ok (b, cudaRuntimeGetVersion (&runtime), "asking for CUDA")) {
    ddpm_cuda_take_failure (b, error);
    return FALSE;
  }
  b->capability = prop.major * 10 + prop.minor;
  find_plan_cache (b, &prop);
  b->base.device = g_strdup_printf ("%s, sm_%d, CUDA %d.%d, cuDNN %d.%d",
      prop.name, b->capability, CUDA_MAJOR_MINOR (runtime),
      (gint) (cudnnGetVersion () / 10000),
      (gint) (cudnnGetVersion () / 100 % 100));
  if (b->capability < LEAST_CAPABILITY) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_UNSUPPORTED,
        "backend=cuda needs a GPU with compute capability %d.%d, and %s has "
        "not", LEAST_CAPABILITY / 10, LEAST_CAPABILITY % 10, b->base.device);
    return FALSE;
  }
  return TRUE;
}

static void
open_stream (gpointer data)
{
  Opening *o = data;
  CudaBackend *b = o->backend;

  if (ddpm_cuda_ok (b, cudaStreamCreateWithFlags (&b->stream,
              cudaStreamNonBlocking), "making a stream")
      && ddpm_cuda_order_init (b))
    o->ok = ddpm_cuda_stage_init (b, o->error);
  else
    ddpm_cuda_take_failure (b, o->error);
}

DdpmBackend *
ddpm_cuda_backend_new_on (DdpmPrecision precision, guint threads, gint device,
    gpointer context, GError ** error)
{
  Opening opening = { NULL, error, FALSE };
  CudaBackend *b;

  device = MAX (device, 0);
  if (!find_device (device, error) || !check_cudnn (error))
    return NULL;

  b = opening.backend = g_new0 (CudaBackend, 1);
  g_rec_mutex_init (&b->lock);
  b->base.ops = &ddpm_cuda_ops;
  b->base.name = "cuda";
  b->base.threads = 1;
  b->device = device;
  if (!describe_device (b, error) || !choose_precision (b, precision, error)
      || !ddpm_cuda_context_retain (b, context, error))
    goto failed;
  ddpm_cuda_run (&b->base, open_stream, &opening);
  if (!opening.ok)
    goto failed;
  return &b->base;

failed:
  g_free (b->base.device);
  ddpm_cuda_finalize (&b->base);
  return NULL;
}
