/* SPDX-License-Identifier: ISC */
/*
 * Addresses in words. Not by getnameinfo(3): for the name of a link-local address's
 * interface it opens a socket, which a worker in its sandbox cannot do.
 */
#include "common/nethelp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* ::ffff:192.0.2.1, as an IPv6 socket sees an IPv4 client (RFC 4291, section 2.5.5.2). */
static struct sockaddr_in unmapped(const struct sockaddr_in6 *mapped)
{
	struct sockaddr_in plain = { .sin_family = AF_INET, .sin_port = mapped->sin6_port };

	memcpy(&plain.sin_addr, mapped->sin6_addr.s6_addr + 12, sizeof plain.sin_addr);
	return plain;
}

static char *text_of_six(const struct sockaddr_in6 *six, char *text)
{
	char host[INET6_ADDRSTRLEN];
	char interface[16] = "";

	if (six->sin6_scope_id != 0)
		snprintf(interface, sizeof interface, "%%%u", six->sin6_scope_id);
	inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
	snprintf(text, ADDRESS_TEXT_MAX, "[%s%s]:%u", host, interface, ntohs(six->sin6_port));
	return text;
}

static char *text_of_four(const struct sockaddr_in *four, char *text)
{
	char host[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
	snprintf(text, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(four->sin_port));
	return text;
}

char *address_text(const struct sockaddr *address, socklen_t length, char *text)
{
	const struct sockaddr_in6 *six = (const void *)address;
	struct sockaddr_in plain;

	if (address->sa_family == AF_INET && length >= sizeof plain)
		return text_of_four((const void *)address, text);
	if (address->sa_family != AF_INET6 || length < sizeof *six) {
		strlcpy(text, "unknown address", ADDRESS_TEXT_MAX);
		return text;
	}
	if (!IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		return text_of_six(six, text);
	plain = unmapped(six);
	return text_of_four(&plain, text);
}
