#include "cache.h"

#include <string.h>

void cache_init(struct cache *c)
{
	c->count = 0;
}

struct cache_entry *cache_find(struct cache *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (strcmp(c->slots[i].name, name) == 0)
			return &c->slots[i];
	return NULL;
}

int cache_put(struct cache *c, const char *name, uint32_t address, uint64_t now)
{
	struct cache_entry *e = cache_find(c, name);
	size_t n = strlen(name);

	if (n >= CACHE_NAME)
		return -1;
	if (!e) {
		if (c->count == CACHE_SLOTS)
			return -1;
		e = &c->slots[c->count++];
		memcpy(e->name, name, n + 1);
	}
	e->address = address;
	e->seen = now;
	return 0;
}
