/* gst-ddpm: reference backend: the matrix product behind convolution and
 * attention
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/reference/private.h"

gsize
ddpm_ref_panels_size (gsize k, gsize n)
{
  gsize panels = n / DDPM_REF_LANES + (n % DDPM_REF_LANES != 0);

  return panels * DDPM_REF_LANES * k;
}

/* Packs b [k][n] into panels. Strides are in elements; exchanging them transposes
 * the matrix. */
void
ddpm_ref_pack (gsize k, gsize n, const float *b, gsize row_stride,
    gsize column_stride, float *panels)
{
  for (gsize first = 0; first < n; first += DDPM_REF_LANES) {
    for (gsize row = 0; row < k; row++) {
      for (gsize j = first; j < first + DDPM_REF_LANES; j++)
        *panels++ = j < n ? b[row * row_stride + j * column_stride] : 0.0f;
    }
  }
}

/* sum[j] += the scalar product of a[0..k) and column j of the panel */
static inline void
multiply_add_panel (gsize k, const float *a, gsize a_stride,
    const float *panel, double sum[DDPM_REF_LANES])
{
  double s[DDPM_REF_LANES];

  for (guint j = 0; j < DDPM_REF_LANES; j++)
    s[j] = sum[j];
  for (gsize i = 0; i < k; i++) {
    const double x = a[i * a_stride];

    for (guint j = 0; j < DDPM_REF_LANES; j++)
      s[j] += x * panel[i * DDPM_REF_LANES + j];
  }
  for (guint j = 0; j < DDPM_REF_LANES; j++)
    sum[j] = s[j];
}

/* c [m][n] += a [m][k] b [k][n], b in panels: c[i][j] += sum over l of
 * a[i][l] b[l][j], in the order of l */
void
ddpm_ref_multiply_add (gsize m, gsize n, gsize k, const float *a,
    gsize a_row_stride, gsize a_column_stride, const float *panels, double *c,
    gsize c_row_stride)
{
  for (gsize first = 0; first < n; first += DDPM_REF_LANES) {
    const gsize lanes = MIN (n - first, DDPM_REF_LANES);

    for (gsize row = 0; row < m; row++) {
      double *out = c + row * c_row_stride + first;
      double sum[DDPM_REF_LANES] = { 0, };

      for (gsize j = 0; j < lanes; j++)
        sum[j] = out[j];
      multiply_add_panel (k, a + row * a_row_stride, a_column_stride, panels,
          sum);
      for (gsize j = 0; j < lanes; j++)
        out[j] = sum[j];
    }
    panels += k * DDPM_REF_LANES;
  }
}
