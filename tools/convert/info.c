/* gst-ddpm: ddpm-convert --info: what a model is, for people
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/convert/info.h"

#include <string.h>

#define MAX_NOTE 4096           /* bytes of a note that are shown */

static void
describe_images (const DdpmModel * model, GString * s)
{
  const DdpmConfig *c = &model->config;

  g_string_append (s, "images: ");
  if (model->width > 0)
    g_string_append_printf (s, "%ux%u pixels, ", model->width, model->height);
  else
    g_string_append (s, "size not said, ");
  g_string_append_printf (s, "%u channel%s, numbers from %s to 1\n",
      c->image_channels, c->image_channels == 1 ? "" : "s",
      c->data_range == DDPM_DATA_RANGE_UNIT ? "0" : "-1");
}

static void
describe_schedule (const DdpmConfig * c, GString * s)
{
  static const gchar *const names[] = {
    [DDPM_SCHEDULE_LINEAR] = "linear",
    [DDPM_SCHEDULE_COSINE] = "cosine",
    [DDPM_SCHEDULE_SCALED_LINEAR] = "scaled linear",
    [DDPM_SCHEDULE_SIGMOID] = "sigmoid",
  };
  static const gchar *const predictions[] = {
    [DDPM_PREDICTION_EPSILON] = "the noise (epsilon)",
    [DDPM_PREDICTION_V] = "the velocity (v)",
    [DDPM_PREDICTION_SAMPLE] = "the image (x_0)",
  };

  g_string_append_printf (s, "schedule: %s, %u timesteps", names[c->schedule],
      c->timesteps);
  if (c->schedule != DDPM_SCHEDULE_COSINE)
    g_string_append_printf (s, ", betas %g to %g", c->beta_start, c->beta_end);
  g_string_append_printf (s, "%s\npredicts: %s%s\n",
      c->zero_snr ? ", rescaled to zero SNR" : "", predictions[c->prediction],
      c->learned_variance ? " and the variance" : "");
}

static void
describe_distillation (const DdpmConfig * c, GString * s)
{
  if (c->steps > 0)
    g_string_append_printf (s, "distilled: to %u steps of ddim\n", c->steps);
  if (c->guidance != 1.0)
    g_string_append_printf (s, "distilled: from guidance %g\n", c->guidance);
}

static void
G_GNUC_PRINTF (2, 3)
append_item (GString * s, const gchar * format, ...)
{
  va_list args;

  if (s->len > 0)
    g_string_append (s, ", ");
  va_start (args, format);
  g_string_append_vprintf (s, format, args);
  va_end (args);
}

/* What the model recommends */
static void
describe_sampling (const DdpmSampling * sampling, GString * s)
{
  static const gchar *const spacings[] = {
    [DDPM_SPACING_LINEAR] = "linear",
    [DDPM_SPACING_QUADRATIC] = "quadratic",
    [DDPM_SPACING_LEADING] = "leading",
    [DDPM_SPACING_TRAILING] = "trailing",
    [DDPM_SPACING_LINSPACE] = "linspace",
  };
  static const gchar *const variances[] = {
    [DDPM_VARIANCE_FIXED_SMALL] = "fixed-small",
    [DDPM_VARIANCE_FIXED_LARGE] = "fixed-large",
    [DDPM_VARIANCE_LEARNED_RANGE] = "learned-range",
  };
  g_autoptr (GString) items = g_string_new (NULL);

  if (sampling->sampler >= 0)
    append_item (items, "%s", ddpm_sampler_get_info (sampling->sampler)->name);
  if (sampling->steps > 0)
    append_item (items, "%u steps", sampling->steps);
  if (sampling->spacing >= 0)
    append_item (items, "%s spacing", spacings[sampling->spacing]);
  if (sampling->steps_offset > 0)
    append_item (items, "offset %u", sampling->steps_offset);
  if (sampling->eta >= 0.0)
    append_item (items, "eta %g", sampling->eta);
  if (sampling->variance >= 0)
    append_item (items, "variance %s", variances[sampling->variance]);
  if (sampling->clip == 1)
    append_item (items, "x_0 clipped to %g", sampling->clip_range);
  else if (sampling->clip == 0)
    append_item (items, "x_0 not clipped");
  g_string_append_printf (s, "sampling: %s\n", items->len > 0 ? items->str :
      "not said");
}

static void
describe_classes (const DdpmModel * model, GString * s)
{
  g_autofree gchar *names = model->class_names ?
      g_strjoinv (", ", model->class_names) : NULL;

  if (model->config.classes == 0)
    g_string_append (s, "classes: none\n");
  else
    g_string_append_printf (s, "classes: %u%s%s\n", model->config.classes,
        names ? ": " : "", names ? names : "");
}

/* Text that another program wrote, with further lines indented, and without
 * what a terminal would take for commands */
static void
append_foreign (GString * s, const gchar * text)
{
  const gchar *end = text;

  while (*end && (gsize) (end - text) < MAX_NOTE)
    end = g_utf8_next_char (end);
  for (const gchar * at = text; at < end; at = g_utf8_next_char (at)) {
    const gunichar c = g_utf8_get_char (at);

    if (c == '\n')
      g_string_append (s, "\n    ");
    else
      g_string_append_unichar (s, g_unichar_iscntrl (c) ? ' ' : c);
  }
  if (*end)
    g_string_append_printf (s, " ... (%" G_GSIZE_FORMAT " bytes)",
        strlen (text));
}

static void
describe_notes (GHashTable * notes, GString * s)
{
  g_autoptr (GList) keys = g_list_sort (g_hash_table_get_keys (notes),
      (GCompareFunc) strcmp);

  for (GList * l = keys; l != NULL; l = l->next) {
    append_foreign (s, l->data);
    g_string_append (s, ": ");
    append_foreign (s, g_hash_table_lookup (notes, l->data));
    g_string_append_c (s, '\n');
  }
}

gchar *
describe_model (const DdpmModel * model)
{
  const DdpmConfig *c = &model->config;
  g_autofree gchar *network = ddpm_config_to_string (c);
  GString *s = g_string_new (NULL);

  g_string_printf (s, "model: %s\nnetwork: %s\nparameters: %" G_GUINT64_FORMAT
      "\n", model->location, network, ddpm_config_count_parameters (c));
  describe_images (model, s);
  describe_schedule (c, s);
  describe_sampling (&c->sampling, s);
  describe_distillation (c, s);
  describe_classes (model, s);
  if (model->step > 0)
    g_string_append_printf (s, "trained for: %" G_GUINT64_FORMAT " steps\n",
        model->step);
  if (model->notes)
    describe_notes (model->notes, s);
  return g_string_free (s, FALSE);
}
