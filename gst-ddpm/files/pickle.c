/* gst-ddpm: Python's pickles, read without executing anything
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/pickle.h"

#include <string.h>

#include "kernels/backend.h"

/* A million objects or more: far above any network. An operation takes at most
 * some 120 bytes of memory. */
#define MAX_OPERATIONS (1u << 21)
#define BLOCK 65536             /* bytes allocated at a time */

struct _DdpmPickle
{
  GBytes *bytes;                /* texts of values are in it */
  GPtrArray *blocks;
  gsize free_in_block;
  const DdpmPickleValue *root;
};

/**
 * Machine:
 * @at: the next byte of the program, at most @end
 * @marks: lengths that the stack had at each MARK
 * @problem: why the program cannot go on
 * @result: what it has made; it has stopped
 */
typedef struct
{
  const guint8 *at, *end;
  GPtrArray *stack;
  GArray *marks;
  GHashTable *memo;
  DdpmPickle *pickle;
  const gchar *problem;
  const DdpmPickleValue *result;
} Machine;

/* --- memory ----------------------------------------------------------- */

static gpointer
alloc (Machine * m, gsize size)
{
  DdpmPickle *pickle = m->pickle;
  gchar *block;

  if (pickle->free_in_block < size) {
    g_ptr_array_add (pickle->blocks, g_malloc0 (BLOCK));
    pickle->free_in_block = BLOCK;
  }
  block = g_ptr_array_index (pickle->blocks, pickle->blocks->len - 1);
  pickle->free_in_block -= size;
  return block + pickle->free_in_block;
}

static DdpmPickleValue *
new_value (Machine * m, DdpmPickleKind kind)
{
  DdpmPickleValue *value = alloc (m, sizeof *value);

  value->kind = kind;
  return value;
}

static void
add_item (Machine * m, DdpmPickleValue * to, DdpmPickleValue * value)
{
  DdpmPickleItem *item = alloc (m, sizeof *item);

  item->value = value;
  if (to->last != NULL)
    to->last->next = item;
  else
    to->first = item;
  to->last = item;
}

/* --- program and stack ------------------------------------------------ */

static void
set_problem (Machine * m, const gchar * problem)
{
  if (m->problem == NULL)
    m->problem = problem;
}

/* NULL: the program ends before */
static const guint8 *
take_bytes (Machine * m, guint64 n)
{
  const guint8 *bytes = m->at;

  if (n > (guint64) (m->end - m->at)) {
    set_problem (m, "an end in the middle of a value");
    return NULL;
  }
  m->at += n;
  return bytes;
}

/* A number of n <= 8 bytes, little-endian. 0: there is a problem, or it is */
static guint64
take_number (Machine * m, guint n)
{
  const guint8 *bytes = take_bytes (m, n);
  guint64 number = 0;

  for (guint i = 0; bytes != NULL && i < n; i++)
    number |= (guint64) bytes[i] << 8 * i;
  return number;
}

static void
push (Machine * m, DdpmPickleValue * value)
{
  g_ptr_array_add (m->stack, value);
}

/* Values that were pushed after the last MARK */
static guint
count_above_mark (Machine * m)
{
  guint bottom = m->marks->len == 0 ? 0 :
      g_array_index (m->marks, guint, m->marks->len - 1);

  return m->stack->len - bottom;
}

/* NULL: there is none above the last MARK */
static DdpmPickleValue *
top (Machine * m)
{
  if (count_above_mark (m) > 0)
    return g_ptr_array_index (m->stack, m->stack->len - 1);
  set_problem (m, "an operation that lacks a value");
  return NULL;
}

static DdpmPickleValue *
pop (Machine * m)
{
  DdpmPickleValue *value = top (m);

  if (value != NULL)
    g_ptr_array_set_size (m->stack, m->stack->len - 1);
  return value;
}

/* Adds the last n values to another one, and removes them from the stack. */
static void
pop_into (Machine * m, guint n, DdpmPickleValue * to)
{
  const guint bottom = m->stack->len - n;

  for (guint i = 0; i < n; i++)
    add_item (m, to, g_ptr_array_index (m->stack, bottom + i));
  g_ptr_array_set_size (m->stack, bottom);
}

/* Returns the number of values above the last MARK, and removes it. */
static guint
pop_mark (Machine * m)
{
  const guint n = count_above_mark (m);

  if (m->marks->len == 0) {
    set_problem (m, "an operation that lacks its MARK");
    return 0;
  }
  g_array_set_size (m->marks, m->marks->len - 1);
  return n;
}

/* --- operations: each returns nothing, but may set a problem ---------- */

static void
run_proto (Machine * m, guint unused)
{
  const guint version = take_number (m, 1);

  if (m->problem == NULL && (version < 2 || version > 5))
    set_problem (m, "another protocol than 2 to 5");
}

static void
run_frame (Machine * m, guint unused)
{
  take_number (m, 8);
}

static void
run_stop (Machine * m, guint unused)
{
  m->result = pop (m);
}

static void
run_mark (Machine * m, guint unused)
{
  g_array_append_val (m->marks, m->stack->len);
}

static void
run_pop (Machine * m, guint unused)
{
  if (count_above_mark (m) == 0 && m->marks->len > 0)
    pop_mark (m);
  else
    pop (m);
}

static void
run_pop_mark (Machine * m, guint unused)
{
  const guint n = pop_mark (m);

  g_ptr_array_set_size (m->stack, m->stack->len - n);
}

static void
run_dup (Machine * m, guint unused)
{
  DdpmPickleValue *value = top (m);

  if (value != NULL)
    push (m, value);
}

/* None, and what this reader has no use for */
static void
run_kind (Machine * m, guint kind)
{
  push (m, new_value (m, kind));
}

static void
push_integer (Machine * m, DdpmPickleKind kind, gint64 integer)
{
  DdpmPickleValue *value = new_value (m, kind);

  value->integer = integer;
  push (m, value);
}

static void
run_bool (Machine * m, guint truth)
{
  push_integer (m, DDPM_PICKLE_BOOL, truth);
}

static void
run_uint (Machine * m, guint size)
{
  push_integer (m, DDPM_PICKLE_INT, take_number (m, size));
}

static void
run_int32 (Machine * m, guint unused)
{
  push_integer (m, DDPM_PICKLE_INT, (gint32) take_number (m, 4));
}

/* Two's complement of any length, little-endian */
static void
run_long (Machine * m, guint size_of_size)
{
  const guint64 size = take_number (m, size_of_size);
  gint64 integer = 0;

  if (size > sizeof integer) {
    take_bytes (m, size);
    run_kind (m, DDPM_PICKLE_OTHER);
    return;
  }
  integer = take_number (m, size);
  if (size > 0 && size < sizeof integer && integer >> (8 * size - 1) != 0)
    integer -= (gint64) 1 << 8 * size;
  push_integer (m, DDPM_PICKLE_INT, integer);
}

/* Big-endian, unlike all other numbers */
static void
run_float (Machine * m, guint unused)
{
  const guint64 bits = GUINT64_SWAP_LE_BE (take_number (m, 8));
  DdpmPickleValue *value = new_value (m, DDPM_PICKLE_FLOAT);

  memcpy (&value->real, &bits, sizeof bits);
  push (m, value);
}

static DdpmPickleValue *
new_text (Machine * m, DdpmPickleKind kind, guint64 size)
{
  const guint8 *bytes = take_bytes (m, size);
  DdpmPickleValue *value = new_value (m, kind);

  if (bytes != NULL) {
    value->text = (const gchar *) bytes;
    value->size = size;         /* of the program, which is below 4 GiB */
  }
  return value;
}

static void
run_text (Machine * m, guint size_of_size)
{
  push (m, new_text (m, DDPM_PICKLE_TEXT, take_number (m, size_of_size)));
}

static void
run_bytes (Machine * m, guint size_of_size)
{
  push (m, new_text (m, DDPM_PICKLE_BYTES, take_number (m, size_of_size)));
}

static void
run_bytearray (Machine * m, guint size_of_size)
{
  take_bytes (m, take_number (m, size_of_size));
  run_kind (m, DDPM_PICKLE_OTHER);
}

static void
run_tuple (Machine * m, guint n)
{
  DdpmPickleValue *tuple = new_value (m, DDPM_PICKLE_TUPLE);

  if (count_above_mark (m) < n)
    set_problem (m, "a tuple that lacks a value");
  else
    pop_into (m, n, tuple);
  push (m, tuple);
}

static void
run_tuple_of_mark (Machine * m, guint unused)
{
  run_tuple (m, pop_mark (m));
}

static gboolean
can_have_items (const DdpmPickleValue * value)
{
  return value->kind == DDPM_PICKLE_LIST || value->kind == DDPM_PICKLE_DICT
      || value->kind == DDPM_PICKLE_CALL || value->kind == DDPM_PICKLE_OTHER;
}

/* Adds the last n values to the one below them: to a dict, list or set, or to
 * what a call returns */
static void
add_items (Machine * m, guint n)
{
  DdpmPickleValue *to;
  const guint len = m->stack->len;

  if (m->problem != NULL)
    return;
  if (count_above_mark (m) < n + 1) {
    set_problem (m, "items that belong to nothing");
    return;
  }
  to = g_ptr_array_index (m->stack, len - n - 1);
  if (!can_have_items (to))
    set_problem (m, "items of a value that can have none");
  else if (to->kind == DDPM_PICKLE_DICT && n % 2 != 0)
    set_problem (m, "a key without a value");
  else
    pop_into (m, n, to);
}

static void
run_items (Machine * m, guint n)
{
  add_items (m, n);
}

static void
run_items_of_mark (Machine * m, guint unused)
{
  add_items (m, pop_mark (m));
}

static void
run_frozenset (Machine * m, guint unused)
{
  run_pop_mark (m, 0);
  run_kind (m, DDPM_PICKLE_OTHER);
}

static void
push_pair (Machine * m, DdpmPickleKind kind, const DdpmPickleValue * function,
    const DdpmPickleValue * argument)
{
  DdpmPickleValue *value = new_value (m, kind);

  value->function = function;
  value->argument = argument;
  push (m, value);
}

/* Two lines: module and name */
static void
run_global (Machine * m, guint unused)
{
  const DdpmPickleValue *names[2] = { NULL };

  for (guint i = 0; i < 2; i++) {
    const guint8 *end = memchr (m->at, '\n', m->end - m->at);

    if (end == NULL) {
      set_problem (m, "the name of a global without an end");
      return;
    }
    names[i] = new_text (m, DDPM_PICKLE_TEXT, end - m->at);
    m->at++;
  }
  push_pair (m, DDPM_PICKLE_GLOBAL, names[0], names[1]);
}

static void
run_global_of_stack (Machine * m, guint unused)
{
  const DdpmPickleValue *name = pop (m), *module = pop (m);

  if (m->problem != NULL)
    return;
  if (name->kind != DDPM_PICKLE_TEXT || module->kind != DDPM_PICKLE_TEXT)
    set_problem (m, "a global whose name is not a text");
  else
    push_pair (m, DDPM_PICKLE_GLOBAL, module, name);
}

/* Nothing is called: function and arguments are written down. n: values on the
 * stack, of which the first is the function, the second the arguments */
static void
run_call (Machine * m, guint n)
{
  const DdpmPickleValue *function, *arguments;

  if (n == 3)
    pop (m);                    /* arguments by name */
  arguments = pop (m);
  function = pop (m);
  if (m->problem != NULL)
    return;
  if (arguments->kind != DDPM_PICKLE_TUPLE)
    set_problem (m, "a call whose arguments are not a tuple");
  else
    push_pair (m, DDPM_PICKLE_CALL, function, arguments);
}

static void
run_persistent (Machine * m, guint unused)
{
  const DdpmPickleValue *identity = pop (m);

  if (identity != NULL)
    push_pair (m, DDPM_PICKLE_PERSISTENT, NULL, identity);
}

/* Attributes of an object, which are dropped */
static void
run_build (Machine * m, guint unused)
{
  pop (m);
  top (m);
}

static void
put (Machine * m, guint32 index)
{
  DdpmPickleValue *value = top (m);

  if (value != NULL)
    g_hash_table_insert (m->memo, GUINT_TO_POINTER (index), value);
}

static void
run_put (Machine * m, guint size)
{
  put (m, take_number (m, size));
}

static void
run_memoize (Machine * m, guint unused)
{
  put (m, g_hash_table_size (m->memo));
}

static void
run_get (Machine * m, guint size)
{
  const guint32 index = take_number (m, size);
  DdpmPickleValue *value =
      g_hash_table_lookup (m->memo, GUINT_TO_POINTER (index));

  if (value != NULL)
    push (m, value);
  else
    set_problem (m, "a reference to a value that was not stored");
}

/* --- the machine ------------------------------------------------------ */

/* By opcode; argument: what distinguishes opcodes of one function, such as the
 * size of the number that follows */
static const struct
{
  void (*run) (Machine * m, guint argument);
  guint argument;
} operations[256] = {
  [0x80] = {run_proto, 0},
  [0x95] = {run_frame, 0},
  ['.'] = {run_stop, 0},
  ['('] = {run_mark, 0},
  ['0'] = {run_pop, 0},
  ['1'] = {run_pop_mark, 0},
  ['2'] = {run_dup, 0},

  ['N'] = {run_kind, DDPM_PICKLE_NONE},
  [0x88] = {run_bool, TRUE},
  [0x89] = {run_bool, FALSE},
  ['K'] = {run_uint, 1},
  ['M'] = {run_uint, 2},
  ['J'] = {run_int32, 0},
  [0x8a] = {run_long, 1},
  [0x8b] = {run_long, 4},
  ['G'] = {run_float, 0},
  [0x8c] = {run_text, 1},
  ['X'] = {run_text, 4},
  [0x8d] = {run_text, 8},
  ['U'] = {run_text, 1},        /* str of Python 2 */
  ['T'] = {run_text, 4},
  ['C'] = {run_bytes, 1},
  ['B'] = {run_bytes, 4},
  [0x8e] = {run_bytes, 8},
  [0x96] = {run_bytearray, 8},

  [')'] = {run_tuple, 0},
  [0x85] = {run_tuple, 1},
  [0x86] = {run_tuple, 2},
  [0x87] = {run_tuple, 3},
  ['t'] = {run_tuple_of_mark, 0},
  [']'] = {run_kind, DDPM_PICKLE_LIST},
  ['a'] = {run_items, 1},
  ['e'] = {run_items_of_mark, 0},
  ['}'] = {run_kind, DDPM_PICKLE_DICT},
  ['s'] = {run_items, 2},
  ['u'] = {run_items_of_mark, 0},
  [0x8f] = {run_kind, DDPM_PICKLE_OTHER},       /* a set */
  [0x90] = {run_items_of_mark, 0},
  [0x91] = {run_frozenset, 0},

  ['c'] = {run_global, 0},
  [0x93] = {run_global_of_stack, 0},
  ['R'] = {run_call, 2},
  [0x81] = {run_call, 2},       /* a new object of a class */
  [0x92] = {run_call, 3},
  ['Q'] = {run_persistent, 0},
  ['b'] = {run_build, 0},

  ['q'] = {run_put, 1},
  ['r'] = {run_put, 4},
  [0x94] = {run_memoize, 0},
  ['h'] = {run_get, 1},
  ['j'] = {run_get, 4},
};

static void
run (Machine * m)
{
  for (guint n = 0; m->problem == NULL && m->result == NULL; n++) {
    const guint opcode = take_number (m, 1);

    if (m->problem != NULL)
      return;
    if (n == MAX_OPERATIONS)
      set_problem (m, "more values than a checkpoint has");
    else if (operations[opcode].run == NULL)
      set_problem (m, "an opcode that the protocols 2 to 5 do not have");
    else
      operations[opcode].run (m, operations[opcode].argument);
  }
}

DdpmPickle *
ddpm_pickle_new (GBytes * bytes, const gchar * location, GError ** error)
{
  g_autoptr (DdpmPickle) pickle = g_new0 (DdpmPickle, 1);
  g_autoptr (GPtrArray) stack = g_ptr_array_new ();
  g_autoptr (GArray) marks = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autoptr (GHashTable) memo = g_hash_table_new (NULL, NULL);
  Machine m = {.stack = stack,.marks = marks,.memo = memo,.pickle = pickle };
  const guint8 *program;
  gsize size;

  pickle->bytes = g_bytes_ref (bytes);
  pickle->blocks = g_ptr_array_new_with_free_func (g_free);
  program = g_bytes_get_data (bytes, &size);
  if (size == 0)
    program = (const guint8 *) "";      /* not NULL */
  m.at = program;
  m.end = program + size;
  if (size > DDPM_PICKLE_MAX_SIZE)
    set_problem (&m, "more values than a checkpoint has");
  run (&m);
  if (m.problem != NULL) {
    g_set_error (error, DDPM_ERROR, DDPM_ERROR_FORMAT,
        "%s: expected a pickle of Python, found %s at its byte %"
        G_GSIZE_FORMAT, location, m.problem, (gsize) (m.at - program));
    return NULL;
  }
  pickle->root = m.result;
  return g_steal_pointer (&pickle);
}

void
ddpm_pickle_free (DdpmPickle * pickle)
{
  if (pickle == NULL)
    return;
  g_ptr_array_unref (pickle->blocks);
  g_bytes_unref (pickle->bytes);
  g_free (pickle);
}

/* --- values ----------------------------------------------------------- */

const DdpmPickleValue *
ddpm_pickle_get_root (DdpmPickle * pickle)
{
  return pickle->root;
}

gboolean
ddpm_pickle_is_text (const DdpmPickleValue * value, const gchar * text)
{
  return value != NULL && value->kind == DDPM_PICKLE_TEXT
      && value->size == strlen (text)
      && memcmp (value->text, text, value->size) == 0;
}

gboolean
ddpm_pickle_is_global (const DdpmPickleValue * value, const gchar * module,
    const gchar * name)
{
  return value != NULL && value->kind == DDPM_PICKLE_GLOBAL
      && ddpm_pickle_is_text (value->function, module)
      && ddpm_pickle_is_text (value->argument, name);
}

gboolean
ddpm_pickle_get_items (const DdpmPickleValue * value, guint n,
    const DdpmPickleValue ** items)
{
  const DdpmPickleItem *item;

  memset (items, 0, n * sizeof *items);
  if (value == NULL || (value->kind != DDPM_PICKLE_TUPLE
          && value->kind != DDPM_PICKLE_LIST))
    return FALSE;
  for (item = value->first; item != NULL && n-- > 0; item = item->next)
    *items++ = item->value;
  return TRUE;
}
