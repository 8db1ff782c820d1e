/* gst-ddpm: images as pictures of 8-bit pixels, of backends on this processor,
 * and by CUDA's kernel run on it (tests/support/host-cuda.h)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "kernels/ops.h"
#include "tests/support/test.h"
#ifdef WITH_CUDA_KERNELS
#include "kernels/cuda/kernels/launches.h"
#endif

#define WIDTH 3
#define HEIGHT 2
#define STRIDE 40               /* more than any row here has */
#define UNTOUCHED 77

/* --- what computes --------------------------------------------------------- */

static DdpmOps host_ops;        /* the reference backend's */

#ifdef WITH_CUDA_KERNELS
static void
to_picture (DdpmBackend * b, const float *x, const DdpmPicture * p)
{
  ddpm_cuda_kern_to_picture (NULL, x, p);
}

static void
from_picture (DdpmBackend * b, const DdpmPicture * p, guint8 * pixels)
{
  ddpm_cuda_kern_from_picture (NULL, p, pixels);
}

static void
from_pixels (DdpmBackend * b, guint n, const DdpmPixels * p,
    const guint8 * pixels, const guint8 * mirrored, float *x)
{
  ddpm_cuda_kern_from_pixels (NULL, n, p, pixels, mirrored, x);
}

static const DdpmOps cuda_ops = {
  .to_picture = to_picture,
  .from_picture = from_picture,
  .from_pixels = from_pixels,
};
#endif

static const struct
{
  const gchar *name;
  const DdpmOps *ops;
} backends[] = {
  {"host", &host_ops},
#ifdef WITH_CUDA_KERNELS
  {"cuda", &cuda_ops},
#endif
};

/* --- from images to pictures ---------------------------------------------- */

/* Images of one level each: 10 image + channel */
static void
fill (guint n, guint channels, float *x)
{
  for (guint i = 0; i < n * HEIGHT * WIDTH; i++) {
    for (guint c = 0; c < channels; c++)
      x[i * channels + c] = (10 * (i / (HEIGHT * WIDTH)) + c) / 255.0f;
  }
}

/* component c of pixel (column, line) of packed pixels */
static void
check_pixel (const guint8 * data, guint pixel_stride, guint column, guint line,
    guint c, guint8 wanted)
{
  g_assert_cmpuint (data[line * STRIDE + column * pixel_stride + c], ==,
      wanted);
}

TABLE_TEST (a_mosaic_has_black_where_no_image_is, backends)
{
  float x[3 * HEIGHT * WIDTH * 3];
  guint8 frame[2 * HEIGHT * STRIDE];
  DdpmPicture p = { 3, 2, WIDTH, HEIGHT, 3, TRUE,
    {frame, frame + 1, frame + 2}, {STRIDE, STRIDE, STRIDE}, 3
  };

  memset (frame, UNTOUCHED, sizeof (frame));
  fill (3, 3, x);
  row->ops->to_picture (NULL, x, &p);
  for (guint line = 0; line < 2 * HEIGHT; line++) {
    for (guint column = 0; column < 2 * WIDTH; column++) {
      const guint image = line / HEIGHT * 2 + column / WIDTH;

      for (guint c = 0; c < 3; c++)
        check_pixel (frame, 3, column, line, c, image < 3 ? 10 * image + c : 0);
    }
    for (guint i = 2 * WIDTH * 3; i < STRIDE; i++)
      g_assert_cmpuint (frame[line * STRIDE + i], ==, UNTOUCHED);
  }
}

TABLE_TEST (alpha_is_opaque, backends)
{
  float x[HEIGHT * WIDTH * 3];
  guint8 frame[HEIGHT * STRIDE];
  DdpmPicture p = { 1, 1, WIDTH, HEIGHT, 3, TRUE,
    {frame, frame + 1, frame + 2, frame + 3},
    {STRIDE, STRIDE, STRIDE, STRIDE}, 4
  };

  fill (1, 3, x);
  row->ops->to_picture (NULL, x, &p);
  for (guint line = 0; line < HEIGHT; line++) {
    for (guint column = 0; column < WIDTH; column++) {
      for (guint c = 0; c < 4; c++)
        check_pixel (frame, 4, column, line, c, c < 3 ? c : 255);
    }
  }
}

TABLE_TEST (planes_lie_apart, backends)
{
  float x[HEIGHT * WIDTH * 3];
  guint8 planes[3][HEIGHT * STRIDE];
  DdpmPicture p = { 1, 1, WIDTH, HEIGHT, 3, TRUE,
    {planes[0], planes[1], planes[2]}, {STRIDE, STRIDE, STRIDE}, 1
  };

  fill (1, 3, x);
  row->ops->to_picture (NULL, x, &p);
  for (guint c = 0; c < 3; c++) {
    for (guint line = 0; line < HEIGHT; line++) {
      for (guint column = 0; column < WIDTH; column++)
        check_pixel (planes[c], 1, column, line, 0, c);
    }
  }
}

TABLE_TEST (levels_are_rounded_and_clamped, backends)
{
  static const struct
  {
    gint unit;
    float value;
    guint8 level;
  } cases[] = {
    {FALSE, -1.0f, 0}, {FALSE, 1.0f, 255}, {FALSE, 0.0f, 128},
    {FALSE, -5.0f, 0}, {FALSE, 5.0f, 255}, {FALSE, NAN, 0},
    {FALSE, INFINITY, 255}, {FALSE, -INFINITY, 0}, {TRUE, 0.0f, 0},
    {TRUE, 1.0f, 255}, {TRUE, 0.4f / 255.0f, 0}, {TRUE, 0.6f / 255.0f, 1},
    {TRUE, 254.4f / 255.0f, 254}, {TRUE, 254.6f / 255.0f, 255},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    guint8 level = UNTOUCHED;
    DdpmPicture p = { 1, 1, 1, 1, 1, cases[i].unit, {&level}, {1}, 1 };

    row->ops->to_picture (NULL, &cases[i].value, &p);
    g_assert_cmpuint (level, ==, cases[i].level);
  }
}

TABLE_TEST (no_image_is_no_picture, backends)
{
  guint8 level = UNTOUCHED;
  float x = 0.0f;
  DdpmPicture p = { 0, 1, 1, 1, 1, TRUE, {&level}, {1}, 1 };

  row->ops->to_picture (NULL, &x, &p);
  g_assert_cmpuint (level, ==, UNTOUCHED);
}

/* --- the other way about -------------------------------------------------- */

/* Bytes that lie between the rows are none of the picture. */
TABLE_TEST (pixels_are_taken_row_by_row, backends)
{
  guint8 frame[HEIGHT * STRIDE], pixels[HEIGHT * WIDTH * 3 + 1];
  DdpmPicture p = { 1, 1, WIDTH, HEIGHT, 3, TRUE,
    {frame, frame + 1, frame + 2}, {STRIDE, STRIDE, STRIDE}, 4
  };

  for (guint i = 0; i < sizeof (frame); i++)
    frame[i] = i;
  memset (pixels, UNTOUCHED, sizeof (pixels));
  row->ops->from_picture (NULL, &p, pixels);
  for (guint line = 0; line < HEIGHT; line++) {
    for (guint i = 0; i < WIDTH * 3; i++)
      g_assert_cmpuint (pixels[line * WIDTH * 3 + i], ==,
          (guint8) (line * STRIDE + i / 3 * 4 + i % 3));
  }
  g_assert_cmpuint (pixels[HEIGHT * WIDTH * 3], ==, UNTOUCHED);
}

TABLE_TEST (pixels_are_taken_of_planes, backends)
{
  guint8 planes[3][HEIGHT * STRIDE], pixels[HEIGHT * WIDTH * 3];
  DdpmPicture p = { 1, 1, WIDTH, HEIGHT, 3, TRUE,
    {planes[0], planes[1], planes[2]}, {STRIDE, STRIDE, STRIDE}, 1
  };

  for (guint i = 0; i < sizeof (planes); i++)
    ((guint8 *) planes)[i] = i;
  row->ops->from_picture (NULL, &p, pixels);
  for (guint line = 0; line < HEIGHT; line++) {
    for (guint i = 0; i < WIDTH * 3; i++)
      g_assert_cmpuint (pixels[line * WIDTH * 3 + i], ==,
          planes[i % 3][line * STRIDE + i / 3]);
  }
}

TABLE_TEST (images_of_a_mosaic_are_taken_apart, backends)
{
  guint8 frame[2 * HEIGHT * STRIDE], pixels[4 * HEIGHT * WIDTH];
  DdpmPicture p = { 3, 2, WIDTH, HEIGHT, 1, TRUE, {frame}, {STRIDE}, 1 };

  for (guint i = 0; i < sizeof (frame); i++)
    frame[i] = i;
  memset (pixels, UNTOUCHED, sizeof (pixels));
  row->ops->from_picture (NULL, &p, pixels);
  for (guint i = 0; i < 4 * HEIGHT * WIDTH; i++) {
    const guint image = i / (HEIGHT * WIDTH), line = i / WIDTH % HEIGHT;

    g_assert_cmpuint (pixels[i], ==, image == 3 ? UNTOUCHED
        : (guint8) ((image / 2 * HEIGHT + line) * STRIDE + image % 2 * WIDTH
            + i % WIDTH));
  }
}

/* Also that all levels come back (Ho et al. 2020, section 3.3: from {0..255}
 * to [-1, 1]) */
TABLE_TEST (images_are_mirrored_or_not, backends)
{
  enum
  { N = 3, ROWS = 8, COLUMNS = 16, CHANNELS = 2 };
  const guint8 mirrored[N] = { 0, 1, 255 };
  guint8 pixels[N * ROWS * COLUMNS * CHANNELS];
  float x[N * ROWS * COLUMNS * CHANNELS];

  for (guint i = 0; i < sizeof (pixels); i++)
    pixels[i] = i + i / 256;
  for (gint unit = 0; unit < 2; unit++) {
    const DdpmPixels p = { ROWS, COLUMNS, CHANNELS, unit };

    row->ops->from_pixels (NULL, N, &p, pixels, mirrored, x);
    for (guint i = 0; i < sizeof (pixels); i++) {
      const guint image = i / (ROWS * COLUMNS * CHANNELS), c = i % CHANNELS;
      const guint column = i / CHANNELS % COLUMNS;
      const guint line = i / CHANNELS / COLUMNS;
      const guint from =
          line * COLUMNS + (mirrored[image] ? COLUMNS - 1 - column : column);
      const guint8 level = pixels[from * CHANNELS + c];

      g_assert_cmpfloat (x[i], ==, unit ? (float) (level / 255.0)
          : (float) (level / 127.5 - 1.0));
      g_assert_cmpuint (ddpm_pixel_from_float (unit, x[i]), ==, level);
    }
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (DdpmBackend) reference = ddpm_backend_new (DDPM_BACKEND_REFERENCE,
      DDPM_PRECISION_F32, 1, NULL);

  host_ops = *reference->ops;
  test_init (&argc, &argv);
  return g_test_run ();
}
