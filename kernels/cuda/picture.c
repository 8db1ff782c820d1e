/* gst-ddpm: CUDA backend: images to a picture, and pictures to images
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/failure.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/kernels/launches.h"
#include "kernels/cuda/operations.h"
#include "kernels/cuda/staging.h"

static void
to_picture (DdpmBackend * base, const float *x, const DdpmPicture * p)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (ddpm_cuda_graph_replays (b))
    return;
  ddpm_cuda_kern_to_picture (b->stream, x, p);
  ddpm_cuda_launch_ok (b, "painting a picture");
}

static void
from_picture (DdpmBackend * base, const DdpmPicture * p, guint8 * pixels)
{
  CudaBackend *b = ddpm_cuda_backend (base);

  if (ddpm_cuda_graph_replays (b))
    return;
  ddpm_cuda_kern_from_picture (b->stream, p, pixels);
  ddpm_cuda_launch_ok (b, "reading a picture");
}

static void
from_pixels (DdpmBackend * base, guint n, const DdpmPixels * p,
    const guint8 * pixels, const guint8 * mirrored, float *x)
{
  CudaBackend *b = ddpm_cuda_backend (base);
  const gsize elements = (gsize) p->height * p->width * p->channels;

  for (gsize first = 0; first < n; first += CUDA_STAGING_SIZE) {
    const guint count = MIN (n - first, CUDA_STAGING_SIZE);
    const guint8 *staged = ddpm_cuda_stage_args (b, mirrored + first, count);

    if (staged == NULL)
      return;
    if (ddpm_cuda_graph_replays (b))
      continue;
    ddpm_cuda_kern_from_pixels (b->stream, count, p, pixels + first * elements,
        staged, x + first * elements);
    ddpm_cuda_launch_ok (b, "images from bytes");
  }
}

void
ddpm_cuda_picture_set_ops (DdpmOps * ops)
{
  ops->to_picture = to_picture;
  ops->from_picture = from_picture;
  ops->from_pixels = from_pixels;
}
