/* SPDX-License-Identifier: ISC */
/* What the system does, and what is shared. */

/* Signals, and who has sent one; of two that wait the kernel keeps the first (signal(7)). */
#define NOBODY   0
#define MASTER   1
#define STRANGER 2
#define QUIT 0
#define TERM 1
#define HUP  2
#define CHLD 3
bit raised[4];              /* for the master */
typedef two { byte by[2] };
two pending[SLOTS];         /* for a worker: TERM or QUIT, by whom */

/* Processes. */
#define NONE   0
#define LIVES  1
#define ZOMBIE 2
byte process[SLOTS];
bit killed[SLOTS];          /* SIGKILL is on its way */
bit frozen[SLOTS];
bit hears_of_death[SLOTS];  /* PR_SET_PDEATHSIG */
bit master_is_gone;
bit master_was_killed;

/* Listeners, and what the board says of them: enum board_listener. */
#define LISTENER_OPEN     0
#define LISTENER_GATED    1
#define LISTENER_DRAINING 2
#define LISTENER_CLOSED   3
byte board[LISTENERS];
byte holders[LISTENERS];    /* descriptors of it: it is closed with the last one */
bit held_by_master[LISTENERS];
byte waiting[LISTENERS];    /* in its queue */
byte under_way[LISTENERS];  /* handshakes, whose ACK is not here yet */
bit nonblocking[LISTENERS];
bit gated[LISTENERS];       /* connection requests are dropped */

/* Clients. */
#define AWAY        0
#define HALF        1       /* its connect(2) is over, its ACK not here yet */
#define QUEUED      2
#define IN_SESSION  3
#define SERVED      4       /* to its end, or ended in order */
#define TURNED_AWAY 5       /* never let in */
#define LOST        6
byte phase_of[CLIENTS];
byte listener_of[CLIENTS];
byte finished;              /* a bit each: it has sent all, and its FIN */
byte unheard;               /* a bit each: it has inherited the gate, which drops all it sends */
bit came_late[CLIENTS];     /* it was not in the queue when that was to be emptied at once */

/* The ready pipe: what, and the worker's pid. A dead one's pid is given to its successor. */
#define READY_TO_ACCEPT     1
#define READY_ASKS_TO_LEAVE 2
#define READY_TOOK_ONE      3
chan ready_pipe = [2] of { byte, byte };

hidden byte i, j, k;        /* within one step */

/* Nobody whose connect(2) was completed is lost; but where nobody had time for it, see above. */
inline lose(c)
{
	assert(came_late[c]);
	phase_of[c] = LOST
}

/* close(2), or dup2(2) over it: with the last one the queue is reset. */
inline release(l)
{
	holders[l]--;
	if
	:: holders[l] == 0 ->
		for (k : 0 .. CLIENTS - 1) {
			if
			:: phase_of[k] == QUEUED && listener_of[k] == l -> lose(k)
			:: else
			fi
		}
		waiting[l] = 0
	:: else
	fi;
	k = 0
}

/* Who is in the middle of a handshake when nobody waits for it is not promised anything. */
inline excuse(l, until)
{
	for (k : 0 .. CLIENTS - 1) {
		if
		:: phase_of[k] <= until && listener_of[k] == l -> came_late[k] = 1
		:: else
		fi
	}
	k = 0
}

inline send_signal(to, number, from)
{
	if
	:: process[to] == LIVES && pending[to].by[number] == NOBODY ->
		pending[to].by[number] = from
	:: else
	fi
}

/*
 * All its children are told, those that have asked for it; the rest is theirs to find out. A
 * master without children leaves nobody who could serve.
 */
inline kill_master()
{
	d_step {
		master_is_gone = 1;
		master_was_killed = 1;
		for (i : 0 .. SLOTS - 1) {
			if
			:: hears_of_death[i] -> send_signal(i, QUIT, MASTER)
			:: else
			fi;
			if
			:: process[i] == ZOMBIE -> process[i] = NONE
			:: else
			fi
		}
		for (i : 0 .. LISTENERS - 1) {
			if
			:: held_by_master[i] ->
				if
				:: holders[i] == 1 -> excuse(i, QUEUED)
				:: else
				fi;
				held_by_master[i] = 0;
				release(i)
			:: else
			fi
		}
		i = 0
	}
}
