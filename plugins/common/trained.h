/* gst-ddpm: how a model was trained, as values of properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* The first one is auto, -1: as the model says. An element that trains models
 * has the others. */
extern const GEnumValue gst_ddpm_schedule_values[];
extern const GEnumValue gst_ddpm_data_range_values[];
extern const GEnumValue gst_ddpm_prediction_values[];

G_END_DECLS
