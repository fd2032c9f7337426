/* What a helper does: JobBoard::serve, and coming and going. Part of job_board.pml. */
#define FORGET job = 0; part = 0; work = 0; parts = 0; limit = HELPERS + 1; won = 0

inline load_ticket() { d_step { TOUCH; job = ticket_job; part = ticket_part } }
inline load_fields() { d_step { TOUCH; work = work_ }; d_step { TOUCH; parts = parts_ } }

inline load_limit() { d_step { TOUCH; limit = workers_ } }

#ifdef M_TICKET_WITHOUT_JOB
#define SAME_TICKET (ticket_part == part)
#else
#define SAME_TICKET (ticket_job == job && ticket_part == part)
#endif

/* Claims a part by the ticket: `won` says whether. */
inline claim() {
#ifdef M_CLAIM_WITHOUT_SWAP
	d_step { TOUCH; won = SAME_TICKET };
	if
	:: won -> d_step { ticket_part = part + 1; won_part() }
	:: else
	fi
#else
	d_step {
		TOUCH;
		won = SAME_TICKET;
		if
		:: won -> ticket_part = part + 1; won_part()
		:: else
		fi
	}
#endif
}

/* Part of a d_step: what must be true for whoever has won a part. */
inline won_part() {
#ifdef M_FIELDS_LOADED_RELAXED
	skip
#else
	assert(part < parts && work == job);	/* the fields are those of the ticket's job */
	part_is_mine()
#endif
}

inline part_is_mine() {
	assert(live == job);			/* a job that is being waited for */
	assert(content == job);			/* all of it is visible */
	assert(part < PARTS(job));
	assert(!taken[part]);
	assert(me < workers_);
	taken[part] = 1;
	writer[part] = me
}

inline store_output() {
	d_step { TOUCH; helper_job[me] = job; helper_part[me] = part; first_stored[me] = 1 };
	d_step { TOUCH; second_stored[me] = 1 }
}

inline mark() { d_step { !ON_ITS_WAY(me) -> TOUCH; assert(live == job); part_done_[part] = 1 } }
inline mark_at_once() { d_step { TOUCH; assert(live == job); part_done_[part] = 1 } }

inline count() {
	d_step {
		TOUCH;
		assert(live == job);
		parts_done_++;
		writer[part] = 0; helper_job[me] = 0; helper_part[me] = 0
	}
}

inline do_part() {
#if defined(M_MARK_BEFORE_WORK)
	mark_at_once(); store_output(); !ON_ITS_WAY(me); count()
#elif defined(M_COUNT_BEFORE_MARK)
	store_output(); !ON_ITS_WAY(me); count(); mark()
#elif defined(M_COUNT_RELAXED)
	store_output(); count(); mark()		/* overtakes the mark, which waits for the output */
#else
	store_output(); mark(); count()
#endif
}

inline take_one() {
#if defined(M_TICKET_LOADED_RELAXED)
	load_fields(); load_ticket();
#elif defined(M_FIELDS_LOADED_RELAXED)
	load_ticket();
	if
	:: part != NO_PART -> claim()	/* the loads below are late; the branch was guessed right */
	:: else
	fi;
	load_fields();
#else
	load_ticket();
	load_fields();
#if defined(BOARD_OPENS) && !defined(M_LIMIT_LOADED_BEFORE_TICKET)
	load_limit();
#endif
#endif
	if
	:: part >= parts || me >= limit	/* nothing to claim */
#ifdef M_FIELDS_LOADED_RELAXED
		-> if :: won -> end_guessed_wrong: false :: else fi	/* no such execution */
	:: else
		-> if :: won -> d_step { assert(work == job); part_is_mine() } :: else fi
#else
	:: else -> claim()
#endif
	fi;
	if
	:: won -> do_part()
	:: else
	fi;
	d_step { FORGET }
}

inline serve_while_open() {
#ifdef M_PRESENT_NOT_ATOMIC
	d_step { TOUCH; now = present_ };
	d_step { TOUCH; present_ = now + 1 };
#else
	d_step { TOUCH; present_++ };
#endif
	d_step { TOUCH; entered = epoch_; open_entry[me] = epoch_ & 1 };
	do
	:: d_step { TOUCH; now = epoch_; open_entry[me] = open_entry[me] | (now & 1) };
		if
#ifndef M_HELPER_IGNORES_CLOSE
		:: now != entered && now != (entered | 1) -> break
#endif
		:: now == (entered | 1) ->
#ifdef M_LIMIT_LOADED_BEFORE_TICKET
			load_limit();
#endif
			take_one()
		:: else			/* the board is closed */
		fi
	:: !open_entry[me] -> break	/* patience is over */
#ifndef ENDLESS_PATIENCE
	:: open_entry[me] -> break
#endif
	od;
	atomic { TOUCH; assert(present_ > 0); present_--; now = 0; entered = 0 };
	d_step { inside[me] = 0; open_entry[me] = 0 }
}

/*
 * No other property rests on the epoch or on `present_`, so without BOARD_OPENS helpers take parts
 * whenever they like, which is more than the epoch lets them do.
 */
inline serve() {
#ifdef BOARD_OPENS
	serve_while_open()
#else
	do
	:: take_one()
	:: break
	od;
	inside[me] = 0
#endif
}

proctype helper(byte me) {
	byte job, part, work, parts, now, entered;
	byte limit = HELPERS + 1;
	bit won;
end_outside:
	do
	:: atomic { group_on && !killed[me] -> inside[me] = 1 };
		{
			serve()
		} unless {
			evicted[me] || killed[me]
		};
		d_step { FORGET; now = 0; entered = 0; open_entry[me] = 0 };
#ifdef KILLER
		if
		:: killed[me] -> evicted[me]; d_step { inside[me] = 0; evicted[me] = 0 }; break
		:: else
		fi;
#endif
		d_step { inside[me] = 0; evicted[me] = 0 }
	od
}
