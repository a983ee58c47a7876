#include "histogram.h"

#include <string.h>

void histogram_init(struct histogram *h)
{
	memset(h, 0, sizeof(*h));
}

static int bucket_of(uint64_t us)
{
	int n = 0;

	while (n < HISTOGRAM_BUCKETS - 1 && us >= (uint64_t)1 << n)
		n++;
	return n;
}

void histogram_add(struct histogram *h, uint64_t us)
{
	h->buckets[bucket_of(us)]++;
	h->count++;
	h->sum += us;
}
