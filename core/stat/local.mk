libweircore_a_SOURCES += core/stat/metrics.def core/stat/stat.c core/stat/stat.h
