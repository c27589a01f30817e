libweircore_a_SOURCES += \
	core/record/batch.c core/record/batch.h \
	core/record/builder.c \
	core/record/codec.c core/record/codec.h core/record/codec_priv.h \
	core/record/codec_gzip.c core/record/codec_lz4.c \
	core/record/codec_snappy.c core/record/codec_zstd.c \
	core/record/legacy.c core/record/legacy_priv.h \
	core/record/republish.c \
	core/record/reader.c core/record/record.h \
	core/record/scan.c core/record/scan.h \
	core/record/txn_marker.c core/record/txn_marker.h \
	core/record/validate.c core/record/validate.h
