/* gst-ddpm: memory and pictures of the backends that compute on the host
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/ops.h"

G_BEGIN_DECLS

/* Fills in the memory operations and the pictures. Large memory lies on large
 * pages, if the system has them. */
void ddpm_host_set_ops (DdpmOps * ops);

/* Some of these operations, which may be called by themselves: as DdpmOps says;
 * ddpm_host_copy () is upload, download and copy. */
void ddpm_host_free (DdpmBackend * b, gpointer p);
void ddpm_host_copy (DdpmBackend * b, gpointer dst, gconstpointer src,
    gsize size);
void ddpm_host_to_picture (DdpmBackend * b, const float *x,
    const DdpmPicture * p);
void ddpm_host_from_picture (DdpmBackend * b, const DdpmPicture * p,
    guint8 * pixels);

G_END_DECLS
