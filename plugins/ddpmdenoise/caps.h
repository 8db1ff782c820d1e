/* gst-ddpm: ddpmdenoise: which caps can be converted to which
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/video/video.h>
#include "plugins/common/caps.h"

G_BEGIN_DECLS

/* States in a file may have no framerate. */
#define GST_DDPM_DENOISE_SINK_CAPS "other/tensors, " GST_DDPM_TENSOR_FIELDS
#define GST_DDPM_DENOISE_SINK_CUDA_CAPS \
    "other/tensors(" GST_DDPM_CUDA_FEATURE "), " GST_DDPM_TENSOR_FIELDS
/* The formats that both GstCuda (1.22 aborts for others) and pictures have */
#define GST_DDPM_DENOISE_CUDA_FORMATS "{ RGB, RGBP, RGBA }"

#define GST_DDPM_PICTURE_FORMATS "{ RGB, RGBP, GRAY8, RGBA }"
/* Limit of the width and the height of a frame, which may be a mosaic */
#define GST_DDPM_PICTURE_MAX_SIZE 32767

/* The size of a frame that shows a batch in so many columns, row by row (0: one
 * sample). FALSE: it is larger than GST_DDPM_PICTURE_MAX_SIZE */
gboolean gst_ddpm_denoise_caps_get_frame_size (const GstDdpmTensorInfo * info,
    guint columns, guint * width, guint * height);

/* How the caps of the two pads depend on each other */
typedef struct
{
  guint image_channels;         /* of the model; 0: no model yet */
  guint width, height;          /* of the model's images; 0: unknown */
  guint columns;
  guint stop;                   /* timestep of output states */
  gboolean tensors;             /* states can be output */
  gboolean cuda_tensors;        /* states can be in GPU memory */
  gboolean cuda_video;          /* pictures can be in GPU memory */
} GstDdpmDenoiseLink;

/* The memory of one pad does not depend on that of the other. The source pad
 * lists system memory first, because an element that accepts anything cannot
 * read GPU memory. The sink pad lists GPU memory first, if the backend computes
 * on a GPU. Where there is no backend, as while the element stops, it lists
 * system memory first: upstream must not try to get GPU memory.
 *
 * Video comes before states. If the output is an intermediate state (stop > 0),
 * states come first. Shapes that do not fit the model are converted as well,
 * because the error about them is clearer than one about empty caps.
 * Returns: (transfer full) */
GstCaps *gst_ddpm_denoise_caps_to_src (const GstDdpmDenoiseLink * link,
    const GstCaps * caps);
/* Shapes that fit, with a batch of one (caps cannot express "any batch"), then
 * any shape. Returns: (transfer full) */
GstCaps *gst_ddpm_denoise_caps_to_sink (const GstDdpmDenoiseLink * link,
    const GstCaps * caps);
/* Fixates the first structure of caps (transfer full), if possible at the
 * framerate of sink_caps, or else 30/1. Returns: (transfer full) */
GstCaps *gst_ddpm_denoise_caps_fixate (GstCaps * caps,
    const GstCaps * sink_caps);

G_END_DECLS
