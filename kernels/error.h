/* gst-ddpm: errors of the library and of the backends
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * DdpmError:
 * @DDPM_ERROR_NOT_FOUND: a file or a device that was named is not there
 * @DDPM_ERROR_READ: a file cannot be opened or read
 * @DDPM_ERROR_WRITE: a file cannot be written
 * @DDPM_ERROR_NO_SPACE: the disk or a memory is full
 * @DDPM_ERROR_FORMAT: the content of a file is not what it should be
 * @DDPM_ERROR_SETTINGS: settings that are out of range or exclude each other
 * @DDPM_ERROR_UNSUPPORTED: this machine cannot do what was asked for by name
 * @DDPM_ERROR_LIBRARY: a library call failed
 * @DDPM_ERROR_DIVERGED: a loss or a weight is not a finite number
 * @DDPM_ERROR_CANCELLED: the caller asked to stop; nothing was changed
 *
 * A message is one sentence that names the file, what was expected and what
 * was found.
 */
typedef enum
{
  DDPM_ERROR_NOT_FOUND,
  DDPM_ERROR_READ,
  DDPM_ERROR_WRITE,
  DDPM_ERROR_NO_SPACE,
  DDPM_ERROR_FORMAT,
  DDPM_ERROR_SETTINGS,
  DDPM_ERROR_UNSUPPORTED,
  DDPM_ERROR_LIBRARY,
  DDPM_ERROR_DIVERGED,
  DDPM_ERROR_CANCELLED,
} DdpmError;

#define DDPM_ERROR (ddpm_error_quark ())
GQuark ddpm_error_quark (void);

G_END_DECLS
