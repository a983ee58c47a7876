#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

#include "pool.h"

int main(void)
{
	struct pool p;
	int mine;

	pool_init(&p, 1000);
	assert(pool_add(&p, open("/dev/null", O_RDONLY), 0) == 0);
	assert(pool_expire(&p, 5000) == 1);
	mine = open("/dev/null", O_RDONLY); /* takes the number that has become free */
	pool_close(&p);
	assert(fcntl(mine, F_GETFD) != -1);
	return 0;
}
