#include <assert.h>

#include "cache.h"

int main(void)
{
	struct cache c;
	uint32_t address;

	cache_init(&c, 1000);
	assert(cache_put(&c, "a.example", 1, 5003) == 0);
	assert(cache_get(&c, "a.example", 5000, &address) == 0); /* a clock that is 3 ms ahead */
	return 0;
}
