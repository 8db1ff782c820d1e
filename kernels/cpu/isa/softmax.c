/* gst-ddpm: inner loops of the CPU backend: softmax of a row, and its derivative
 * (Vaswani et al. 2017, eq. 1)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cpu/isa/math.h"

KERN_INLINE float
largest (gsize count, const float *x)
{
  float lanes[CPU_SUM_LANES], result;
  gsize i = 0;

  for (gsize lane = 0; lane < CPU_SUM_LANES; lane++)
    lanes[lane] = x[0];
  for (; i + CPU_SUM_LANES <= count; i += CPU_SUM_LANES) {
    for (gsize lane = 0; lane < CPU_SUM_LANES; lane++)
      lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
  }
  result = x[0];
  for (gsize lane = 0; lane < CPU_SUM_LANES; lane++)
    result = lanes[lane] > result ? lanes[lane] : result;
  for (; i < count; i++)
    result = x[i] > result ? x[i] : result;
  return result;
}

KERN_INLINE float
sum_lanes (const float *lanes)
{
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
      + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/* The exponentials take the place of the scores: probs may have a type that
 * would round them. */
KERN_INLINE void
softmax_typed (DdpmType type, gsize tokens, float scale, float *scores,
    void *probs)
{
  const float top = largest (tokens, scores);
  float lanes[CPU_SUM_LANES] = { 0, }, factor;
  gsize i = 0;

  for (; i + CPU_SUM_LANES <= tokens; i += CPU_SUM_LANES) {
    for (gsize lane = 0; lane < CPU_SUM_LANES; lane++) {
      scores[i + lane] = kern_exp (scale * (scores[i + lane] - top));
      lanes[lane] += scores[i + lane];
    }
  }
  for (; i < tokens; i++) {
    scores[i] = kern_exp (scale * (scores[i] - top));
    lanes[0] += scores[i];
  }
  factor = 1.0f / sum_lanes (lanes);
  for (i = 0; i < tokens; i++)
    kern_set (type, probs, i, factor * scores[i]);
}

static void
softmax (DdpmType type, gsize tokens, float scale, float *scores, void *probs)
{
  KERN_BY_TYPE (softmax_typed, type, tokens, scale, scores, probs);
}

KERN_INLINE void
softmax_gradient_typed (DdpmType type, gsize tokens, float scale,
    const void *probs, const float *dprobs, void *dscores)
{
  float lanes[CPU_SUM_LANES] = { 0, }, sum;
  gsize i = 0;

  for (; i + CPU_SUM_LANES <= tokens; i += CPU_SUM_LANES) {
    for (gsize lane = 0; lane < CPU_SUM_LANES; lane++)
      lanes[lane] += kern_get (type, probs, i + lane) * dprobs[i + lane];
  }
  for (; i < tokens; i++)
    lanes[0] += kern_get (type, probs, i) * dprobs[i];
  sum = sum_lanes (lanes);
  for (i = 0; i < tokens; i++)
    kern_set (type, dscores, i,
        scale * (kern_get (type, probs, i) * (dprobs[i] - sum)));
}

static void
softmax_gradient (DdpmType type, gsize tokens, float scale, const void *probs,
    const float *dprobs, void *dscores)
{
  KERN_BY_TYPE (softmax_gradient_typed, type, tokens, scale, probs, dprobs,
      dscores);
}

extern const CpuSoftmaxKernels KERN (softmax_kernels);
const CpuSoftmaxKernels KERN (softmax_kernels) = {
  .softmax = softmax,
  .softmax_gradient = softmax_gradient,
};
