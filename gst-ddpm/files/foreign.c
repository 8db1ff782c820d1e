/* gst-ddpm: files of other formats
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "gst-ddpm/files/foreign.h"

#include <string.h>

#define SAVE "save its state_dict () with torch.save ()"
#define UNPACK "unpack it"
#define OLD_TORCH "a file of PyTorch before 1.6"
#define NEW_TORCH "with a newer PyTorch, torch.save (torch.load (OLD, " \
    "map_location=\"cpu\", weights_only=True), NEW) writes one that is read"
/* protobuf's first field is a version, the second one a text */
#define ONNX(version) {"\x08" version "\x12", 3, 0, \
    {"an ONNX file", "use the PyTorch or safetensors file that it was " \
    "exported from"}}
#define UNKNOWN_FORMAT "convert it to a safetensors file with the tools of its " \
    "project"
/* The first number of an old file, 0x1950a86a20f9469cfc6c */
#define MAGIC "\x8a\x0al\xfc\x9c" "F\xf9 j\xa8P\x19"

typedef struct
{
  const gchar *bytes;
  gsize size, offset;
  DdpmForeign foreign;
} Format;

static const Format formats[] = {
  {"\x1f\x8b\x08", 3, 0, {"a gzip archive", UNPACK}},
  {"PK\x03\x04", 4, 0, {"a zip archive", UNPACK}},
  {"BZh", 3, 0, {"a bzip2 archive", UNPACK}},
  {"\xfd" "7zXZ", 5, 0, {"an xz archive", UNPACK}},
  {"7z\xbc\xaf", 4, 0, {"a 7z archive", UNPACK}},
  {"\x28\xb5\x2f\xfd", 4, 0, {"a zstd archive", UNPACK}},
  {"sys_info", 9, 0, {OLD_TORCH, NEW_TORCH}},   /* the first one of its tar */
  {"ustar", 5, 257, {"a tar archive", UNPACK}},
  /* behind the opcodes of protocol and, from 4 on, frame */
  {MAGIC, 12, 2, {OLD_TORCH, NEW_TORCH}},
  {MAGIC, 12, 11, {OLD_TORCH, NEW_TORCH}},
  {"MATLAB", 6, 0, {"a file of MATLAB", UNKNOWN_FORMAT}},
  {"PAR1", 4, 0, {"a parquet file", "it has data, not a model"}},
  {"\x89HDF", 4, 0, {"an HDF5 file, as Keras writes", UNKNOWN_FORMAT}},
  {"\x93NUMPY", 6, 0, {"an array of NumPy", "save all of its network's arrays "
              "by name, in a safetensors file"}},
  {"GGUF", 4, 0, {"a GGUF file", "use the safetensors or PyTorch file that it "
              "was made from"}},
  {"lmgg", 4, 0, {"a GGML file", "use the safetensors or PyTorch file that it "
              "was made from"}},
  ONNX ("\x03"), ONNX ("\x04"), ONNX ("\x05"), ONNX ("\x06"), ONNX ("\x07"),
  ONNX ("\x08"), ONNX ("\x09"), ONNX ("\x0a"), ONNX ("\x0b"), ONNX ("\x0c"),
  ONNX ("\x0d"),
  {"\x08\x01\x12", 3, 0, {"a SavedModel of TensorFlow", UNKNOWN_FORMAT}},
  {"version https://git-lfs", 23, 0, {"a pointer of Git LFS to the file",
          "\"git lfs pull\" in its repository gets the file itself"}},
};

#define PAGE {"a web page", "download the file itself, not the page that " \
    "shows it"}
#define REPLY {"the error of a server in its place", "check its address, and " \
    "whether you must log in, and download it again"}

/* In capitals or not, behind spaces */
static const Format texts[] = {
  {"<!doctype html", 14, 0, PAGE},
  {"<html", 5, 0, PAGE},
  {"<?xml", 5, 0, REPLY},
  {"entry not found", 15, 0, REPLY},
  {"repository not found", 20, 0, REPLY},
  {"invalid username or password", 28, 0, REPLY},
  {"access to model", 15, 0, REPLY},
  {"404: not found", 14, 0, REPLY},
  {"not found", 9, 0, REPLY},
  {"{", 1, 0, {"a text of JSON", "name the weights, or the folder of diffusers "
              "that has both"}},
};

static const DdpmForeign pickle = {
  "a pickle of Python",
  "if you trust it, load it in Python and " SAVE
};

/* A pickle begins with the opcode of its protocol. Behind it, a 0 would be the
 * length of a safetensors header. */
static gboolean
is_pickle (const guint8 * bytes, gsize size)
{
  return size > 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5
      && bytes[2] != 0;
}

const DdpmForeign *
ddpm_foreign_find (gconstpointer bytes, gsize size)
{
  const gchar *text = bytes;
  gsize length = size;

  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i].offset + formats[i].size <= size
        && memcmp (text + formats[i].offset, formats[i].bytes,
            formats[i].size) == 0)
      return &formats[i].foreign;
  if (is_pickle (bytes, size))
    return &pickle;
  if (length >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0) {
    text += 3;                  /* the mark of UTF-8 */
    length -= 3;
  }
  for (; length > 0 && g_ascii_isspace (*text); text++)
    length--;
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (texts[i].size <= length
        && g_ascii_strncasecmp (text, texts[i].bytes, texts[i].size) == 0)
      return &texts[i].foreign;
  return NULL;
}
