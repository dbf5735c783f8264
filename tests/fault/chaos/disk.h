/* disk - a small ext4 in a file, mounted at DIR/name, that can be filled and whose power can be
 * cut.
 */
#ifndef EOCBUS_TESTS_FAULT_CHAOS_DISK_H
#define EOCBUS_TESTS_FAULT_CHAOS_DISK_H

#include <stdbool.h>

/* Makes DIR/name in any case; false: it is an ordinary directory, nothing below can be done. */
bool disk_make(const char *dir, const char *name, unsigned mib);
/* Takes it away; keep: its files are copied out, beside the mount (DIR/name.kept). */
void disk_end(const char *dir, const char *name, bool keep);

/* What is there stays there: for what the test put there itself. */
void disk_sync(const char *dir, const char *name);
void disk_fill(const char *dir, const char *name); /* to the last block */
void disk_free(const char *dir, const char *name);
/* From this instant on nothing reaches the disk; what was not synced is gone. */
void disk_cut_power(const char *dir, const char *name);
/* Once nobody has files open there: mounted again, as it was in that instant. */
void disk_restore_power(const char *dir, const char *name);

void remove_tree(const char *dir);

#endif
