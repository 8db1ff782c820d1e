/* gst-ddpm: custom meta with the known part of the images of a state
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

#include "plugins/common/caps.h"

G_BEGIN_DECLS

/* A GstCustomMeta with the fields pixels (GBytes: batch, height, width,
 * channels) and alpha (GBytes: batch, height, width; 128 and more where a pixel
 * is known). It has no tags, so queue and tee keep it; files and gdppay lose
 * it. Caps of states with it have known=true. */
#define GST_DDPM_KNOWN_META "GstDdpmKnownMeta"

typedef struct
{
  const guint8 *pixels, *alpha;
} GstDdpmKnown;

/* Registers the meta; called by plugin_init. */
void gst_ddpm_known_meta_register (void);
/* Both: (transfer full) */
void gst_ddpm_buffer_add_known (GstBuffer * buffer, GBytes * pixels,
    GBytes * alpha);
/* Reads the meta of a buffer, whose bytes known then shows. Members are NULL if
 * there is none. FALSE, with DDPM_ERROR_FORMAT: a field is not what it should
 * be for states of info */
gboolean gst_ddpm_buffer_get_known (GstBuffer * buffer,
    const GstDdpmTensorInfo * info, GstDdpmKnown * known, GError ** error);

G_END_DECLS
