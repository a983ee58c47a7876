#ifndef PROBE_SETTINGS_H
#define PROBE_SETTINGS_H

/* Names and values in the order in which they were set; a later value replaces an earlier one. */
struct settings;

struct settings *settings_new(void);
void settings_free(struct settings *s);

/* Both texts are copied. Returns 0, or -1 when there is no memory. */
int settings_set(struct settings *s, const char *name, const char *value);

/* Returns the value, which stays the settings', or NULL when the name was never set. */
const char *settings_get(const struct settings *s, const char *name);

#endif
