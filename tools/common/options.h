/* gst-ddpm: the command lines of the programs: a table of options for each
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "gst-ddpm/ddpm.h"

G_BEGIN_DECLS

typedef enum
{
  OPTION_FLAG,                  /* gboolean */
  OPTION_TEXT,                  /* gchar *, free with g_free() */
  OPTION_FILE,                  /* the same: a file name */
  OPTION_NUMBER,                /* guint, from min to max */
  OPTION_LARGE_NUMBER,          /* guint64, from min to max */
  OPTION_REAL,                  /* gdouble, from 0 to max */
  OPTION_CHOICE,                /* guint: the place of a name in choices */
} OptionKind;

/**
 * Option:
 * @name: "--name"
 * @letter: "-n"; 0: none
 * @kind: what @value points to
 * @value: where the value goes; until then it is the default
 * @help: what it is; --help adds @choices to it
 * @argument: what --help calls the value
 */
typedef struct
{
  const gchar *name;
  gchar letter;
  OptionKind kind;
  gpointer value;
  const gchar *help, *argument;
  guint64 min, max;
  const gchar *const *choices;
} Option;

/* Names of DdpmBackendKind and DdpmPrecision; the last is NULL. */
extern const gchar *const option_backends[];
extern const gchar *const option_precisions[];

/**
 * options_parse:
 * @options: the table; the name of the last one is NULL
 * @summary: what the program does, for --help
 * @parameter: what --help calls an argument that is no option
 * @argv: the command line, from which all options are removed
 * @error: DDPM_ERROR_SETTINGS, or an error of GOption
 *
 * --help prints and exits.
 */
gboolean options_parse (const Option * options, const gchar * summary,
    const gchar * parameter, gchar *** argv, GError ** error);
/* DDPM_ERROR_SETTINGS if there are more or fewer arguments than count. what:
 * the arguments that the program expects, for the error */
gboolean options_expect_arguments (gchar ** argv, guint count,
    const gchar * what, GError ** error);
/* Finds text in names. what: what it is, such as "--backend", for the error */
gboolean options_choose (const gchar * what, const gchar * const *names,
    const gchar * text, guint * choice, GError ** error);

G_END_DECLS
