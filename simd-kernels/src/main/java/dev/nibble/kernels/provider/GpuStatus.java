package dev.nibble.kernels.provider;

/**
 * Whether a GPU can be used.
 *
 * @param available whether it can
 * @param text one line for people: the device, driver and libraries with their versions and places,
 *     or the reason why not and what to do
 */
public record GpuStatus(boolean available, String text) {}
