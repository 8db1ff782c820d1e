/* gst-ddpm: harnesses that run a reader on the bytes of a fuzzer
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each file of this folder but fuzz.c and corpus.c is a harness: it defines
 * fuzz_one (). With -Dfuzz=true libFuzzer calls it, otherwise a test runs it
 * over tests/data/fuzz/NAME.
 */
#pragma once

#include <glib.h>

/* What is left of the bytes of one execution */
typedef struct
{
  const guint8 *data;
  gsize size;
} FuzzInput;

/* To be defined by a harness: runs a reader. It may return early, but not
 * abort, leak or take longer than a few seconds. */
void fuzz_one (FuzzInput * in);

/* Behind the end, all bytes are 0. */
guint32 fuzz_take_uint32 (FuzzInput * in);
/* Up to a newline, or to the end; ends with a 0 */
gchar *fuzz_take_line (FuzzInput * in);
/* The rest, and a 0 behind it */
gchar *fuzz_take_text (FuzzInput * in, gsize * size);
/* A safetensors file of which the input is the size of the data, a word that
 * is repeated as the data, and the header. Returns: (transfer full) */
GBytes *fuzz_take_safetensors (FuzzInput * in);

/* The path of a file in memory, which the next call changes */
const gchar *fuzz_write_file (gconstpointer data, gsize size);
/* The content of this file. Returns: (transfer full) */
gchar *fuzz_read_file (gsize * size);
/* The path of a folder in memory, which is removed at exit */
const gchar *fuzz_get_folder (void);
/* Writes a file of this size, with data at its begin; 0: deletes it. */
void fuzz_write_path (const gchar * path, gconstpointer data, gsize data_size,
    gsize size);

/* Opens a file of tensors, and reads the first ones. Each number is finite. */
void fuzz_read_tensors (const gchar * path);

/* A reader has failed with exactly one error of ours, in UTF-8, or has
 * succeeded without. Frees the error. */
void fuzz_check_error (gboolean ok, GError * error);

/* Is a call that a function refuses, as a mistake of its caller, a finding? At
 * first it is. It is not in GStreamer's own parsers. */
void fuzz_set_strict (gboolean strict);

/* GStreamer 1.22 leaks lists in lists that it cannot parse, and is not prepared
 * to write a list with a string that is NULL. */
gboolean fuzz_confuses_gst (const gchar * text);

/* libFuzzer's entry point */
int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);
