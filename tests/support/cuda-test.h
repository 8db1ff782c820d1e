/* gst-ddpm: what the tests of memory and contexts of a GPU share: on fake ones
 * (fake-gpu/), what no GPU is needed to prove; with ON_A_GPU, on a real one
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <gmodule.h>

#include "tests/support/denoise-test.h"

#define CUDA "memory:CUDAMemory"
#define NOISE "ddpmnoise name=noise num-buffers=2 seed=5"

/* What is on the device is compared with the same on the host: of the fake GPU,
 * with what the reference backend makes; of a GPU, with what itself gives to
 * the host. */
#ifdef ON_A_GPU
#define HOST "cuda precision=f32"
#define HOST_NOISE NOISE " ! other/tensors"
#else
#define HOST "reference"
#define HOST_NOISE NOISE
#endif
#define DEVICE "cuda precision=f32"

const gchar *on (const gchar * backend, const gchar * properties);
gboolean is_cuda (GstElement * pipeline, const gchar * element,
    const gchar * pad);
gboolean has_gstcuda (void);
GstContext *ask_for_context (GstElement * pipeline, const gchar * element);
GstObject *get_cuda_context (GstContext * context);
void check_all_same (GPtrArray * a, GPtrArray * b);

gsize *find_counter (const gchar * name);
gsize get_counter (const gchar * name);
gboolean gpu_is_missing (void);

#ifdef ON_A_GPU
#define CUDA_TEST_MAIN(kind, setup, teardown) \
  ELEMENT_TEST_MAIN_UNLESS (gpu_is_missing (), kind, setup, teardown)
#else
#define CUDA_TEST_MAIN ELEMENT_TEST_MAIN
#endif
