/* gst-ddpm: tests that register themselves
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 *   TEST (a_name_that_says_what_is_proved)
 *   {
 *     g_assert_true (...);
 *   }
 *
 * is the case /PROGRAM/a-name-that-says-what-is-proved of test-PROGRAM. A
 * program of these macros alone needs no main function. The name
 * subprocess_... makes a case for g_test_trap_subprocess () alone.
 */
#pragma once

#include "tests/support/calls.h"

typedef struct
{
  const gchar *name;
  GTestFunc func;
  GTestDataFunc row_func;
  gconstpointer rows;
  gsize n_rows, row_size, fixture_size;
  GTestFixtureFunc setup, fixture_func, teardown;
} TestCase;

void test_register (const TestCase * c);
void test_init (int *argc, char ***argv);

#define TEST_REGISTER(test, ...) \
  static void __attribute__ ((constructor)) \
  G_PASTE (register_, test) (void) \
  { \
    test_register (&(TestCase) {.name = #test, __VA_ARGS__}); \
  }
#define TEST_ROWS(table) \
  .rows = table, .n_rows = G_N_ELEMENTS (table), .row_size = sizeof (*(table))
#define TEST_FIXTURE(name) \
  .fixture_size = sizeof (Fixture), \
  .setup = (GTestFixtureFunc) setup, \
  .fixture_func = (GTestFixtureFunc) name, \
  .teardown = (GTestFixtureFunc) teardown

#define TEST(name) \
  static void name (void); \
  TEST_REGISTER (name, .func = name) \
  static void name (void)

/* The case /PROGRAM/a-name/ROW for each row of an array of structs, whose first
 * member is the row's name */
#define TABLE_TEST(name, table) \
  static void name (const __typeof__ (*(table)) * row); \
  TEST_REGISTER (name, .row_func = (GTestDataFunc) name, TEST_ROWS (table)) \
  static void name (const __typeof__ (*(table)) * row)

/* Between setup (f, NULL) and teardown (f, NULL) of a Fixture of the file */
#define FIXTURE_TEST(name) \
  static void name (Fixture * f, gconstpointer data); \
  TEST_REGISTER (name, TEST_FIXTURE (name)) \
  static void name (Fixture * f, gconstpointer data)

/* Both; setup and teardown are given the row too. */
#define FIXTURE_TABLE_TEST(name, table) \
  static void name (Fixture * f, const __typeof__ (*(table)) * row); \
  TEST_REGISTER (name, TEST_FIXTURE (name), TEST_ROWS (table)) \
  static void name (Fixture * f, const __typeof__ (*(table)) * row)
