/* gst-ddpm: ddpm-convert: what is to be converted
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

typedef enum
{
  CONVERT_TO_CHECKPOINT,
  CONVERT_TO_DIFFUSERS,
  CONVERT_TO_PYTORCH_NAMES,
} ConvertFormat;

/**
 * ConvertOptions:
 * @input: model to read
 * @output: file or folder to write; NULL with @info
 * @format: what to write
 * @type: type of its weights
 * @width: width of the images, where the model does not say it; 0: unknown
 * @height: their height
 * @force: a folder may be there already
 * @info: only print what @input is
 */
typedef struct
{
  gchar *input, *output;
  ConvertFormat format;
  DdpmType type;
  guint width, height;
  gboolean force, info;
} ConvertOptions;

/* DDPM_ERROR_SETTINGS, or an error of GOption, says what is wrong with the
 * command line. Clear the options in any case. */
gboolean convert_options_parse (ConvertOptions * o, gchar *** argv,
    GError ** error);
void convert_options_clear (ConvertOptions * o);

G_END_DECLS
