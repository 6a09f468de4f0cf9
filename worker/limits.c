/* SPDX-License-Identifier: ISC */
#include "worker/limits.h"

struct limits limits_of(const struct settings *settings)
{
	int64_t rate = settings->rate;

	return (struct limits){ .idle_ms = settings->idle_timeout * 1000,
		.write_ms = settings->write_timeout * 1000,
		.first_byte_ms = settings->first_byte_timeout * 1000,
		.session_ms = settings->session_time * 1000,
		.session_bytes = settings->session_bytes,
		.source = { .at_a_time = settings->per_source, .burst = settings->rate_burst,
		    .interval_ns = rate > 0 ? 1000000000 / rate : 0 },
		.access = &settings->access.rules };
}

/*
 * What the kernel defers is lost when the listener is closed. To wait for it is no way
 * out: with TCP_DEFER_ACCEPT taken away the kernel lets a silent client in when its next
 * SYN-ACK is due, and that is only after about as long as the client has waited already.
 */
struct connection_times limits_times(const struct settings *settings)
{
	struct limits limits = limits_of(settings);

	return (struct connection_times){ .send_ms = limits.write_ms,
		.receive_ms = limits.first_byte_ms > 0 ? limits.first_byte_ms : limits.idle_ms,
		.defer_ms = settings->connections == 1 ? limits.first_byte_ms : 0 };
}
