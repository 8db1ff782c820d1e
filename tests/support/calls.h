/* gst-ddpm: calls that must succeed, and calls that must fail
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The calls are given &error, which the macros declare.
 */
#pragma once

#include "kernels/backend.h"

void test_assert_says (const gchar * text, const gchar * prefix,
    const gchar * words, const gchar * file, int line, const gchar * func);

/* The value of a call that must succeed */
#define assert_ok(call) \
  __extension__ ({ \
    GError *error = NULL; \
    __typeof__ (call) value_of_call = (call); \
    g_assert_no_error (error); \
    if (!value_of_call) \
      g_assertion_message_expr (G_LOG_DOMAIN, __FILE__, __LINE__, G_STRFUNC, \
          #call); \
    value_of_call; \
  })

/* A call must fail with a code of DDPM_ERROR, and a message that begins with
 * prefix and has the words. Both may be NULL. */
#define assert_fails_with(call, code, prefix, words) \
  G_STMT_START { \
    g_autoptr (GError) error = NULL; \
    g_assert_false (call); \
    g_assert_error (error, DDPM_ERROR, code); \
    test_assert_says (error->message, prefix, words, __FILE__, __LINE__, \
        G_STRFUNC); \
  } G_STMT_END

#define assert_fails(call, code, words) \
  assert_fails_with (call, code, NULL, words)

/* ... with this message */
#define assert_fails_saying(call, code, text) \
  G_STMT_START { \
    g_autoptr (GError) error = NULL; \
    g_assert_false (call); \
    g_assert_error (error, DDPM_ERROR, code); \
    g_assert_cmpstr (error->message, ==, text); \
  } G_STMT_END
