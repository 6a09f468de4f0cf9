/* SPDX-License-Identifier: ISC */
/*
 * Who may connect: rules in the order in which they were written, of which the
 * first that fits an address decides. Pure.
 *
 * An address that no rule fits is let in, unless there is a rule that allows:
 * whoever lists those that may come means nobody else.
 */
#ifndef COMMON_ACCESS_H
#define COMMON_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* The most rules that there can be. */
#define ACCESS_RULES_MAX 128

/* Room for what access_network_text() writes. */
#define ACCESS_TEXT_MAX 64

/* An address without its port. IPv4 is as it is mapped into IPv6 (RFC 4291, section 2.5.5.2). */
struct access_address {
	uint8_t byte[16];
	bool is_ipv4; /* native, or mapped */
};

/* Addresses that have the first `length` bits of `network`. */
struct access_rule {
	struct access_address network;
	uint8_t length;     /* in bits, 0 to 128; at least 96 for IPv4 */
	bool both_families; /* every address there is: "*", or "all" */
	bool allows;        /* or denies */
};

struct access {
	struct access_rule rule[ACCESS_RULES_MAX]; /* in the order that counts */
	unsigned count;
	bool has_allow; /* of the rules, one at least allows */
};

/*
 * Adds the rule for one network: "192.0.2.0/24", "2001:db8::/32", an address
 * without a length for itself alone, "*" or "all" for every one. IPv4 that is
 * mapped into IPv6 is IPv4. Returns 0, or -1 when it is none of these, when a bit
 * after its length is set, or when there is no room.
 */
int access_add(struct access *access, bool allows, const char *network);

/*
 * Moves the last `count` rules to before the others that follow the first
 * `kept`; the order within each part stays.
 */
void access_move_last(struct access *access, unsigned count, unsigned kept);

/* Removes the rule at `index`; the order of the others stays. */
void access_remove(struct access *access, unsigned index);

/* Takes the address of a client from accept(2)'s. Returns false when it is no IP address. */
bool access_address_of(const struct sockaddr *from, struct access_address *address);

/* Tells whether both have the same rules in the same order. */
bool access_is_same(const struct access *a, const struct access *b);

/* Tells whether a client from `address` may be served. */
bool access_allows(const struct access *access, const struct access_address *address);

/* Writes the rule's network as access_add() reads it, to `text` of ACCESS_TEXT_MAX bytes. */
const char *access_network_text(const struct access_rule *rule, char *text);

#endif
