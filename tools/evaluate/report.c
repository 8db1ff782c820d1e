/* gst-ddpm: ddpm-evaluate: the figures, for people and as JSON
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/evaluate/report.h"

#include <json-glib/json-glib.h>
#include <math.h>

static void
print_estimate (const DdpmEstimate * estimate, gint width)
{
  if (isnan (estimate->value))
    g_print ("  %*s  %9s", width, "-", "-");
  else if (isnan (estimate->error))
    g_print ("  %*.5f  %9s", width, estimate->value, "-");
  else
    g_print ("  %*.5f  %9.5f", width, estimate->value, estimate->error);
}

static void
print_head (const EvaluateReport * r)
{
  const EvaluateOptions *o = r->options;
  const DdpmEvaluation *e = &r->results;
  g_autofree gchar *network = ddpm_config_to_string (&r->model->config);
  g_autofree gchar *data = g_filename_display_name (o->data);

  g_print ("model     %s: %s\n", r->model->location, network);
  g_print ("data      %s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
      " images, seed %" G_GUINT64_FORMAT "\n", data, e->images, r->n_images,
      o->settings.seed);
  g_print ("computed  %" G_GUINT64_FORMAT " network evaluations in %.1f s: %s, "
      "%s\n", e->evaluations, r->seconds, ddpm_backend_get_device (r->backend),
      ddpm_backend_get_precision_name (r->backend));
  g_print ("steps     variance %s, x_0 %s\n\n",
      evaluate_variance_to_string (o->settings.variance),
      o->settings.clip_x0 ? "clipped" : "not clipped");
}

static void
print_bins (const DdpmEvaluation * e)
{
  g_print ("    timesteps  evaluations   eps MSE       s.e.   bits/dim"
      "       s.e.\n");
  for (guint i = 0; i < e->n_bins; i++) {
    const DdpmEvaluationBin *bin = &e->bins[i];

    g_print ("%6u %6u  %11" G_GUINT64_FORMAT, bin->first, bin->last,
        bin->evaluations);
    print_estimate (&bin->eps_mse, 8);
    print_estimate (&bin->bits, 9);
    g_print ("\n");
  }
  g_print ("%-13s  %11s", "all", "");
  print_estimate (&e->loss, 8);
  g_print ("\n\n");
}

static void
print_term (const gchar * name, const DdpmEstimate * term)
{
  g_print ("%-47s", name);
  print_estimate (term, 9);
  g_print ("\n");
}

void
evaluate_report_print_table (const EvaluateReport * r)
{
  const DdpmEvaluation *e = &r->results;

  print_head (r);
  print_bins (e);
  print_term ("L_T      prior", &e->prior);
  print_term ("L_1:T-1  reverse steps", &e->kl);
  print_term ("L_0      decoder", &e->decoder);
  print_term ("total    bits/dim", &e->total);
}

static void
add_value (JsonBuilder * json, const gchar * name, gdouble value)
{
  json_builder_set_member_name (json, name);
  if (isnan (value))
    json_builder_add_null_value (json);
  else
    json_builder_add_double_value (json, value);
}

/* name and name_se */
static void
add_estimate (JsonBuilder * json, const gchar * name,
    const DdpmEstimate * estimate)
{
  g_autofree gchar *se = g_strconcat (name, "_se", NULL);

  add_value (json, name, estimate->value);
  add_value (json, se, estimate->error);
}

static void
add_count (JsonBuilder * json, const gchar * name, guint64 count)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, count);
}

static void
add_text (JsonBuilder * json, const gchar * name, const gchar * text)
{
  json_builder_set_member_name (json, name);
  json_builder_add_string_value (json, text);
}

static JsonBuilder *
begin_line (const gchar * record)
{
  JsonBuilder *json = json_builder_new ();

  json_builder_begin_object (json);
  add_text (json, "record", record);
  return json;
}

/* json: taken */
static void
print_line (JsonBuilder * json)
{
  g_autoptr (JsonNode) root = NULL;
  g_autofree gchar *line = NULL;

  json_builder_end_object (json);
  root = json_builder_get_root (json);
  line = json_to_string (root, FALSE);
  g_print ("%s\n", line);
  g_object_unref (json);
}

static void
print_json_bin (const DdpmEvaluationBin * bin)
{
  JsonBuilder *json = begin_line ("timesteps");

  add_count (json, "first", bin->first);
  add_count (json, "last", bin->last);
  add_count (json, "evaluations", bin->evaluations);
  add_estimate (json, "eps_mse", &bin->eps_mse);
  add_estimate (json, "bits_per_dim", &bin->bits);
  print_line (json);
}

static void
add_settings (JsonBuilder * json, const EvaluateReport * r)
{
  const EvaluateOptions *o = r->options;
  g_autofree gchar *data = g_filename_display_name (o->data);
  /* JSON's whole numbers end at 2^63 */
  g_autofree gchar *seed = g_strdup_printf ("%" G_GUINT64_FORMAT,
      o->settings.seed);

  add_text (json, "model", r->model->location);
  add_text (json, "data", data);
  add_text (json, "split", evaluate_split_to_string (o->split));
  add_text (json, "seed", seed);
  add_text (json, "variance",
      evaluate_variance_to_string (o->settings.variance));
  json_builder_set_member_name (json, "clip_x0");
  json_builder_add_boolean_value (json, o->settings.clip_x0);
  add_text (json, "backend", ddpm_backend_get_name (r->backend));
  add_text (json, "device", ddpm_backend_get_device (r->backend));
  add_text (json, "precision", ddpm_backend_get_precision_name (r->backend));
  add_count (json, "batch", o->settings.batch);
  add_value (json, "seconds", r->seconds);
}

void
evaluate_report_print_json (const EvaluateReport * r)
{
  const DdpmEvaluation *e = &r->results;
  JsonBuilder *json;

  for (guint i = 0; i < e->n_bins; i++)
    print_json_bin (&e->bins[i]);
  json = begin_line ("total");
  add_settings (json, r);
  add_count (json, "images", e->images);
  add_count (json, "images_of_data", r->n_images);
  add_count (json, "evaluations", e->evaluations);
  add_estimate (json, "loss", &e->loss);
  add_estimate (json, "prior", &e->prior);
  add_estimate (json, "kl", &e->kl);
  add_estimate (json, "decoder", &e->decoder);
  add_estimate (json, "bits_per_dim", &e->total);
  print_line (json);
}
