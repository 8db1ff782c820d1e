/* gst-ddpm: inner loops of the CPU backend: noise and dropout
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifdef __AVX2__
#include <immintrin.h>
#endif
#include <math.h>
#include "kernels/cpu/isa/math.h"
#include "kernels/philox.h"

/* Blocks of four words that are drawn at a time, and words that are then compared
 * at a time. A loop over sixteen would be unrolled instead of vectorized. */
#define BLOCKS 4
#define CHUNK 256

static void
normals (guint64 seed, guint64 sample, guint32 stream, guint32 first_block,
    gsize blocks, float *out)
{
  for (gsize i = 0; i < blocks; i++)
    ddpm_normal4 (seed, sample, stream, first_block + (guint32) i, out + 4 * i);
}

#ifdef __AVX2__
/* Stores the lower half of each 64-bit lane, block by block, in their order. */
static void
store_words (__m256i c0, __m256i c1, __m256i c2, __m256i c3,
    guint32 words[4 * BLOCKS])
{
  const __m256i lower = _mm256_set1_epi64x (0xFFFFFFFF);
  __m256i c01 = _mm256_or_si256 (_mm256_and_si256 (c0, lower),
      _mm256_slli_epi64 (c1, 32));
  __m256i c23 = _mm256_or_si256 (_mm256_and_si256 (c2, lower),
      _mm256_slli_epi64 (c3, 32));
  __m256i blocks02 = _mm256_unpacklo_epi64 (c01, c23);
  __m256i blocks13 = _mm256_unpackhi_epi64 (c01, c23);

  _mm256_storeu_si256 ((__m256i *) words,
      _mm256_permute2x128_si256 (blocks02, blocks13, 0x20));
  _mm256_storeu_si256 ((__m256i *) (words + 8),
      _mm256_permute2x128_si256 (blocks02, blocks13, 0x31));
}

/* ddpm_random4 () of four blocks, one in each 64-bit lane: compilers find the
 * widening multiplication, but not an arrangement without shuffles. What is
 * in upper halves is never multiplied. */
static void
random_words (guint64 seed, guint64 sample, guint32 stream, guint32 first,
    guint32 words[4 * BLOCKS])
{
  const __m256i multiplier0 = _mm256_set1_epi64x (0xD2511F53);
  const __m256i multiplier1 = _mm256_set1_epi64x (0xCD9E8D57);
  const __m256i weyl0 = _mm256_set1_epi64x (0x9E3779B9);
  const __m256i weyl1 = _mm256_set1_epi64x (0xBB67AE85);
  __m256i k0 = _mm256_set1_epi64x ((guint32) seed);
  __m256i k1 = _mm256_set1_epi64x (seed >> 32);
  __m256i c0 = _mm256_setr_epi64x (first, (guint32) (first + 1),
      (guint32) (first + 2), (guint32) (first + 3));
  __m256i c1 = _mm256_set1_epi64x ((guint32) sample);
  __m256i c2 = _mm256_set1_epi64x (sample >> 32);
  __m256i c3 = _mm256_set1_epi64x (stream);

  for (int round = 0; round < 10; round++) {
    __m256i product0 = _mm256_mul_epu32 (multiplier0, c0);
    __m256i product1 = _mm256_mul_epu32 (multiplier1, c2);

    c0 = _mm256_xor_si256 (_mm256_xor_si256 (_mm256_srli_epi64 (product1, 32),
            c1), k0);
    c1 = product1;
    c2 = _mm256_xor_si256 (_mm256_xor_si256 (_mm256_srli_epi64 (product0, 32),
            c3), k1);
    c3 = product0;
    k0 = _mm256_add_epi32 (k0, weyl0);
    k1 = _mm256_add_epi32 (k1, weyl1);
  }
  store_words (c0, c1, c2, c3, words);
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

/* A uniform is u = (k + 1/2) 2^-23 with k = word >> 9. So u >= p is k >= p 2^23 -
 * 1/2, exactly, and integers are compared. */
static gint32
get_threshold (float p)
{
  return ceil ((double) p * 8388608.0 - 0.5);
}

/* The factors of elements [e, e + CHUNK); e is a multiple of 4. */
static void
draw_chunk (const DdpmDropout * drop, guint64 image, gsize e,
    float *restrict keep)
{
  const gint32 threshold = get_threshold (CLAMP (drop->p, 0.0f, 1.0f));
  const float factor = 1.0 / (1.0 - drop->p);
  guint32 words[CHUNK];

  for (gsize i = 0; i < CHUNK; i += 4 * BLOCKS)
    random_words (drop->seed, drop->first_sample + image, drop->stream,
        (e + i) / 4, words + i);
  for (gsize i = 0; i < CHUNK; i++)
    keep[i] = (gint32) (words[i] >> 9) >= threshold ? factor : 0.0f;
}

static void
dropout (const DdpmDropout * drop, guint64 image, gsize first, gsize count,
    float *keep)
{
  const gsize end = first + count;
  float edge[CHUNK];

  for (gsize e = first & ~(gsize) 3; e < end; e += CHUNK) {
    const gsize from = MAX (e, first), to = MIN (e + CHUNK, end);

    if (to - from == CHUNK) {
      draw_chunk (drop, image, e, keep + (e - first));
    } else {
      draw_chunk (drop, image, e, edge);
      memcpy (keep + (from - first), edge + (from - e),
          (to - from) * sizeof (float));
    }
  }
}

extern const CpuRandomKernels KERN (random_kernels);
const CpuRandomKernels KERN (random_kernels) = {
  .normals = normals,
  .dropout = dropout,
};
