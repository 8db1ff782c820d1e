/* gst-ddpm: objects that a process has once, and shares while they are used
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/model/shared.h"

static GMutex lock;
static GCond made;
/* key -> object, which the table does not reference; NULL: it is being made */
static GHashTable *objects;

static gpointer
make_object (const gchar * key, DdpmSharedMake make, gpointer data,
    GError ** error)
{
  gpointer object;

  g_hash_table_insert (objects, g_strdup (key), NULL);
  g_mutex_unlock (&lock);
  object = make (data, error);
  g_mutex_lock (&lock);
  if (object)
    g_hash_table_insert (objects, g_strdup (key), object);
  else
    g_hash_table_remove (objects, key);
  g_cond_broadcast (&made);
  return object;
}

gpointer
ddpm_shared_get (const gchar * key, DdpmSharedMake make, gpointer data,
    GError ** error)
{
  gpointer object;

  g_mutex_lock (&lock);
  if (objects == NULL)
    objects = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  while ((object = g_hash_table_lookup (objects, key)) == NULL
      && g_hash_table_contains (objects, key))
    g_cond_wait (&made, &lock);
  if (object)
    g_atomic_ref_count_inc ((gatomicrefcount *) object);
  else
    object = make_object (key, make, data, error);
  g_mutex_unlock (&lock);
  return object;
}

/* With the lock, so that ddpm_shared_get () finds no object whose last reference
 * is gone. */
gboolean
ddpm_shared_drop (const gchar * key, gpointer object)
{
  gboolean last;

  g_mutex_lock (&lock);
  last = g_atomic_ref_count_dec ((gatomicrefcount *) object);
  if (last)
    g_hash_table_remove (objects, key);
  g_mutex_unlock (&lock);
  return last;
}

guint
ddpm_shared_count (void)
{
  guint n;

  g_mutex_lock (&lock);
  n = objects ? g_hash_table_size (objects) : 0;
  g_mutex_unlock (&lock);
  return n;
}
