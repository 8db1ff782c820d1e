/* gst-ddpm: what the tests of elements share
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A pipeline under test ends in "appsink name=sink".
 */
#pragma once

#include <stdio.h>

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#include "tests/support/files.h"

/* A folder for the files of a test, for its setup and teardown */
extern TestFolder *folder;

void make_folder (void);
void remove_folder (void);
GstElement *launch (const gchar * format, ...)
    G_GNUC_PRINTF (1, 2);
void play (GstElement * pipeline);
void preroll (GstElement * pipeline);
void stop (GstElement * pipeline);
void stop_and_free (GstElement * pipeline);
GstSample *pull (GstElement * pipeline);
guint drain (GstElement * pipeline);
void go_to_ready (GstElement * pipeline);
void seek_to (GstElement * pipeline, GstFormat format, gint64 position);
void pop_message (GstBus * bus, GstMessageType type);
void check_bus_error (GstBus * bus, const gchar * words,
    const gchar * more_words);
GstMessage *wait_for (GstElement * pipeline, GstMessageType types);
void wait_for_eos (GstElement * pipeline);
void run_to_eos (GstElement * pipeline);
GstHarness *harness_new (GstElement * element, const gchar * src,
    const gchar * caps);
void flush_harness (GstHarness * h);
void harness_free (GstHarness * h);
guint run_into_error (GstElement * pipeline, GError ** error);
guint end_in_error (GstElement * pipeline, GQuark domain, gint code, ...)
    G_GNUC_NULL_TERMINATED;
void fail_to_start (GstElement * pipeline, GQuark domain, gint code, ...)
    G_GNUC_NULL_TERMINATED;

/* The pipeline ends in an error of this kind, whose message has all the words.
 * It is freed. */
#define assert_error(...) end_in_error (__VA_ARGS__, NULL)
/* ... and in no other */
#define assert_one_error(...) \
  fail_unless_equals_int (assert_error (__VA_ARGS__), 1)
/* ... and already in the state change */
#define assert_no_start(...) fail_to_start (__VA_ARGS__, NULL)
#define FORMAT_ERROR GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT
#define INIT_ERROR GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT
#define NEGOTIATION_ERROR GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION
#define NOT_FOUND_ERROR GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND
#define SETTINGS_ERROR GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS
#define WRITE_ERROR GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE

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
