# SmartZone: the commands of a user and of CI. `make help` lists them. The build itself is CMake
# (CMakePresets.json); this file only puts the steps in order.

SHELL := /bin/bash
BUILD := $(CURDIR)/build
TZDEV := device/tzdev
PYTHON := /usr/bin/python3
FLAVOURS := stock smartzone
DEMO_FLAVOUR ?= stock
JOBS ?= $(shell nproc)
SECONDS ?= 600

# Trained models and reference data for tests and claims; tests that need them say so and are
# skipped where the folder is absent.
SMARTZONE_DATA ?= $(wildcard $(CURDIR)/../shared/data)
export SMARTZONE_DATA

# A user's own model for `make demo`.
MODEL ?=
INPUT ?=
PREPROCESS ?=
LABELS ?=
ID ?=

.PHONY: help demo test claims fuzz fuzz-build bench peers packages test-packages host asan tsan arm64 trusted test-ta device-files clean

help:
	@echo "make demo              boot the emulated device, run a trained model in its secure world"
	@echo "make demo MODEL=m.onnx INPUT=photo.jpg [PREPROCESS=p.json] [LABELS=l.txt]"
	@echo "                       the same with a model of yours"
	@echo "make test              every test: host, sanitizers, arm64, and those inside the device"
	@echo "make claims [ID=id]    measure every figure that we claim (ID=list lists them)"
	@echo "make fuzz [SECONDS=600]  run every fuzz target for that long"
	@echo "make bench             kernel benchmarks on this machine"
	@echo "make peers             latency beside ONNX Runtime (fetched from npm), every model"
	@echo "make host              build compiler, command line and tests for this machine"
	@echo "make device-files      build firmware, TA and programs for the device"
	@echo "make clean             remove build/ (downloads stay cached: see device/README.md)"

packages:
	@tools/install_packages tools/debian-packages.txt device/debian-packages.txt

# Training and checking the networks of models/ needs more; building and the demo do not.
test-packages: packages
	@tools/install_packages models/debian-packages.txt

# $(call build,PRESET,TARGETS,CONFIGURE OPTIONS): configure and build, quiet unless it fails.
define build
	@echo "== building: $(1)$(if $(2), ($(2)))"
	@mkdir -p $(BUILD)
	@cmake --preset $(1) $(3) > $(BUILD)/$(1)-configure.log 2>&1 || \
	  { cat $(BUILD)/$(1)-configure.log; exit 1; }
	@cmake --build --preset $(1) -j $(JOBS) $(addprefix --target ,$(2)) > $(BUILD)/$(1)-build.log 2>&1 || \
	  { grep -E -A12 'error|FAILED' $(BUILD)/$(1)-build.log | head -60; \
	    echo "the whole log: build/$(1)-build.log"; exit 1; }
endef
SYSROOT = -DSMARTZONE_TARGET_SYSROOT=$$($(TZDEV) paths sysroot)

# $(call build_ta,FLAVOUR): link and sign the TA with the dev kit of this flavour's OP-TEE.
define build_ta
	@echo "== building: TA for OP-TEE flavour '$(1)'"
	@ta/build_ta --kit "$$($(TZDEV) paths --flavour $(1) ta_dev_kit)" --out $(BUILD)/ta/$(1)
endef

host: packages
	$(call build,host)

asan: packages
	$(call build,asan)

# What several threads run at once, under ThreadSanitizer.
THREADED_TESTS := cores_test shim_test lenders_test lending_test ta_test
THREADED_SUITES := ^(JobBoard|ThreadPool|SecureCores|Lenders|LendingService|Lending|LentCores)

tsan: packages
	$(call build,tsan,$(THREADED_TESTS))

firmware-%: packages
	@$(TZDEV) build --flavour $*

arm64: firmware-stock
	$(call build,arm64,,$(SYSROOT))

trusted: packages
	$(call build,ta)

ta-%: firmware-% trusted
	$(call build_ta,$*)

# The plain baseline's TA, for comparison (bench/original). Its heap is of a fixed size.
ORIGINAL_HEAP_MIB_stock := 8
ORIGINAL_HEAP_MIB_smartzone := 160
original-ta-%: firmware-% trusted
	@bench/original/build_ta --kit "$$($(TZDEV) paths --flavour $* ta_dev_kit)" \
	  --out $(BUILD)/original/$* --heap-mib $(ORIGINAL_HEAP_MIB_$*)

# Misbehaves on purpose; for the tests on the device.
test-ta: ta-smartzone
	@ta/build_ta --test --kit "$$($(TZDEV) paths --flavour smartzone ta_dev_kit)" --out $(BUILD)/test-ta

device-files: arm64 $(addprefix ta-,$(FLAVOURS)) $(addprefix original-ta-,$(FLAVOURS)) test-ta

# Only what the demo needs, so that the first run is short.
demo: ta-$(DEMO_FLAVOUR)
	$(call build,host,smartzone leakscan)
	$(call build,arm64,smartzone,$(SYSROOT))
	@$(PYTHON) -m demo --flavour $(DEMO_FLAVOUR) --model "$(MODEL)" --input "$(INPUT)" \
	  --preprocess "$(PREPROCESS)" --labels "$(LABELS)"

# Minutes each under the sanitizers; the host's run has them, and their small kin run here too.
TOO_SLOW_FOR_ASAN := FullSize|SameBitsWithReferenceKernels/(mobilenet|squeezenet)

test: test-packages host asan tsan device-files
	@ctest --preset host -LE device -j $(JOBS)
	@ctest --preset asan -LE device -E '$(TOO_SLOW_FOR_ASAN)' -j $(JOBS)
	@ctest --preset tsan -R '$(THREADED_SUITES)' -j $(JOBS)
	@ctest --test-dir $(BUILD)/arm64 --output-on-failure -j $(JOBS)
	@ctest --preset host -L device
	@echo "All tests passed: host, sanitizers, arm64, device."

claims: test-packages host device-files
	@$(PYTHON) -m claims $(addprefix --id ,$(ID))

fuzz-build: packages
	$(call build,fuzz)

fuzz: fuzz-build
	@$(PYTHON) tools/run_fuzzers.py --build $(BUILD)/fuzz --seconds $(SECONDS)

bench: host
	@$(BUILD)/host/bench/ops_bench

peers: host
	@bench/peers/compare.py

clean:
	rm -rf $(BUILD)
