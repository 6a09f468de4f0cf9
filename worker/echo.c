/* SPDX-License-Identifier: ISC */
#include "worker/echo.h"

void echo_serve(struct session *session)
{
	ssize_t got;

	while ((got = session_receive(session, session->buffer, session->buffer_size)) > 0)
		if (session_send(session, session->buffer, (size_t)got) < 0)
			return;
}

int echo_received(struct session *session, char *bytes, size_t size)
{
	return session_reply(session, bytes, size);
}
