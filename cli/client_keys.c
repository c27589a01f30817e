/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/client_keys.h"

#include <string.h>

const struct client_key client_keys[] = {
#define CLIENT_KEY(name, def, secret, doc) {name, def, secret, doc},
#include "cli/client_keys.def"
#undef CLIENT_KEY
	{NULL, NULL, false, NULL},
};

const struct client_key *client_key_find(const char *name)
{
	for (const struct client_key *k = client_keys; k->name; k++) {
		if (strcmp(k->name, name) == 0) {
			return k;
		}
	}
	return NULL;
}

bool client_key_is_secret(const char *name)
{
	static const char *const sources[] = {".command", ".file", NULL};
	const struct client_key *known = client_key_find(name);
	size_t len = strlen(name);
	for (size_t i = 0; sources[i]; i++) {
		size_t tail = strlen(sources[i]);
		if (len > tail && strcmp(name + len - tail, sources[i]) == 0) {
			return false; /* where the secret is, not the secret */
		}
	}
	return known ? known->secret
		     : strstr(name, "password") || strstr(name, "secret") || strstr(name, "jaas") ||
			       strstr(name, "token");
}
