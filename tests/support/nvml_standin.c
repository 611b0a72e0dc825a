/* A stand-in for NVIDIA's libnvidia-ml.so.1: virtual GPUs that are whatever a text file says, read anew at every call.

   Speaks the real interface, so the real nvidia-ml-py loads it. The file is $NVML_STANDIN, one fact per line:
     init CODE             what opening the library returns
     gpus N                how many there are
     loaded NS             when the driver was loaded, on the monotonic clock
     update NS             the counters move at whole multiples of this time after loading
     stuck NS              they move no more after this instant
     power GPU NS MW       from this instant on the GPU draws so many milliwatts
     fails FUNCTION CODE   this function returns that code
     mig 1                 MIG mode is on                                                                       */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_FOUND = 6, MAX_GPUS = 8 };

struct facts {
    int init, gpus, mig, code;
    int64_t loaded, update, stuck;
    double mj[MAX_GPUS];
};

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Read the file; `mj` holds what each GPU's counter shows now, `code` what `function` is to return. */
static struct facts look(const char *function) {
    struct facts f = {.gpus = 1, .update = 1, .stuck = INT64_MAX};
    int64_t since[MAX_GPUS] = {0}, shown = 0, at;
    double mw[MAX_GPUS] = {0}, watts;
    char line[160], name[96];
    int gpu, code;
    FILE *file = fopen(getenv("NVML_STANDIN"), "r");
    if (!file) abort();
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "init %d", &f.init);
        sscanf(line, "gpus %d", &f.gpus);
        sscanf(line, "mig %d", &f.mig);
        sscanf(line, "loaded %ld", &f.loaded);
        sscanf(line, "update %ld", &f.update);
        sscanf(line, "stuck %ld", &f.stuck);
        if (sscanf(line, "fails %95s %d", name, &code) == 2 && strcmp(name, function) == 0) f.code = code;
        if (sscanf(line, "power %d %ld %lf", &gpu, &at, &watts) != 3) continue;
        int64_t now = now_ns() < f.stuck ? now_ns() : f.stuck;
        shown = f.loaded + (now - f.loaded) / f.update * f.update;
        if (at < shown) {
            f.mj[gpu] += since[gpu] ? mw[gpu] * (double)(at - since[gpu]) * 1e-9 : 0;
            since[gpu] = at;
            mw[gpu] = watts;
        }
    }
    fclose(file);
    for (gpu = 0; gpu < f.gpus; gpu++)
        if (since[gpu]) f.mj[gpu] += mw[gpu] * (double)(shown - since[gpu]) * 1e-9;
    return f;
}

static int say(char *text, unsigned size, const char *said, const char *function) {
    snprintf(text, size, "%s", said);
    return look(function).code;
}

static int number(void *handle) { return (int)(intptr_t)handle - 1; }

static int hand_out(int gpu, void **handle, const char *function, int missing) {
    struct facts f = look(function);
    if (f.code) return f.code;
    if (gpu < 0 || gpu >= f.gpus) return missing;
    *handle = (void *)(intptr_t)(gpu + 1);
    return SUCCESS;
}

const char *nvmlErrorString(int code) { (void)code; return "an error of the stand-in"; }
int nvmlInitWithFlags(unsigned flags) { (void)flags; return look(__func__).init; }
int nvmlInit_v2(void) { return look(__func__).init; }
int nvmlShutdown(void) { return SUCCESS; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { return say(text, size, "999.1-virtual", __func__); }
int nvmlDeviceGetCount_v2(unsigned *count) {
    struct facts f = look(__func__);
    *count = (unsigned)f.gpus;
    return f.code;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    return hand_out((int)index, handle, __func__, INVALID_ARGUMENT);
}
int nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
    int gpu = -1;
    return hand_out(sscanf(uuid, "GPU-virtual-%d", &gpu) == 1 ? gpu : -1, handle, __func__, NOT_FOUND);
}
int nvmlDeviceGetHandleByPciBusId_v2(const char *id, void **handle) {
    int bus = -1;
    sscanf(id, "00000000:%X:00.0", &bus);
    return hand_out(bus - 0xA0, handle, __func__, NOT_FOUND);
}
int nvmlDeviceGetUUID(void *handle, char *text, unsigned size) {
    char uuid[32];
    snprintf(uuid, sizeof uuid, "GPU-virtual-%d", number(handle));
    return say(text, size, uuid, __func__);
}
int nvmlDeviceGetName(void *handle, char *text, unsigned size) {
    (void)handle;
    return say(text, size, "Virtual GPU", __func__);
}
int nvmlDeviceGetVbiosVersion(void *handle, char *text, unsigned size) {
    (void)handle;
    return say(text, size, "96.00", __func__);
}
int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *mj) {
    struct facts f = look(__func__);
    *mj = 5000000 + (unsigned long long)f.mj[number(handle)];
    return f.code;
}
int nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
    struct facts f = look(__func__);
    (void)handle;
    *current = *pending = (unsigned)f.mig;
    return f.code;
}
int nvmlDeviceGetEccMode(void *handle, int *current, int *pending) {
    (void)handle;
    *current = *pending = 1;
    return look(__func__).code;
}
int nvmlDeviceGetPersistenceMode(void *handle, int *mode) {
    (void)handle;
    *mode = 1;
    return look(__func__).code;
}
int nvmlDeviceGetEnforcedPowerLimit(void *handle, unsigned *mw) {
    (void)handle;
    *mw = 350000;
    return look(__func__).code;
}
int nvmlDeviceGetPowerManagementLimitConstraints(void *handle, unsigned *least, unsigned *most) {
    (void)handle;
    *least = 200000;
    *most = 700000;
    return look(__func__).code;
}
