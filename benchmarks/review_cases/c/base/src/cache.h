#ifndef PROBE_CACHE_H
#define PROBE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#define CACHE_SLOTS 64
#define CACHE_NAME 64

/* Addresses of names that were resolved. Times are milliseconds of a monotonic clock. */
struct cache_entry {
	char name[CACHE_NAME];
	uint32_t address;
	uint64_t seen;
};

struct cache {
	struct cache_entry slots[CACHE_SLOTS];
	size_t count;
};

void cache_init(struct cache *c);

/* Returns the entry, or NULL. */
struct cache_entry *cache_find(struct cache *c, const char *name);

/* Returns 0, or -1 when the name is too long or there is no slot left. */
int cache_put(struct cache *c, const char *name, uint32_t address, uint64_t now);

#endif
