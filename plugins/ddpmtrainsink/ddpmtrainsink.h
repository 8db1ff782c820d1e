/* gst-ddpm: ddpmtrainsink, a sink that learns the images it is given
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/base/gstbasesink.h>

G_BEGIN_DECLS

#define GST_TYPE_DDPM_TRAIN_SINK (gst_ddpm_train_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstDdpmTrainSink, gst_ddpm_train_sink, GST,
    DDPM_TRAIN_SINK, GstBaseSink)

GST_ELEMENT_REGISTER_DECLARE (ddpmtrainsink);

G_END_DECLS
