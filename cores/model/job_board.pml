/*
 * The protocol of cores/job_board.h, with eviction and redo, as a model for Spin. README.md says
 * how it is run; docs/secure-cores.md explains the protocol. Names follow job_board.cc.
 *
 * Who takes part
 *   owner    posts JOBS jobs into the same memory, takes parts itself, waits; after a time-out,
 *            which may come at any moment, it calls STOP, does what is not marked, and may START again
 *   helper   one process for each slot. Comes and goes as often as the normal world likes. It may
 *            be withheld at every step (the scheduler just does not choose it), for ever
 *            (`killed`), and be evicted at every step (`unless`)
 *   memory   makes stores visible to the others, late and out of order where that is allowed
 *
 * Mutants: each of the M_* below takes away one thing that the protocol rests on. test_model.py
 * holds that each is found.
 */
#ifndef JOBS
#define JOBS 3
#endif
#ifndef PARTS_1
#define PARTS_1 1		/* fewer than the next job has: a stale ticket looks good then */
#define PARTS_2 2
#define PARTS_3 1
#endif
#define MOST_PARTS 3
#define PARTS(job) ((job) == 1 -> PARTS_1 : ((job) == 2 -> PARTS_2 : PARTS_3))
#define HELPERS 2
#define NO_PART 15

/* ---- The board, as everybody sees it. */
byte ticket_job, ticket_part = NO_PART;
byte work_;			/* which job's Work the pointer names */
byte parts_;
byte parts_done_;
bit part_done_[MOST_PARTS];
byte epoch_;			/* odd: open */
byte workers_ = HELPERS + 1;	/* workers below this one may take parts while it is open */
byte present_;
byte content;			/* of the Work itself: one place, used by job after job */
byte first_half[MOST_PARTS], second_half[MOST_PARTS];	/* output: job that wrote it last */

/* ---- The pseudo-TA. */
bit group_on;			/* LEND lets helpers in */
bit inside[HELPERS + 1];	/* a thread is in slot h - 1 */
bit evicted[HELPERS + 1];	/* and executes nothing any more */
bit killed[HELPERS + 1];	/* Linux never runs the thread again */

/* ---- Only for the properties. */
byte live;			/* job whose memory may be written; 0: none */
bit taken[MOST_PARTS];		/* part was claimed in this job */
byte writer[MOST_PARTS];	/* who is at work on it; 0: nobody, or the owner */
bit stopped;			/* STOP has returned, no START since */
bit open_entry[HELPERS + 1];	/* came in, or stayed, while the board was open */
bit finished;

#define TOUCH assert(!stopped)

#include "memory.pml"
#include "helper.pml"

/* ---- The owner. */
inline start() { d_step { stopped = 0; group_on = 1 } }

/*
 * One slot after the other; on return what the helpers had executed has arrived. That a thread
 * without its memory has also left is not waited for in reality; it changes nothing for others.
 */
inline evict(h) {
	evicted[h] = inside[h];
	!evicted[h];
#ifndef M_STOP_DOES_NOT_WAIT
	!ON_ITS_WAY(h);
#endif
	d_step {
		do
		:: p < MOST_PARTS -> writer[p] = (writer[p] == h -> 0 : writer[p]); p++
		:: else -> break
		od;
		p = 0
	}
}

inline stop() {
	group_on = 0;
	evict(1);
#ifndef M_STOP_FORGETS_A_SLOT
	evict(2);
#endif
	stopped = 1
}

inline post() {
	d_step {
		live = job;
		do
		:: p < MOST_PARTS -> taken[p] = 0; p++
		:: else -> p = 0; break
		od;
		owner_stores = POST
	};
	owner_stores == 0		/* the owner's first compare-and-swap would wait for this */
}

/* Helpers read neither marks nor output: in one step is the same to them. */
inline do_own_part() {
	d_step {
		assert(writer[part] == 0);	/* nobody else can write any more */
		first_half[part] = job; second_half[part] = job;
		part_done_[part] = 1; parts_done_++
	}
}

inline take_part() {
	do
	:: d_step { part = ticket_part };
		if
		:: part >= PARTS(job) -> break
		:: else -> atomic {
			if
			:: ticket_part == part -> d_step { ticket_part++; assert(!taken[part]); taken[part] = 1 };
				do_own_part()
			:: else
			fi
		   }
		fi
	od;
	part = 0
}

inline redo() {
	ticket_part = NO_PART;
	do
	:: part < PARTS(job) ->
		atomic {
			if
			:: !part_done_[part] -> do_own_part()
			:: else
			fi
		};
		part++
	:: else -> part = 0; break
	od;
	parts_done_ = PARTS(job)
}

/* Nothing is lost: every part is there as a whole, from this job. */
inline look() {
	d_step {
		do
		:: p < PARTS(job) ->
			assert(first_half[p] == job && second_half[p] == job);
			assert(writer[p] == 0);
			p++
		:: else -> break
		od;
		p = 0
	}
}

inline finish() {
#ifndef M_POST_WITHOUT_WAITING
	if
#ifdef M_DONE_LOADED_RELAXED
	:: atomic { true -> look(); }; parts_done_ == PARTS(job)	/* looks before it is done */
#else
	:: parts_done_ == PARTS(job)
#endif
#ifndef M_NO_TIME_OUT
	:: true ->
#ifndef M_REDO_WITHOUT_STOP
		stop();
#endif
		redo();
#ifdef M_PRESENT_RESET_LATE
		start();
#endif
		present_ = 0;
#endif
	fi;
#endif
	look();
	live = 0
}

active proctype owner() {
	byte job = 1, part, p;
	run helper(1);
#ifndef ONE_HELPER
	run helper(2);
#endif
	start();
	do
	:: job <= JOBS ->
#ifdef BOARD_OPENS
		do	/* a job may also be posted to a closed board */
		:: epoch_ == 0 || epoch_ == 2 ->
			if
			:: workers_ = 1
			:: workers_ = HELPERS + 1
			fi;
			epoch_++
		:: epoch_ == 1 -> epoch_++
		:: break
		od;
#endif
		if
		:: !group_on -> start()
		:: true
		fi;
		post();
		take_part();
		finish();
		job++
	:: else -> break
	od;
#ifdef BOARD_OPENS
	if
	:: epoch_ & 1 -> epoch_++
	:: else
	fi;
#endif
#ifdef LEAVING
	finished = 1		/* without STOP: helpers leave by themselves */
#else
	stop();
	finished = 1
#endif
}

#ifdef KILLER
active proctype killer() {
	do
	:: inside[1] && !killed[1] -> killed[1] = 1
#ifndef ONE_HELPER
	:: inside[2] && !killed[2] -> killed[2] = 1
#endif
	:: break		/* fairness must not force it to kill */
	od
}

/* With every process that can go on going on some time, and every helper withheld at any step. */
#ifdef LEAVING
ltl helpers_leave { [] ((finished && open_entry[1]) -> <> (!inside[1] || killed[1])) }
#else
ltl owner_finishes { <> finished }
#endif
#endif
