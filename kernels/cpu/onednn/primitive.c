/* gst-ddpm: CPU backend: primitives of oneDNN
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>
#include "kernels/cpu/onednn/onednn.h"

gboolean
ddpm_cpu_attr_new (gboolean sum, dnnl_primitive_attr_t * attr, GError ** error)
{
  dnnl_post_ops_t ops = NULL;
  dnnl_status_t status = dnnl_primitive_attr_create (attr);

  if (status != dnnl_success) {
    *attr = NULL;
    return ddpm_cpu_onednn_check (status, "the attributes of a primitive",
        error);
  }
  status = dnnl_primitive_attr_set_scratchpad_mode (*attr,
      dnnl_scratchpad_mode_user);
  if (status == dnnl_success && sum) {
    status = dnnl_post_ops_create (&ops);
    if (status == dnnl_success)
      status = dnnl_post_ops_append_sum (ops, 1.0f, 0, dnnl_data_type_undef);
    if (status == dnnl_success)
      status = dnnl_primitive_attr_set_post_ops (*attr, ops);
    if (ops)
      dnnl_post_ops_destroy (ops);
  }
  if (!ddpm_cpu_onednn_check (status, "the attributes of a primitive", error)) {
    dnnl_primitive_attr_destroy (*attr);
    *attr = NULL;
    return FALSE;
  }
  return TRUE;
}

static gboolean
add_argument (CpuPrimitive * p, CpuBackend * b, gint arg,
    const_dnnl_memory_desc_t desc, GError ** error)
{
  dnnl_memory_t memory;

  if (!ddpm_cpu_onednn_check (dnnl_memory_create (&memory, desc, b->engine,
              DNNL_MEMORY_NONE), "a memory object", error))
    return FALSE;
  p->args[p->n_args] = arg;
  p->memory[p->n_args++] = memory;
  return TRUE;
}

gboolean
ddpm_cpu_primitive_init (CpuPrimitive * p, CpuBackend * b,
    dnnl_primitive_desc_t pd, const gint * args, gint n_args, GError ** error)
{
  const_dnnl_memory_desc_t workspace =
      dnnl_primitive_desc_query_md (pd, dnnl_query_scratchpad_md, 0);
  const char *implementation = NULL;

  memset (p, 0, sizeof (*p));
  if (!ddpm_cpu_onednn_check (dnnl_primitive_create (&p->primitive, pd),
          "a primitive", error)) {
    p->primitive = NULL;
    goto failed;
  }
  for (gint i = 0; i < n_args; i++) {
    if (!add_argument (p, b, args[i], dnnl_primitive_desc_query_md (pd,
                dnnl_query_exec_arg_md, args[i]), error))
      goto failed;
  }
  if (!add_argument (p, b, DNNL_ARG_SCRATCHPAD, workspace, error))
    goto failed;
  p->scratch = dnnl_memory_desc_get_size (workspace);
  dnnl_primitive_desc_query (pd, dnnl_query_impl_info_str, 0, &implementation);
  p->implementation = g_intern_string (implementation);
  dnnl_primitive_desc_destroy (pd);
  return TRUE;

failed:
  ddpm_cpu_primitive_clear (p);
  dnnl_primitive_desc_destroy (pd);
  return FALSE;
}

gboolean
ddpm_cpu_reorder_init (CpuPrimitive * p, CpuBackend * b,
    const_dnnl_memory_desc_t src, const_dnnl_memory_desc_t dst, GError ** error)
{
  static const gint args[] = { DNNL_ARG_FROM, DNNL_ARG_TO };
  dnnl_primitive_attr_t attr;
  dnnl_primitive_desc_t pd;
  gboolean ok;

  if (!ddpm_cpu_attr_new (FALSE, &attr, error))
    return FALSE;
  ok = ddpm_cpu_onednn_check (dnnl_reorder_primitive_desc_create (&pd, src,
          b->engine, dst, b->engine, attr), "a reorder of weights", error)
      && ddpm_cpu_primitive_init (p, b, pd, args, G_N_ELEMENTS (args), error);
  dnnl_primitive_attr_destroy (attr);
  return ok;
}

/* This fails only if oneDNN cannot allocate the few words of its context, and a
 * program does not survive such a lack of memory anyway. */
void
ddpm_cpu_primitive_run (CpuPrimitive * p, CpuBackend * b,
    const gconstpointer * data, gpointer scratch)
{
  dnnl_exec_arg_t args[CPU_PRIMITIVE_ARGS];
  dnnl_status_t status = dnnl_success;

  for (gint i = 0; i < p->n_args; i++) {
    gconstpointer at = i < p->n_args - 1 ? data[i]
        : p->scratch ? scratch : NULL;

    args[i].arg = p->args[i];
    args[i].memory = p->memory[i];
    status |= dnnl_memory_set_data_handle (p->memory[i], (gpointer) at);
  }
  status |= dnnl_primitive_execute (p->primitive, b->stream, p->n_args, args);
  status |= dnnl_stream_wait (b->stream);
  if (status != dnnl_success)
    g_error ("oneDNN cannot run %s: status %d", p->implementation,
        (gint) status);
}

void
ddpm_cpu_primitive_clear (CpuPrimitive * p)
{
  for (gint i = 0; i < p->n_args; i++)
    dnnl_memory_destroy (p->memory[i]);
  if (p->primitive)
    dnnl_primitive_destroy (p->primitive);
  memset (p, 0, sizeof (*p));
}

/* Whether it is one of oneDNN's plain loops, which are thousands of times slower */
gboolean
ddpm_cpu_primitive_is_slow (const CpuPrimitive * p)
{
  return p->implementation != NULL && strstr (p->implementation, "ref") != NULL;
}
