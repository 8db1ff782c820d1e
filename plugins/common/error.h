/* gst-ddpm: library errors and settings on the GStreamer side
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Posts one GST_ELEMENT_ERROR of the domain and code that fit error->code
 * (NOT_FOUND, READ, WRITE, NO_SPACE -> RESOURCE; FORMAT, DIVERGED -> STREAM;
 * SETTINGS -> RESOURCE, SETTINGS; UNSUPPORTED, LIBRARY -> LIBRARY), with the
 * message of error as text, and frees error. Never under the object lock. */
void gst_ddpm_element_post_error (GstElement * element, GError * error);
/* Posts CORE, NEGOTIATION with the message of error, which it frees, and the
 * caps, where there are any, as its debug text. */
void gst_ddpm_element_refuse_caps (GstElement * element, const GstCaps * caps,
    GError * error);

/* Enum types of properties that several elements have */
#define GST_TYPE_DDPM_BACKEND (gst_ddpm_backend_get_type ())
/* auto, reference, cpu, cuda: DdpmBackendKind */
GType gst_ddpm_backend_get_type (void);
#define GST_TYPE_DDPM_PRECISION (gst_ddpm_precision_get_type ())
/* auto, f32, bf16: DdpmPrecision */
GType gst_ddpm_precision_get_type (void);

G_END_DECLS
