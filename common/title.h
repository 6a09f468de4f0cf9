/* SPDX-License-Identifier: ISC */
/* The process title, as ps(1) shows it: "echo-master: worker 3 (serving)". */
#ifndef COMMON_TITLE_H
#define COMMON_TITLE_H

/*
 * To be called first thing in main(), with its own arguments: the room for
 * titles is where these and the environment are, which are copied elsewhere.
 */
void title_init(int argc, char **argv);

/*
 * Sets the title to the program's name, a colon and the formatted text, cut to
 * the room there is: under an empty environment that is as long as the command
 * line was. Makes no system call.
 */
void title_set(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A title for later: to show one takes a third of the time of making it. */
struct title {
	char text[128];
};

void title_make(struct title *title, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void title_show(const struct title *title);

#endif
