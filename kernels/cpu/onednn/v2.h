/* gst-ddpm: the names of oneDNN 3 that the CPU backend uses, over oneDNN 2
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Version 3 made memory descriptors opaque, dropped the operation descriptors
 * between parameters and primitive descriptors, and renamed *_init to
 * *_create. A descriptor here is a pointer to version 2's struct.
 */
#pragma once

#include <oneapi/dnnl/dnnl.h>

typedef dnnl_memory_desc_t *DdpmV2MemoryDesc;
typedef const dnnl_memory_desc_t *DdpmV2ConstMemoryDesc;

dnnl_status_t ddpm_v2_memory_desc_create_with_tag (DdpmV2MemoryDesc * desc,
    int ndims, const dnnl_dims_t dims, dnnl_data_type_t type,
    dnnl_format_tag_t tag);
dnnl_status_t ddpm_v2_memory_desc_create_with_strides (DdpmV2MemoryDesc * desc,
    int ndims, const dnnl_dims_t dims, dnnl_data_type_t type,
    const dnnl_dims_t strides);
dnnl_status_t ddpm_v2_memory_desc_destroy (DdpmV2MemoryDesc desc);

dnnl_status_t ddpm_v2_post_ops_append_sum (dnnl_post_ops_t ops, float scale,
    int32_t zero_point, dnnl_data_type_t type);

dnnl_status_t ddpm_v2_convolution_forward_primitive_desc_create (
    dnnl_primitive_desc_t * pd, dnnl_engine_t engine, dnnl_prop_kind_t prop,
    dnnl_alg_kind_t alg, DdpmV2ConstMemoryDesc src,
    DdpmV2ConstMemoryDesc weights, DdpmV2ConstMemoryDesc bias,
    DdpmV2ConstMemoryDesc dst, const dnnl_dims_t strides,
    const dnnl_dims_t dilates, const dnnl_dims_t padding_l,
    const dnnl_dims_t padding_r, const_dnnl_primitive_attr_t attr);
dnnl_status_t ddpm_v2_convolution_backward_data_primitive_desc_create (
    dnnl_primitive_desc_t * pd, dnnl_engine_t engine, dnnl_alg_kind_t alg,
    DdpmV2ConstMemoryDesc diff_src, DdpmV2ConstMemoryDesc weights,
    DdpmV2ConstMemoryDesc diff_dst, const dnnl_dims_t strides,
    const dnnl_dims_t dilates, const dnnl_dims_t padding_l,
    const dnnl_dims_t padding_r, const_dnnl_primitive_desc_t hint,
    const_dnnl_primitive_attr_t attr);
dnnl_status_t ddpm_v2_convolution_backward_weights_primitive_desc_create (
    dnnl_primitive_desc_t * pd, dnnl_engine_t engine, dnnl_alg_kind_t alg,
    DdpmV2ConstMemoryDesc src, DdpmV2ConstMemoryDesc diff_weights,
    DdpmV2ConstMemoryDesc diff_bias, DdpmV2ConstMemoryDesc diff_dst,
    const dnnl_dims_t strides, const dnnl_dims_t dilates,
    const dnnl_dims_t padding_l, const dnnl_dims_t padding_r,
    const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attr);
dnnl_status_t ddpm_v2_matmul_primitive_desc_create (dnnl_primitive_desc_t * pd,
    dnnl_engine_t engine, DdpmV2ConstMemoryDesc src,
    DdpmV2ConstMemoryDesc weights, DdpmV2ConstMemoryDesc bias,
    DdpmV2ConstMemoryDesc dst, const_dnnl_primitive_attr_t attr);

#ifndef DDPM_ONEDNN_V2_IMPLEMENTATION
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
#endif
