/*
 * When stores become visible. Part of job_board.pml.
 *
 *   Loads happen in program order: all that matter are acquire. A store waits in a buffer until
 *   `memory` takes it: a release store only after all stores before it, a plain one any time. What
 *   the buffer cannot show is that a relaxed load is early or late; mutants say so by moving it.
 *   post() makes no load of what others write, so its stores can enter the buffer at once. The
 *   compare-and-swap and fetch_add are release and acquire: they wait for the buffer.
 */

/* ---- Stores on their way. */
byte owner_stores;		/* bits as below; program order is bit order */
#define CONTENT 0
#define CLOSE 1
#define MARKS 2			/* all of them: helpers load none */
#define COUNT 3
#define WORK 4
#define FIELD_PARTS 5
#define OPEN 6
byte helper_job[HELPERS + 1];	/* job and part of the stores */
byte helper_part[HELPERS + 1];
bit first_stored[HELPERS + 1], second_stored[HELPERS + 1];
#define ON_ITS_WAY(h) (first_stored[h] || second_stored[h])

#ifdef M_NO_CLOSED_TICKET
#define CLOSING 0
#else
#define CLOSING (1 << CLOSE)
#endif
#ifdef M_MARKS_NOT_CLEARED
#define CLEARING (1 << COUNT)
#elif defined(M_COUNT_NOT_CLEARED)
#define CLEARING (1 << MARKS)
#else
#define CLEARING (1 << MARKS | 1 << COUNT)
#endif
#define POST (1 << CONTENT | CLOSING | CLEARING | 1 << WORK | 1 << FIELD_PARTS | 1 << OPEN)

/* Which stores may overtake earlier ones. */
#if defined(M_FIELDS_STORED_RELAXED)
#define RELAXED (1 << WORK | 1 << FIELD_PARTS)
#elif defined(M_TICKET_STORED_RELAXED)
#define RELAXED (1 << OPEN)
#else
#define RELAXED 0
#endif
#define BEFORE(store) (owner_stores & ((1 << (store)) - 1))
#define ARRIVES(store) \
	((owner_stores & 1 << (store)) && (!BEFORE(store) || (RELAXED & 1 << (store))))
#define ARRIVED(store) owner_stores = owner_stores & ~(1 << (store))

/* ---- Memory. */
/* Nobody writes to what the owner is done with. */
#define ARRIVE(half, stored, h) \
	d_step { stored[h] -> TOUCH; assert(live == helper_job[h]); \
		 half[helper_part[h]] = helper_job[h]; stored[h] = 0 }

active proctype memory() {
end_all_visible:
	do
	:: d_step { ARRIVES(CONTENT) -> content = live; ARRIVED(CONTENT) }
	:: d_step { ARRIVES(CLOSE) -> ticket_job = live; ticket_part = NO_PART; ARRIVED(CLOSE) }
	:: d_step {
		ARRIVES(MARKS) ->
		part_done_[0] = 0; part_done_[1] = 0; part_done_[2] = 0;
		ARRIVED(MARKS)
	   }
	:: d_step { ARRIVES(COUNT) -> parts_done_ = 0; ARRIVED(COUNT) }
	:: d_step { ARRIVES(WORK) -> work_ = live; ARRIVED(WORK) }
	:: d_step { ARRIVES(FIELD_PARTS) -> parts_ = PARTS(live); ARRIVED(FIELD_PARTS) }
	:: d_step {
		ARRIVES(OPEN) && !(owner_stores & 1 << CLOSE) ->	/* of one place: in order */
		ticket_job = live; ticket_part = 0;
		ARRIVED(OPEN)
	   }
	:: ARRIVE(first_half, first_stored, 1)
	:: ARRIVE(second_half, second_stored, 1)
	:: ARRIVE(first_half, first_stored, 2)
	:: ARRIVE(second_half, second_stored, 2)
	od
}

