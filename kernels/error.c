/* gst-ddpm: the error domain, of the library and of the modules it opens
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "kernels/backend.h"

GQuark
ddpm_error_quark (void)
{
  return g_quark_from_static_string ("ddpm-error-quark");
}
