/* gst-ddpm: 8-bit pixels to numbers, and back
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Computed in double, so that each result is correctly rounded.
 */
#include "gst-ddpm/model/pixels.h"
#include "kernels/host.h"

void
ddpm_pixels_to_float (DdpmDataRange range, const guint8 * in, gsize count,
    gfloat * out)
{
  const gboolean unit = range == DDPM_DATA_RANGE_UNIT;

  for (gsize i = 0; i < count; i++)
    out[i] = ddpm_pixel_to_float (unit, in[i]);
}

void
ddpm_pixels_from_float (DdpmDataRange range, const gfloat * in, gsize count,
    guint8 * out)
{
  const gboolean unit = range == DDPM_DATA_RANGE_UNIT;

  for (gsize i = 0; i < count; i++)
    out[i] = ddpm_pixel_from_float (unit, in[i]);
}

/* Arguments of read_picture () */
typedef struct
{
  DdpmBackend *backend;
  const DdpmPicture *picture;
  guint8 *pixels;
} Read;

static void
read_picture (gpointer data)
{
  const Read *read = data;

  read->backend->ops->from_picture (read->backend, read->picture, read->pixels);
  ddpm_backend_wait (read->backend);
}

gboolean
ddpm_pixels_from_picture (DdpmBackend * backend, const DdpmPicture * picture,
    guint8 * pixels, GError ** error)
{
  Read read = { backend, picture, pixels };

  ddpm_backend_run (backend, read_picture, &read);
  return ddpm_backend_check (backend, error);
}

gboolean
ddpm_pixels_from_host_picture (DdpmBackend * backend,
    const DdpmPicture * picture, guint8 * pixels, GError ** error)
{
  const gsize size =
      (gsize) picture->n * picture->height * picture->width * picture->channels;
  g_autofree guint8 *on_host = NULL;

  /* Memory of a backend without a context is the host's. */
  if (ddpm_backend_get_context (backend) == NULL)
    return ddpm_pixels_from_picture (backend, picture, pixels, error);
  on_host = g_malloc (size);
  ddpm_host_from_picture (backend, picture, on_host);
  ddpm_backend_upload (backend, pixels, on_host, size);
  return ddpm_backend_check (backend, error);
}
