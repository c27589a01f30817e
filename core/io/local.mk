libweircore_a_SOURCES += \
	core/io/fs.c core/io/fs.h core/io/fs_dir.c \
	core/io/http_serve.c core/io/http_serve.h \
	core/io/loop.c core/io/loop.h \
	core/io/net.c core/io/net.h
