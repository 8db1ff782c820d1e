/* gst-ddpm: CPU backend: what the files that call oneDNN share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cpu/private.h"
#include "kernels/cpu/onednn/api.h"

G_BEGIN_DECLS

dnnl_data_type_t ddpm_cpu_onednn_type (DdpmType type);
/* If status is a failure, sets DDPM_ERROR_LIBRARY (DDPM_ERROR_NO_SPACE without
 * memory); what: what was to be made, for the message */
gboolean ddpm_cpu_onednn_check (dnnl_status_t status, const gchar * what,
    GError ** error);

/* --- primitives (primitive.c) -------------------------------------------- */

/* Attributes of a primitive whose workspace the caller gives; sum: dst += */
gboolean ddpm_cpu_attr_new (gboolean sum, dnnl_primitive_attr_t * attr,
    GError ** error);
/* pd: (transfer full); args [n_args]: its arguments DNNL_ARG_*, in the order of
 * the addresses that ddpm_cpu_primitive_run () is given */
gboolean ddpm_cpu_primitive_init (CpuPrimitive * p, CpuBackend * b,
    dnnl_primitive_desc_t pd, const gint * args, gint n_args, GError ** error);
gboolean ddpm_cpu_reorder_init (CpuPrimitive * p, CpuBackend * b,
    const_dnnl_memory_desc_t src, const_dnnl_memory_desc_t dst,
    GError ** error);

G_END_DECLS
