/* gst-ddpm: objects that a process has once, and shares while they are used
 * (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An object begins with a gatomicrefcount, and keeps its key. References are
 * added as usual; each is dropped by ddpm_shared_drop ().
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Makes an object with one reference. NULL: error says why */
typedef gpointer (*DdpmSharedMake) (gpointer data, GError ** error);

/* Returns the object of this key with a new reference, or makes it. If another
 * thread is making it, waits for that one; if that fails, tries itself. make ()
 * is called without a lock. Do not call this function inside
 * ddpm_backend_run (), which a make () may need. Returns: (transfer full) */
gpointer ddpm_shared_get (const gchar * key, DdpmSharedMake make,
    gpointer data, GError ** error);
/* Drops a reference. TRUE: it was the last one, the object is shared no longer,
 * and the caller frees it */
gboolean ddpm_shared_drop (const gchar * key, gpointer object);

/* The number of objects that are shared, for tests */
guint ddpm_shared_count (void);

G_END_DECLS
