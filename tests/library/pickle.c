/* gst-ddpm: tests of the machine that reads pickles
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/pickle.h"
#include "tests/support/test.h"

#include <string.h>

/* A program, which may have zeros, and its size */
#define PROGRAM(text) text, sizeof (text) - 1

static DdpmPickle *
open_program (gconstpointer program, gsize size, GError ** error)
{
  g_autoptr (GBytes) bytes = g_bytes_new (program, size);

  return ddpm_pickle_new (bytes, "data.pkl", error);
}

/* --- values ----------------------------------------------------------- */

static const struct
{
  const gchar *name, *program;
  gsize size;
  DdpmPickleKind kind;
  gint64 integer;
} integers[] = {
  {"true", PROGRAM ("\x80\x02\x88."), DDPM_PICKLE_BOOL, 1},
  {"false", PROGRAM ("\x80\x02\x89."), DDPM_PICKLE_BOOL, 0},
  {"one-byte", PROGRAM ("K\xff."), DDPM_PICKLE_INT, 255},
  {"two-bytes", PROGRAM ("M\x01\xff."), DDPM_PICKLE_INT, 0xff01},
  {"four-bytes", PROGRAM ("J\xfe\xff\xff\xff."), DDPM_PICKLE_INT, -2},
  {"long-empty", PROGRAM ("\x8a\x00."), DDPM_PICKLE_INT, 0},
  {"long-negative", PROGRAM ("\x8a\x01\x80."), DDPM_PICKLE_INT, -128},
  {"long-positive", PROGRAM ("\x8a\x02\x80\x00."), DDPM_PICKLE_INT, 128},
  {"long-8", PROGRAM ("\x8a\x08\0\0\0\0\0\0\0\x80."), DDPM_PICKLE_INT,
      G_MININT64},
  {"long-4", PROGRAM ("\x8b\x01\0\0\0\x07."), DDPM_PICKLE_INT, 7},
  {"frame", PROGRAM ("\x80\x04\x95\x03\0\0\0\0\0\0\0K\x01."), DDPM_PICKLE_INT,
      1},
  {"popped", PROGRAM ("K\x01K\x02" "0."), DDPM_PICKLE_INT, 1},
  {"popped-to-mark", PROGRAM ("K\x01(K\x02K\x03" "1."), DDPM_PICKLE_INT, 1},
  {"popped-mark", PROGRAM ("K\x01(0."), DDPM_PICKLE_INT, 1},
  {"stored", PROGRAM ("K\x01q\x05" "0K\x02" "0h\x05."), DDPM_PICKLE_INT, 1},
  {"stored-far", PROGRAM ("K\x01r\0\0\0\x80" "0j\0\0\0\x80."), DDPM_PICKLE_INT,
      1},
  {"memoized", PROGRAM ("K\x01\x94K\x02\x94h\x00."), DDPM_PICKLE_INT, 1},
  {"attributes-are-dropped", PROGRAM ("K\x01}b."), DDPM_PICKLE_INT, 1},
  {"behind-the-end", PROGRAM ("K\x01.\xff\xff"), DDPM_PICKLE_INT, 1},
};

TABLE_TEST (reads_integers, integers)
{
  g_autoptr (DdpmPickle) pickle =
      assert_ok (open_program (row->program, row->size, &error));
  const DdpmPickleValue *root = ddpm_pickle_get_root (pickle);

  g_assert_cmpint (root->kind, ==, row->kind);
  g_assert_cmpint (root->integer, ==, row->integer);
}

static const struct
{
  const gchar *name, *program;
  gsize size;
  DdpmPickleKind kind;
} others[] = {
  {"none", PROGRAM ("N."), DDPM_PICKLE_NONE},
  {"text-1", PROGRAM ("\x8c\x02" "ab."), DDPM_PICKLE_TEXT},
  {"text-4", PROGRAM ("X\x02\0\0\0" "ab."), DDPM_PICKLE_TEXT},
  {"text-8", PROGRAM ("\x8d\x02\0\0\0\0\0\0\0" "ab."), DDPM_PICKLE_TEXT},
  {"text-of-python-2", PROGRAM ("U\x02" "ab."), DDPM_PICKLE_TEXT},
  {"bytes", PROGRAM ("C\x02" "ab."), DDPM_PICKLE_BYTES},
  {"array", PROGRAM ("\x96\x02\0\0\0\0\0\0\0" "ab."), DDPM_PICKLE_OTHER},
  {"set", PROGRAM ("\x8f(K\x01\x90."), DDPM_PICKLE_OTHER},
  {"frozen-set", PROGRAM ("(K\x01\x91."), DDPM_PICKLE_OTHER},
  {"large-number", PROGRAM ("\x8a\x09\0\0\0\0\0\0\0\0\x01."),
      DDPM_PICKLE_OTHER},
  {"tuple", PROGRAM ("K\x01K\x02\x86."), DDPM_PICKLE_TUPLE},
  {"list", PROGRAM ("](K\x01K\x02" "e."), DDPM_PICKLE_LIST},
  {"dict", PROGRAM ("}K\x01K\x02s."), DDPM_PICKLE_DICT},
  {"object-outside", PROGRAM ("K\x01Q."), DDPM_PICKLE_PERSISTENT},
  {"global", PROGRAM ("cos\nsystem\n."), DDPM_PICKLE_GLOBAL},
  {"global-of-stack", PROGRAM ("\x8c\x02os\x8c\x06system\x93."),
      DDPM_PICKLE_GLOBAL},
  {"call", PROGRAM ("cos\nsystem\n\x8c\x04true\x85R."), DDPM_PICKLE_CALL},
  {"new-object", PROGRAM ("ca\nB\n)\x81."), DDPM_PICKLE_CALL},
  {"new-object-with-names", PROGRAM ("ca\nB\n)}\x92."), DDPM_PICKLE_CALL},
};

TABLE_TEST (reads_values, others)
{
  g_autoptr (DdpmPickle) pickle =
      assert_ok (open_program (row->program, row->size, &error));
  const DdpmPickleValue *root = ddpm_pickle_get_root (pickle);

  g_assert_cmpint (root->kind, ==, row->kind);
  if (root->kind == DDPM_PICKLE_TEXT)
    g_assert_true (ddpm_pickle_is_text (root, "ab"));
}

TEST (floats_are_big_endian)
{
  g_autoptr (DdpmPickle) pickle = assert_ok (open_program (PROGRAM
          ("G\x3f\xf8\0\0\0\0\0\0."), &error));

  g_assert_cmpfloat (ddpm_pickle_get_root (pickle)->real, ==, 1.5);
}

TEST (a_call_is_written_down)
{
  g_autoptr (DdpmPickle) pickle = assert_ok (open_program (PROGRAM
          ("cos\nsystem\n\x8c\x07" "touch x\x85R."), &error));
  const DdpmPickleValue *root = ddpm_pickle_get_root (pickle);
  const DdpmPickleValue *items[2];

  g_assert_true (ddpm_pickle_is_global (root->function, "os", "system"));
  g_assert_true (ddpm_pickle_get_items (root->argument, 2, items));
  g_assert_true (ddpm_pickle_is_text (items[0], "touch x"));
  g_assert_null (items[1]);
  g_assert_false (g_file_test ("x", G_FILE_TEST_EXISTS));
}

/* A list in itself, as "l = []; l.append (l)" makes */
TEST (values_may_form_circles)
{
  g_autoptr (DdpmPickle) pickle =
      assert_ok (open_program (PROGRAM ("]q\0h\0a."), &error));
  const DdpmPickleValue *root = ddpm_pickle_get_root (pickle);

  g_assert_true (root->first->value == root);
}

/* A reader that recurses would overflow its stack. */
TEST (reads_a_million_lists_in_each_other)
{
  const gsize depth = 1000000;
  g_autofree gchar *program = g_malloc (2 * depth);
  g_autoptr (DdpmPickle) pickle = NULL;

  memset (program, ']', depth);
  memset (program + depth, 'a', depth - 1);
  program[2 * depth - 1] = '.';
  pickle = assert_ok (open_program (program, 2 * depth, &error));
  g_assert_cmpint (ddpm_pickle_get_root (pickle)->kind, ==, DDPM_PICKLE_LIST);
}

/* --- what is refused -------------------------------------------------- */

static const struct
{
  const gchar *name, *program;
  gsize size;
  const gchar *words;
} refused[] = {
  {"nothing", PROGRAM (""), "an end in the middle of a value at its byte 0"},
  {"no-stop", PROGRAM ("N"), "an end in the middle of a value at its byte 1"},
  {"no-value", PROGRAM ("."), "an operation that lacks a value"},
  {"value-below-mark", PROGRAM ("N(."), "an operation that lacks a value"},
  {"protocol-1", PROGRAM ("\x80\x01N."), "another protocol than 2 to 5"},
  {"protocol-6", PROGRAM ("\x80\x06N."), "another protocol than 2 to 5"},
  {"opcode", PROGRAM ("\xff."), "an opcode that the protocols 2 to 5 do not"},
  {"opcode-of-protocol-0", PROGRAM ("I1\n."), "an opcode that the protocols"},
  {"extension", PROGRAM ("\x82\x01."), "an opcode that the protocols 2 to 5"},
  {"no-mark", PROGRAM ("]N" "e."), "an operation that lacks its MARK"},
  {"tuple-short", PROGRAM ("N\x87."), "a tuple that lacks a value"},
  {"items-of-nothing", PROGRAM ("(Ne."), "items that belong to nothing"},
  {"items-of-none", PROGRAM ("NN" "a."), "items of a value that can have none"},
  {"key-alone", PROGRAM ("}(Nu."), "a key without a value"},
  {"key-alone-appended", PROGRAM ("}Na."), "a key without a value"},
  {"not-stored", PROGRAM ("h\x01."), "a value that was not stored"},
  {"stored-nothing", PROGRAM ("q\x01."), "an operation that lacks a value"},
  {"arguments", PROGRAM ("ca\nb\nNR."), "arguments are not a tuple"},
  {"global-cut", PROGRAM ("ca\nb."), "the name of a global without an end"},
  {"global-of-numbers", PROGRAM ("K\1K\2\x93."), "whose name is not a text"},
  {"text-cut", PROGRAM ("\x8c\x05" "ab."), "an end in the middle of a value"},
  {"text-of-4-gib", PROGRAM ("X\xff\xff\xff\xff" "ab."), "an end in the"},
  {"text-of-all", PROGRAM ("\x8d\xff\xff\xff\xff\xff\xff\xff\xff" "ab."),
      "an end in the middle of a value"},
  {"long-of-4-gib", PROGRAM ("\x8b\xff\xff\xff\xff" "ab."), "an end in the"},
};

TABLE_TEST (refuses, refused)
{
  assert_fails_with (open_program (row->program, row->size, &error),
      DDPM_ERROR_FORMAT, "data.pkl: expected a pickle of Python, found ",
      row->words);
}

/* Each takes memory, though it is one byte of the program. */
TEST (refuses_more_operations_than_a_checkpoint_has)
{
  static const gchar *const operations[] = { "N", "(", "}", "2", "\x94" };
  const gsize size = 4 << 20;
  g_autofree gchar *program = g_malloc (size);

  for (guint i = 0; i < G_N_ELEMENTS (operations); i++) {
    memset (program, operations[i][0], size);
    program[0] = 'N';
    assert_fails (open_program (program, size, &error), DDPM_ERROR_FORMAT,
        "found more values than a checkpoint has");
  }
}

TEST (refuses_a_program_of_any_size)
{
  const gsize size = DDPM_PICKLE_MAX_SIZE + 1;
  g_autofree gchar *program = g_malloc0 (size);

  assert_fails (open_program (program, size, &error), DDPM_ERROR_FORMAT,
      "found more values than a checkpoint has");
}
