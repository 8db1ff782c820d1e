/* gst-ddpm: how a model was trained, as values of properties
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/common/properties.h"
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

/* The first one is auto, -1: as the model says. An element that trains models
 * has the others. */
extern const GEnumValue gst_ddpm_schedule_values[];
extern const GEnumValue gst_ddpm_data_range_values[];
extern const GEnumValue gst_ddpm_prediction_values[];

/* Loads a model that was trained so, and tells of it if that takes long. name
 * NULL or empty: the first built-in model. Returns: (transfer full) */
DdpmModel *gst_ddpm_element_load_model (GstElement * element,
    const gchar * name, const DdpmTrained * trained, GError ** error);

/* All as the model says */
extern const DdpmTrained gst_ddpm_trained_auto;

#define GST_DDPM_TRAINED_AT(Settings, member) \
    G_STRUCT_OFFSET (Settings, trained.member)
/* The properties of a member "trained", a DdpmTrained, of the settings of an
 * element */
#define GST_DDPM_TRAINED_PROPERTIES(Settings) \
    {"data-range", "Data range", \
        "Range of numbers that the model was trained to map pixels to", \
        GST_DDPM_ENUM, GST_DDPM_TRAINED_AT (Settings, data_range), \
        .enum_name = "GstDdpmDenoiseDataRange", \
        .enum_values = gst_ddpm_data_range_values}, \
    {"schedule", "Noise schedule", \
        "Schedule that the model was trained with", GST_DDPM_ENUM, \
        GST_DDPM_TRAINED_AT (Settings, schedule), \
        .enum_name = "GstDdpmDenoiseSchedule", \
        .enum_values = gst_ddpm_schedule_values}, \
    {"beta-start", "Beta start", \
        "First beta of a schedule that is not cosine (-1: as the model says, " \
        "otherwise 0.0001)", GST_DDPM_DOUBLE, \
        GST_DDPM_TRAINED_AT (Settings, beta_start), -1, 1}, \
    {"beta-end", "Beta end", \
        "Last beta of a schedule that is not cosine (-1: as the model says, " \
        "otherwise 0.02)", GST_DDPM_DOUBLE, \
        GST_DDPM_TRAINED_AT (Settings, beta_end), -1, 1}, \
    {"timesteps", "Timesteps", \
        "Number T of timesteps that the model was trained with (0: as the " \
        "model says, otherwise 1000)", GST_DDPM_UINT, \
        GST_DDPM_TRAINED_AT (Settings, timesteps), 0, DDPM_MAX_TIMESTEPS}, \
    {"prediction-type", "Prediction type", \
        "What the model was trained to predict", GST_DDPM_ENUM, \
        GST_DDPM_TRAINED_AT (Settings, prediction), \
        .enum_name = "GstDdpmDenoisePrediction", \
        .enum_values = gst_ddpm_prediction_values}

G_END_DECLS
