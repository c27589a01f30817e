bin_PROGRAMS += weir
weir_SOURCES = cli/main.c
weir_LDADD = libweircli.a libweirbroker.a libweircore.a $(weir_libs)

# All of the command line but main(), so that tests can link it.
noinst_LIBRARIES += libweircli.a
libweircli_a_SOURCES = \
	cli/base64.c cli/base64.h \
	cli/bench.c cli/bench.h cli/bench_consume.c cli/bench_latency.c cli/bench_plot.c cli/bench_produce.c \
	cli/broker.c cli/doctor.c cli/doctor.h cli/doctor_cluster.c cli/doctor_dir.c \
	cli/engine.c cli/engine.h \
	cli/candidates.c cli/candidates.h cli/candidates_cluster.c \
	cli/client_keys.c cli/client_keys.def cli/client_keys.h \
	cli/client_props.c cli/client_props.h cli/client_props_member.c \
	cli/cluster_health.c cli/cluster_info.c \
	cli/command.h cli/commands.c cli/commands.def \
	cli/complete.c cli/completion.c \
	cli/config_get.c cli/config_set.c cli/config_show.c \
	cli/connect.c cli/connect.h \
	cli/consume.c cli/consume_priv.h cli/consume_range.c cli/consume_range.h \
	cli/consume_group.c cli/consume_group.h \
	cli/consume_latest.c cli/consume_merge.c cli/consume_opts.def cli/consume_print.c cli/consume_read.c cli/consume_state.c cli/consume_tail.c cli/consume_topics.c \
	cli/config_edit.c cli/config_edit.h cli/config_file.c cli/config_file.h \
	cli/context.c cli/context.h cli/ctx_props.c \
	cli/context_edit.c cli/context_list.c cli/context_prompt.c \
	cli/decode.c cli/decode.h \
	cli/delimiter.c cli/delimiter.h \
	cli/dir_check.c cli/dir_info.c cli/dir_list.c cli/dir_lock.c \
	cli/dispatch.c cli/dispatch.h \
	cli/encode.c cli/encode.h \
	cli/envelope.c cli/envelope.h \
	cli/environment.c cli/environment.h \
	cli/error.c \
	cli/filter.c cli/filter.h cli/filter_json.c cli/filter_json.h \
	cli/format.c cli/format.h cli/format_priv.h cli/format_tokens.def \
	cli/format_check.c cli/format_parse.c cli/format_print.c cli/format_unpack.c \
	cli/group_delete.c cli/group_describe.c cli/group_forget.c cli/group_lag.c cli/group_list.c \
	cli/group_seek.c cli/group_seek_source.c cli/group_seek_source.h \
	cli/group_view.c cli/group_view.h cli/group_watch.c \
	cli/topic_groups.c cli/topic_groups.h \
	cli/help.c cli/help_json.c cli/help_text.c cli/help_text.h \
	cli/interrupt.c cli/interrupt.h \
	cli/json.c cli/json.h \
	cli/kcat.c cli/kcat.h cli/kcat_consume.c cli/kcat_format.c cli/kcat_list.c cli/kcat_parse.c \
	cli/kcat_produce.c cli/kcat_props.def \
	cli/options.c cli/options.h cli/options_words.c \
	cli/log_sizes.c cli/log_sizes.h \
	cli/man_command.c cli/man_pages.c cli/mdoc.c cli/mdoc.h \
	cli/out.c cli/out.h \
	cli/outcome.c cli/outcome.h \
	cli/partition_of.c \
	cli/produce.c cli/produce_batches.c cli/produce_input.c cli/produce_input.h cli/produce_priv.h cli/produce_send.c \
	cli/produce_topic.c cli/produce_topic.h \
	cli/progress.c cli/progress.h \
	cli/props.c cli/props.h \
	cli/read_file.c cli/read_file.h \
	cli/report.c cli/report.h \
	cli/row.c cli/row.h \
	cli/segment_cat.c cli/segment_files.c cli/segment_files.h cli/segment_inspect.c \
	cli/segment_list.c cli/segment_txns.c cli/segment_txns.h cli/segment_verify.c \
	cli/settings.c cli/settings.h cli/settings_alter.c \
	cli/shell.c cli/shell_complete.c cli/shell_complete.h cli/shell_input.c cli/shell_input.h cli/shell_line.c cli/shell_line.h \
	cli/sink.c cli/sink.h \
	cli/state.c cli/state.h \
	cli/table.c cli/table.h \
	cli/top.c cli/top_sample.c cli/top_sample.h cli/top_screen.c cli/top_screen.h \
	cli/topic_add_partitions.c cli/topic_alter.c \
	cli/topic_apply.c cli/topic_file.c cli/topic_file.h \
	cli/topic_clone.c cli/topic_new.c cli/topic_new.h \
	cli/topic_common.c cli/topic_common.h \
	cli/topic_create.c cli/topic_delete.c cli/topic_describe.c cli/topic_list.c \
	cli/topic_offset.c cli/topic_offset.h cli/topic_offsets.c cli/topic_trim.c \
	cli/trace.c cli/trace.h \
	cli/wait.c cli/wait.h cli/wait_broker.c cli/wait_group.c cli/wait_record.c cli/wait_topic.c \
	cli/wire_decode.c cli/wire_input.c cli/wire_input.h cli/wire_text.c cli/wire_text.h

# The name that scripts written for kcat call.
install-exec-hook:
	cd $(DESTDIR)$(bindir) && ln -sf weir$(EXEEXT) kcat
uninstall-hook:
	rm -f $(DESTDIR)$(bindir)/kcat
