/* gst-ddpm: CUDA backend: a cache of cuDNN's plans, in files
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Making a plan can take cuDNN seconds, because it compiles kernels; restoring
 * one from its JSON takes milliseconds. Each plan has a file of its own, named
 * by a hash of what it was made for. Nothing depends on these files: a plan
 * that cannot be read is made again, one that cannot be written is not cached,
 * and the folder may be deleted at any time.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CudaPlanCache CudaPlanCache;

/* folder: created with the first file. machine: everything besides the graph
 * that plans depend on, which is the GPU and the versions of its libraries */
CudaPlanCache *ddpm_cuda_plan_cache_new (const gchar * folder,
    const gchar * machine);
/* The total size of all files, 256 MiB by default. If a new file would exceed
 * it, the least recently used ones are deleted. */
void ddpm_cuda_plan_cache_set_max_size (CudaPlanCache * cache, guint64 size);
/* NULL: nothing */
void ddpm_cuda_plan_cache_free (CudaPlanCache * cache);

/* The cached plan of a graph; NULL: there is none, or its file is invalid */
gchar *ddpm_cuda_plan_cache_read (const CudaPlanCache * cache, const gchar *
    graph);
/* Replaces the file atomically: other processes may read and write it at the
 * same time. */
void ddpm_cuda_plan_cache_write (const CudaPlanCache * cache, const gchar *
    graph, const gchar * plan);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CudaPlanCache, ddpm_cuda_plan_cache_free)

G_END_DECLS
