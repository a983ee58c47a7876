#include <assert.h>
#include <string.h>

#include "buf.h"

int main(void)
{
	struct buf b;
	char filler[62];

	buf_init(&b);
	memset(filler, 'x', sizeof(filler));
	assert(buf_append(&b, filler, sizeof(filler)) == 0);
	assert(buf_base64(&b, "a", 1) == 0);
	assert(strcmp(b.data + 62, "YQ==") == 0);
	buf_free(&b);
	return 0;
}
