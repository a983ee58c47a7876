#ifndef PROBE_TLV_H
#define PROBE_TLV_H

#include <stdint.h>

/* One field of a packet: a tag, a length in network order, and so many bytes. */
struct tlv {
	uint8_t tag;
	uint32_t len;
	const uint8_t *value;
};

/* Reads fields one after the other from memory that it does not own. */
struct tlv_reader {
	const uint8_t *data;
	uint32_t size;
	uint32_t at;
};

#define TLV_HEADER 5u

void tlv_open(struct tlv_reader *r, const void *data, uint32_t size);

/* Returns 1 and the next field, 0 at the end, -1 when what is left is no field. */
int tlv_next(struct tlv_reader *r, struct tlv *field);

#endif
