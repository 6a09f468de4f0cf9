/* SPDX-License-Identifier: ISC */
/*
 * Completion for bash, made from the same table as everything else. It needs
 * nothing but bash itself: which words are offered is left to compgen.
 */
#include "common/settings_table.h"

#include "common/log.h"

static const char beginning[] =
	"# SPDX-License-Identifier: ISC\n"
	"# shellcheck shell=bash\n"
	"# Completion for bash, as `echo-master --completion` prints it.\n"
	"\n"
	"_echo_master() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal IFS=$' \\t\\n' offers=(-W '')\n"
	"\n"
	"\t# --key=value comes as three words.\n"
	"\tif [[ $cur == '=' ]]; then\n"
	"\t\tcur='' option+='='\n"
	"\telif [[ $option == '=' ]]; then\n"
	"\t\toption=${COMP_WORDS[COMP_CWORD - 2]}'='\n"
	"\tfi\n";

static const char end[] =
	"\t\t') ;;\n"
	"\tesac\n"
	"\t[[ ${offers[0]} != -f ]] || compopt -o filenames 2>/dev/null\n"
	"\tmapfile -t COMPREPLY < <(compgen \"${offers[@]}\" -- \"$cur\")\n"
	"}\n"
	"complete -F _echo_master echo-master\n";

/* Letters without a value can stand before one that has it, in the same word. */
static void print_letters(FILE *to)
{
	fputs("\t# In -dw 8 the value is that of the last letter.\n\t[[ $option =~ ^-[", to);
	for (size_t i = 0; i < SETTINGS_COUNT; i++)
		if (settings_table[i].letter != 0 && settings_table[i].type == SETTING_SWITCH)
			putc(settings_table[i].letter, to);
	for (size_t i = 0; i < OTHER_OPTIONS_COUNT; i++)
		if (other_options[i].letter != 0 && other_options[i].value_name == NULL)
			putc(other_options[i].letter, to);
	fputs("]+(.)$ ]] && option=-${BASH_REMATCH[1]}\n", to);
}

static void print_levels(FILE *to)
{
	fputs("-W '", to);
	for (int level = LOG_ERR; level <= LOG_DEBUG; level++)
		fprintf(to, "%s%s", level > LOG_ERR ? " " : "", log_level_name(level));
	putc('\'', to);
}

static void print_sandbox_modes(FILE *to)
{
	fputs("-W '", to);
	for (unsigned mode = 0; mode < SANDBOX_MODES; mode++)
		fprintf(to, "%s%s", mode > 0 ? " " : "", sandbox_mode_name(mode));
	putc('\'', to);
}

/* What compgen is to be asked for. */
static void print_offers(const struct setting *setting, FILE *to)
{
	switch (setting->type) {
	case SETTING_NUMBER:
	case SETTING_SECONDS:
	case SETTING_SIZE:
		fputs("-W ''", to);
		break;
	case SETTING_WORKERS:
		fputs("-W auto", to);
		break;
	case SETTING_PORT:
		fputs("-A service", to);
		break;
	case SETTING_ADDRESS:
		fputs("-A hostname", to);
		break;
	case SETTING_PATH:
		fprintf(to, "-f -W %s", setting->standard);
		break;
	case SETTING_USER:
		fprintf(to, "-u -W %s", setting->standard);
		break;
	case SETTING_GROUP:
		fprintf(to, "-g -W %s", setting->standard);
		break;
	case SETTING_LEVEL:
		print_levels(to);
		break;
	case SETTING_SANDBOX:
		print_sandbox_modes(to);
		break;
	case SETTING_SWITCH:
		fputs("-W 'yes no'", to);
		break;
	case SETTING_ALLOW:
	case SETTING_DENY:
		fputs("-W 'all none'", to);
		break;
	}
}

/* After which words a value is expected; that of a switch only after its '='. */
static void print_pattern(const char *key, char letter, bool is_switch, FILE *to)
{
	putc('\t', to);
	if (letter != 0 && !is_switch)
		fprintf(to, "-%c | ", letter);
	if (!is_switch)
		fprintf(to, "--%s | ", key);
	fprintf(to, "--%s=) offers=(", key);
}

static void print_option_words(const char *key, char letter, FILE *to)
{
	fprintf(to, "\t\t\t--%s", key);
	if (letter != 0)
		fprintf(to, " -%c", letter);
	putc('\n', to);
}

void settings_completion(FILE *to)
{
	fputs(beginning, to);
	print_letters(to);
	fputs("\tcase $option in\n", to);
	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		const struct setting *setting = &settings_table[i];

		print_pattern(setting->key, setting->letter, setting->type == SETTING_SWITCH, to);
		print_offers(setting, to);
		fputs(") ;;\n", to);
	}
	for (size_t i = 0; i < OTHER_OPTIONS_COUNT; i++) {
		if (other_options[i].value_name == NULL)
			continue;
		print_pattern(other_options[i].key, other_options[i].letter, false, to);
		fputs("-f) ;;\n", to);
	}
	fputs("\t*) offers=(-W '\n", to);
	for (size_t i = 0; i < SETTINGS_COUNT; i++)
		print_option_words(settings_table[i].key, settings_table[i].letter, to);
	for (size_t i = 0; i < OTHER_OPTIONS_COUNT; i++)
		print_option_words(other_options[i].key, other_options[i].letter, to);
	fputs(end, to);
}
