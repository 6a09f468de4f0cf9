/* SPDX-License-Identifier: ISC */
#include "worker/echo.h"

/*
 * As much as one recv(2) takes. A worker touches, and so owns, only as much of
 * it as its clients send at once.
 */
static char buffer[64 * 1024];

void echo_serve(struct session *session)
{
	ssize_t got;

	while ((got = session_receive(session, buffer, sizeof buffer)) > 0)
		if (session_send(session, buffer, (size_t)got) < 0)
			return;
}
