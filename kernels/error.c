/* gst-ddpm: errors of the library and of the backends
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/error.h"

GQuark
ddpm_error_quark (void)
{
  return g_quark_from_static_string ("ddpm-error-quark");
}
