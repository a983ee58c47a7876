#include "pool.h"

#include <unistd.h>

void pool_init(struct pool *p)
{
	size_t i;

	p->count = 0;
	for (i = 0; i < POOL_MAX; i++) {
		p->conns[i].fd = -1;
		p->conns[i].busy = 0;
	}
}

int pool_add(struct pool *p, int fd)
{
	if (p->count == POOL_MAX)
		return -1;
	p->conns[p->count].fd = fd;
	p->conns[p->count].busy = 0;
	return (int)p->count++;
}

struct conn *pool_get(struct pool *p)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		struct conn *c = &p->conns[i];

		if (c->fd >= 0 && !c->busy) {
			c->busy = 1;
			return c;
		}
	}
	return NULL;
}

void pool_put(struct conn *c)
{
	c->busy = 0;
}

void conn_close(struct conn *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	c->busy = 0;
}

void pool_close(struct pool *p)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		conn_close(&p->conns[i]);
	p->count = 0;
}
