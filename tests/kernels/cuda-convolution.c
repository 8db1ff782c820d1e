/* gst-ddpm: the CUDA backend's convolutions agree with the reference. Their
 * kernels run on the CPU (tests/support/host-cuda.h), and a stand-in for cuDNN
 * computes their graphs by the formula (tests/support/host-dnn.h).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/cuda/convolution-plan.h"
#include "kernels/cuda/operations.h"
#include "tests/support/host-backend.h"
#include "tests/support/host-dnn.h"

/* --- cases ---------------------------------------------------------------- */

/* Aligned and odd channels, one source and two, image and eps */
TABLE_TEST (convolutions_agree_with_the_reference, host_precisions)
{
  static const guint shapes[][10] = {
    /* n, height, width, cin0, cin1, cout, kernel, stride, f32: x 1, y 2,
     * padded at the end */
    {2, 6, 5, 8, 0, 16, 3, 1, 0}, {1, 5, 4, 16, 0, 8, 3, 2, 0},
    {2, 4, 4, 16, 0, 24, 1, 1, 0}, {2, 3, 4, 8, 16, 8, 1, 1, 0},
    {1, 4, 3, 3, 6, 7, 3, 1, 0}, {1, 5, 5, 3, 0, 16, 3, 1, 1},
    {2, 4, 4, 16, 0, 3, 3, 1, 2}, {1, 3, 3, 8, 8, 8, 3, 2, 3},
    {2, 9, 9, 4, 0, 20, 1, 1, 0}, {2, 6, 4, 16, 0, 8, 3, 2, 0, TRUE},
    {1, 5, 7, 3, 2, 5, 3, 2, 0, TRUE}, {1, 1, 1, 8, 0, 8, 3, 2, 0, TRUE},
    {1, 5, 5, 4, 0, 16, 3, 1, 1}, {2, 4, 4, 16, 0, 2, 3, 1, 2},
  };
  const DdpmType act = row->type;

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    const guint *s = shapes[i];

    for (guint variant = 0; variant < 6; variant++) {
      const Case c = {
        .run = run_conv,
        .conv = {s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7],
              s[8] & 1 ? DDPM_TYPE_F32 : act, s[8] & 2 ? DDPM_TYPE_F32 : act,
            variant < 5, s[9]},
        .residual = variant % 3,
        .add = variant / 2 % 2,
      };

      for (host_dnn_longest = 1; host_dnn_longest <= 3; host_dnn_longest++)
        host_assert_as_reference (row, &c, c.conv.n, 0);
    }
  }
}

/* More than one chunk, and blocks that loop */
TABLE_TEST (a_large_convolution_agrees_with_the_reference, host_precisions)
{
  const DdpmType act = row->type;
  const Case c = {
    .run = run_conv,
    .conv = {5, 32, 32, 8, 8, 40, 1, 1, act, act, TRUE},
    .add = TRUE,
  };

  host_assert_as_reference (row, &c, c.conv.n, 0);
}

TABLE_TEST (a_replayed_graph_launches_nothing, host_precisions)
{
  const DdpmType act = row->type;
  const Case c = {
    .run = run_conv,
    .conv = {1, 4, 3, 3, 6, 7, 3, 1, act, act, TRUE},
    .residual = OTHER_RESIDUAL,
  };
  CudaBackend b = host_backend (act);

  host_assert_replay (&b.base, &c);
  g_hash_table_unref (b.convolutions);
}

/* --- layouts -------------------------------------------------------------- */

TEST (krsc_and_kcrs_indices_are_inverse)
{
  const CudaWeightShape s = { 5, 3, 9, 8, 8 };
  const guint count = ddpm_cuda_kcrs_count (&s);
  guint padding = 0;

  for (guint i = 0; i < count; i++)
    g_assert_cmpuint (ddpm_cuda_kcrs_index (&s, ddpm_cuda_krsc_index (&s,
                i)), ==, i);
  for (guint i = 0; i < ddpm_cuda_krsc_count (&s); i++) {
    const guint source = ddpm_cuda_kcrs_index (&s, i);

    if (source == count)
      padding++;
    else
      g_assert_cmpuint (ddpm_cuda_krsc_index (&s, source), ==, i);
  }
  g_assert_cmpuint (padding, ==, 8 * 9 * 8 - 5 * 3 * 9);
  /* [co][ci][tap] = [1][2][3] is [co][tap][ci] */
  g_assert_cmpuint (ddpm_cuda_krsc_index (&s, (1 * 3 + 2) * 9 + 3), ==,
      (1 * 9 + 3) * 8 + 2);
}

TEST (chunks_cover_all_pixels)
{
  for (gsize pixels = 1; pixels < 200000; pixels = pixels * 3 / 2 + 1) {
    const gsize part = ddpm_cuda_chunk_pixels (pixels);
    const gsize count = ddpm_cuda_chunk_count (pixels);

    g_assert_cmpuint (count, <=, 512);
    g_assert_cmpuint (count * part, >=, pixels);
    g_assert_cmpuint ((count - 1) * part, <, pixels);
  }
}

int
main (int argc, char **argv)
{
  test_init (&argc, &argv);
  ddpm_cuda_convolution_set_ops (&host_ops);
  return g_test_run ();
}
