/* gst-ddpm: the command lines of the programs: a table of options for each
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "tools/common/options.h"

#include <locale.h>

const gchar *const option_backends[] =
    { "auto", "reference", "cpu", "cuda", NULL };
const gchar *const option_precisions[] =
    { "auto", "f32", "bf16", "bf16-emulated", NULL };

gboolean
options_choose (const gchar * what, const gchar * const *names,
    const gchar * text, guint * choice, GError ** error)
{
  g_autofree gchar *all = NULL;

  for (guint i = 0; names[i]; i++) {
    if (g_str_equal (text, names[i])) {
      *choice = i;
      return TRUE;
    }
  }
  all = g_strjoinv (", ", (gchar **) names);
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "%s must be one of %s, not \"%s\"", what, all, text);
  return FALSE;
}

static gboolean
parse_number (const Option * o, const gchar * text, GError ** error)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, o->min, o->max, &number, NULL)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "--%s must be a whole number from %" G_GUINT64_FORMAT " to %"
        G_GUINT64_FORMAT ", not \"%s\"", o->name, o->min, o->max, text);
    return FALSE;
  }
  if (o->kind == OPTION_NUMBER)
    *(guint *) o->value = number;
  else
    *(guint64 *) o->value = number;
  return TRUE;
}

/* NaN is outside of every range. */
static gboolean
parse_real (const Option * o, const gchar * text, GError ** error)
{
  gchar *end;
  const gdouble number = g_ascii_strtod (text, &end);

  if (end == text || *end || !(number >= 0.0 && number <= o->max)) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
        "--%s must be a number from 0 to %" G_GUINT64_FORMAT ", not \"%s\"",
        o->name, o->max, text);
    return FALSE;
  }
  *(gdouble *) o->value = number;
  return TRUE;
}

/* name: "--name" or "-n"; GOption has found it in the table. */
static gboolean
parse_value (const gchar * name, const gchar * text, gpointer options,
    GError ** error)
{
  const Option *o = options;

  while (name[1] == '-' ? !g_str_equal (o->name, name + 2) :
      o->letter != name[1])
    o++;
  if (o->kind == OPTION_CHOICE)
    return options_choose (name, o->choices, text, o->value, error);
  return o->kind == OPTION_REAL ? parse_real (o, text, error) :
      parse_number (o, text, error);
}

static gchar *
describe_option (const Option * o)
{
  g_autofree gchar *names = NULL;
  const gchar *usual;

  if (o->choices == NULL)
    return g_strdup (o->help);
  names = g_strjoinv (", ", (gchar **) o->choices);
  usual = o->choices[*(guint *) o->value];
  return g_strdup_printf ("%s: %s (%s)", o->help, names,
      usual ? usual : "automatic");
}

/* Messages are in the user's locale; numbers are in C's, for scripts. */
gboolean
options_parse (const Option * options, const gchar * summary,
    const gchar * parameter, gchar *** argv, GError ** error)
{
  static const GOptionArg args[] = {
    [OPTION_FLAG] = G_OPTION_ARG_NONE,
    [OPTION_TEXT] = G_OPTION_ARG_STRING,
    [OPTION_FILE] = G_OPTION_ARG_FILENAME,
    [OPTION_NUMBER] = G_OPTION_ARG_CALLBACK,
    [OPTION_LARGE_NUMBER] = G_OPTION_ARG_CALLBACK,
    [OPTION_REAL] = G_OPTION_ARG_CALLBACK,
    [OPTION_CHOICE] = G_OPTION_ARG_CALLBACK,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (parameter);
  GOptionGroup *group =
      g_option_group_new (NULL, NULL, NULL, (gpointer) options, NULL);

  setlocale (LC_ALL, "");
  setlocale (LC_NUMERIC, "C");
  for (const Option * o = options; o->name; o++) {
    g_autofree gchar *help = describe_option (o);
    const GOptionEntry entries[] = {
      {o->name, o->letter, 0, args[o->kind],
          args[o->kind] == G_OPTION_ARG_CALLBACK ? (gpointer) parse_value :
            o->value, g_intern_string (help), o->argument},
      {NULL}
    };

    g_option_group_add_entries (group, entries);
  }
  g_option_context_set_main_group (context, group);
  g_option_context_set_summary (context, summary);
  return g_option_context_parse_strv (context, argv, error);
}

gboolean
options_expect_arguments (gchar ** argv, guint count, const gchar * what,
    GError ** error)
{
  const guint n = g_strv_length (argv) - 1;

  if (n == count)
    return TRUE;
  g_set_error (error, DDPM_ERROR, DDPM_ERROR_SETTINGS,
      "expected %s, found %u%s%s; see --help", what, n,
      n > count ? ", such as " : "", n > count ? argv[1 + count] : "");
  return FALSE;
}
