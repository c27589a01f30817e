libweircore_a_SOURCES += \
	core/meta/image.c core/meta/image.h core/meta/image_priv.h \
	core/meta/image_build.c core/meta/image_change.c core/meta/image_gone.c core/meta/image_json.c \
	core/meta/meta.c core/meta/meta.h core/meta/meta_priv.h \
	core/meta/meta_lmdb.c \
	core/meta/topic_name.c core/meta/topic_name.h
