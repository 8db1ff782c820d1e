/* gst-ddpm: converts models between our files and those of other programs
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   ddpm-convert [OPTION ...] IN OUT
 *   ddpm-convert --info IN
 *
 * Exit status: 0: done; 1: an error; 2: the command line is wrong.
 */
#include <stdio.h>
#include <string.h>

#include "tools/common/model.h"
#include "tools/convert/info.h"
#include "tools/convert/options.h"

/* The model says nothing of the size of its images: the caller may. */
static gboolean
apply_size (const ConvertOptions * o, DdpmModel * model, GError ** error)
{
  if (o->width == 0)
    return TRUE;
  if (model->width > 0 && (model->width != o->width
          || model->height != o->height))
    goto other_size;
  if (!ddpm_config_check_size (&model->config, o->width, o->height, error))
    return FALSE;
  model->width = o->width;
  model->height = o->height;
  return TRUE;

other_size:
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "%s says that its images have %ux%u pixels, not %ux%u", model->location,
      model->width, model->height, o->width, o->height);
  return FALSE;
}

static void
print_limits (const DdpmModel * model)
{
  g_auto (GStrv) limits = ddpm_checkpoint_list_diffusers_limits (model);

  for (guint i = 0; limits[i]; i++)
    g_printerr ("%s\n", limits[i]);
}

/* Names and shapes do not show heads, groups, eps and padding. */
static void
print_limits_of_names (const DdpmConfig * c)
{
  DdpmConfig plain;

  ddpm_config_init_defaults (&plain);
  plain.image_channels = c->image_channels;
  plain.channels = c->channels;
  plain.n_levels = c->n_levels;
  memcpy (plain.channel_mult, c->channel_mult, sizeof plain.channel_mult);
  plain.attention_levels = c->attention_levels;
  plain.res_blocks = c->res_blocks;
  plain.classes = c->classes;
  if (!ddpm_config_same_network (c, &plain))
    g_printerr ("This network is none of pytorch-ddpm, and the names of its "
        "weights do not say in what it differs: a checkpoint does, and a folder "
        "of diffusers\n");
}

static gboolean
convert (const ConvertOptions * o, GError ** error)
{
  g_autoptr (DdpmModel) model = load_model (o->input, error);

  if (model == NULL || !apply_size (o, model, error))
    return FALSE;
  switch (o->format) {
    case CONVERT_TO_CHECKPOINT:
      return ddpm_checkpoint_save (model, o->type, o->output, error);
    case CONVERT_TO_PYTORCH_NAMES:
      print_limits_of_names (&model->config);
      return ddpm_checkpoint_save_state_dict (model, o->type, o->output, error);
    case CONVERT_TO_DIFFUSERS:
      break;
  }
  if (!ddpm_checkpoint_save_diffusers (model, o->type, o->output, o->force,
          error))
    return FALSE;
  print_limits (model);
  return TRUE;
}

static gboolean
print_info (const ConvertOptions * o, GError ** error)
{
  g_autoptr (DdpmModel) model = load_model (o->input, error);
  g_autofree gchar *info = model ? describe_model (model) : NULL;

  if (info == NULL)
    return FALSE;
  fputs (info, stdout);
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_auto (GStrv) arguments = g_strdupv (argv);
  g_autoptr (GError) error = NULL;
  ConvertOptions options;
  int status = 0;

  if (!convert_options_parse (&options, &arguments, &error))
    status = 2;
  else if (!(options.info ? print_info : convert) (&options, &error))
    status = 1;
  if (error)
    g_printerr ("ddpm-convert: %s\n", error->message);
  convert_options_clear (&options);
  return status;
}
