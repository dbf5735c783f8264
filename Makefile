# eocbus - build, run and test.
#
#   make run            set up and run the bus with an August night in Ayni (ctrl-C stops everything)
#   make run ONCE=1     the same, played to the end; exit status says whether anything was lost
#   make test           set up, build with sanitizers, run every test
#   make tsan           the tests once more, with the thread sanitizer
#   make check          the tests that need no server
#   make sim            the same bus on simulated time, SEEDS=n runs from SEED=x
#   make walk           random messages of offices to the ledger, a million of them; MESSAGES=n, SEED=x
#   make fault          the bus itself, disturbed for ten minutes; HOURS=n, MINUTES=n, SEED=x
#   make evaluate       what the detectors would have made of recorded storms and floods
#   make bench          ratios against PostgreSQL and ZeroMQ, measured here and now
#   make                build everything into build/
#   make install        into DESTDIR and PREFIX
#
# BUILD=dir builds elsewhere; SAN=1 builds with the address and undefined behaviour sanitizers.
# The pieces find their own sources: a new .c file in a room, a new program folder in agents/, a new
# *_test.c in tests/ needs no line here.

BUILD   ?= build
PREFIX  ?= /usr
VERSION := 0.1.0
CC      ?= gcc
PKGS    := libzmq libuv libprotobuf-c libpq sqlite3 jansson libsodium libgfshare
SAN     ?= 0

WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
          -Wwrite-strings -Wvla -Wformat=2 -Wundef -Werror
CFLAGS ?= -O2 -g
# Asked once: a recipe that asks anew costs as much as compiling a small file.
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) libxml-2.0 2>/dev/null)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(WARN) $(CFLAGS) -fno-strict-aliasing -fstack-protector-strong \
             -fPIC -I. -I$(BUILD)/gen $(PKG_CFLAGS)
# What a program does not call it does not load: libpq is of no use in a gateway.
ALL_LDFLAGS = $(LDFLAGS) -Wl,--as-needed -Wl,-z,relro,-z,now
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm -lpthread
# Only eocctl reads XML.
LIBS_ctl := $(shell pkg-config --libs libxml-2.0 2>/dev/null)
# Only the gateway speaks MQTT.
LIBS_sensor := $(shell pkg-config --libs libmosquitto libgpiod 2>/dev/null)
# Only the pages speak HTTP.
LIBS_web := $(shell pkg-config --libs libmicrohttpd zlib 2>/dev/null)
# Only the page signs alerts.
LIBS_console := $(LIBS_web) $(shell pkg-config --libs xmlsec1-openssl libxml-2.0 2>/dev/null)
CAP_SIGN = $(BUILD)/agents/console/cap/cap_sign.o
$(CAP_SIGN): ALL_CFLAGS += $(patsubst -I%,-isystem %,$(shell pkg-config --cflags xmlsec1-openssl 2>/dev/null))

ifeq ($(SAN),1)
ALL_CFLAGS += -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
ALL_LDFLAGS += -fsanitize=address,undefined
else ifeq ($(SAN),thread)
ALL_CFLAGS += -fsanitize=thread
ALL_LDFLAGS += -fsanitize=thread
else
ALL_CFLAGS += -D_FORTIFY_SOURCE=2
endif

# --- generated: protobuf code, the gate's rules, SQL as strings, words for people -------------------
PROTOS  := $(wildcard proto/eocbus/v1/*.proto)
GEN_C   := $(PROTOS:proto/%.proto=$(BUILD)/gen/%.pb-c.c)
GEN_H   := $(GEN_C:.c=.h)
SQL_IN  := $(sort $(wildcard sql/migrations/*.sql sql/functions/*.sql sql/queries/*.sql))
GEN_SQL := $(BUILD)/gen/sql_text.c
RULES   := $(BUILD)/gen/rules.inc
WORDS_IN := $(sort $(wildcard agents/link/words/*.txt))
WORDS   := $(BUILD)/gen/words.inc
EDXL    := $(BUILD)/gen/edxl_rm.inc
PLACES  := $(BUILD)/gen/places.inc
ROOM_IN := agents/ctl/board.tsv $(sort $(wildcard agents/console/page/words/*.tsv))
ROOM    := $(BUILD)/gen/room_words.inc
GAZETTEER_IN := deploy/demo/data/tjk_pcodes_adm1_adm2.hxl.csv $(sort $(filter-out %/names.csv,$(wildcard agents/link/places/*.csv agents/link/places/*.json)))
GAZETTEER := $(BUILD)/gen/gazetteer_text.c
PAGES_IN := $(sort $(wildcard agents/console/page/*.html agents/console/page/*.css agents/console/page/*.js agents/console/page/*.json agents/console/page/*.svg agents/console/page/words/*.tsv))
PAGES    := $(BUILD)/gen/pages.c

# --- libraries and programs --------------------------------------------------------------------------
PROTO_C  := $(wildcard proto/base/*.c proto/wire/*.c)
BROKER_C := $(filter-out broker/main.c,$(wildcard broker/*.c broker/*/*.c))
WEB_C    := $(wildcard agents/web/*.c)
LINK_C   := $(filter-out agents/link/example.c,$(wildcard agents/link/*.c))
objs      = $(patsubst %.c,$(BUILD)/%.o,$(1))
GEN_O    := $(GEN_C:.c=.o) $(GEN_SQL:.c=.o) $(GAZETTEER:.c=.o) $(PAGES:.c=.o)
LIBPROTO  := $(BUILD)/libproto.a
LIBBROKER := $(BUILD)/libbroker.a
LIBLINK   := $(BUILD)/liblink.a
LIBWEB    := $(BUILD)/libweb.a

AGENTS   := $(foreach d,$(filter-out agents/link agents/web,$(patsubst agents/%/main.c,agents/%,$(wildcard agents/*/main.c))),$(notdir $(d)))
agent_bin = $(if $(filter ctl,$(1)),eocctl,eocbus-$(1))
AGENT_BINS := $(foreach a,$(AGENTS),$(BUILD)/$(call agent_bin,$(a)))
PROGRAMS := $(if $(wildcard broker/main.c),$(BUILD)/eocbus-broker) $(AGENT_BINS)
TESTLIB_C := $(wildcard tests/lib/*.c)
TESTLIB  := $(BUILD)/libtest.a
UNIT_C   := $(shell find tests/unit -name '*_test.c' 2>/dev/null | sort)
UNIT     := $(UNIT_C:%.c=$(BUILD)/%)
INTEG_C  := $(shell find tests/integration tests/fault -name '*_test.c' 2>/dev/null | sort)
INTEG    := $(INTEG_C:%.c=$(BUILD)/%)
BENCH_C  := $(wildcard tests/bench/*_bench.c)
BENCH    := $(BENCH_C:%.c=$(BUILD)/%)
BENCH_PARTS := $(filter-out $(BENCH_C),$(wildcard tests/bench/*.c))
FUZZ_C   := $(wildcard tests/fuzz/*.c)
FUZZ     := $(FUZZ_C:%.c=$(BUILD)/%)
SIM_C    := $(wildcard tests/sim/*.c)
SIM      := $(BUILD)/tests/sim/sim
RELAY    := $(BUILD)/tests/fault/link_relay
CHAOS_C  := $(wildcard tests/fault/chaos/*.c)
CHAOS    := $(BUILD)/tests/fault/chaos/chaos

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: tsan all programs units-built tests-built bench-built clean run test check sim walk fault bench lint evaluate install
all: programs
programs: $(PROGRAMS)
units-built: $(UNIT)
tests-built: $(UNIT) $(INTEG) $(SIM) $(CHAOS) $(PROGRAMS)
bench-built: $(BENCH) $(PROGRAMS)

$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h: proto/%.proto
	@mkdir -p $(BUILD)/gen
	protoc-c --proto_path=proto --c_out=$(BUILD)/gen $<
$(GEN_SQL): sql/embed.awk $(SQL_IN)
	@mkdir -p $(@D)
	awk -f sql/embed.awk $(SQL_IN) > $@
$(RULES): proto/rules.awk $(PROTOS)
	@mkdir -p $(@D)
	awk -f proto/rules.awk $(PROTOS) > $@
$(WORDS): agents/link/words.awk $(WORDS_IN)
	@mkdir -p $(@D)
	awk -f agents/link/words.awk $(WORDS_IN) > $@
$(EDXL): proto/edxl_rm.awk proto/edxl_rm.tsv
	@mkdir -p $(@D)
	awk -f proto/edxl_rm.awk proto/edxl_rm.tsv > $@
$(PLACES): agents/link/places.awk agents/link/places/names.csv
	@mkdir -p $(@D)
	awk -f agents/link/places.awk agents/link/places/names.csv > $@
$(ROOM): agents/ctl/room_words.awk $(ROOM_IN)
	@mkdir -p $(@D)
	awk -f agents/ctl/room_words.awk $(ROOM_IN) > $@
$(GAZETTEER): sql/embed.awk $(GAZETTEER_IN)
	@mkdir -p $(@D)
	awk -v table=gazetteer_texts -f sql/embed.awk $(GAZETTEER_IN) > $@

$(PAGES): agents/console/page/embed.awk $(PAGES_IN)
	@mkdir -p $(@D)
	awk -f agents/console/page/embed.awk $(PAGES_IN) > $@

# Generated protobuf code is not ours to warn about.
$(BUILD)/gen/%.o: $(BUILD)/gen/%.c | $(GEN_H)
	$(CC) $(ALL_CFLAGS) -w -MMD -MP -c $< -o $@
$(BUILD)/%.o: %.c | $(GEN_H) $(RULES) $(WORDS) $(EDXL) $(PLACES) $(ROOM)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(LIBPROTO): $(call objs,$(PROTO_C)) $(GEN_O)
$(LIBBROKER): $(call objs,$(BROKER_C))
$(LIBLINK): $(call objs,$(LINK_C))
$(LIBWEB): $(call objs,$(WEB_C))
$(TESTLIB): $(call objs,$(TESTLIB_C))
%.a:
	@rm -f $@
	ar rcs $@ $(filter %.o,$^)

$(BUILD)/eocbus-broker: $(call objs,broker/main.c) $(LIBBROKER) $(LIBPROTO)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
define agent_rule
$(BUILD)/$(call agent_bin,$(1)): $(call objs,$(wildcard agents/$(1)/*.c agents/$(1)/*/*.c)) $(LIBWEB) $(LIBLINK) $(LIBPROTO)
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(LIBS) $$(LIBS_$(1))
endef
$(foreach a,$(AGENTS),$(eval $(call agent_rule,$(a))))

# A test links everything but the mains; the parts of an agent it wants to look into are found by its
# folder: tests/unit/sensor/detect/x_test.c gets what is below agents/sensor.
.SECONDEXPANSION:
agent_name = $(word 3,$(subst /, ,$(1)))
agent_of = $(if $(filter link,$(agent_name)),,$(filter-out %/main.c,$(wildcard agents/$(agent_name)/*.c agents/$(agent_name)/*/*.c)))
chaos_parts = $(call objs,$(filter-out tests/fault/chaos/main.c,$(CHAOS_C)))
test_parts = $(if $(filter tests/unit/chaos/%,$(1)),$(chaos_parts))$(if $(filter tests/bench/%,$(1)),$(call objs,$(BENCH_PARTS)))$(call objs,$(call agent_of,$(1)))
$(UNIT) $(INTEG) $(BENCH) $(FUZZ) $(RELAY): $(BUILD)/%: $(BUILD)/%.o $$(call test_parts,%) $(TESTLIB) $(LIBBROKER) $(LIBWEB) $(LIBLINK) $(LIBPROTO)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(LIBS_ctl) $(LIBS_console) $(LIBS_sensor) -lcmocka

$(CHAOS): $(call objs,$(CHAOS_C)) $(TESTLIB) $(LIBBROKER) $(LIBLINK) $(LIBPROTO)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# The simulator: its loop, network and database come before the archives, so that the real ones stay in
# there; what it only listens in on is wrapped.
SIM_WRAPS := keys_load outbox_commit inbox_commit inbox_move outbox_next outbox_in_flight \
             outbox_nothing_in_flight window_is_open lane_gate_lets sqlite3_exec clock_gettime getrandom
$(SIM): $(call objs,$(SIM_C)) $(LIBBROKER) $(LIBLINK) $(LIBPROTO)
	$(CC) $(ALL_LDFLAGS) $(SIM_WRAPS:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)

# --- what people type ---------------------------------------------------------------------------------
# Each installs what is missing first, then calls make again, so that pkg-config sees what was installed.
SAN_BUILD := $(BUILD)-san
TSAN_BUILD := $(BUILD)-tsan
JOBS      ?= $(shell nproc)

run:
	@BUILD=$(BUILD) sh deploy/setup.sh run
	@echo "-- building (some minutes the first time)"
	@mkdir -p $(BUILD) && rm -f $(BUILD)/built
	@{ $(MAKE) --no-print-directory -j$(JOBS) $(PROGRAMS) && touch $(BUILD)/built; } | \
	    awk '/ -c / && ++n % 50 == 0 { print "   " n " files compiled"; fflush() }'; [ -e $(BUILD)/built ]
	@ONCE=$(ONCE) sh deploy/run.sh $(BUILD)

check:
	@BUILD=$(BUILD) sh deploy/setup.sh test
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(SAN_BUILD) SAN=1 units-built
	@tests/run.sh unit $(UNIT:$(BUILD)/%=$(SAN_BUILD)/%)

# Our programs have one thread each; what the thread sanitizer looks for is a callback on a thread of
# ZeroMQ's, or memory that it and we hold at once. The programs that the tests start have it, too.
tsan:
	@BUILD=$(BUILD) sh deploy/setup.sh test
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(TSAN_BUILD) SAN=thread tests-built
	@BUILD=$(TSAN_BUILD) SAN_BUILD=$(TSAN_BUILD) TEST_LIMIT=900 PARTS="unit integration patient calm measuring" \
	    tests/all.sh

test:
	@BUILD=$(BUILD) sh deploy/setup.sh test
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(BUILD) programs $(SIM)
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(SAN_BUILD) SAN=1 tests-built
	@BUILD=$(BUILD) SAN_BUILD=$(SAN_BUILD) tests/all.sh

evaluate:
	@BUILD=$(BUILD) sh deploy/setup.sh run
	@$(MAKE) --no-print-directory -s -j$(JOBS) programs
	@sh tests/data/sensors/evaluate.sh $(BUILD)

# SEEDS=n seeds from SEED=x on (default: 200 from 1). SIM_OPTIONS=-v shows every event of a run.
SEEDS ?= 200
FAULT_SEED := $(SEED)
SEED  ?= 1
sim:
	@BUILD=$(BUILD) sh deploy/setup.sh test
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(BUILD) $(SIM)
	@$(SIM) -j $(JOBS) -n $(SEEDS) -s $(SEED) $(SIM_OPTIONS)

walk:
	@BUILD=$(BUILD) sh deploy/setup.sh test
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(BUILD) $(BUILD)/tests/integration/walk_test
	@WALK_MESSAGES=$(or $(MESSAGES),1000000) WALK_SEED=$(SEED) $(BUILD)/tests/integration/walk_test

# The seed of the simulator is not meant here: only one that is given on the command line.
fault:
	@BUILD=$(BUILD) sh deploy/setup.sh test
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(BUILD) $(CHAOS) programs
	@BUILD=$(BUILD) HOURS=$(HOURS) MINUTES=$(MINUTES) SEED=$(FAULT_SEED) tests/fault/run.sh

lint:
	@BUILD=$(BUILD) sh deploy/setup.sh test
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(BUILD) programs
	@BUILD=$(BUILD) SECONDS_MAX=900 TEST_LIMIT=1000 tests/run.sh lint tests/lint/*.sh

bench:
	@BUILD=$(BUILD) sh deploy/setup.sh test
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=$(BUILD) bench-built
	@BUILD=$(BUILD) tests/bench/run.sh

install: programs
	@BUILD=$(BUILD) DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) VERSION=$(VERSION) sh deploy/install.sh

clean:
	rm -rf $(BUILD) $(SAN_BUILD) $(TSAN_BUILD)

# --- the library for gateways of other makers: one header, only eocbus_* to be seen -------------------
# It has no use for a database.
LIBEOCBUS_O = $(call objs,$(LINK_C) $(filter-out proto/base/pg%,$(PROTO_C))) $(GEN_C:.c=.o)
library: $(BUILD)/libeocbus.so.0 $(BUILD)/libeocbus.a $(BUILD)/eocbus-example
programs: library
.PHONY: library
$(BUILD)/libeocbus.so.0: $(LIBEOCBUS_O) agents/link/eocbus.map
	$(CC) -shared -Wl,-soname,libeocbus.so.0 -Wl,--version-script,agents/link/eocbus.map $(ALL_LDFLAGS) -o $@ \
	    $(filter %.o,$^) $(LIBS_LIBRARY)
$(BUILD)/libeocbus.o: $(LIBEOCBUS_O)
	$(CC) -nostdlib -r -o $@ $^
	objcopy -w --keep-global-symbol='eocbus_[a-z]*' $@
$(BUILD)/libeocbus.a: $(BUILD)/libeocbus.o
$(BUILD)/eocbus-example: agents/link/example.c agents/link/eocbus.h $(BUILD)/libeocbus.so.0
	$(CC) -std=c11 $(WARN) $(CFLAGS) -Iagents/link -o $@ $< $(BUILD)/libeocbus.so.0 $(ALL_LDFLAGS) -Wl,-rpath,'$$ORIGIN'
LIBS_LIBRARY := $(shell pkg-config --libs $(filter-out libpq,$(PKGS)) 2>/dev/null) -lm -lpthread

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
