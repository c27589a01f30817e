# Crashes, power cuts, bad disks. "make check" runs each for a moment, "make fault" at length.
fault_common = tests/fault/proc.c tests/fault/proc.h tests/fault/peer.c tests/fault/peer.h \
	tests/fault/model.c tests/fault/model.h tests/fault/load.c tests/fault/load.h
check_PROGRAMS += tests/fault/kill9
tests_fault_kill9_SOURCES = tests/fault/kill9.c $(fault_common)
tests_fault_kill9_LDADD = libweircore.a $(weir_libs)
fault_tests = tests/fault/kill9
TESTS += $(fault_tests)

fault: weir $(fault_tests)
	$(AM_TESTS_ENVIRONMENT) tests/fault/kill9 -r 200
.PHONY: fault
