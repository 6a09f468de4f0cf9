/* SPDX-License-Identifier: ISC */
#include "common/settings_table.h"

#include <string.h>

#define FIELD(name) offsetof(struct settings, name)

const struct setting settings_table[SETTINGS_COUNT] = {
	{ "workers", 'w', SETTING_WORKERS, "N|auto", "8", 1, SETTINGS_WORKERS_MAX,
	  FIELD(workers), true, "workers kept ready; auto: one a CPU" },
	{ "max-workers", 0, SETTING_NUMBER, "N", "256", 1, SETTINGS_WORKERS_MAX,
	  FIELD(max_workers), true, "workers there may be under load" },
	{ "spare-timeout", 0, SETTING_SECONDS, "TIME", "10s", 1, 86400, FIELD(spare_timeout), true,
	  "until workers too many leave" },
	{ "max-served", 0, SETTING_NUMBER, "N", "0", 0, 1000000000, FIELD(max_served), true,
	  "connections a worker has; 0: any" },
	{ "hang-timeout", 0, SETTING_SECONDS, "TIME", "1m", 0, 86400, FIELD(hang_timeout), true,
	  "for a worker that hangs; 0: never" },
	{ "connections", 0, SETTING_NUMBER, "N", "1", 1, SETTINGS_CONNECTIONS_MAX,
	  FIELD(connections), true, "at once in each worker" },
	{ "busy-poll", 0, SETTING_NUMBER, "N", "0", 0, 1000000, FIELD(busy_poll), true,
	  "microseconds to look before sleep" },
	{ "port", 'p', SETTING_PORT, "PORT", "echo", 0, 65535, FIELD(port), true,
	  "number or service; 0: any free" },
	{ "listen", 'l', SETTING_ADDRESS, "ADDRESS", "*", 0, 0, FIELD(listen), true,
	  "address to listen on; *: all" },
	{ "backlog", 'b', SETTING_NUMBER, "N", "1024", 1, 65535, FIELD(backlog), true,
	  "connections that may wait" },
	{ "buffer", 0, SETTING_SIZE, "SIZE", "64k", 1024, 16 * 1024 * 1024, FIELD(buffer), true,
	  "most bytes a worker reads at once" },
	{ "shutdown-timeout", 0, SETTING_SECONDS, "TIME", "30s", 0, 86400,
	  FIELD(shutdown_timeout), true, "for sessions at a stop or reload" },
	{ "idle-timeout", 0, SETTING_SECONDS, "TIME", "10m", 0, 86400, FIELD(idle_timeout), true,
	  "for silent clients; 0: none" },
	{ "write-timeout", 0, SETTING_SECONDS, "TIME", "1m", 0, 86400, FIELD(write_timeout), true,
	  "for ones that do not read; 0: none" },
	{ "first-byte-timeout", 0, SETTING_SECONDS, "TIME", "0", 0, 86400,
	  FIELD(first_byte_timeout), true, "to begin; 0: idle-timeout" },
	{ "session-time", 0, SETTING_SECONDS, "TIME", "0", 0, 86400, FIELD(session_time), true,
	  "longest session; 0: any" },
	{ "session-bytes", 0, SETTING_SIZE, "SIZE", "0", 0, 4095U * 1024 * 1024,
	  FIELD(session_bytes), true, "most bytes of a session; 0: any" },
	{ "per-source", 0, SETTING_NUMBER, "N", "0", 0, 1000000, FIELD(per_source), true,
	  "connections of a source; 0: any" },
	{ "rate", 0, SETTING_NUMBER, "N", "0", 0, 1000000, FIELD(rate), true,
	  "of a source, a second; 0: any" },
	{ "rate-burst", 0, SETTING_NUMBER, "N", "20", 1, 1000000, FIELD(rate_burst), true,
	  "of a source at once, beside rate" },
	{ "allow", 0, SETTING_ALLOW, "NET|none", SETTINGS_NONE, 0, 0, FIELD(access), true,
	  "who may connect, in order" },
	{ "deny", 0, SETTING_DENY, "NET|none", SETTINGS_NONE, 0, 0, FIELD(access), true,
	  "who may not; first match decides" },
	{ "daemon", 'd', SETTING_SWITCH, "[=yes|no]", "no", 0, 0, FIELD(daemon), false,
	  "go to the background, once ready" },
	{ "pid-file", 0, SETTING_PATH, "PATH|none", SETTINGS_NONE, 0, 0, FIELD(pid_file), false,
	  "file that holds the master's pid" },
	{ "user", 'u', SETTING_USER, "USER|auto", SETTINGS_AUTO, 0, 0, FIELD(user), true,
	  "workers' user, if root starts it" },
	{ "group", 'g', SETTING_GROUP, "GROUP|auto", SETTINGS_AUTO, 0, 0, FIELD(group), true,
	  "workers' group; auto: the user's" },
	{ "chroot", 0, SETTING_PATH, "PATH|none", SETTINGS_NONE, 0, 0, FIELD(chroot), true,
	  "folder to lock workers into" },
	{ "master-user", 0, SETTING_USER, "USER|none", SETTINGS_NONE, 0, 0, FIELD(master_user),
	  false, "master's user once it listens" },
	{ "sandbox", 0, SETTING_SANDBOX, "enforce|log|off", "enforce", 0, 0, FIELD(sandbox), true,
	  "holds workers to their task" },
	{ "log-level", 0, SETTING_LEVEL, "LEVEL", "info", 0, 0, FIELD(log_level), true,
	  "what to log, from error to debug" },
	{ "log-stderr", 0, SETTING_SWITCH, "[=yes|no]", "no", 0, 0, FIELD(log_stderr), true,
	  "log there also if no terminal" },
};

const struct other_option other_options[OTHER_OPTIONS_COUNT] = {
	{ "file", 'f', "PATH", SETTINGS_RUN, "read settings from this file" },
	{ "test", 't', NULL, SETTINGS_TEST, "check the settings and leave" },
	{ "show", 'T', NULL, SETTINGS_SHOW, "print the settings in force and leave" },
	{ "completion", 0, NULL, SETTINGS_COMPLETION, "print the completion for bash" },
	{ "version", 'V', NULL, SETTINGS_VERSION, "print the version" },
	{ "help", 'h', NULL, SETTINGS_HELP, "print this help" },
};

void setting_note_origin(struct settings *settings, const struct setting *setting,
    enum settings_source source, size_t line)
{
	struct settings_origin origin = { source, line };

	settings->origin[setting - settings_table] = origin;
	if (setting_adds_up(setting))
		settings_note_access(&settings->access, setting->type == SETTING_ALLOW, origin);
}

const struct setting *setting_find(const char *key)
{
	for (size_t i = 0; i < SETTINGS_COUNT; i++)
		if (strcmp(settings_table[i].key, key) == 0)
			return &settings_table[i];
	return NULL;
}

#define WORD_MAX 32

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance: letters to insert, remove or change to make one word the other. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t length = strlen(b);

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < length; j++) {
			size_t change = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			row[j + 1] = smaller(change, smaller(row[j], row[j + 1]) + 1);
		}
	}
	return row[length];
}

const char *setting_nearest(const char *word)
{
	const char *nearest = NULL;
	size_t least = strlen(word) / 3 + 1;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		size_t far = distance(word, settings_table[i].key);

		if (far <= least && (nearest == NULL || far < least)) {
			least = far;
			nearest = settings_table[i].key;
		}
	}
	return nearest;
}
