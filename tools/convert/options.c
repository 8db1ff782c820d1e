/* gst-ddpm: ddpm-convert: what is to be converted
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/convert/options.h"

#include <string.h>

#include "tools/common/options.h"

/* The last is NULL: the name of the output tells. */
static const gchar *const formats[] =
    { "checkpoint", "diffusers", "pytorch-names", NULL };

static const gchar *const types[] = { "f32", "bf16", "f16", NULL };

static gboolean
is_folder (const gchar * path)
{
  return g_str_has_suffix (path, G_DIR_SEPARATOR_S)
      || g_file_test (path, G_FILE_TEST_IS_DIR);
}

static gboolean
take_arguments (ConvertOptions * o, gchar ** argv, guint format,
    GError ** error)
{
  if (!options_expect_arguments (argv, o->info ? 1 : 2,
          o->info ? "one model" : "a model to read and a file or folder to "
          "write", error))
    return FALSE;
  o->input = g_strdup (argv[1]);
  o->output = g_strdup (argv[2]);
  o->format = format;
  if (o->output && format >= G_N_ELEMENTS (formats) - 1)
    o->format = is_folder (o->output) ? CONVERT_TO_DIFFUSERS
        : CONVERT_TO_CHECKPOINT;
  return TRUE;
}

/* *INDENT-OFF* */
gboolean
convert_options_parse (ConvertOptions * o, gchar *** argv, GError ** error)
{
  guint format = G_N_ELEMENTS (formats) - 1, type = DDPM_TYPE_F32;
  const Option options[] = {
    {"to", 't', OPTION_CHOICE, &format,
        "What to write", "NAME", .choices = formats},
    {"type", 0, OPTION_CHOICE, &type,
        "Type of the weights", "NAME", .choices = types},
    {"width", 0, OPTION_NUMBER, &o->width,
        "Width of the images, where the model does not say it", "PIXELS",
        1, DDPM_MAX_IMAGE_SIZE},
    {"height", 0, OPTION_NUMBER, &o->height,
        "Height of the images (the width)", "PIXELS", 1, DDPM_MAX_IMAGE_SIZE},
    {"force", 'f', OPTION_FLAG, &o->force,
        "If the folder OUT is there already, rename it to OUT.old"},
    {"info", 'i', OPTION_FLAG, &o->info,
        "Print what IN is, and write nothing"},
    {NULL}
  };

  *o = (ConvertOptions) { NULL };
  if (!options_parse (options,
      "Converts a diffusion model. IN is whatever ddpmdenoise plays: a checkpoint\n"
      "of ours, a folder of diffusers, a file of PyTorch or safetensors. OUT is\n"
      "one of these:\n"
      "  checkpoint     a file of ours, which says all that is known of the model\n"
      "  diffusers      a folder that DDPMPipeline.from_pretrained () opens; so is\n"
      "                 an OUT that ends with a slash\n"
      "  pytorch-names  a safetensors file with the names of pytorch-ddpm alone\n"
      "OUT is written whole or not at all. Exit status: 0: done; 1: it could not\n"
      "be done; 2: the command line is wrong.",
      "IN OUT", argv, error)
      || !take_arguments (o, *argv, format, error))
    return FALSE;
  o->type = type;
  if (o->height == 0)
    o->height = o->width;
  return TRUE;
}
/* *INDENT-ON* */

void
convert_options_clear (ConvertOptions * o)
{
  g_free (o->input);
  g_free (o->output);
}
