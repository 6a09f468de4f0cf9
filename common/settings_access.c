/* SPDX-License-Identifier: ISC */
/*
 * The settings allow and deny: one list of rules, in the order that counts.
 * What the command line says comes before what the file says, and so beats it.
 */
#include "common/settings_table.h"

#include <string.h>

#define SEPARATORS ", \t"

int settings_add_access(struct settings_access *access, bool allows, const char *text)
{
	access->none = strcmp(text, SETTINGS_NONE) == 0;
	if (access->none)
		return 0;
	do {
		size_t length = strcspn(text, SEPARATORS);
		char network[ACCESS_TEXT_MAX];

		if (length >= sizeof network)
			return -1;
		strlcpy(network, text, length + 1);
		if (access_add(&access->rules, allows, network) < 0)
			return -1;
		text += length;
		text += strspn(text, SEPARATORS);
	} while (text[0] != '\0');
	return 0;
}

static void remove_those_of_file(struct settings_access *access, bool allows)
{
	for (unsigned i = access->noted; i-- > access->from_command_line;) {
		if (access->rules.rule[i].allows != allows)
			continue;
		access_remove(&access->rules, i);
		access->noted--;
		memmove(&access->origin[i], &access->origin[i + 1],
		    (access->noted - i) * sizeof access->origin[0]);
	}
}

void settings_note_access(struct settings_access *access, bool allows,
    struct settings_origin origin)
{
	unsigned kept = access->from_command_line;
	unsigned count = access->rules.count - access->noted;

	if (access->none && origin.source == SETTINGS_FROM_COMMAND_LINE)
		remove_those_of_file(access, allows);
	if (origin.source != SETTINGS_FROM_COMMAND_LINE) {
		kept = access->noted;
	} else {
		access_move_last(&access->rules, count, kept);
		memmove(&access->origin[kept + count], &access->origin[kept],
		    (access->noted - kept) * sizeof origin);
		access->from_command_line += count;
	}
	for (unsigned i = kept; i < kept + count; i++)
		access->origin[i] = origin;
	access->noted += count;
}

static const char *key_of(const struct access_rule *rule)
{
	return rule->allows ? "allow" : "deny";
}

void settings_access_text(const struct settings_access *access, char *text)
{
	char network[ACCESS_TEXT_MAX];
	size_t length = 0;

	strlcpy(text, SETTINGS_NONE, SETTINGS_TEXT_MAX);
	for (unsigned i = 0; i < access->rules.count && length < SETTINGS_TEXT_MAX; i++) {
		const struct access_rule *rule = &access->rules.rule[i];

		length += (size_t)snprintf(text + length, SETTINGS_TEXT_MAX - length, "%s%s %s",
		    i > 0 ? ", " : "", key_of(rule), access_network_text(rule, network));
	}
}

void settings_print_access(const struct settings_access *access, const char *file, FILE *to)
{
	char network[ACCESS_TEXT_MAX];

	for (unsigned i = 0; i < access->rules.count; i++) {
		const struct access_rule *rule = &access->rules.rule[i];

		settings_print_origin(&access->origin[i], file, to);
		fprintf(to, "%s %s\n", key_of(rule), access_network_text(rule, network));
	}
}
