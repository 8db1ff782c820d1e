/* gst-ddpm: CUDA backend: tensors of convolutions, into and out of cuDNN's
 * layout
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/kernels/common.cuh"

#define THREADS 256

typedef __nv_bfloat16 bf16;

/* Threads along x share a pixel; threads along y take neighbouring pixels. */
static dim3
pixel_block (unsigned units)
{
  unsigned along = 32;

  while (along > 1 && along / 2 >= units)
    along /= 2;
  return dim3 (along, THREADS / along);
}

/* How many channels a thread handles at once: 16 bytes of bf16, or of f32 if
 * not all tensors are bf16. 1 if channels or memory are not aligned to that */
static int
choose_width (const CudaChannels * channels, bool all_bf16,
    const void *const *memory, int count)
{
  const unsigned width = all_bf16 ? 8 : 4;

  for (int i = 0; i < count; i++) {
    if (!is_packed (memory[i]))
      return 1;
  }
  return channels->c0 % width == 0 && channels->c1 % width == 0
      && channels->padded % width == 0 ? (int) width : 1;
}

/* --- pixels --------------------------------------------------------------- */

/* Calls function (pixel, c) for every V-th channel c of every pixel */
template < int V, typename Function > static __global__ void
for_each_channel (size_t pixels, unsigned channels, Function function)
{
  const size_t step = (size_t) gridDim.x * blockDim.y;

  for (size_t pixel = (size_t) blockIdx.x * blockDim.y + threadIdx.y;
      pixel < pixels; pixel += step) {
    for (unsigned c = threadIdx.x * V; c < channels; c += blockDim.x * V)
      function (pixel, c);
  }
}

template < int V, typename Function > static void
launch_for_each_channel (cudaStream_t stream, size_t pixels, unsigned channels,
    const Function & function)
{
  const dim3 block = pixel_block (channels / V);

  launch (for_each_channel < V, Function >,
      dim3 (grid_size (pixels, block.y)), block, 0, stream, pixels, channels,
      function);
}

/* Operation::run < S, D, V > (stream, channels, arguments), where S is the type
 * of what is read, D that of what is written, and V how many channels a thread
 * handles at once. memory: all tensors of these types */
template < typename Operation, typename ... Arguments > static void
run_by_type (cudaStream_t stream, const CudaChannels & channels, bool src_bf16,
    bool dst_bf16, const void *const (&memory)[3], Arguments ... arguments)
{
  const bool wide =
      choose_width (&channels, src_bf16 && dst_bf16, memory, 3) > 1;

  if (src_bf16 && dst_bf16)
    (wide ? Operation::template run < bf16, bf16, 8 >
        : Operation::template run < bf16, bf16, 1 >)
        (stream, channels, arguments ...);
  else if (src_bf16)
    (wide ? Operation::template run < bf16, float, 4 >
        : Operation::template run < bf16, float, 1 >)
        (stream, channels, arguments ...);
  else if (dst_bf16)
    (wide ? Operation::template run < float, bf16, 4 >
        : Operation::template run < float, bf16, 1 >)
        (stream, channels, arguments ...);
  else
    (wide ? Operation::template run < float, float, 4 >
        : Operation::template run < float, float, 1 >)
        (stream, channels, arguments ...);
}

/* x [pixels][padded] = x0 | x1 | 0 */
struct Concat
{
  template < typename S, typename D, int V > static void
  run (cudaStream_t stream, CudaChannels channels, const void *src0,
      const void *src1, void *dst)
  {
    const S *x0 = (const S *) src0, *x1 = (const S *) src1;
    D *x = (D *) dst;

    launch_for_each_channel < V > (stream, channels.pixels, channels.padded,
        [=] __device__ (size_t pixel, unsigned c) {
          const CudaChannelPlace place =
              ddpm_cuda_channel_place (&channels, pixel, c);
          Pack < S, V > in = { };
          Pack < D, V > out;

          if (place.source >= 0)
            in.load ((place.source ? x1 : x0) + place.element);
#pragma unroll
          for (int i = 0; i < V; i++)
            out.v[i] = in.v[i];
          out.store (x + pixel * channels.padded + c);
        });
  }
};

void
ddpm_cuda_kern_concat (cudaStream_t stream, const CudaChannels * channels,
    int src_bf16, const void *x0, const void *x1, int dst_bf16, void *x)
{
  run_by_type < Concat > (stream, *channels, src_bf16, dst_bf16, {x0, x1, x},
      x0, x1, x);
}

/* x0 | x1 (+)= x [pixels][padded]; a source that is NULL is skipped */
struct Split
{
  template < typename S, typename D, int V > static void
  run (cudaStream_t stream, CudaChannels channels, const void *src, void *x0,
      int add0, void *x1, int add1)
  {
    const S *x = (const S *) src;

    launch_for_each_channel < V > (stream, channels.pixels,
        channels.c0 + channels.c1, [=] __device__ (size_t pixel, unsigned c) {
          const CudaChannelPlace place =
              ddpm_cuda_channel_place (&channels, pixel, c);
          D *to = (D *) (place.source ? x1 : x0);
          const int add = place.source ? add1 : add0;

          Pack < S, V > in;
          Pack < D, V > sum = { };

          if (to == nullptr)
            return;
          in.load (x + pixel * channels.padded + c);
          if (add)
            sum.load (to + place.element);
#pragma unroll
          for (int i = 0; i < V; i++)
            sum.v[i] += in.v[i];
          sum.store (to + place.element);
        });
  }
};

void
ddpm_cuda_kern_split (cudaStream_t stream, const CudaChannels * channels,
    int src_bf16, const void *x, int dst_bf16, void *x0, int add0, void *x1,
    int add1)
{
  run_by_type < Split > (stream, *channels, src_bf16, dst_bf16, {x, x0, x1},
      x, x0, add0, x1, add1);
}

/* y [pixels][c0] = sum [pixels][padded] + bias [c0] + residual [pixels][c0] */
struct AddBias
{
  template < typename S, typename D, int V > static void
  run (cudaStream_t stream, CudaChannels channels, const void *src,
      const float *bias, const void *plus, void *dst)
  {
    const S *sum = (const S *) src;
    const D *residual = (const D *) plus;
    D *y = (D *) dst;

    launch_for_each_channel < V > (stream, channels.pixels, channels.c0,
        [=] __device__ (size_t pixel, unsigned c) {
          const size_t place = pixel * channels.c0 + c;
          Pack < S, V > in;
          Pack < D, V > out = { };

          in.load (sum + pixel * channels.padded + c);
          if (residual)
            out.load (residual + place);
#pragma unroll
          for (int i = 0; i < V; i++)
            out.v[i] += in.v[i] + (bias ? bias[c + i] : 0.0f);
          out.store (y + place);
        });
  }
};

void
ddpm_cuda_kern_add_bias (cudaStream_t stream, const CudaChannels * channels,
    int sum_bf16, const void *sum, const float *bias, int y_bf16,
    const void *residual, void *y)
{
  run_by_type < AddBias > (stream, *channels, sum_bf16, y_bf16,
      {sum, residual, y}, sum, bias, residual, y);
}

/* --- weights -------------------------------------------------------------- */

template < typename D > static void
weights_to_krsc (cudaStream_t stream, CudaWeightShape shape,
    const float *weight, D * krsc)
{
  const unsigned count = ddpm_cuda_kcrs_count (&shape);

  launch_for_each (stream, ddpm_cuda_krsc_count (&shape),
      [=] __device__ (size_t i) {
        const unsigned source = ddpm_cuda_kcrs_index (&shape, (unsigned) i);

        krsc[i] = from_float < D > (source < count ? weight[source] : 0.0f);
      });
}

void
ddpm_cuda_kern_weights_to_krsc (cudaStream_t stream,
    const CudaWeightShape * shape, const float *weight, int krsc_bf16,
    void *krsc)
{
  if (krsc_bf16)
    weights_to_krsc (stream, *shape, weight, (bf16 *) krsc);
  else
    weights_to_krsc (stream, *shape, weight, (float *) krsc);
}

template < typename S > static void
weights_from_krsc (cudaStream_t stream, CudaWeightShape shape, const S * krsc,
    float *weight, int add)
{
  launch_for_each (stream, ddpm_cuda_kcrs_count (&shape),
      [=] __device__ (size_t i) {
        const float value =
            to_float (krsc[ddpm_cuda_krsc_index (&shape, (unsigned) i)]);

        weight[i] = add ? weight[i] + value : value;
      });
}

void
ddpm_cuda_kern_weights_from_krsc (cudaStream_t stream,
    const CudaWeightShape * shape, int krsc_bf16, const void *krsc,
    float *weight, int add)
{
  if (krsc_bf16)
    weights_from_krsc (stream, *shape, (const bf16 *) krsc, weight, add);
  else
    weights_from_krsc (stream, *shape, (const float *) krsc, weight, add);
}

/* --- sums over pixels ----------------------------------------------------- */

/* A block sums one chunk of pixels. Its threads along y take the pixels in
 * turn; then the first of them adds their sums in order. */
template < typename T, int V > static __global__ void
sum_pixels (size_t pixels, size_t chunk, unsigned c, const T * x, float
    *partials)
{
  __shared__ float sums[THREADS][V];
  const unsigned first_channel = (blockIdx.x * blockDim.x + threadIdx.x) * V;
  const size_t first = blockIdx.y * chunk;
  const size_t last = first + chunk < pixels ? first + chunk : pixels;
  float total[V] = { };

  if (first_channel < c) {
    for (size_t pixel = first + threadIdx.y; pixel < last;
        pixel += blockDim.y) {
      Pack < T, V > in;

      in.load (x + pixel * c + first_channel);
#pragma unroll
      for (int i = 0; i < V; i++)
        total[i] += in.v[i];
    }
  }
#pragma unroll
  for (int i = 0; i < V; i++)
    sums[threadIdx.y * blockDim.x + threadIdx.x][i] = total[i];
  __syncthreads ();
  if (threadIdx.y > 0 || first_channel >= c)
    return;
#pragma unroll
  for (int i = 0; i < V; i++) {
    for (unsigned y = 1; y < blockDim.y; y++)
      total[i] += sums[y * blockDim.x + threadIdx.x][i];
    partials[(size_t) blockIdx.y * c + first_channel + i] = total[i];
  }
}

template < typename T, int V > static void
launch_sum_pixels (cudaStream_t stream, size_t pixels, unsigned c,
    const void *x, float *partials)
{
  const unsigned units = c / V;
  const dim3 block = pixel_block (units);
  const dim3 grid ((units + block.x - 1) / block.x,
      (unsigned) ddpm_cuda_chunk_count (pixels));

  launch (sum_pixels < T, V >, grid, block, 0, stream, pixels,
      ddpm_cuda_chunk_pixels (pixels), c, (const T *) x, partials);
}

void
ddpm_cuda_kern_sum_pixels (cudaStream_t stream, size_t pixels, unsigned c,
    int x_bf16, const void *x, float *partials)
{
  const CudaChannels channels = { pixels, c, 0, c };
  const bool wide = choose_width (&channels, x_bf16, &x, 1) > 1;

  if (x_bf16)
    (wide ? launch_sum_pixels < bf16, 8 > : launch_sum_pixels < bf16, 1 >)
        (stream, pixels, c, x, partials);
  else
    (wide ? launch_sum_pixels < float, 4 > : launch_sum_pixels < float, 1 >)
        (stream, pixels, c, x, partials);
}
