/* gst-ddpm: the properties that choose what computes
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "plugins/common/properties.h"
#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

/* What computes; a member "compute" of the settings of an element. device_id
 * is -1 for any GPU. */
typedef struct
{
  DdpmBackendKind backend;
  DdpmPrecision precision;
  guint threads;
  gint device_id;
} GstDdpmCompute;

extern const GEnumValue gst_ddpm_backend_values[];      /* DdpmBackendKind */
extern const GEnumValue gst_ddpm_precision_values[];    /* DdpmPrecision */

#define GST_DDPM_DEVICE_PROPERTY(Settings, blurb) \
    {"cuda-device-id", "CUDA device ID", blurb, GST_DDPM_INT, \
        G_STRUCT_OFFSET (Settings, compute.device_id), -1, G_MAXINT}

#define GST_DDPM_COMPUTE_PROPERTIES(Settings) \
    {"backend", "Compute backend", \
        "Compute backend; it is an error if the one that is named is not " \
        "available", GST_DDPM_ENUM, \
        G_STRUCT_OFFSET (Settings, compute.backend), \
        .enum_name = "GstDdpmBackend", \
        .enum_values = gst_ddpm_backend_values}, \
    {"precision", "Precision", \
        "Number format to compute in; it is an error if the one that is " \
        "named is not supported", GST_DDPM_ENUM, \
        G_STRUCT_OFFSET (Settings, compute.precision), \
        .enum_name = "GstDdpmPrecision", \
        .enum_values = gst_ddpm_precision_values}, \
    {"threads", "Threads", \
        "Number of compute threads (0: one per physical core)", \
        GST_DDPM_UINT, G_STRUCT_OFFSET (Settings, compute.threads), 0, \
        DDPM_MAX_THREADS}, \
    GST_DDPM_DEVICE_PROPERTY (Settings, \
        "GPU to compute on, as numbered by CUDA; with a number, " \
        "backend=auto means backend=cuda (-1: any GPU)")

G_END_DECLS
