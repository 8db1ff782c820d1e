/* gst-ddpm: rounding and clamping of pixels
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>

#include "gst-ddpm/model/pixels.h"
#include "tests/support/test.h"

static guint8
pixel_of (DdpmDataRange range, gfloat value)
{
  guint8 pixel;

  ddpm_pixels_from_float (range, &value, 1, &pixel);
  return pixel;
}

static gfloat
value_of (DdpmDataRange range, guint8 pixel)
{
  gfloat value;

  ddpm_pixels_to_float (range, &pixel, 1, &value);
  return value;
}

TEST (every_pixel_survives_a_round_trip)
{
  guint p;

  for (p = 0; p < 256; p++) {
    g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_SYMMETRIC,
            value_of (DDPM_DATA_RANGE_SYMMETRIC, p)), ==, p);
    g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_UNIT,
            value_of (DDPM_DATA_RANGE_UNIT, p)), ==, p);
  }
}

TEST (ranges_end_where_they_should)
{
  g_assert_cmpfloat (value_of (DDPM_DATA_RANGE_SYMMETRIC, 0), ==, -1.0f);
  g_assert_cmpfloat (value_of (DDPM_DATA_RANGE_SYMMETRIC, 255), ==, 1.0f);
  g_assert_cmpfloat (value_of (DDPM_DATA_RANGE_SYMMETRIC, 51), ==, -0.6f);
  g_assert_cmpfloat (value_of (DDPM_DATA_RANGE_UNIT, 0), ==, 0.0f);
  g_assert_cmpfloat (value_of (DDPM_DATA_RANGE_UNIT, 255), ==, 1.0f);
  g_assert_cmpfloat (value_of (DDPM_DATA_RANGE_UNIT, 51), ==, 0.2f);
}

TEST (values_go_to_the_nearest_pixel)
{
  guint p;

  for (p = 0; p < 255; p++) {
    gdouble middle = (p + 0.5) / 255.0;

    g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_UNIT, middle - 1e-4), ==, p);
    g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_UNIT, middle + 1e-4), ==,
        p + 1);
    g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_SYMMETRIC,
            2 * middle - 1 - 1e-4), ==, p);
    g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_SYMMETRIC,
            2 * middle - 1 + 1e-4), ==, p + 1);
  }
}

TEST (values_outside_are_clamped)
{
  static const gfloat high[] = { 1.0f, 1.001f, 2.0f, 3e38f, INFINITY };
  static const gfloat low[] = { -1.0f, -1.001f, -2.0f, -3e38f, -INFINITY };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (high); i++) {
    g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_SYMMETRIC, high[i]), ==, 255);
    g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_UNIT, high[i]), ==, 255);
    g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_SYMMETRIC, low[i]), ==, 0);
    g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_UNIT, low[i]), ==, 0);
  }
}

TEST (not_a_number_is_black)
{
  g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_SYMMETRIC, NAN), ==, 0);
  g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_UNIT, NAN), ==, 0);
  g_assert_cmpuint (pixel_of (DDPM_DATA_RANGE_UNIT, -NAN), ==, 0);
}

TEST (only_count_elements_are_written)
{
  const guint8 in[3] = { 255, 255, 255 };
  const gfloat values[3] = { 1.0f, 1.0f, 1.0f };
  gfloat out[3] = { 7.0f, 7.0f, 7.0f };
  guint8 pixels[3] = { 7, 7, 7 };

  ddpm_pixels_to_float (DDPM_DATA_RANGE_UNIT, in, 2, out);
  g_assert_cmpfloat (out[1], ==, 1.0f);
  g_assert_cmpfloat (out[2], ==, 7.0f);
  ddpm_pixels_from_float (DDPM_DATA_RANGE_UNIT, values, 2, pixels);
  g_assert_cmpuint (pixels[1], ==, 255);
  g_assert_cmpuint (pixels[2], ==, 7);
}
