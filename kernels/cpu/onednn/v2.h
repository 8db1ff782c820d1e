/* gst-ddpm: the names of oneDNN 3 that the CPU backend uses, over oneDNN 2
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Version 3 made memory descriptors opaque, dropped the operation descriptors
 * between parameters and primitive descriptors, and renamed *_init to
 * *_create. A descriptor here is a pointer to version 2's struct.
 */
#pragma once

#include <glib.h>
#include <oneapi/dnnl/dnnl.h>

typedef dnnl_memory_desc_t *DdpmV2MemoryDesc;
typedef const dnnl_memory_desc_t *DdpmV2ConstMemoryDesc;

/* Makes *desc a copy of made, which ddpm_v2_memory_desc_destroy () frees. */
static inline dnnl_status_t
ddpm_v2_own_desc (DdpmV2MemoryDesc * desc, dnnl_status_t status,
    const dnnl_memory_desc_t * made)
{
  if (status == dnnl_success)
    *desc = g_memdup2 (made, sizeof (*made));
  return status;
}

static inline dnnl_status_t
ddpm_v2_memory_desc_create_with_tag (DdpmV2MemoryDesc * desc, int ndims,
    const dnnl_dims_t dims, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
  dnnl_memory_desc_t made;

  return ddpm_v2_own_desc (desc,
      dnnl_memory_desc_init_by_tag (&made, ndims, dims, type, tag), &made);
}

static inline dnnl_status_t
ddpm_v2_memory_desc_create_with_strides (DdpmV2MemoryDesc * desc, int ndims,
    const dnnl_dims_t dims, dnnl_data_type_t type, const dnnl_dims_t strides)
{
  dnnl_memory_desc_t made;

  return ddpm_v2_own_desc (desc, dnnl_memory_desc_init_by_strides (&made,
          ndims, dims, type, strides), &made);
}

static inline dnnl_status_t
ddpm_v2_memory_desc_destroy (DdpmV2MemoryDesc desc)
{
  g_free (desc);
  return dnnl_success;
}

static inline dnnl_status_t
ddpm_v2_post_ops_append_sum (dnnl_post_ops_t ops, float scale,
    int32_t zero_point, dnnl_data_type_t type)
{
  return dnnl_post_ops_append_sum_v3 (ops, scale, zero_point, type);
}

static inline dnnl_status_t
ddpm_v2_convolution_forward_primitive_desc_create (dnnl_primitive_desc_t * pd,
    dnnl_engine_t engine, dnnl_prop_kind_t prop, dnnl_alg_kind_t alg,
    DdpmV2ConstMemoryDesc src, DdpmV2ConstMemoryDesc weights,
    DdpmV2ConstMemoryDesc bias, DdpmV2ConstMemoryDesc dst,
    const dnnl_dims_t strides, const dnnl_dims_t dilates,
    const dnnl_dims_t padding_l, const dnnl_dims_t padding_r,
    const_dnnl_primitive_attr_t attr)
{
  dnnl_convolution_desc_t op;
  dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init (&op, prop,
      alg, src, weights, bias, dst, strides, dilates, padding_l, padding_r);

  if (status != dnnl_success)
    return status;
  return dnnl_primitive_desc_create (pd, &op, attr, engine, NULL);
}

static inline dnnl_status_t
ddpm_v2_convolution_backward_data_primitive_desc_create (dnnl_primitive_desc_t *
    pd, dnnl_engine_t engine, dnnl_alg_kind_t alg,
    DdpmV2ConstMemoryDesc diff_src, DdpmV2ConstMemoryDesc weights,
    DdpmV2ConstMemoryDesc diff_dst, const dnnl_dims_t strides,
    const dnnl_dims_t dilates, const dnnl_dims_t padding_l,
    const dnnl_dims_t padding_r, const_dnnl_primitive_desc_t hint,
    const_dnnl_primitive_attr_t attr)
{
  dnnl_convolution_desc_t op;
  dnnl_status_t status = dnnl_dilated_convolution_backward_data_desc_init (&op,
      alg, diff_src, weights, diff_dst, strides, dilates, padding_l, padding_r);

  if (status != dnnl_success)
    return status;
  return dnnl_primitive_desc_create (pd, &op, attr, engine, hint);
}

static inline dnnl_status_t
ddpm_v2_convolution_backward_weights_primitive_desc_create
    (dnnl_primitive_desc_t * pd, dnnl_engine_t engine, dnnl_alg_kind_t alg,
    DdpmV2ConstMemoryDesc src, DdpmV2ConstMemoryDesc diff_weights,
    DdpmV2ConstMemoryDesc diff_bias, DdpmV2ConstMemoryDesc diff_dst,
    const dnnl_dims_t strides, const dnnl_dims_t dilates,
    const dnnl_dims_t padding_l, const dnnl_dims_t padding_r,
    const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attr)
{
  dnnl_convolution_desc_t op;
  dnnl_status_t status =
      dnnl_dilated_convolution_backward_weights_desc_init (&op, alg, src,
      diff_weights, diff_bias, diff_dst, strides, dilates, padding_l,
      padding_r);

  if (status != dnnl_success)
    return status;
  return dnnl_primitive_desc_create (pd, &op, attr, engine, hint);
}

static inline dnnl_status_t
ddpm_v2_matmul_primitive_desc_create (dnnl_primitive_desc_t * pd,
    dnnl_engine_t engine, DdpmV2ConstMemoryDesc src,
    DdpmV2ConstMemoryDesc weights, DdpmV2ConstMemoryDesc bias,
    DdpmV2ConstMemoryDesc dst, const_dnnl_primitive_attr_t attr)
{
  dnnl_matmul_desc_t op;
  dnnl_status_t status = dnnl_matmul_desc_init (&op, src, weights, bias, dst);

  if (status != dnnl_success)
    return status;
  return dnnl_primitive_desc_create (pd, &op, attr, engine, NULL);
}

/* Code that includes this file uses the names of version 3. */
#define dnnl_memory_desc_t DdpmV2MemoryDesc
#define const_dnnl_memory_desc_t DdpmV2ConstMemoryDesc
#define dnnl_memory_desc_create_with_tag ddpm_v2_memory_desc_create_with_tag
#define dnnl_memory_desc_create_with_strides \
    ddpm_v2_memory_desc_create_with_strides
#define dnnl_memory_desc_destroy ddpm_v2_memory_desc_destroy
#define dnnl_post_ops_append_sum ddpm_v2_post_ops_append_sum
#define dnnl_convolution_forward_primitive_desc_create \
    ddpm_v2_convolution_forward_primitive_desc_create
#define dnnl_convolution_backward_data_primitive_desc_create \
    ddpm_v2_convolution_backward_data_primitive_desc_create
#define dnnl_convolution_backward_weights_primitive_desc_create \
    ddpm_v2_convolution_backward_weights_primitive_desc_create
#define dnnl_matmul_primitive_desc_create ddpm_v2_matmul_primitive_desc_create
