#include "tlv.h"

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void tlv_open(struct tlv_reader *r, const void *data, uint32_t size)
{
	r->data = data;
	r->size = size;
	r->at = 0;
}

int tlv_next(struct tlv_reader *r, struct tlv *field)
{
	uint32_t left = r->size - r->at;

	if (left == 0)
		return 0;
	if (left < TLV_HEADER)
		return -1;
	field->tag = r->data[r->at];
	field->len = be32(r->data + r->at + 1);
	if (field->len > left - TLV_HEADER)
		return -1;
	field->value = r->data + r->at + TLV_HEADER;
	r->at += TLV_HEADER + field->len;
	return 1;
}
