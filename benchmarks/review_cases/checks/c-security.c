#include <assert.h>

#include "tlv.h"

int main(void)
{
	uint8_t bytes[4] = {1, 2, 3, 4};
	struct tlv field = {1, sizeof(bytes), bytes};

	assert(tlv_range(&field, 2, 2) == bytes + 2);
	assert(tlv_range(&field, 0x10, 0xfffffff2u) == 0);
	return 0;
}
