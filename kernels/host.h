/* gst-ddpm: memory of the backends that compute on the host, and pictures in
 * it: entries of their tables
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/ops.h"

G_BEGIN_DECLS

/* As DdpmOps says. What is large lies on large pages, where the system has
 * them. */
gpointer ddpm_host_alloc (DdpmBackend * b, gsize size);
void ddpm_host_free (DdpmBackend * b, gpointer p);
/* upload, download and copy */
void ddpm_host_copy (DdpmBackend * b, gpointer dst, gconstpointer src,
    gsize size);
void ddpm_host_zero (DdpmBackend * b, gpointer dst, gsize size);
void ddpm_host_to_picture (DdpmBackend * b, const float *x,
    const DdpmPicture * p);
void ddpm_host_from_picture (DdpmBackend * b, const DdpmPicture * p,
    guint8 * pixels);
void ddpm_host_from_pixels (DdpmBackend * b, guint n, const DdpmPixels * p,
    const guint8 * pixels, const guint8 * mirrored, float *x);

G_END_DECLS
