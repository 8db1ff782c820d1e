/* gst-ddpm: caps and events of the tensor link
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

#define GST_DDPM_TENSOR_FIELDS \
    "format = (string) static, num_tensors = (int) 1, " \
    "types = (string) float32"
#define GST_DDPM_TENSOR_CAPS \
    "other/tensors, " GST_DDPM_TENSOR_FIELDS ", " \
    "framerate = (fraction) [ 0/1, max ]"

/* Caps feature of tensors and video in GPU memory */
#define GST_DDPM_CUDA_FEATURE "memory:CUDAMemory"
#define GST_DDPM_TENSOR_CUDA_CAPS \
    "other/tensors(" GST_DDPM_CUDA_FEATURE "), " GST_DDPM_TENSOR_FIELDS ", " \
    "framerate = (fraction) [ 0/1, max ]"

/* Parsed other/tensors caps. A buffer contains floats (batch, height, width,
 * channels). */
typedef struct
{
  guint channels, width, height, batch;
  gint fps_n, fps_d;
  gint timestep;                /* s of the state x_s; -1: absent, means T */
  guint64 seed;                 /* 0 if absent */
  gboolean known;               /* buffers have a GST_DDPM_KNOWN_META */
  guint keyframe_interval;      /* 0: no keyframes; if absent */
  gboolean cuda;                /* in GPU memory */
  gsize size;                   /* bytes per buffer */
} GstDdpmTensorInfo;

/* FALSE, with DDPM_ERROR_SETTINGS, unless caps are fixed and have C:W:H:N
 * dimensions (trailing :1 may be missing) within the limits, with 1 to
 * 4 channels. */
gboolean gst_ddpm_tensor_info_from_caps (GstDdpmTensorInfo * info,
    const GstCaps * caps, GError ** error);
/* Parses a "dimensions" string. FALSE: it is not C:W:H:N */
gboolean gst_ddpm_tensor_parse_dimensions (const gchar * dimensions,
    guint dims[4]);
/* The dimensions as a string "C:W:H:N". Returns: (transfer full) */
gchar *gst_ddpm_tensor_get_dimensions (const GstDdpmTensorInfo * info);
/* Sets the field "dimensions" of a structure to the list of all strings of
 * these dimensions: C:W:H:N, then those with fewer or more ones at the end.
 * Otherwise caps of different ranks would not intersect. */
void gst_ddpm_tensor_set_dimensions (GstStructure * s,
    const GstDdpmTensorInfo * info);
/* Fixates the caps of a source: dimensions as in caps, by default
 * 3:32:32:batch, the framerate nearest to 30/1, and the seed. batch 1 accepts
 * any batch in caps. Returns: (transfer full): NULL, with error, if caps have
 * another batch or seed */
GstCaps *gst_ddpm_tensor_caps_fixate (const GstCaps * caps, guint batch,
    guint64 seed, GError ** error);

/* Does structure n allow system memory; is it in GPU memory? */
gboolean gst_ddpm_caps_are_of_host (const GstCaps * caps, guint n);
gboolean gst_ddpm_caps_are_of_cuda (const GstCaps * caps, guint n);
/* Filters caps (transfer full) by memory: GPU memory if the peer of the pad
 * lists it first, otherwise system memory. If nothing is left, returns all
 * caps.
 * Returns: (transfer full) */
GstCaps *gst_ddpm_caps_choose_memory (GstPad * pad, GstCaps * caps);

/* The bytes of a buffer of caps of states or video. FALSE: they are neither */
gboolean gst_ddpm_caps_get_size (GstCaps * caps, gsize * size);
/* Intersects caps (transfer full) with the filter (nullable) of a query, in the
 * filter's order. Returns: (transfer full) */
GstCaps *gst_ddpm_caps_filter (GstCaps * caps, GstCaps * filter);

/* Structure name of an out-of-band event (GST_EVENT_CUSTOM_DOWNSTREAM_OOB) with
 * which a source asks downstream to abandon the current buffer: EOS follows,
 * but has to wait for that buffer. */
#define GST_DDPM_STOP_EVENT "ddpm-stop"

/* Structure name of an upstream event (GST_EVENT_CUSTOM_UPSTREAM) with which a
 * training that is resumed asks a source that can produce any frame by its
 * number to go on with the frame "frame" (uint64). What is on its way already
 * arrives before it; a source that does not know the event produces all. */
#define GST_DDPM_SKIP_EVENT "ddpm-skip"

G_END_DECLS
