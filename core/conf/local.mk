libweircore_a_SOURCES += \
	core/conf/below.c \
	core/conf/choices.def core/conf/ignored.def core/conf/keys.def \
	core/conf/conf.c core/conf/conf.h \
	core/conf/export.c core/conf/export.h \
	core/conf/listener.c core/conf/listener.h \
	core/conf/properties.c core/conf/properties.h \
	core/conf/row.c core/conf/row.h \
	core/conf/value.c
