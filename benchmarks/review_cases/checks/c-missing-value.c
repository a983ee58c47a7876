#include <assert.h>

#include "settings.h"

int main(void)
{
	struct settings *s = settings_new();

	assert(settings_verbosity(s) == 1);
	settings_free(s);
	return 0;
}
