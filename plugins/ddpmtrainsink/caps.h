/* gst-ddpm: the caps that ddpmtrainsink asks upstream for
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The images that a run is trained on; each 0: any */
typedef struct
{
  guint channels;
  gint width, height;
} GstDdpmTrainImages;

/* Answers a caps query. possible: (transfer full): the caps that the pad can
 * accept. filter: (nullable): those that upstream can make. Returns: (transfer
 * full): those of filter for the images of the run, or all that are possible if
 * filter has none. Where it has both, colour goes before grey, and square
 * pixels before others.
 *
 * The function does not query upstream, because elements such as
 * aspectratiocrop hold a lock while they send their caps. */
GstCaps *gst_ddpm_train_caps_choose (GstCaps * possible, GstCaps * filter,
    const GstDdpmTrainImages * images);

G_END_DECLS
