/* gst-ddpm: the data order of an epoch
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <string.h>

#include "gst-ddpm/files/cifar.h"
#include "tests/support/dump.h"
#include "tests/support/test.h"

TEST (shuffle_is_a_permutation)
{
  static const guint64 sizes[] = { 0, 1, 2, 3, 10, 1000, 50000 };
  guint k;

  for (k = 0; k < G_N_ELEMENTS (sizes); k++) {
    guint64 i, n = sizes[k];
    g_autofree guint64 *order = g_new (guint64, n + 1);
    g_autofree gboolean *seen = g_new0 (gboolean, n + 1);

    order[n] = 4242;
    ddpm_cifar_shuffle (1, 0, n, order);
    for (i = 0; i < n; i++) {
      g_assert_cmpuint (order[i], <, n);
      g_assert_false (seen[order[i]]);
      seen[order[i]] = TRUE;
    }
    g_assert_cmpuint (order[n], ==, 4242);
  }
}

TEST (shuffle_depends_on_seed_and_epoch_alone)
{
  guint64 a[100], b[100];
  guint i;

  ddpm_cifar_shuffle (5, 6, 100, a);
  ddpm_cifar_shuffle (5, 6, 100, b);
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
  for (i = 0; i < 4; i++) {
    ddpm_cifar_shuffle (5 + (i == 0) + ((guint64) (i == 1) << 32),
        6 + (i == 2) + ((guint64) (i == 3) << 32), 100, b);
    g_assert_cmpint (memcmp (a, b, sizeof a), !=, 0);
  }
}

/* A resumed run computes its data order anew: it must never change. */
TEST (shuffle_is_what_it_always_was)
{
  JsonArray *dump = test_json_load ("shuffle.json");
  guint k, i;

  g_assert_cmpuint (json_array_get_length (dump), ==, 3);
  for (k = 0; k < json_array_get_length (dump); k++) {
    JsonArray *entry = json_array_get_array_element (dump, k);
    JsonArray *expected = json_array_get_array_element (entry, 2);
    guint n = json_array_get_length (expected);
    g_autofree guint64 *order = g_new (guint64, n);

    ddpm_cifar_shuffle (json_array_get_int_element (entry, 0),
        json_array_get_int_element (entry, 1), n, order);
    for (i = 0; i < n; i++)
      g_assert_cmpuint (order[i], ==, json_array_get_int_element (expected, i));
  }
  json_array_unref (dump);
}

/* Number of a permutation of 4, 0 .. 255; 24 of them occur */
static guint
code_of (const guint64 order[4])
{
  return order[0] | order[1] << 2 | order[2] << 4 | order[3] << 6;
}

TEST (shuffle_is_uniform)
{
  const guint n = 24000;
  guint count[256] = { 0, };
  gdouble chi2 = 0;
  guint64 order[4];
  guint i, n_codes = 0;

  for (i = 0; i < n; i++) {
    ddpm_cifar_shuffle (77, i, 4, order);
    count[code_of (order)]++;
  }
  for (i = 0; i < 256; i++) {
    gdouble excess = count[i] - n / 24.0;

    if (count[i] > 0) {
      n_codes++;
      chi2 += excess * excess / (n / 24.0);
    }
  }
  g_assert_cmpuint (n_codes, ==, 24);
  /* 23 degrees of freedom: 1 in 1000 on either side */
  g_assert_cmpfloat (chi2, >, 7.5);
  g_assert_cmpfloat (chi2, <, 49.7);
}
