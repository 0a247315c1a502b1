package dev.nibble.samples.serve;

/**
 * A labelled picture in the store.
 *
 * @param id its number, from 0, in the order of arrival
 * @param label what it shows
 * @param time milliseconds since 1970 when it arrived
 * @param pixels where its height x width x channels bytes begin in the store's file
 */
record Example(long id, String label, long time, long pixels) {}
