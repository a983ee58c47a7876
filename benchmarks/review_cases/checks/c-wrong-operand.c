#include <assert.h>

#include "histogram.h"

int main(void)
{
	struct histogram a, b;

	histogram_init(&a);
	histogram_init(&b);
	histogram_add(&a, 10);
	histogram_add(&b, 20);
	histogram_add(&b, 900);
	histogram_merge(&a, &b);
	assert(a.min == 10 && a.max == 900);
	return 0;
}
