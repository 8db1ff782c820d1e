/* gst-ddpm: reading a safetensors file
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/safetensors.h"

#include "gst-ddpm/files/foreign.h"

#define LENGTH_SIZE 8           /* bytes of the header's length */

#define DOWNLOAD "; its download may have stopped: download it again"

/* Names the format of a file whose first bytes are no length of a header, or
 * says that the end is missing. */
static gboolean
refuse_format (const DdpmInput * input, guint64 length, GError ** error)
{
  const gsize size = MIN (input->size, DDPM_FOREIGN_SIZE);
  gchar bytes[DDPM_FOREIGN_SIZE];
  const DdpmForeign *foreign;

  if (!ddpm_input_read (input, 0, size, bytes, error))
    return FALSE;
  foreign = ddpm_foreign_find (bytes, size);
  if (foreign)
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected a safetensors file, or what torch.save () of PyTorch "
        "writes, found %s: %s", input->name, foreign->name, foreign->remedy);
  else
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected a safetensors file, found a header of %" G_GUINT64_FORMAT
        " bytes in a file of %" G_GUINT64_FORMAT "%s", input->name, length,
        input->size, bytes[LENGTH_SIZE] == '{' ? DOWNLOAD : "");
  return FALSE;
}

gboolean
ddpm_safetensors_read_header (const DdpmInput * input,
    DdpmFileContent * content, guint64 * data, GError ** error)
{
  g_autofree gchar *text = NULL;
  guint64 n;

  if (input->size < LENGTH_SIZE + 2)
    goto too_short;
  if (!ddpm_input_read (input, 0, LENGTH_SIZE, &n, error))
    return FALSE;
  n = GUINT64_FROM_LE (n);
  if (n > DDPM_SAFETENSORS_MAX_HEADER || n > input->size - LENGTH_SIZE)
    return refuse_format (input, n, error);

  text = g_try_malloc (n + 1);
  if (text == NULL)
    goto no_memory;
  if (!ddpm_input_read (input, LENGTH_SIZE, n, text, error))
    return FALSE;
  text[n] = '\0';
  *data = LENGTH_SIZE + n;
  return ddpm_safetensors_header_parse (content, text, n, input->size - *data,
      input->name, error);

too_short:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT, "%s: expected a "
      "safetensors file, found %" G_GUINT64_FORMAT " bytes" DOWNLOAD,
      input->name, input->size);
  return FALSE;
no_memory:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_NO_SPACE,
      "%s: no memory for its header of %" G_GUINT64_FORMAT " bytes",
      input->name, n);
  return FALSE;
}
