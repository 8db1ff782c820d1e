/* gst-ddpm: images as pictures of 8-bit pixels, of backends on this processor,
 * and by CUDA's kernel run on it (tests/support/host-cuda.h)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "kernels/ops.h"
#ifdef WITH_CUDA_KERNELS
#include "kernels/cuda/kernels/launches.h"
#endif

typedef void (*ToPicture) (DdpmBackend * b, const float *x,
    const DdpmPicture * p);
typedef void (*FromPicture) (DdpmBackend * b, const DdpmPicture * p,
    guint8 * pixels);
typedef void (*FromPixels) (DdpmBackend * b, guint n, const DdpmPixels * p,
    const guint8 * pixels, const guint8 * mirrored, float *x);

#define WIDTH 3
#define HEIGHT 2
#define STRIDE 40               /* more than any row here has */
#define UNTOUCHED 77

/* Images of one level each: 10 image + channel */
static void
fill (guint n, guint channels, float *x)
{
  for (guint i = 0; i < n * HEIGHT * WIDTH; i++) {
    for (guint c = 0; c < channels; c++)
      x[i * channels + c] = (10 * (i / (HEIGHT * WIDTH)) + c) / 255.0f;
  }
}

/* component c of pixel (column, row) of packed pixels */
static void
check_pixel (const guint8 * data, guint pixel_stride, guint column, guint row,
    guint c, guint8 wanted)
{
  g_assert_cmpuint (data[row * STRIDE + column * pixel_stride + c], ==, wanted);
}

static void
a_mosaic_has_black_where_no_image_is (gconstpointer data)
{
  ToPicture to_picture = *(const ToPicture *) data;
  float x[3 * HEIGHT * WIDTH * 3];
  guint8 frame[2 * HEIGHT * STRIDE];
  DdpmPicture p = { 3, 2, WIDTH, HEIGHT, 3, TRUE,
    {frame, frame + 1, frame + 2}, {STRIDE, STRIDE, STRIDE}, 3
  };

  memset (frame, UNTOUCHED, sizeof (frame));
  fill (3, 3, x);
  to_picture (NULL, x, &p);
  for (guint row = 0; row < 2 * HEIGHT; row++) {
    for (guint column = 0; column < 2 * WIDTH; column++) {
      const guint image = row / HEIGHT * 2 + column / WIDTH;

      for (guint c = 0; c < 3; c++)
        check_pixel (frame, 3, column, row, c, image < 3 ? 10 * image + c : 0);
    }
    for (guint i = 2 * WIDTH * 3; i < STRIDE; i++)
      g_assert_cmpuint (frame[row * STRIDE + i], ==, UNTOUCHED);
  }
}

static void
alpha_is_opaque (gconstpointer data)
{
  ToPicture to_picture = *(const ToPicture *) data;
  float x[HEIGHT * WIDTH * 3];
  guint8 frame[HEIGHT * STRIDE];
  DdpmPicture p = { 1, 1, WIDTH, HEIGHT, 3, TRUE,
    {frame, frame + 1, frame + 2, frame + 3},
    {STRIDE, STRIDE, STRIDE, STRIDE}, 4
  };

  fill (1, 3, x);
  to_picture (NULL, x, &p);
  for (guint row = 0; row < HEIGHT; row++) {
    for (guint column = 0; column < WIDTH; column++) {
      for (guint c = 0; c < 4; c++)
        check_pixel (frame, 4, column, row, c, c < 3 ? c : 255);
    }
  }
}

static void
planes_lie_apart (gconstpointer data)
{
  ToPicture to_picture = *(const ToPicture *) data;
  float x[HEIGHT * WIDTH * 3];
  guint8 planes[3][HEIGHT * STRIDE];
  DdpmPicture p = { 1, 1, WIDTH, HEIGHT, 3, TRUE,
    {planes[0], planes[1], planes[2]}, {STRIDE, STRIDE, STRIDE}, 1
  };

  fill (1, 3, x);
  to_picture (NULL, x, &p);
  for (guint c = 0; c < 3; c++) {
    for (guint row = 0; row < HEIGHT; row++) {
      for (guint column = 0; column < WIDTH; column++)
        check_pixel (planes[c], 1, column, row, 0, c);
    }
  }
}

static void
levels_are_rounded_and_clamped (gconstpointer data)
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
  ToPicture to_picture = *(const ToPicture *) data;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    guint8 level = UNTOUCHED;
    DdpmPicture p = { 1, 1, 1, 1, 1, cases[i].unit, {&level}, {1}, 1 };

    to_picture (NULL, &cases[i].value, &p);
    g_assert_cmpuint (level, ==, cases[i].level);
  }
}

static void
no_image_is_no_picture (gconstpointer data)
{
  ToPicture to_picture = *(const ToPicture *) data;
  guint8 level = UNTOUCHED;
  float x = 0.0f;
  DdpmPicture p = { 0, 1, 1, 1, 1, TRUE, {&level}, {1}, 1 };

  to_picture (NULL, &x, &p);
  g_assert_cmpuint (level, ==, UNTOUCHED);
}

/* --- the other way about -------------------------------------------------- */

/* Bytes that lie between the rows are none of the picture. */
static void
pixels_are_taken_row_by_row (gconstpointer data)
{
  FromPicture from_picture = *(const FromPicture *) data;
  guint8 frame[HEIGHT * STRIDE], pixels[HEIGHT * WIDTH * 3 + 1];
  DdpmPicture p = { 1, 1, WIDTH, HEIGHT, 3, TRUE,
    {frame, frame + 1, frame + 2}, {STRIDE, STRIDE, STRIDE}, 4
  };

  for (guint i = 0; i < sizeof (frame); i++)
    frame[i] = i;
  memset (pixels, UNTOUCHED, sizeof (pixels));
  from_picture (NULL, &p, pixels);
  for (guint row = 0; row < HEIGHT; row++) {
    for (guint i = 0; i < WIDTH * 3; i++)
      g_assert_cmpuint (pixels[row * WIDTH * 3 + i], ==,
          (guint8) (row * STRIDE + i / 3 * 4 + i % 3));
  }
  g_assert_cmpuint (pixels[HEIGHT * WIDTH * 3], ==, UNTOUCHED);
}

static void
pixels_are_taken_of_planes (gconstpointer data)
{
  FromPicture from_picture = *(const FromPicture *) data;
  guint8 planes[3][HEIGHT * STRIDE], pixels[HEIGHT * WIDTH * 3];
  DdpmPicture p = { 1, 1, WIDTH, HEIGHT, 3, TRUE,
    {planes[0], planes[1], planes[2]}, {STRIDE, STRIDE, STRIDE}, 1
  };

  for (guint i = 0; i < sizeof (planes); i++)
    ((guint8 *) planes)[i] = i;
  from_picture (NULL, &p, pixels);
  for (guint row = 0; row < HEIGHT; row++) {
    for (guint i = 0; i < WIDTH * 3; i++)
      g_assert_cmpuint (pixels[row * WIDTH * 3 + i], ==,
          planes[i % 3][row * STRIDE + i / 3]);
  }
}

static void
images_of_a_mosaic_are_taken_apart (gconstpointer data)
{
  FromPicture from_picture = *(const FromPicture *) data;
  guint8 frame[2 * HEIGHT * STRIDE], pixels[4 * HEIGHT * WIDTH];
  DdpmPicture p = { 3, 2, WIDTH, HEIGHT, 1, TRUE, {frame}, {STRIDE}, 1 };

  for (guint i = 0; i < sizeof (frame); i++)
    frame[i] = i;
  memset (pixels, UNTOUCHED, sizeof (pixels));
  from_picture (NULL, &p, pixels);
  for (guint i = 0; i < 4 * HEIGHT * WIDTH; i++) {
    const guint image = i / (HEIGHT * WIDTH), row = i / WIDTH % HEIGHT;

    g_assert_cmpuint (pixels[i], ==, image == 3 ? UNTOUCHED
        : (guint8) ((image / 2 * HEIGHT + row) * STRIDE + image % 2 * WIDTH
            + i % WIDTH));
  }
}

/* Also that all levels come back (Ho et al. 2020, section 3.3: from {0..255}
 * to [-1, 1]) */
static void
images_are_mirrored_or_not (gconstpointer data)
{
  enum
  { N = 3, ROWS = 8, COLUMNS = 16, CHANNELS = 2 };
  FromPixels from_pixels = *(const FromPixels *) data;
  const guint8 mirrored[N] = { 0, 1, 255 };
  guint8 pixels[N * ROWS * COLUMNS * CHANNELS];
  float x[N * ROWS * COLUMNS * CHANNELS];

  for (guint i = 0; i < sizeof (pixels); i++)
    pixels[i] = i + i / 256;
  for (gint unit = 0; unit < 2; unit++) {
    const DdpmPixels p = { ROWS, COLUMNS, CHANNELS, unit };

    from_pixels (NULL, N, &p, pixels, mirrored, x);
    for (guint i = 0; i < sizeof (pixels); i++) {
      const guint image = i / (ROWS * COLUMNS * CHANNELS), c = i % CHANNELS;
      const guint column = i / CHANNELS % COLUMNS;
      const guint row = i / CHANNELS / COLUMNS;
      const guint from = row * COLUMNS + (mirrored[image] ? COLUMNS - 1 - column
          : column);
      const guint8 level = pixels[from * CHANNELS + c];

      g_assert_cmpfloat (x[i], ==, unit ? (float) (level / 255.0)
          : (float) (level / 127.5 - 1.0));
      g_assert_cmpuint (ddpm_pixel_from_float (unit, x[i]), ==, level);
    }
  }
}

static void
add_tests_of_taking (const gchar * name, const FromPicture * from_picture,
    const FromPixels * from_pixels)
{
  static const struct
  {
    const gchar *name;
    GTestDataFunc func;
  } tests[] = {
    {"row-by-row", pixels_are_taken_row_by_row},
    {"planes", pixels_are_taken_of_planes},
    {"mosaic", images_of_a_mosaic_are_taken_apart},
  };
  g_autofree gchar *mirrored =
      g_strdup_printf ("/picture/%s/from/mirrored", name);

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++) {
    g_autofree gchar *path =
        g_strdup_printf ("/picture/%s/from/%s", name, tests[i].name);

    g_test_add_data_func (path, from_picture, tests[i].func);
  }
  g_test_add_data_func (mirrored, from_pixels, images_are_mirrored_or_not);
}

/* --- both ----------------------------------------------------------------- */

#ifdef WITH_CUDA_KERNELS
static void
from_kernel (DdpmBackend * b, const DdpmPicture * p, guint8 * pixels)
{
  ddpm_cuda_kern_from_picture (NULL, p, pixels);
}

static void
pixels_kernel (DdpmBackend * b, guint n, const DdpmPixels * p,
    const guint8 * pixels, const guint8 * mirrored, float *x)
{
  ddpm_cuda_kern_from_pixels (NULL, n, p, pixels, mirrored, x);
}

static void
kernel (DdpmBackend * b, const float *x, const DdpmPicture * p)
{
  ddpm_cuda_kern_to_picture (NULL, x, p);
}
#endif

static void
add_tests (const gchar * name, const ToPicture * to_picture)
{
  static const struct
  {
    const gchar *name;
    GTestDataFunc func;
  } tests[] = {
    {"a-mosaic-has-black-where-no-image-is",
        a_mosaic_has_black_where_no_image_is},
    {"alpha-is-opaque", alpha_is_opaque},
    {"planes-lie-apart", planes_lie_apart},
    {"levels-are-rounded-and-clamped", levels_are_rounded_and_clamped},
    {"no-image-is-no-picture", no_image_is_no_picture},
  };

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++) {
    g_autofree gchar *path =
        g_strdup_printf ("/picture/%s/%s", name, tests[i].name);

    g_test_add_data_func (path, to_picture, tests[i].func);
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (DdpmBackend) reference = ddpm_backend_new (DDPM_BACKEND_REFERENCE,
      DDPM_PRECISION_F32, 1, NULL);
  const ToPicture on_host = reference->ops->to_picture;
  const FromPicture from_host = reference->ops->from_picture;
  const FromPixels pixels_on_host = reference->ops->from_pixels;
#ifdef WITH_CUDA_KERNELS
  const ToPicture on_device = kernel;
  const FromPicture from_device = from_kernel;
  const FromPixels pixels_on_device = pixels_kernel;
#endif

  g_test_init (&argc, &argv, NULL);
  add_tests ("host", &on_host);
  add_tests_of_taking ("host", &from_host, &pixels_on_host);
#ifdef WITH_CUDA_KERNELS
  add_tests ("cuda", &on_device);
  add_tests_of_taking ("cuda", &from_device, &pixels_on_device);
#endif
  return g_test_run ();
}
