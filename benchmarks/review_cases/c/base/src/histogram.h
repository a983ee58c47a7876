#ifndef PROBE_HISTOGRAM_H
#define PROBE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 24

/* Latencies in microseconds; bucket n counts those below 2^n that no lower bucket counts. */
struct histogram {
	uint64_t buckets[HISTOGRAM_BUCKETS];
	uint64_t count;
	uint64_t sum;
};

void histogram_init(struct histogram *h);
void histogram_add(struct histogram *h, uint64_t us);

#endif
