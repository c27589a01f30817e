libweircore_a_SOURCES += \
	core/base/arena.c core/base/arena.h \
	core/base/buf.c core/base/buf.h \
	core/base/bytes.h \
	core/base/clock.c core/base/clock.h \
	core/base/crc32c.c core/base/crc32c.h \
	core/base/err.c core/base/err.h core/base/errors.def \
	core/base/heap.c core/base/heap.h \
	core/base/json.c core/base/json.h \
	core/base/limits.h core/base/list.h \
	core/base/log.c core/base/log.h \
	core/base/map.c core/base/map.h \
	core/base/mem.c core/base/mem.h \
	core/base/near.c core/base/near.h \
	core/base/number.c core/base/number.h \
	core/base/random.c core/base/random.h \
	core/base/regex.c core/base/regex.h \
	core/base/siphash.c core/base/siphash.h \
	core/base/uuid.c core/base/uuid.h \
	core/base/varint.h
