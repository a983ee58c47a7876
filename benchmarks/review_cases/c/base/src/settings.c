#include "settings.h"

#include <stdlib.h>
#include <string.h>

struct setting {
	char *name;
	char *value;
	struct setting *next;
};

struct settings {
	struct setting *first;
};

static char *copy(const char *text)
{
	size_t n = strlen(text) + 1;
	char *made = malloc(n);

	return made ? memcpy(made, text, n) : NULL;
}

struct settings *settings_new(void)
{
	return calloc(1, sizeof(struct settings));
}

void settings_free(struct settings *s)
{
	struct setting *each, *next;

	if (!s)
		return;
	for (each = s->first; each; each = next) {
		next = each->next;
		free(each->name);
		free(each->value);
		free(each);
	}
	free(s);
}

static struct setting *find(const struct settings *s, const char *name)
{
	struct setting *each;

	for (each = s->first; each; each = each->next)
		if (strcmp(each->name, name) == 0)
			return each;
	return NULL;
}

int settings_set(struct settings *s, const char *name, const char *value)
{
	struct setting *found = find(s, name);
	char *text = copy(value);

	if (!text)
		return -1;
	if (found) {
		free(found->value);
		found->value = text;
		return 0;
	}
	found = calloc(1, sizeof(*found));
	if (!found || !(found->name = copy(name))) {
		free(found);
		free(text);
		return -1;
	}
	found->value = text;
	found->next = s->first;
	s->first = found;
	return 0;
}

const char *settings_get(const struct settings *s, const char *name)
{
	const struct setting *found = find(s, name);

	return found ? found->value : NULL;
}
