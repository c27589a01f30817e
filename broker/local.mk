noinst_LIBRARIES += libweirbroker.a
libweirbroker_a_SOURCES = \
	broker/adopt.c \
	broker/await.c broker/await.h \
	broker/broker.c broker/broker.h broker/broker_priv.h \
	broker/cleaner.c broker/cleaner.h \
	broker/conn.c broker/conn.h \
	broker/deadlines.c broker/deadlines.h \
	broker/dispatch.c broker/dispatch.h broker/handlers.def broker/features.def \
	broker/fetch_sessions.c broker/fetch_sessions.h \
	broker/flush.c broker/flush.h \
	broker/group/admin.c broker/group/admin.h \
	broker/group/call.c broker/group/catalog.h \
	broker/group/classic.c broker/group/classic.h broker/group/classic_priv.h \
	broker/group/classic_requests.c \
	broker/group/commit.c broker/group/commit.h \
	broker/group/assignor.h broker/group/assignor_range.c broker/group/assignor_uniform.c \
	broker/group/modern.c broker/group/modern.h broker/group/modern_priv.h \
	broker/group/modern_beat_priv.h \
	broker/group/modern_change.c broker/group/modern_check.c \
	broker/group/modern_classic.c broker/group/modern_describe.c \
	broker/group/modern_member.c broker/group/modern_records.c \
	broker/group/coordinator.c broker/group/coordinator.h broker/group/coordinator_priv.h \
	broker/group/expiry.c \
	broker/group/load.c \
	broker/group/member.c \
	broker/group/migrate.c broker/group/mutant.h \
	broker/group/offsets.c broker/group/offsets.h \
	broker/group/re2_syntax.c broker/group/reconcile.c broker/group/resolve.c \
	broker/group/runner.c broker/group/runner.h broker/group/runner_priv.h \
	broker/group/target.c \
	broker/group/tp_set.c broker/group/tp_set.h \
	broker/housekeeper.c \
	broker/kafka_metadata.c broker/kafka_metadata.h \
	broker/listen.c \
	broker/outgoing.c broker/outgoing.h \
	broker/metrics.c \
	broker/partition.c broker/partition.h \
	broker/producer_ids.c broker/producer_ids.h \
	broker/reactor.c broker/reactor.h \
	broker/recover.c \
	broker/repeats.c broker/repeats.h \
	broker/reply.c broker/reply.h \
	broker/settings.c \
	broker/topic_admin.c broker/topic_admin.h \
	broker/topics.c broker/topics.h \
	broker/handlers/alter_configs.c \
	broker/handlers/api_versions.c \
	broker/handlers/cluster.c \
	broker/handlers/config_resources.c \
	broker/handlers/configs.c broker/handlers/configs.h \
	broker/handlers/consumer_group.c \
	broker/handlers/delete_records.c \
	broker/handlers/fetch.c \
	broker/handlers/find_coordinator.c \
	broker/handlers/groups.c \
	broker/handlers/join_group.c \
	broker/handlers/list_offsets.c \
	broker/handlers/metadata.c \
	broker/handlers/offset_commit.c \
	broker/handlers/offset_fetch.c \
	broker/handlers/produce.c \
	broker/handlers/producers.c \
	broker/handlers/topics.c
