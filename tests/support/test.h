/* gst-ddpm: tests that register themselves
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   TEST (a_name_that_says_what_is_proved)
 *   {
 *     g_assert_true (...);
 *   }
 *
 * is the case /PROGRAM/a-name-that-says-what-is-proved of test-PROGRAM. A
 * program of TEST and FIXTURE_TEST alone needs no main function. The name
 * subprocess_... makes a case for g_test_trap_subprocess () alone.
 */
#pragma once

#include "tests/support/calls.h"

void test_register (const gchar * name, GTestFunc func);
void test_register_data (const gchar * name, GTestDataFunc func);
void test_register_fixture (const gchar * name, gsize size,
    GTestFixtureFunc setup, GTestFixtureFunc func, GTestFixtureFunc teardown);
void test_init (int *argc, char ***argv);
void test_add_data (const gchar * group, gconstpointer data);

#define TEST_REGISTER(name, call) \
  static void __attribute__ ((constructor)) \
  G_PASTE (register_, name) (void) \
  { \
    call; \
  }

#define TEST(name) \
  static void name (void); \
  TEST_REGISTER (name, test_register (#name, name)) \
  static void name (void)

/* A case of each group that main () adds with test_add_data () */
#define DATA_TEST(name) \
  static void name (gconstpointer data); \
  TEST_REGISTER (name, test_register_data (#name, name)) \
  static void name (gconstpointer data)

/* Between setup (f, NULL) and teardown (f, NULL) of a Fixture of the file */
#define FIXTURE_TEST(name) \
  static void name (Fixture * f, gconstpointer data); \
  TEST_REGISTER (name, test_register_fixture (#name, sizeof (Fixture), \
      (GTestFixtureFunc) setup, (GTestFixtureFunc) name, \
      (GTestFixtureFunc) teardown)) \
  static void name (Fixture * f, gconstpointer data)
