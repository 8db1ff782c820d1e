/* gst-ddpm: errors of the library and of the backends
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "ddpm-error.h"

G_DEFINE_QUARK (ddpm-error-quark, ddpm_error);
