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

/* possible: (transfer full): the caps that the pad can accept. Returns:
 * (transfer full): those for the images of the run, if upstream can make them,
 * otherwise possible. Colour and square pixels are preferred, so upstream
 * converts what is grey or not square where it can. */
GstCaps *gst_ddpm_train_caps_choose (GstPad * pad, GstCaps * possible,
    const GstDdpmTrainImages * images);

G_END_DECLS
