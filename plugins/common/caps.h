/* gst-ddpm: caps and events of the tensor link
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_DDPM_TENSOR_FIELDS \
    "format = (string) static, num_tensors = (int) 1, " \
    "types = (string) float32"
#define GST_DDPM_TENSOR_CAPS \
    "other/tensors, " GST_DDPM_TENSOR_FIELDS ", " \
    "framerate = (fraction) [ 0/1, max ]"

/* Memory of a GPU, of tensors and of video */
#define GST_DDPM_CUDA_FEATURE "memory:CUDAMemory"
#define GST_DDPM_TENSOR_CUDA_CAPS \
    "other/tensors(" GST_DDPM_CUDA_FEATURE "), " GST_DDPM_TENSOR_FIELDS ", " \
    "framerate = (fraction) [ 0/1, max ]"

/* Limits that every dimension of a tensor link is checked against */
#define GST_DDPM_MAX_IMAGE_SIZE 4096
#define GST_DDPM_MAX_BATCH 65536

/* The meaning of other/tensors caps; bytes are (batch, height, width, channels)
 * floats. */
typedef struct
{
  guint channels, width, height, batch;
  gint fps_n, fps_d;
  gint timestep;                /* the state x_s; -1: absent, T */
  guint64 seed;                 /* absent: 0 */
  gboolean cuda;                /* in the memory of a GPU */
  gsize size;                   /* bytes of a buffer */
} GstDdpmTensorInfo;

/* FALSE, and error (DDPM_ERROR_SETTINGS: got, expected), unless fixed caps with
 * C:W:H:N dimensions (trailing :1 may be missing) of channels 1 or 3 and a
 * size that fits. */
gboolean gst_ddpm_tensor_info_from_caps (GstDdpmTensorInfo * info,
    const GstCaps * caps, GError ** error);
/* Only the "dimensions" string; FALSE when it is not C:W:H:N */
gboolean gst_ddpm_tensor_parse_dimensions (const gchar * dimensions,
    guint dims[4]);
/* What a source gives to downstream's caps: their dimensions, else
 * 3:32:32:batch; the framerate nearest to 30/1; the seed. batch 1 is as many as
 * they want. Returns: (transfer full): NULL and error where the batch or the
 * seed disagree */
GstCaps *gst_ddpm_tensor_caps_fixate (const GstCaps * caps, guint batch,
    guint64 seed, GError ** error);

/* Is structure n in the memory of the host, or of anywhere; of a GPU? */
gboolean gst_ddpm_caps_are_of_host (const GstCaps * caps, guint n);
gboolean gst_ddpm_caps_are_of_cuda (const GstCaps * caps, guint n);
/* Of caps (transfer full), those in the memory that the pad's peer names
 * first; all of them, where it takes none of these. Who takes anything gets
 * the host's. Returns: (transfer full) */
GstCaps *gst_ddpm_caps_choose_memory (GstPad * pad, GstCaps * caps);

/* Structure of an out-of-band event (GST_EVENT_CUSTOM_DOWNSTREAM_OOB) by which
 * a source says that its end of stream, which has to wait behind the buffer
 * that is being worked on, is wanted now. */
#define GST_DDPM_STOP_EVENT "ddpm-stop"

G_END_DECLS
