srcs-y += pta.c
srcs-y += cores.c
srcs-y += group.c
srcs-y += lend.c
srcs-y += slot.c
