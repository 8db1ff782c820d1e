/* gst-ddpm: reference counted structs as boxed types (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib-object.h>

/* For a struct of g_atomic_rc_box_new0 () that clear () empties: defines
 * name_free (), which drops a reference, and name_get_type () */
#define DDPM_DEFINE_BOXED(Type, name, clear) \
  void name##_free (Type * data) \
  { \
    if (data != NULL) \
      g_atomic_rc_box_release_full (data, clear); \
  } \
  G_DEFINE_BOXED_TYPE (Type, name, g_atomic_rc_box_acquire, name##_free)
