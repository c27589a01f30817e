# Crashes, power cuts, bad disks. "make check" runs each for a moment, "make fault" at length.
fault_common = tests/fault/proc.c tests/fault/proc.h tests/fault/peer.c tests/fault/peer.h \
	tests/fault/model.c tests/fault/model.h tests/fault/load.c tests/fault/load.h \
	tests/fault/admin.c tests/fault/admin.h tests/fault/shim.h \
	tests/fault/shim_map.c tests/fault/shim_map.h
fault_programs = tests/fault/kill9 tests/fault/powercut
check_PROGRAMS += $(fault_programs)
tests_fault_kill9_SOURCES = tests/fault/kill9.c $(fault_common)
tests_fault_kill9_LDADD = libweircore.a $(weir_libs)
tests_fault_powercut_SOURCES = tests/fault/powercut.c tests/fault/tree.c tests/fault/tree.h $(fault_common)
tests_fault_powercut_LDADD = libweircore.a $(weir_libs)

if HAVE_CMOCKA
fault_units = tests/fault/nth tests/fault/disk tests/fault/torn
check_PROGRAMS += $(fault_units)
TESTS += $(fault_units)
endif
tests_fault_nth_LDADD = $(unit_ldadd)
tests_fault_torn_LDADD = $(unit_ldadd)
tests_fault_disk_SOURCES = tests/fault/disk.c $(fault_common)
tests_fault_disk_LDADD = $(unit_ldadd)

# Preloaded into a broker; no library of the house's own, so that it sees the calls of all of them.
tests/fault/shim.so: tests/fault/shim.c tests/fault/shim.h
	$(AM_V_CCLD)$(MKDIR_P) tests/fault && $(CC) -std=gnu11 -Wall -Wextra $(CFLAGS) -shared -fPIC \
		-I$(top_srcdir) $(srcdir)/tests/fault/shim.c -o $@ -ldl
check_DATA = tests/fault/shim.so
EXTRA_DIST += tests/fault/shim.c
CLEANFILES += tests/fault/shim.so

fault_tests = tests/fault/kill9 tests/fault/powercut
TESTS += $(fault_tests)

fault: weir $(fault_programs) tests/fault/shim.so $(fault_units)
	WEIR_FAULT_LONG=1 tests/fault/nth
	$(AM_TESTS_ENVIRONMENT) tests/fault/kill9 -r 200
	$(AM_TESTS_ENVIRONMENT) tests/fault/powercut -n 4000
.PHONY: fault

# For tests/cli/cuts.bats: connections that are cut.
check_PROGRAMS += tests/fault/cutter
tests_fault_cutter_SOURCES = tests/fault/cutter.c
