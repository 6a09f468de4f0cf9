/* SPDX-License-Identifier: ISC */
/* echo-load: puts load on any echo server and says exactly what was lost, and how late it was. */
#include "client/load.h"
#include "common/standard.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

static int report(const struct load_options *options, const struct load_result *result)
{
	int code;

	if (options->json)
		code = load_report_json(options, result);
	else
		code = load_report_text(options, result);
	if (code == EX_OK && options->hgrm != NULL)
		code = load_report_hgrm(options, result);
	return code;
}

/* Connections in a class that --fail-on names. */
static uint64_t failures(const struct load_options *options, const struct load_result *result)
{
	uint64_t count = 0;

	for (unsigned class = 0; class < LOAD_CLASSES; class++)
		if ((options->fail_on & 1u << class) != 0)
			count += result->classes[class];
	return count;
}

int main(int argc, char **argv)
{
	static struct load_result result;
	struct load_options options;
	int code;

	if (standard_open() < 0)
		return EX_OSERR;
	switch (load_read_options(&options, argc, argv)) {
	case LOAD_HELP:
		load_print_help();
		return standard_printed();
	case LOAD_VERSION:
		puts("echo-load " ECHO_VERSION);
		return standard_printed();
	case LOAD_WRONG:
		return EX_USAGE;
	case LOAD_RUN:
		break;
	}
	code = load_run(&options, &result,
	    isatty(STDERR_FILENO) && !options.json ? load_report_progress : NULL);
	if (code == EX_OK)
		code = report(&options, &result);
	if (code == EX_OK && result.losses_unwritten)
		code = EX_IOERR;
	if (code == EX_OK && failures(&options, &result) > 0)
		code = 1;
	return code;
}
