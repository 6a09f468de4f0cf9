/* SPDX-License-Identifier: ISC */
#include "common/access.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a mapped address, the bits before the IPv4 address. */
#define MAPPED_BITS 96

static void set_ipv4(struct access_address *address, const struct in_addr *from)
{
	memset(address->byte, 0, 10);
	memset(address->byte + 10, 0xff, 2);
	memcpy(address->byte + 12, from, sizeof *from);
	address->is_ipv4 = true;
}

static void set_ipv6(struct access_address *address, const struct in6_addr *from)
{
	memcpy(address->byte, from, sizeof *from);
	address->is_ipv4 = IN6_IS_ADDR_V4MAPPED(from);
}

bool access_address_of(const struct sockaddr *from, struct access_address *address)
{
	if (from->sa_family == AF_INET)
		set_ipv4(address, &((const struct sockaddr_in *)(const void *)from)->sin_addr);
	else if (from->sa_family == AF_INET6)
		set_ipv6(address, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr);
	else
		return false;
	return true;
}

/* Whether the first `length` bits are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned length)
{
	unsigned whole = length / 8;
	unsigned rest = length % 8;

	return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

static bool has_bits_after(const uint8_t *byte, unsigned length)
{
	for (unsigned bit = length; bit < 128; bit++)
		if (byte[bit / 8] >> (7 - bit % 8) & 1)
			return true;
	return false;
}

/* The number after the '/', which strtonum(3) would take with blanks and signs too. */
static int read_length(const char *text, unsigned most, unsigned *length)
{
	const char *problem = NULL;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	*length = (unsigned)strtonum(text, 0, most, &problem);
	return problem == NULL ? 0 : -1;
}

static int read_network(const char *text, struct access_rule *rule)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t size = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct in6_addr ipv6;
	struct in_addr ipv4;
	unsigned before = 0; /* bits that a length does not count */
	unsigned length;

	if (size >= sizeof address)
		return -1;
	strlcpy(address, text, size + 1);
	if (inet_pton(AF_INET, address, &ipv4) == 1) {
		set_ipv4(&rule->network, &ipv4);
		before = MAPPED_BITS;
	} else if (inet_pton(AF_INET6, address, &ipv6) == 1) {
		set_ipv6(&rule->network, &ipv6);
	} else {
		return -1;
	}
	length = 128 - before;
	if (slash != NULL && read_length(slash + 1, length, &length) < 0)
		return -1;
	rule->length = (uint8_t)(before + length);
	/* ::ffff:0:0/90 would be neither the one family nor the other. */
	if (rule->network.is_ipv4 && rule->length < MAPPED_BITS)
		return -1;
	return has_bits_after(rule->network.byte, rule->length) ? -1 : 0;
}

int access_add(struct access *access, bool allows, const char *network)
{
	struct access_rule rule = { .allows = allows };

	rule.both_families = strcmp(network, "*") == 0 || strcmp(network, "all") == 0;
	if (access->count == ACCESS_RULES_MAX ||
	    (!rule.both_families && read_network(network, &rule) < 0))
		return -1;
	access->rule[access->count++] = rule;
	access->has_allow |= allows;
	return 0;
}

void access_move_last(struct access *access, unsigned count, unsigned kept)
{
	struct access_rule moved[ACCESS_RULES_MAX];
	struct access_rule *to = access->rule + kept;

	memcpy(moved, access->rule + access->count - count, count * sizeof moved[0]);
	memmove(to + count, to, (access->count - count - kept) * sizeof moved[0]);
	memcpy(to, moved, count * sizeof moved[0]);
}

void access_remove(struct access *access, unsigned index)
{
	struct access_rule *gone = access->rule + index;

	access->count--;
	memmove(gone, gone + 1, (access->count - index) * sizeof *gone);
	access->has_allow = false;
	for (unsigned i = 0; i < access->count; i++)
		access->has_allow |= access->rule[i].allows;
}

_Static_assert(sizeof(struct access_rule) == 20, "nothing between the fields");

bool access_is_same(const struct access *a, const struct access *b)
{
	return a->count == b->count &&
	    memcmp(a->rule, b->rule, a->count * sizeof a->rule[0]) == 0;
}

static bool fits(const struct access_rule *rule, const struct access_address *address)
{
	return rule->both_families || (rule->network.is_ipv4 == address->is_ipv4 &&
	    same_bits(rule->network.byte, address->byte, rule->length));
}

bool access_allows(const struct access *access, const struct access_address *address)
{
	for (unsigned i = 0; i < access->count; i++)
		if (fits(&access->rule[i], address))
			return access->rule[i].allows;
	return !access->has_allow;
}

const char *access_network_text(const struct access_rule *rule, char *text)
{
	char address[INET6_ADDRSTRLEN];
	const uint8_t *byte = rule->network.byte;
	unsigned before = rule->network.is_ipv4 ? MAPPED_BITS : 0;

	if (rule->both_families) {
		strlcpy(text, "*", ACCESS_TEXT_MAX);
		return text;
	}
	if (rule->network.is_ipv4)
		inet_ntop(AF_INET, byte + 12, address, sizeof address);
	else
		inet_ntop(AF_INET6, byte, address, sizeof address);
	snprintf(text, ACCESS_TEXT_MAX, rule->length < 128 ? "%s/%u" : "%s", address,
	    rule->length - before);
	return text;
}
