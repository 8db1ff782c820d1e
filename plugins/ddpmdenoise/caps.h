/* gst-ddpm: what ddpmdenoise can make of which caps
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/video/video.h>
#include "plugins/common/caps.h"

G_BEGIN_DECLS

/* The framerate where neither side says one */
#define GST_DDPM_DENOISE_DEFAULT_FPS_N 30
#define GST_DDPM_DENOISE_DEFAULT_FPS_D 1

/* Files of states are taken without a framerate too. */
#define GST_DDPM_DENOISE_SINK_CAPS "other/tensors, " GST_DDPM_TENSOR_FIELDS
#define GST_DDPM_DENOISE_SINK_CUDA_CAPS \
    "other/tensors(" GST_DDPM_CUDA_FEATURE "), " GST_DDPM_TENSOR_FIELDS
/* What GstCuda has memory of (1.22 aborts for others) and pixels go into */
#define GST_DDPM_DENOISE_CUDA_FORMATS "{ RGB, RGBP, RGBA }"

#define GST_DDPM_PICTURE_FORMATS "{ RGB, RGBP, GRAY8 }"
/* Of either side of a frame; mosaics can be as large */
#define GST_DDPM_PICTURE_MAX_SIZE 32767

/* The size of a frame that shows a batch in so many columns, row by row; 0: one
 * sample. FALSE: it would be larger than GST_DDPM_PICTURE_MAX_SIZE */
gboolean gst_ddpm_denoise_caps_get_frame_size (const GstDdpmTensorInfo * info,
    guint columns, guint * width, guint * height);

/* What binds the caps of the two pads together */
typedef struct
{
  guint image_channels;         /* of the model; 0: no model yet */
  guint width, height;          /* of the model's images; 0: not known */
  guint columns;
  guint stop;                   /* state that tensors go out in */
  gboolean tensors;             /* tensors can go out */
  gboolean cuda_tensors;        /* states in GPU memory are possible */
  gboolean cuda_video;          /* pictures in GPU memory are possible */
} GstDdpmDenoiseLink;

/* Either pad has the host's memory or that of a GPU, whatever the other has.
 * The host's comes first on the source pad, since who takes anything cannot
 * do with the other; on the sink pad, that of the GPU that computes.
 *
 * Video, then tensors; of a state on the way, which is there to be gone on
 * with, tensors first. Shapes that the model does not take go through here as
 * well: an error says later what is wrong with them, and empty caps would not.
 * Returns: (transfer full) */
GstCaps *gst_ddpm_denoise_caps_to_src (const GstDdpmDenoiseLink * link,
    const GstCaps * caps);
/* Shapes that fit, spelled out for a batch of one (caps have no way to say "of
 * any batch"), then an open shape. Returns: (transfer full) */
GstCaps *gst_ddpm_denoise_caps_to_sink (const GstDdpmDenoiseLink * link,
    const GstCaps * caps);
/* The first of caps (transfer full), at the framerate of sink_caps where it is
 * free to choose. Returns: (transfer full) */
GstCaps *gst_ddpm_denoise_caps_fixate (GstCaps * caps,
    const GstCaps * sink_caps);

G_END_DECLS
