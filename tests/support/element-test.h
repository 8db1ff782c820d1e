/* gst-ddpm: what the tests of elements share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A pipeline under test ends in "appsink name=sink".
 */
#pragma once

#include <stdio.h>

#include <gst/check/gstcheck.h>

#include "tests/support/files.h"

/* A folder for the files of a test, for its setup and teardown */
extern TestFolder *folder;

void make_folder (void);
void remove_folder (void);
GstElement *launch (const gchar * format, ...)
    G_GNUC_PRINTF (1, 2);
void play (GstElement * pipeline);
void stop (GstElement * pipeline);
void stop_and_free (GstElement * pipeline);
GstSample *pull (GstElement * pipeline);
guint drain (GstElement * pipeline);
void go_to_ready (GstElement * pipeline);
void seek_to (GstElement * pipeline, GstFormat format, gint64 position);
guint run_into_error (GstElement * pipeline, GError ** error);

void element_test_register (const gchar * name, TFun func, gint n);
int element_test_main (int argc, char **argv, TCase * tc);

/* A test case of the program; it need not be added to a suite. */
#define TEST(name) LOOP_TEST (name, 1)

/* The same for each __i__ of 0 .. n - 1 */
#define LOOP_TEST(name, n) \
  static void name (int __i__); \
  GST_START_TEST (start_##name) \
  { \
    name (__i__); \
  } \
  GST_END_TEST \
  static void __attribute__ ((constructor)) register_##name (void) \
  { \
    element_test_register (#name, start_##name, n); \
  } \
  static void name (int G_GNUC_UNUSED __i__)

/* The main function; setup and teardown are called around each test (checked)
 * or around all (unchecked). */
#define ELEMENT_TEST_MAIN(kind, setup, teardown) \
  ELEMENT_TEST_MAIN_UNLESS (FALSE, kind, setup, teardown)
/* Where skip () is TRUE nothing is tested, which meson is told by the
 * status. */
#define ELEMENT_TEST_MAIN_UNLESS(skip, kind, setup, teardown) \
  int \
  main (int argc, char **argv) \
  { \
    TCase *tc = tcase_create ("all"); \
    if (skip) \
      return 77; \
    tcase_add_##kind##_fixture (tc, setup, teardown); \
    return element_test_main (argc, argv, tc); \
  }
