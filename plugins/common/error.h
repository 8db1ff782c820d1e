/* gst-ddpm: what the library reports, posted by an element
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Posts an info message; text NULL: none. */
void gst_ddpm_element_post_info (GstElement * element, const gchar * text);

/* These post an error message with the text of error, and free error. The
 * GStreamer domain and code follow from error->code: NOT_FOUND, READ, WRITE,
 * NO_SPACE and SETTINGS become RESOURCE errors, FORMAT and DIVERGED STREAM
 * errors, UNSUPPORTED and LIBRARY LIBRARY errors. The caller must not hold the
 * object lock. */

/* For the thread that changes the element's state: posts at once, because the
 * state change then fails. */
void gst_ddpm_element_post_start_error (GstElement * element, GError * error);
/* For streaming threads: while the pipeline starts, waits until set_state ()
 * has returned. */
void gst_ddpm_element_post_error (GstElement * element, GError * error);
/* For streaming threads that cannot use caps (nullable): SETTINGS becomes CORE,
 * NEGOTIATION, with the caps as debug text. */
void gst_ddpm_element_refuse_caps (GstElement * element, const GstCaps * caps,
    GError * error);

/* The same, and keeps the caps in *refused. Upstream may offer them again:
 * nothing is posted for caps that are there already. */
void gst_ddpm_element_refuse_caps_once (GstElement * element,
    GstCaps ** refused, GstCaps * caps, GError * error);

/* The pipeline, or the element if it is in none. Returns: (transfer full) */
GstElement *gst_ddpm_element_get_toplevel (GstElement * element);

G_END_DECLS
