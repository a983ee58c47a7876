#ifndef PROBE_POOL_H
#define PROBE_POOL_H

#include <stddef.h>

#define POOL_MAX 16

/* Connections to collectors, each a descriptor; -1 is none. */
struct conn {
	int fd;
	int busy;
};

struct pool {
	struct conn conns[POOL_MAX];
	size_t count;
};

void pool_init(struct pool *p);

/* Takes over a descriptor. Returns its place, or -1 when the pool is full. */
int pool_add(struct pool *p, int fd);

/* Returns a connection that nobody uses, or NULL. */
struct conn *pool_get(struct pool *p);
void pool_put(struct conn *c);

/* Closing what is closed does nothing. */
void conn_close(struct conn *c);
void pool_close(struct pool *p);

#endif
