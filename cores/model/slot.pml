/*
 * Who frees a slot of the pseudo-TA, and who is in it when STOP returns: the states of
 * optee/src/core/pta/secure_cores/. One owner starts and stops its group GENERATIONS times,
 * with one slot each time; two lenders come and go. What the code does under its lock is one step here.
 */
#define GENERATIONS 2
#define NONE GENERATIONS

mtype = { FREE, ENTERING, INSIDE, EVICTING, ABANDONED, EVICTED };

mtype state[GENERATIONS];
bit exists[GENERATIONS], freed[GENERATIONS];
bit mapped[GENERATIONS];	/* the slot's context has the TA's memory */
bit stopped[GENERATIONS];	/* STOP has returned */
byte current = NONE;		/* slot of the started group */
byte lent;			/* tables_lent */

#define USE(slot) assert(exists[slot] && !freed[slot])

inline free_slot(slot) { d_step { USE(slot); freed[slot] = 1 } }

inline claim_slot() {
#ifdef M_CLAIM_WITHOUT_LOCK
	atomic { current != NONE && state[current] == FREE -> slot = current };
	lent++;
	state[slot] = ENTERING
#else
	d_step {
		current != NONE && state[current] == FREE ->
		slot = current; state[slot] = ENTERING; lent++
	}
#endif
}

inline go_inside() {
#ifdef M_ENTER_WITHOUT_LOCK
	ok = state[slot] == ENTERING;
	if
	:: ok -> state[slot] = INSIDE
	:: else
	fi
#else
	d_step {
		ok = state[slot] == ENTERING;
		if
		:: ok -> state[slot] = INSIDE
		:: else
		fi
	}
#endif
}

/* slot_run(): each instruction needs its mapping, a fault ends it. */
inline slot_run() {
	do
	:: d_step { mapped[slot] -> USE(slot); assert(!stopped[slot]) }
	:: break	/* returns, panics, or has found nothing mapped */
	od
}

inline release_slot() {
	d_step {
		USE(slot);
		lent--;
		destroy = 0;
		if
		:: state[slot] == INSIDE -> state[slot] = FREE
#ifdef M_NO_ABANDONED
		:: state[slot] == EVICTING -> destroy = 1
#else
		:: state[slot] == EVICTING -> state[slot] = ABANDONED
#endif
		:: else -> assert(state[slot] == EVICTED); destroy = 1
		fi
	};
	if
	:: destroy -> free_slot(slot)
	:: else
	fi
}

active [2] proctype lender() {
	byte slot;
	bit ok, destroy;
end_outside:
	do
	:: claim_slot();
		USE(slot);		/* slot_enter() */
		go_inside();
		if
		:: ok -> slot_run()
		:: else
		fi;
		USE(slot);		/* slot_leave() */
		release_slot();
		d_step { slot = 0; ok = 0; destroy = 0 }
	od
}

inline detach_slots() {
	d_step {
		slot = current;
		current = NONE;
		skipped = 0;
		if
#ifdef M_ENTERING_NOT_TOLD
		:: state[slot] == ENTERING -> skipped = 1
#else
		:: state[slot] == ENTERING -> state[slot] = EVICTED; skipped = 1
#endif
		:: state[slot] == INSIDE -> state[slot] = EVICTING
		:: else
		fi
	}
}

inline evict() {
	USE(slot);
#ifndef M_KEEPS_MAPPING
	mapped[slot] = 0;	/* tables cleared, translations flushed */
#endif
	USE(slot);		/* references dropped */
	d_step {
		left = state[slot] == ABANDONED;
		if
		:: !left -> state[slot] = EVICTED
		:: else
		fi
	};
	if
	:: left -> free_slot(slot)
	:: else
	fi
}

active proctype owner() {
	byte generation, slot;
	bit skipped, left;
	do
	:: generation < GENERATIONS ->
		d_step {		/* publish() */
			state[generation] = FREE;
			exists[generation] = 1;
			mapped[generation] = 1;
			current = generation
		};
		detach_slots();
		if
		:: skipped
		:: !skipped && state[slot] == FREE -> free_slot(slot)
		:: !skipped && state[slot] != FREE -> evict()
		fi;
		stopped[generation] = 1;
		generation++
	:: else -> break
	od;
	timeout ->		/* and when everybody is gone, nothing is left */
	assert(lent == 0 && freed[0] && freed[1])
}
