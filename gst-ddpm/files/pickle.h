/* gst-ddpm: Python's pickles, read without executing anything (private)
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A pickle is a program for a stack machine, which makes objects: it can name
 * any global of Python and call it. This reader runs the machine, but a global
 * stays a name, and a call a record of what would be called with which
 * arguments. It knows the opcodes of the protocols 2 to 5 (PEP 307, 3154, 574).
 *
 * No value is freed before the pickle is, so values may be shared and form
 * circles. Memory is bounded by the number of operations.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Our own limit, far above any checkpoint's */
#define DDPM_PICKLE_MAX_SIZE (32u << 20)

/**
 * DdpmPickleKind:
 * @DDPM_PICKLE_GLOBAL: a global of Python: @function is the name of its module,
 *   @argument its own, both texts
 * @DDPM_PICKLE_CALL: @function would be called with the tuple @argument; items
 *   that are put into the result are kept, its attributes are not
 * @DDPM_PICKLE_PERSISTENT: an object outside of the pickle, with the identity
 *   @argument
 * @DDPM_PICKLE_OTHER: a set, an array of bytes, or a number beyond 64 bits
 */
typedef enum
{
  DDPM_PICKLE_NONE,
  DDPM_PICKLE_BOOL,
  DDPM_PICKLE_INT,
  DDPM_PICKLE_FLOAT,
  DDPM_PICKLE_TEXT,
  DDPM_PICKLE_BYTES,
  DDPM_PICKLE_TUPLE,
  DDPM_PICKLE_LIST,
  DDPM_PICKLE_DICT,
  DDPM_PICKLE_GLOBAL,
  DDPM_PICKLE_CALL,
  DDPM_PICKLE_PERSISTENT,
  DDPM_PICKLE_OTHER,
} DdpmPickleKind;

typedef struct _DdpmPickleValue DdpmPickleValue;
typedef struct _DdpmPickleItem DdpmPickleItem;

struct _DdpmPickleItem
{
  DdpmPickleValue *value;
  DdpmPickleItem *next;
};

/**
 * DdpmPickleValue:
 * @integer: of a bool (0, 1) or int
 * @text: of a text or bytes: @size bytes, without a 0 behind them
 * @first: items of a tuple, list, dict or call; those of a dict are key, value,
 *   key, value, ...
 */
struct _DdpmPickleValue
{
  DdpmPickleKind kind;
  guint32 size;
  union
  {
    gint64 integer;
    gdouble real;
    const gchar *text;
    const DdpmPickleValue *function;
  };
  const DdpmPickleValue *argument;
  DdpmPickleItem *first, *last;
};

typedef struct _DdpmPickle DdpmPickle;

/* bytes: kept. location: the file, for messages. NULL: DDPM_ERROR_FORMAT */
DdpmPickle *ddpm_pickle_new (GBytes * bytes, const gchar * location,
    GError ** error);
void ddpm_pickle_free (DdpmPickle * pickle);
const DdpmPickleValue *ddpm_pickle_get_root (DdpmPickle * pickle);

/* value may be NULL in all of these. */
gboolean ddpm_pickle_is_text (const DdpmPickleValue * value,
    const gchar * text);
gboolean ddpm_pickle_is_global (const DdpmPickleValue * value,
    const gchar * module, const gchar * name);
/* Sets items to the first n of a tuple or list; NULL where it is shorter.
 * FALSE: it is neither */
gboolean ddpm_pickle_get_items (const DdpmPickleValue * value, guint n,
    const DdpmPickleValue ** items);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DdpmPickle, ddpm_pickle_free)

G_END_DECLS
