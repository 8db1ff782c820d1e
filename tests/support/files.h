/* gst-ddpm: files made for a test: a folder that goes with it, safetensors
 * files from the text of their header, writers that are killed
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gst-ddpm/files/safetensors.h"
#include "gst-ddpm/files/tensor-file.h"
#include "tests/support/calls.h"

/* The name of a folder that is removed, with all in it, when it is freed */
typedef gchar TestFolder;

TestFolder *test_files_make_folder (void);
guint test_files_count (const gchar * folder);
void test_files_remove_folder (TestFolder * folder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestFolder, test_files_remove_folder)

gchar *test_files_contents (const gchar * path);
GBytes *test_files_read (const gchar * path);
GBytes *test_files_data (const gchar * name);
GBytes *test_files_join (const gchar * header, gsize header_size,
    gconstpointer data, gsize size);
gsize test_files_header_size (GBytes * file);
gchar *test_files_header (GBytes * file);
GBytes *test_files_edit (GBytes * file, const gchar * old, const gchar * new);
GBytes *test_files_without_metadata (GBytes * file);
void test_files_fuzz (GBytes * file, guint32 seed, guint rounds, gsize first,
    gsize size, void (*check) (GBytes * file));
void test_files_kill_writers (const gchar * path, guint rounds,
    void (*write_file) (const gchar * path, guint i),
    void (*check) (const gchar * path));
