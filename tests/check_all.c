/* SPDX-License-Identifier: ISC */
/*
 * Runs all suites. libcheck's variables work here: CK_RUN_SUITE=plan runs one
 * suite, CK_VERBOSITY=verbose names every test, CK_FORK=no helps a debugger.
 */
#include "tests/suites.h"

#include <stdlib.h>

int main(void)
{
	SRunner *runner = srunner_create(access_suite());
	int failed;

	srunner_add_suite(runner, admission_suite());
	srunner_add_suite(runner, board_suite());
	srunner_add_suite(runner, cpus_suite());
	srunner_add_suite(runner, cpualarm_suite());
	srunner_add_suite(runner, daemon_suite());
	srunner_add_suite(runner, deaths_suite());
	srunner_add_suite(runner, growth_suite());
	srunner_add_suite(runner, hang_suite());
	srunner_add_suite(runner, idleset_suite());
	srunner_add_suite(runner, listener_suite());
	srunner_add_suite(runner, histogram_suite());
	srunner_add_suite(runner, load_options_suite());
	srunner_add_suite(runner, load_schedule_suite());
	srunner_add_suite(runner, load_report_suite());
	srunner_add_suite(runner, load_thread_suite());
	srunner_add_suite(runner, log_suite());
	srunner_add_suite(runner, moves_suite());
	srunner_add_suite(runner, mux_suite());
	srunner_add_suite(runner, nethelp_suite());
	srunner_add_suite(runner, pattern_suite());
	srunner_add_suite(runner, pidfile_suite());
	srunner_add_suite(runner, ping_suite());
	srunner_add_suite(runner, plan_suite());
	srunner_add_suite(runner, privileges_suite());
	srunner_add_suite(runner, ratelimit_suite());
	srunner_add_suite(runner, readypipe_suite());
	srunner_add_suite(runner, refused_suite());
	srunner_add_suite(runner, reload_suite());
	srunner_add_suite(runner, report_suite());
	srunner_add_suite(runner, sandbox_suite());
	srunner_add_suite(runner, session_suite());
	srunner_add_suite(runner, settings_suite());
	srunner_add_suite(runner, settings_file_suite());
	srunner_add_suite(runner, settings_rules_suite());
	srunner_add_suite(runner, settings_types_suite());
	srunner_add_suite(runner, signals_suite());
	srunner_add_suite(runner, standard_suite());
	srunner_add_suite(runner, sources_suite());
	srunner_add_suite(runner, stop_suite());
	srunner_add_suite(runner, systemd_suite());
	srunner_add_suite(runner, tables_suite());
	srunner_add_suite(runner, timestamp_suite());
	srunner_add_suite(runner, workers_suite());
	srunner_add_suite(runner, simulation_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
