/* gst-ddpm: regular files, or bytes, that are read by offset
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/backend.h"

gboolean
ddpm_input_fail (const gchar * name, gint number, GError ** error)
{
  const gboolean missing = number == ENOENT || number == ENOTDIR;

  g_set_error (error, DDPM_ERROR,
      missing ? DDPM_ERROR_NOT_FOUND : DDPM_ERROR_READ,
      "%s: cannot be read: %s", name, g_strerror (number));
  return FALSE;
}

gboolean
ddpm_input_open (DdpmInput * input, const gchar * path, GError ** error)
{
  struct stat st;

  input->bytes = NULL;
  input->name = g_filename_display_name (path);
  /* O_NONBLOCK: opening a FIFO would wait for its writer */
  input->fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (input->fd < 0 || fstat (input->fd, &st) < 0)
    return ddpm_input_fail (input->name, errno, error);
  if (!S_ISREG (st.st_mode)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_READ,
        "%s: expected a file, found %s", input->name,
        S_ISDIR (st.st_mode) ? "a folder" : "a device or a pipe");
    return FALSE;
  }
  input->size = st.st_size;
  input->device = st.st_dev;
  input->inode = st.st_ino;
  input->changed = (guint64) st.st_ctim.tv_sec * G_GUINT64_CONSTANT (1000000000)
      + st.st_ctim.tv_nsec;
  return TRUE;
}

void
ddpm_input_open_bytes (DdpmInput * input, GBytes * bytes, const gchar * name)
{
  input->name = g_utf8_make_valid (name, -1);
  input->fd = -1;
  input->bytes = g_bytes_ref (bytes);
  input->size = g_bytes_get_size (bytes);
}

/* With pread: a mapped file that becomes shorter would end the process. */
gboolean
ddpm_input_read (const DdpmInput * input, guint64 offset, gsize size,
    gpointer out, GError ** error)
{
  gchar *next = out;

  if (input->bytes != NULL && size > 0) {
    memcpy (out, (const gchar *) g_bytes_get_data (input->bytes, NULL) + offset,
        size);
    return TRUE;
  }
  while (size > 0) {
    /* Linux reads at most 2 GiB at once; other systems fail beyond that. */
    gssize n = pread (input->fd, next, MIN (size, 1u << 30), offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return ddpm_input_fail (input->name, errno, error);
    if (n == 0) {
      g_set_error (error, DDPM_ERROR, DDPM_ERROR_READ,
          "%s: expected %" G_GUINT64_FORMAT " bytes, but it became shorter "
          "while it was read", input->name, input->size);
      return FALSE;
    }
    next += n;
    offset += n;
    size -= n;
  }
  return TRUE;
}

gchar *
ddpm_input_get_identity (const DdpmInput * input)
{
  return g_strdup_printf ("inode %" G_GUINT64_FORMAT " of device %"
      G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT " bytes of time %"
      G_GUINT64_FORMAT, input->inode, input->device, input->size,
      input->changed);
}

void
ddpm_input_clear (DdpmInput * input)
{
  if (input->fd >= 0)
    close (input->fd);
  g_clear_pointer (&input->bytes, g_bytes_unref);
  g_free (input->name);
}
