# Unit tests: one program a module, named after its path (core/base/arena -> test_base_arena).
unit_tests = \
	tests/unit/test_base_bytes \
	tests/unit/test_base_containers \
	tests/unit/test_base_err \
	tests/unit/test_base_json \
	tests/unit/test_base_memory \
	tests/unit/test_base_regex \
	tests/unit/test_base_text \
	tests/unit/test_broker_admin \
	tests/unit/test_broker_conns \
	tests/unit/test_broker_engine \
	tests/unit/test_broker_fetch \
	tests/unit/test_broker_producers \
	tests/unit/test_cli_envelope \
	tests/unit/test_cli_filter \
	tests/unit/test_cli_format \
	tests/unit/test_cli_options \
	tests/unit/test_cli_shell_line \
	tests/unit/test_cli_times \
	tests/unit/test_cli_top \
	tests/unit/test_client_assignors \
	tests/unit/test_client_partitioner \
	tests/unit/test_conf_export \
	tests/unit/test_conf_load \
	tests/unit/test_conf_table \
	tests/unit/test_conf_values \
	tests/unit/test_group_golden \
	tests/unit/test_group_model \
	tests/unit/test_io_fs \
	tests/unit/test_io_loop \
	tests/unit/test_io_net \
	tests/unit/test_meta_image \
	tests/unit/test_meta_store \
	tests/unit/test_record_batch \
	tests/unit/test_record_codec \
	tests/unit/test_record_damage \
	tests/unit/test_record_golden \
	tests/unit/test_record_legacy \
	tests/unit/test_record_republish \
	tests/unit/test_record_validate \
	tests/unit/test_stat \
	tests/unit/test_store_compact \
	tests/unit/test_store_golden \
	tests/unit/test_store_log \
	tests/unit/test_store_producers \
	tests/unit/test_store_recovery \
	tests/unit/test_wire_edges \
	tests/unit/test_wire_golden \
	tests/unit/test_wire_json \
	tests/unit/test_wire_messages
if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
LDADD = libweircore.a $(weir_libs)
unit_ldadd = libweircore.a $(CMOCKA_LIBS) $(weir_libs)
tests_unit_test_base_err_LDADD = $(unit_ldadd)
tests_unit_test_base_memory_LDADD = $(unit_ldadd)
tests_unit_test_base_bytes_LDADD = $(unit_ldadd)
tests_unit_test_base_containers_LDADD = $(unit_ldadd)
tests_unit_test_base_regex_LDADD = $(unit_ldadd)
tests_unit_test_base_text_LDADD = $(unit_ldadd)
tests_unit_test_conf_table_LDADD = $(unit_ldadd)
tests_unit_test_conf_load_LDADD = $(unit_ldadd)
tests_unit_test_conf_values_LDADD = $(unit_ldadd)
tests_unit_test_conf_export_LDADD = $(unit_ldadd)
tests_unit_test_stat_LDADD = $(unit_ldadd)
tests_unit_test_io_fs_LDADD = $(unit_ldadd)
tests_unit_test_io_loop_LDADD = $(unit_ldadd)
tests_unit_test_io_net_LDADD = $(unit_ldadd)
tests_unit_test_record_batch_LDADD = $(unit_ldadd)
tests_unit_test_record_republish_LDADD = $(unit_ldadd)
tests_unit_test_record_validate_LDADD = $(unit_ldadd)
tests_unit_test_record_codec_LDADD = $(unit_ldadd)
tests_unit_test_record_legacy_LDADD = $(unit_ldadd)
tests_unit_test_record_damage_LDADD = $(unit_ldadd)
tests_unit_test_record_golden_LDADD = $(unit_ldadd)
EXTRA_DIST += tests/data/record tests/unit/sha256.h tests/interop/golden_disk.sh
if HAVE_CMOCKA
TESTS += tests/interop/golden_disk.sh
check_PROGRAMS += tests/interop/golden_errors
TESTS += tests/interop/golden_errors
endif
tests_interop_golden_errors_LDADD = libweirbroker.a $(unit_ldadd)
EXTRA_DIST += tests/data/wire/errors.jsonl tests/data/wire/errors_groups.jsonl tests/interop/golden.h
tests_unit_test_wire_messages_LDADD = $(unit_ldadd)
tests_unit_test_wire_golden_LDADD = $(unit_ldadd)
tests_unit_test_wire_edges_LDADD = $(unit_ldadd)
tests_unit_test_wire_json_LDADD = $(unit_ldadd)
EXTRA_DIST += tests/data/wire/frames.jsonl tests/data/wire/payloads.jsonl tests/data/wire/records.jsonl
tests_unit_test_meta_store_LDADD = $(unit_ldadd)
EXTRA_DIST += tests/unit/meta_dir.h
tests_unit_test_base_json_LDADD = $(unit_ldadd)
tests_unit_test_client_partitioner_LDADD = $(unit_ldadd)
tests_unit_test_client_assignors_LDADD = $(unit_ldadd)
EXTRA_DIST += tests/data/client
tests_unit_test_meta_image_LDADD = $(unit_ldadd)
EXTRA_DIST += tests/data/conf/kafka-4.3.1.tsv
tests_unit_test_broker_admin_LDADD = libweirbroker.a $(unit_ldadd)
tests_unit_test_broker_conns_LDADD = libweirbroker.a $(unit_ldadd)
tests_unit_test_broker_fetch_LDADD = libweirbroker.a $(unit_ldadd)
tests_unit_test_broker_engine_LDADD = libweirbroker.a $(unit_ldadd)
tests_unit_test_broker_producers_LDADD = libweirbroker.a $(unit_ldadd)
tests_unit_test_store_golden_LDADD = $(unit_ldadd)
tests_unit_test_group_golden_LDADD = libweirbroker.a $(unit_ldadd)
EXTRA_DIST += tests/data/group
tests_unit_test_group_model_SOURCES = tests/unit/test_group_model.c tests/unit/group_client.c \
	tests/unit/group_world.c tests/unit/group_world.h tests/unit/group_dump.h
tests_unit_test_group_model_LDADD = libweirbroker.a $(unit_ldadd)
EXTRA_DIST += tests/fault/group_mutants.sh

# The long form of the group coordinator's model test, and the faults it has to find.
model: tests/unit/test_group_model libweircore.a
	tests/unit/test_group_model 1 100000
	CC='$(CC)' CFLAGS='$(AM_CPPFLAGS) $(AM_CFLAGS) $(CPPFLAGS) $(CFLAGS)' LIBS='$(unit_ldadd)' \
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	bash $(srcdir)/tests/fault/group_mutants.sh
.PHONY: model
tests_unit_test_store_compact_LDADD = $(unit_ldadd)
tests_unit_test_store_log_LDADD = $(unit_ldadd)
tests_unit_test_store_producers_LDADD = $(unit_ldadd)
tests_unit_test_store_recovery_LDADD = $(unit_ldadd)
EXTRA_DIST += tests/unit/store.h tests/unit/disk.h
EXTRA_DIST += tests/unit/engine.h tests/unit/test.h tests/count

check_PROGRAMS += tests/lint/messages_check
lint_tests = \
	tests/lint/banned.sh tests/lint/man.sh \
	tests/lint/format.sh \
	tests/lint/headers.sh \
	tests/lint/layers.sh \
	tests/lint/messages.sh \
	tests/lint/sizes.sh \
	tests/lint/tables.sh
TESTS += $(lint_tests)
EXTRA_DIST += $(lint_tests)

# Command line: one bats file a command at least.
cli_tests = \
	tests/cli/bench.bats \
	tests/cli/broker.bats \
	tests/cli/cluster.bats \
	tests/cli/common.bats \
	tests/cli/compact.bats \
	tests/cli/completion.bats \
	tests/cli/config.bats \
	tests/cli/context.bats \
	tests/cli/consume.bats \
	tests/cli/cuts.bats \
	tests/cli/dir.bats \
	tests/cli/doctor.bats \
	tests/cli/error.bats \
	tests/cli/filter.bats \
	tests/cli/forms.bats \
	tests/cli/group.bats \
	tests/cli/help.bats \
	tests/cli/json.bats \
	tests/cli/man_examples.bats \
	tests/cli/options.bats \
	tests/cli/kcat.bats \
	tests/cli/merge.bats \
	tests/cli/metrics.bats \
	tests/cli/produce.bats \
	tests/cli/readme.bats \
	tests/cli/segment.bats \
	tests/cli/shell.bats \
	tests/cli/testing.bats \
	tests/cli/top.bats \
	tests/cli/sink.bats \
	tests/cli/sink_kill.bats \
	tests/cli/tail.bats \
	tests/cli/topic.bats \
	tests/cli/topic_apply.bats \
	tests/cli/topic_partitions.bats \
	tests/cli/trace.bats \
	tests/cli/wire.bats \
	tests/cli/wishes.bats
if HAVE_BATS
TESTS += $(cli_tests)
endif
EXTRA_DIST += $(cli_tests) tests/cli/common.bash tests/cli/broker.bash tests/cli/man_world.bash tests/cli/run.sh tests/data/disk
cli_ldadd = libweircli.a $(unit_ldadd)
tests_unit_test_cli_filter_LDADD = $(cli_ldadd)
tests_unit_test_cli_format_LDADD = $(cli_ldadd)
tests_unit_test_cli_options_LDADD = $(cli_ldadd)
tests_unit_test_cli_shell_line_LDADD = $(cli_ldadd)
tests_unit_test_cli_times_LDADD = $(cli_ldadd)
tests_unit_test_cli_top_LDADD = $(cli_ldadd)
tests_unit_test_cli_envelope_LDADD = $(cli_ldadd)

# Other people's clients.
interop_tests = tests/interop/kcat.bats tests/interop/groups.bats
if HAVE_BATS
TESTS += $(interop_tests)
endif
EXTRA_DIST += $(interop_tests)
if HAVE_RDKAFKA
check_PROGRAMS += tests/interop/rdkafka
endif
tests_interop_rdkafka_CFLAGS = $(AM_CFLAGS) $(RDKAFKA_CFLAGS)
tests_interop_rdkafka_LDADD = $(RDKAFKA_LIBS)

# Other people's clients: ./bootstrap interop.
EXTRA_DIST += tests/interop/clients
