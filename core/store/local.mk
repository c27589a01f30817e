libweircore_a_SOURCES += \
	core/store/checkpoint.c core/store/checkpoint.h \
	core/store/clean_batch.c core/store/clean_out.c core/store/clean_priv.h core/store/clean_txns.c \
	core/store/data_dir.c core/store/data_dir.h \
	core/store/index.c core/store/index.h \
	core/store/leader_epochs.c core/store/leader_epochs.h \
	core/store/lines.c core/store/lines_priv.h \
	core/store/log.c core/store/log.h core/store/log_priv.h \
	core/store/log_append.c core/store/log_compact.c core/store/log_flush.c core/store/log_open.c core/store/log_producers.c \
	core/store/log_read.c core/store/log_recover.c core/store/log_trim.c core/store/log_txns.c \
	core/store/offset_map.c core/store/offset_map.h \
	core/store/producers.c core/store/producers.h core/store/producers_snapshot.c \
	core/store/quarantine.c \
	core/store/segment.c core/store/segment.h \
	core/store/segment_file.c core/store/segment_verify.c
