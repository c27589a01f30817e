libweircore_a_SOURCES += \
	core/meta/meta.c core/meta/meta.h core/meta/meta_priv.h \
	core/meta/meta_lmdb.c
