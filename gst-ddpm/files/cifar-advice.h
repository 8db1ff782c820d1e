/* gst-ddpm: what else was downloaded in place of CIFAR's binary version
 * (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/files/input.h"

G_BEGIN_DECLS

/* Recognizes archives, web pages and other formats by their first bytes. Fails
 * with DDPM_ERROR_FORMAT, and says what to use instead, if the file is one. */
gboolean ddpm_cifar_check_format (const DdpmInput * file, GError ** error);
/* What a folder without files of the binary version has, and what to use
 * instead: the end of a sentence. Returns: (transfer full) */
gchar *ddpm_cifar_describe_folder (const gchar * location);

G_END_DECLS
