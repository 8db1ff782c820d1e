/* gst-ddpm: inner loops of the CPU backend: noise and dropout
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifdef __AVX2__
#include <immintrin.h>
#endif
#include "kern-math.h"
#include "../ddpm-philox.h"

/* Blocks of four words that are drawn at a time */
#define BLOCKS 4

static void
normals (guint64 seed, guint64 sample, guint32 stream, guint32 first_block,
    gsize blocks, float *out)
{
  for (gsize i = 0; i < blocks; i++)
    ddpm_normal4 (seed, sample, stream, first_block + (guint32) i, out + 4 * i);
}

#ifdef __AVX2__
/* ddpm_random4 () of four blocks, one in each 64-bit lane: compilers find the
 * widening multiplication, but not an arrangement without shuffles. Of the
 * upper halves of c1 and c3 nothing is used but in c0 and c2, where only
 * their lower halves are multiplied. */
static void
random_words (guint64 seed, guint64 sample, guint32 stream, guint32 first,
    guint32 words[4 * BLOCKS])
{
  const __m256i multiplier0 = _mm256_set1_epi64x (0xD2511F53);
  const __m256i multiplier1 = _mm256_set1_epi64x (0xCD9E8D57);
  __m256i c0 = _mm256_setr_epi64x (first, (guint32) (first + 1),
      (guint32) (first + 2), (guint32) (first + 3));
  __m256i c1 = _mm256_set1_epi64x ((guint32) sample);
  __m256i c2 = _mm256_set1_epi64x (sample >> 32);
  __m256i c3 = _mm256_set1_epi64x (stream);
  guint32 k0 = (guint32) seed, k1 = seed >> 32;
  guint64 lanes[4][4];

  for (int round = 0; round < 10; round++) {
    __m256i product0 = _mm256_mul_epu32 (multiplier0, c0);
    __m256i product1 = _mm256_mul_epu32 (multiplier1, c2);

    c0 = _mm256_xor_si256 (_mm256_xor_si256 (_mm256_srli_epi64 (product1, 32),
            c1), _mm256_set1_epi64x (k0));
    c1 = product1;
    c2 = _mm256_xor_si256 (_mm256_xor_si256 (_mm256_srli_epi64 (product0, 32),
            c3), _mm256_set1_epi64x (k1));
    c3 = product0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  _mm256_storeu_si256 ((__m256i *) lanes[0], c0);
  _mm256_storeu_si256 ((__m256i *) lanes[1], c1);
  _mm256_storeu_si256 ((__m256i *) lanes[2], c2);
  _mm256_storeu_si256 ((__m256i *) lanes[3], c3);
  for (int block = 0; block < BLOCKS; block++) {
    for (int word = 0; word < 4; word++)
      words[4 * block + word] = (guint32) lanes[word][block];
  }
}
#else
static void
random_words (guint64 seed, guint64 sample, guint32 stream, guint32 first,
    guint32 words[4 * BLOCKS])
{
  for (guint32 block = 0; block < BLOCKS; block++)
    ddpm_random4 (seed, sample, stream, first + block, words + 4 * block);
}
#endif

static void
dropout (const DdpmDropout * drop, guint64 image, gsize first, gsize count,
    float *keep)
{
  const float p = drop->p;
  const float factor = 1.0 / (1.0 - p);
  const gsize end = first + count;
  guint32 words[4 * BLOCKS];

  for (gsize e = first & ~(gsize) 3; e < end; e += 4 * BLOCKS) {
    const gsize from = MAX (e, first), to = MIN (e + 4 * BLOCKS, end);

    random_words (drop->seed, drop->first_sample + image, drop->stream, e / 4,
        words);
    if (to - from == 4 * BLOCKS) {
      for (gsize i = 0; i < 4 * BLOCKS; i++)
        keep[from - first + i] = ddpm_uniform (words[i]) >= p ? factor : 0.0f;
    } else {
      for (gsize i = from; i < to; i++)
        keep[i - first] = ddpm_uniform (words[i - e]) >= p ? factor : 0.0f;
    }
  }
}

extern const CpuRandomKernels KERN (random_kernels);
const CpuRandomKernels KERN (random_kernels) = {
  .normals = normals,
  .dropout = dropout,
};
