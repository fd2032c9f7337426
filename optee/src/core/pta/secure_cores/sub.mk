srcs-y += pta.c
srcs-y += group.c
srcs-y += slot.c
