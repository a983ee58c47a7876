#ifndef PROBE_BUF_H
#define PROBE_BUF_H

#include <stddef.h>

/* Bytes that grow. `data` is always followed by a NUL that `len` does not count. */
struct buf {
	char *data;
	size_t len;
	size_t cap;
};

void buf_init(struct buf *b);
void buf_free(struct buf *b);

/* Make room for `extra` more bytes and the NUL. Returns 0, or -1 when there is no memory; then nothing has changed. */
int buf_reserve(struct buf *b, size_t extra);
int buf_append(struct buf *b, const void *bytes, size_t n);
int buf_puts(struct buf *b, const char *text);

#endif
