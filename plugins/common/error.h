/* gst-ddpm: errors of the library, posted by an element
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

G_END_DECLS
