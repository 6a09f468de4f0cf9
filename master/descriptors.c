/* SPDX-License-Identifier: ISC */
#include "master/descriptors.h"

#include "common/log.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

int descriptors_allow(unsigned connections)
{
	rlim_t needed = (rlim_t)connections + DESCRIPTORS_BESIDES;
	rlim_t most;
	struct rlimit limit, raised;

	if (connections == 1)
		return 0; /* what any process may have is enough */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
		log_error("getrlimit: %s", strerror(errno));
		return -1;
	}
	if (limit.rlim_cur >= needed)
		return 0;
	raised = (struct rlimit){ .rlim_cur = needed,
		.rlim_max = limit.rlim_max > needed ? limit.rlim_max : needed };
	if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
		return 0;
	most = limit.rlim_max > DESCRIPTORS_BESIDES ? limit.rlim_max - DESCRIPTORS_BESIDES : 1;
	log_error("connections %u: %ju descriptors are needed, the limit is %ju (ulimit -Hn): %s; "
	          "allowed: up to %ju", connections, (uintmax_t)needed, (uintmax_t)limit.rlim_max,
	    strerror(errno), (uintmax_t)most);
	return -1;
}
