/* gst-ddpm: images as pictures of 8-bit pixels, of backends on this processor,
 * and by CUDA's kernel run on it (host-cuda.h)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <math.h>
#include <string.h>

#include "../kernels/ddpm-ops.h"
#ifdef WITH_CUDA_KERNELS
#include "../kernels/cuda/cuda-kernels.h"
#endif

typedef void (*ToPicture) (DdpmBackend * b, const float *x,
    const DdpmPicture * p);

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

#ifdef WITH_CUDA_KERNELS
static void
kernel (DdpmBackend * b, const float *x, const DdpmPicture * p)
{
  cuda_kern_to_picture (NULL, x, p);
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
#ifdef WITH_CUDA_KERNELS
  const ToPicture on_device = kernel;
#endif

  g_test_init (&argc, &argv, NULL);
  add_tests ("host", &on_host);
#ifdef WITH_CUDA_KERNELS
  add_tests ("cuda", &on_device);
#endif
  return g_test_run ();
}
