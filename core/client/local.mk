libweircore_a_SOURCES += \
	core/client/aborted.c \
	core/client/assignor.h core/client/assignors/assignor.c core/client/assignors/assignor_priv.h \
	core/client/assignors/plan.c core/client/assignors/range.c core/client/assignors/roundrobin.c \
	core/client/assignors/sticky.c core/client/assignors/sticky_even.c \
	core/client/assignors/sticky_general.c \
	core/client/call.c \
	core/client/client.c core/client/client.h core/client/client_priv.h \
	core/client/connection.c core/client/connection.h \
	core/client/consumer.c core/client/consumer_priv.h \
	core/client/coordinator.c core/client/coordinator.h \
	core/client/fetch.c \
	core/client/membership.c core/client/membership.h core/client/membership_priv.h \
	core/client/membership_assign.c core/client/membership_classic.c core/client/membership_modern.c \
	core/client/group_offsets.c core/client/group_offsets.h core/client/group_offsets_priv.h \
	core/client/groups.c core/client/groups.h \
	core/client/metadata.c \
	core/client/offsets.c \
	core/client/partitioner.c core/client/partitioner.h \
	core/client/produce.c core/client/producer.c core/client/producer_priv.h \
	core/client/versions.c core/client/versions.h
