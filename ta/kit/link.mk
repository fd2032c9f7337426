# Links and signs one trusted application, whose UUID is BINARY, with OP-TEE's TA dev kit. Included by
# the Makefile of each; called by ../build_ta, which sets TA_DEV_KIT_DIR, O, CROSS_COMPILE, PYTHON3 and
# ROOM_ARCHIVES (the trusted rooms).

# The kit puts LDADD in front of its own libraries, which call our entry points: ask for them here.
LDADD = --gc-sections -u TA_InvokeCommandEntryPoint --start-group $(ROOM_ARCHIVES) --end-group
additional-link-deps = $(ROOM_ARCHIVES)

include $(TA_DEV_KIT_DIR)/mk/ta_dev_kit.mk
