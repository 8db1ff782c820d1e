/* gst-ddpm: the noise against its definition, and its statistics
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "gst-ddpm/model/noise.h"
#include "gst-ddpm/model/streams.h"
#include "tests/support/dump.h"
#include "tests/support/kernels.h"
#include "tests/support/test.h"

#define N 65536

typedef void (*NoiseFunc) (guint64 seed, guint64 sample, guint32 stream,
    guint64 first_element, gsize count, gfloat * out);

/* Random123's published answers for philox4x32-10: counter, key, result */
TEST (words_are_random123s)
{
  static const struct
  {
    guint32 counter[4], key[2], result[4];
  } answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff},
        {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
        {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  gfloat u[4];
  guint i, j;

  for (i = 0; i < G_N_ELEMENTS (answers); i++) {
    const guint32 *c = answers[i].counter, *k = answers[i].key;

    ddpm_noise_uniform ((guint64) k[1] << 32 | k[0],
        (guint64) c[2] << 32 | c[1], c[3], (guint64) c[0] * 4, 4, u);
    for (j = 0; j < 4; j++)
      g_assert_cmpfloat (u[j], ==,
          ((answers[i].result[j] >> 9) + 0.5) / 8388608.0);
  }
}

static void
assert_agrees (JsonObject * entry, const gchar * name, NoiseFunc noise,
    gdouble relative)
{
  JsonArray *expected = json_object_get_array_member (entry, name);
  guint count = json_array_get_length (expected);
  g_autofree gfloat *found = g_new (gfloat, count);
  guint i;

  g_assert_cmpuint (count, ==, 22);
  noise (g_ascii_strtoull (json_object_get_string_member (entry, "seed"), NULL,
          10), g_ascii_strtoull (json_object_get_string_member (entry,
              "sample"), NULL, 10), json_object_get_int_member (entry,
          "stream"), 0, count, found);
  for (i = 0; i < count; i++) {
    gdouble value = json_array_get_double_element (expected, i);

    g_assert_cmpfloat (fabs (found[i] - value), <=, relative * fabs (value));
  }
}

TEST (numbers_are_the_definitions)
{
  JsonArray *dump = test_json_load ("noise.json");
  guint i;

  g_assert_cmpuint (json_array_get_length (dump), ==, 10);
  for (i = 0; i < json_array_get_length (dump); i++) {
    JsonObject *entry = json_array_get_object_element (dump, i);

    assert_agrees (entry, "uniform", ddpm_noise_uniform, 0.0);
    /* rounded to float, and nothing more */
    assert_agrees (entry, "normal", ddpm_noise_normal, 0.5001 * FLT_EPSILON);
  }
  json_array_unref (dump);
}

static void
assert_slices_agree (NoiseFunc noise)
{
  gfloat whole[40], part[40];
  guint first, count;

  noise (5, 6, 7, 100, 40, whole);
  for (first = 0; first < 9; first++) {
    for (count = 0; count < 12; count++) {
      part[count] = 99.0f;
      noise (5, 6, 7, 100 + first, count, part);
      g_assert_cmpmem (part, count * sizeof (gfloat), whole + first,
          count * sizeof (gfloat));
      g_assert_cmpfloat (part[count], ==, 99.0f);
    }
  }
}

TEST (slices_agree_with_the_whole)
{
  assert_slices_agree (ddpm_noise_normal);
  assert_slices_agree (ddpm_noise_uniform);
}

TEST (every_argument_matters)
{
  gfloat base[64], other[64];
  guint i;

  ddpm_noise_normal (1, 2, 3, 0, 64, base);
  for (i = 0; i < 5; i++) {
    ddpm_noise_normal (1 + (i == 0) + ((guint64) (i == 1) << 32),
        2 + (i == 2) + ((guint64) (i == 3) << 32), 3 + (i == 4), 0, 64, other);
    g_assert_cmpint (memcmp (base, other, sizeof base), !=, 0);
  }
}

/* sums of the first four powers, of N numbers, are within five of their own
 * standard deviations; the numbers are fixed, so the test cannot fail by chance */
TEST (normals_are_normal)
{
  g_autofree gfloat *z = g_new (gfloat, N);
  gdouble sum[5] = { 0, }, product = 0;
  guint i, k;

  ddpm_noise_normal (2024, 1, 0, 0, N, z);
  for (i = 0; i < N; i++) {
    g_assert_true (isfinite (z[i]));
    for (k = 1; k <= 4; k++)
      sum[k] += pow (z[i], k) / N;
    product += (gdouble) z[i] * z[(i + 1) % N] / N;
  }
  g_assert_cmpfloat_with_epsilon (sum[1], 0, 5 * sqrt (1.0 / N));
  g_assert_cmpfloat_with_epsilon (sum[2], 1, 5 * sqrt (2.0 / N));
  g_assert_cmpfloat_with_epsilon (sum[3], 0, 5 * sqrt (15.0 / N));
  g_assert_cmpfloat_with_epsilon (sum[4], 3, 5 * sqrt (96.0 / N));
  g_assert_cmpfloat_with_epsilon (product, 0, 5 * sqrt (1.0 / N));
}

TEST (uniforms_are_uniform)
{
  g_autofree gfloat *u = g_new (gfloat, N);
  guint bins[64] = { 0, };
  gdouble chi2 = 0;
  guint i;

  ddpm_noise_uniform (2024, 1, DDPM_STREAM_INIT, 0, N, u);
  for (i = 0; i < N; i++) {
    g_assert_cmpfloat (u[i], >, 0.0f);
    g_assert_cmpfloat (u[i], <, 1.0f);
    bins[(guint) (u[i] * 64)]++;
  }
  for (i = 0; i < 64; i++)
    chi2 += pow (bins[i] - N / 64.0, 2) / (N / 64.0);
  /* 63 degrees of freedom: 1 in 1000 on either side */
  g_assert_cmpfloat (chi2, >, 33.0);
  g_assert_cmpfloat (chi2, <, 103.4);
}

TEST (samples_are_not_correlated)
{
  g_autofree gfloat *a = g_new (gfloat, N), *b = g_new (gfloat, N);
  gdouble product = 0;
  guint i;

  ddpm_noise_normal (9, 0, 0, 0, N, a);
  ddpm_noise_normal (9, 1, 0, 0, N, b);
  for (i = 0; i < N; i++)
    product += (gdouble) a[i] * b[i] / N;
  g_assert_cmpfloat_with_epsilon (product, 0, 5 * sqrt (1.0 / N));
}

/* --- keyframes ------------------------------------------------------------ */

TEST (a_keyframe_has_the_noise_of_its_number)
{
  gfloat expected[37], got[37];

  ddpm_noise_normal (3, 41, 5, 2, 37, expected);
  ddpm_noise_keyframe_normal (3, 41 * 30, 30, 5, 2, 37, got);
  g_assert_cmpmem (got, sizeof got, expected, sizeof expected);
  ddpm_noise_keyframe_normal (3, 41, 0, 5, 2, 37, got);
  g_assert_cmpmem (got, sizeof got, expected, sizeof expected);
  ddpm_noise_keyframe_normal (3, 41, 1, 5, 2, 37, got);
  g_assert_cmpmem (got, sizeof got, expected, sizeof expected);
}

/* cos and sin of a quarter turn's share: variance 1 */
TEST (noise_between_keyframes_is_of_both)
{
  gfloat first[37], second[37], got[37];

  ddpm_noise_normal (3, 4, 5, 0, 37, first);
  ddpm_noise_normal (3, 5, 5, 0, 37, second);
  for (guint place = 1; place < 30; place++) {
    const gdouble angle = G_PI_2 * place / 30;

    ddpm_noise_keyframe_normal (3, 4 * 30 + place, 30, 5, 0, 37, got);
    for (guint i = 0; i < 37; i++)
      g_assert_cmpfloat_with_epsilon (got[i], cos (angle) * first[i]
          + sin (angle) * second[i], 1e-6);
  }
}

TEST (keyframes_in_batches_have_the_bits_of_singles)
{
  for (guint kind = DDPM_BACKEND_REFERENCE; kind <= DDPM_BACKEND_CPU; kind++) {
    g_autoptr (DdpmBackend) backend = test_backend_new (kind);
    gfloat all[5 * 1027], one[1027];

    g_assert_true (ddpm_noise_normal_batch (backend, 3, 27, 30, 5, 5, 1027,
            all, NULL));
    for (guint i = 0; i < 5; i++) {
      ddpm_noise_keyframe_normal (3, 27 + i, 30, 5, 0, 1027, one);
      g_assert_cmpmem (all + i * 1027, sizeof one, one, sizeof one);
    }
  }
}
