/* gst-ddpm: the CUDA backend without a device: its memory is the host's, and
 * its kernels run on this processor (host-cuda.h)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "kernels/cuda/backend.h"
#include "tests/support/against-reference.h"
#include "tests/support/host-cuda.h"
#include "tests/support/test.h"

/* A row of tests for both types of activations */
typedef struct
{
  const gchar *name;
  DdpmPrecision precision;
  DdpmType type;
} HostPrecision;

extern const HostPrecision host_precisions[2];
extern DdpmOps host_ops;
/* TRUE: as if a graph made the calls, so that nothing may be launched */
extern gboolean host_replayed;

CudaBackend host_backend (DdpmType type);
guint host_assert_as_reference (const HostPrecision * p, const Case * c,
    guint n, guint shift);
void host_assert_any_order (DdpmBackend * b, const Case * c);
void host_assert_replay (DdpmBackend * b, const Case * c);
